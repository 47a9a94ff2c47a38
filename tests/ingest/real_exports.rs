//! Imports of real exports. They are not in this repository, and `scripts/test` runs these tests where they are.

use std::{env, fmt::Write, path::PathBuf};

use super::{files::ImportFolder, *};

#[tokio::test]
#[ignore = "reads a real export, which is not in this repository: scripts/test"]
async fn a_city_is_imported_and_importing_again_changes_nothing() {
    let source = real_export("dundee-2018-06-09.csv");
    let db = support::mongod().await.fresh_db().await;
    let report = import(&db, "dundee", &source).await;
    println!("{report}");
    assert_eq!((report.rows_read, report.refused.count()), (19_227, 0));

    let count = async |collection: Collection, filter| all(&db, collection).count_documents(filter).await.unwrap();
    assert_eq!(count(Collection::ChargingSessions, doc! {}).await, 19_227);
    assert_eq!(count(Collection::ChargingSessions, doc! { "status": "ACTIVE" }).await, 72);
    assert_eq!(count(Collection::ChargingSessions, doc! { "client_id": null }).await, 25);
    assert_eq!(count(Collection::ChargingSessions, doc! { "quality": "ZERO" }).await, 733);
    assert_eq!(count(Collection::ChargingSessions, doc! { "quality": "LOW" }).await, 1_130);
    let negative = doc! { "quality": "NEGATIVE", "energy_wh": null, "status": "COMPLETED" };
    assert_eq!(count(Collection::ChargingSessions, negative).await, 8);
    assert_eq!(count(Collection::Clients, doc! {}).await, 827);
    assert_eq!(count(Collection::Stations, doc! {}).await, 63);
    let paid = doc! { "status": "COMPLETED", "energy_wh": { "$gt": 0 } };
    let sessions_paid = count(Collection::ChargingSessions, paid).await;
    let derived = doc! { "source.derived": true, "status": "CAPTURED", "currency": "GBP" };
    assert_eq!(count(Collection::Payments, derived).await, sessions_paid);

    let outliers = find(&db, Collection::ChargingSessions, doc! { "quality": "EXCESS" }).await;
    let [outlier] = &outliers[..] else { panic!("one outlier, not {}", outliers.len()) };
    assert_eq!(outlier.get_i64("energy_wh").unwrap(), 1_430_170);
    assert_eq!(outlier.get_array("quality").unwrap(), &["EXCESS", "POWER_GT_RATING"].map(Bson::from));
    // 15:41 in British summer.
    assert_eq!(
        outlier.get_datetime("start_date_time").unwrap().try_to_rfc3339_string().unwrap(),
        "2018-08-14T14:41:00Z"
    );

    let stations = find(&db, Collection::Stations, doc! {}).await;
    let evses: Vec<_> = stations.iter().flat_map(evses).collect();
    assert_eq!(evses.len(), 135);
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;

    let moved = find(&db, Collection::Stations, doc! { "station_id": "51421" }).await;
    assert_eq!(moved[0].get_str("address").unwrap(), "Princes Street Charging Hub", "the newest row is right");

    let writes = writes_ever(&db).await;
    let again = import(&db, "dundee", &source).await;
    println!("{again}");
    assert_eq!(again.total().written(), 0);
    assert_eq!(again.total().unchanged, report.total().added);
    assert_eq!(writes_ever(&db).await, writes, "nothing reached the oplog");
    assert!(!holds_foreign_documents(&db).await.unwrap());
}

#[tokio::test]
#[ignore = "reads a real export, which is not in this repository: scripts/test"]
async fn boulder_is_read_past_its_traps() {
    let source = real_export("boulder-2018-2020.csv");
    let db = support::mongod().await.fresh_db().await;
    let report = import(&db, "boulder", &source).await;
    println!("{report}");
    assert_eq!((report.rows_read, report.refused.count()), (22_580, 0));
    assert_eq!(all(&db, Collection::Stations).count_documents(doc! {}).await.unwrap(), 27);
    assert_eq!(all(&db, Collection::Clients).count_documents(doc! {}).await.unwrap(), 0, "the source names nobody");
    let without = all(&db, Collection::ChargingSessions).count_documents(doc! { "energy_wh": null }).await.unwrap();
    assert_eq!(without, 1_696);
    let first = find(&db, Collection::ChargingSessions, doc! { "session_id": "BLD-1" }).await;
    assert_eq!(
        first[0].get_datetime("start_date_time").unwrap().try_to_rfc3339_string().unwrap(),
        "2018-02-01T00:43:00Z"
    );
    eco_agrees_with_sessions(&db).await;
    assert_eq!(import(&db, "boulder", &source).await.total().written(), 0);
}

/// Compares the formula with what ChargePoint showed to drivers, over all rows that have both figures.
#[test]
#[ignore = "reads a real export, which is not in this repository: scripts/test"]
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "Wh and grams stay far below 2^53")]
fn the_formula_reproduces_what_chargepoint_reported() {
    let source = real_export("boulder-2018-2020.csv");
    let factors = Factors::named("chargepoint-us-2018", "USA").unwrap();
    let (mut computed, mut reported_kg) = (Savings::default(), 0.0);
    let (mut petrol_kwh, mut reported_gallons) = (0.0, 0.0);
    let mut reader = csv::Reader::from_path(source).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let columns = [at("Energy__kWh_"), at("GHG_Savings__kg_"), at("Gasoline_Savings__gallons_")];
    for record in reader.records() {
        let record = record.unwrap();
        let [kwh, kg, gallons] = columns.map(|column| record[column].parse::<f64>().ok());
        if let (Some(kwh), Some(kg)) = (kwh, kg) {
            computed += Savings::of_session(Wh((kwh * 1000.0).round() as i64), &factors);
            reported_kg += kg;
        }
        if let (Some(kwh), Some(gallons)) = (kwh, gallons) {
            petrol_kwh += kwh;
            reported_gallons += gallons;
        }
    }
    let kwh = computed.energy_wh as f64 / 1000.0;
    let reported = (reported_kg / kwh, reported_gallons * 3.785_411_784 / petrol_kwh);
    let ours = (computed.co2_avoided_g as f64 / 1000.0 / kwh, computed.petrol_ml as f64 / 1000.0 / kwh);
    println!("{} sessions: reported {reported:.4?}, computed {ours:.4?} (kg, l per kWh)", computed.session_count);
    assert_eq!(format!("{:.4}", reported.0), "0.4200");
    assert!((ours.0 - reported.0).abs() < 0.0001, "kg CO2 per kWh");
    assert_eq!(format!("{:.4}", ours.1), "0.4753");
    assert!((ours.1 - reported.1).abs() < 0.0001, "l per kWh");
}

#[tokio::test]
#[ignore = "reads a real export, which is not in this repository: scripts/test"]
async fn an_imported_city_comes_alive() {
    let source = real_export("dundee-2018-06-09.csv");
    let db = support::mongod().await.fresh_db().await;
    import(&db, "dundee", &source).await;
    let args = SimulateArgs { rate: 200_000.0, ..steps(3000) };
    let summary = simulate::run(&db, &args, CancellationToken::new()).await.unwrap();
    println!("{summary}");
    let new = doc! { "source.dataset": "simulate", "status": "ACTIVE" };
    let running = all(&db, Collection::ChargingSessions).count_documents(new).await.unwrap();
    assert!((8..=25).contains(&running), "{running} running");
    let old = doc! { "source.dataset": "dundee", "status": "ACTIVE" };
    assert_eq!(all(&db, Collection::ChargingSessions).count_documents(old).await.unwrap(), 72, "history stays");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;
    let again = import(&db, "dundee", &source).await;
    assert_eq!(again.total().written(), 0, "what has lived on is not turned back:\n{again}");
}

#[tokio::test]
#[ignore = "reads a real export, which is not in this repository: scripts/test"]
async fn a_city_in_four_files_is_the_city_in_one() {
    let source = real_export("dundee-2018-06-09.csv");
    let (whole, parts) = (support::mongod().await.fresh_db().await, ImportFolder::new().await);
    import(&whole, "dundee", &source).await;
    let text = fs::read_to_string(&source).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    // The order of the files does not matter.
    for month in ["08", "06", "09", "07"] {
        let of_month = rows.lines().filter(|row| row.split(',').nth(4).is_some_and(|date| date[3..5] == *month));
        let mut part = format!("{header}\n");
        of_month.for_each(|row| writeln!(part, "{row}").unwrap());
        let part = parts.file(&format!("{month}.csv"), &part);
        let report = import(&parts.db, "dundee", &part).await;
        assert_eq!(report.refused.count(), 0, "{report}");
    }
    for collection in [Collection::Clients, Collection::Stations, Collection::EcoStats] {
        assert_eq!(find(&parts.db, collection, doc! {}).await, find(&whole, collection, doc! {}).await, "{collection}");
    }
    let total = find(&parts.db, Collection::EcoStats, doc! { "granularity": "TOTAL" }).await;
    assert_eq!(total[0].get_i64("session_count").unwrap(), 19_147);
    let stations = find(&parts.db, Collection::Stations, doc! {}).await;
    assert_eq!(stations.iter().flat_map(evses).count(), 135);

    let writes = writes_ever(&parts.db).await;
    import(&parts.db, "dundee", &parts.folder.path().join("06.csv")).await;
    assert_eq!(writes_ever(&parts.db).await, writes, "an old file again is quiet");
}

fn real_export(name: &str) -> PathBuf {
    let folder = env::var_os("CHARGEDECK_SAMPLE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = folder.join(name);
    assert!(file.is_file(), "{} is not there: CHARGEDECK_SAMPLE_DIR may name its folder", file.display());
    file
}
