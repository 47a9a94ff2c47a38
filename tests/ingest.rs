//! Import, seed and simulation against a real replica set. The importer also runs on real exports if they are there.

#[path = "ingest/files.rs"]
mod files;
mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use chargedeck::{
    domain::{
        collections::Collection,
        eco::{Factors, Savings},
        money::Wh,
    },
    server::ops::ingest::{
        ImportReport, holds_foreign_documents,
        import::{self, ImportArgs},
        seed::{self, SeedArgs, Seeded},
        simulate::{self, SimulateArgs, Summary},
    },
};
use futures_util::TryStreamExt;
use jiff::{Span, Timestamp, ZonedDateTime, civil::Date, tz::TimeZone};
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tokio_util::sync::CancellationToken;

const NOON: &str = "2026-06-03T11:00:00Z";

// Real exports

#[tokio::test]
async fn a_city_is_imported_and_importing_again_changes_nothing() {
    let Some(source) = sample("dundee-2018-06-09.csv") else { return };
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
async fn boulder_is_read_past_its_traps() {
    let Some(source) = sample("boulder-2018-2020.csv") else { return };
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
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "Wh and grams stay far below 2^53")]
fn the_formula_reproduces_what_chargepoint_reported() {
    let Some(source) = sample("boulder-2018-2020.csv") else { return };
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

// An operator's own export

const OWN_PRESET: &str = r#"
dataset = "own"
[network]
name = "Own"
country = "DEU"
country_code = "DE"
city = "Köln"
time_zone = "Europe/Berlin"
currency = "EUR"
[columns]
session = "id"
client = "card"
station = "station"
site = "site"
start = { date = "start", date_format = "%d.%m.%Y %H:%M" }
end = { date = "end", date_format = "%d.%m.%Y %H:%M" }
energy = { column = "kWh", unit = "kWh" }
cost = "EUR"
[rows]
decimal_mark = ","
[tariff]
id = "unused"
per_kwh = "0.5"
vat_percent = "19"
method = "INVOICE"
[eco]
set = "owid-2024"
grid_g_per_kwh = 0.0
[places]
Dom = { lon = 6.958, lat = 50.941 }
"#;

#[tokio::test]
async fn an_operators_own_export_is_read_by_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (preset, source, told) =
        (folder.path().join("own.toml"), folder.path().join("own.csv"), folder.path().join("report.json"));
    fs::write(&preset, OWN_PRESET).unwrap();
    let rows = "id,card,station,site,start,end,kWh,EUR\n\
        1,K1,A,Dom,01.07.2024 08:00,01.07.2024 09:00,\"10,5\",\"5,95\"\n\
        2,K1,A,Dom,01.07.2024 10:00,01.07.2024 11:00,\"1.000,0\",\n\
        2,K1,A,Dom,01.07.2024 10:00,01.07.2024 11:00,1,\n\
        3,K1,A,Dom,01.07.2024 12:00,01.07.2024 11:00,1,\n\
        4,K2,,Dom,01.07.2024 12:00,01.07.2024 13:00,1,2\n";
    fs::write(&source, rows).unwrap();
    let db = support::mongod().await.fresh_db().await;
    let args = ImportArgs { report: Some(told.clone()), ..args(&preset.display().to_string(), &source) };
    let report = import::run(&db, &args).await.unwrap();
    let lines: Vec<_> = report.refused.first().iter().map(|refusal| refusal.line.unwrap()).collect();
    assert_eq!((report.rows_read, &lines[..]), (5, &[4, 5][..]));
    let told: serde_json::Value = serde_json::from_str(&fs::read_to_string(told).unwrap()).unwrap();
    assert_eq!(told["refused"]["a session that stands in the file twice"]["first"][0]["line"], 4);

    let payments = find(&db, Collection::Payments, doc! {}).await;
    let paid: Vec<_> =
        payments.iter().map(|p| (p.get_str("_id").unwrap(), p.get_i64("amount_minor").unwrap())).collect();
    assert_eq!(paid, [("own:P-1", 595), ("own:P-4", 200)], "the source's costs, and none made up");
    assert_eq!(payments[0].get_i64("tax_minor").unwrap(), 95);
    assert!(payments[0].get_document("source").unwrap().get("derived").is_none());
    let sessions = find(&db, Collection::ChargingSessions, doc! {}).await;
    assert_eq!(sessions[1].get_i64("energy_wh").unwrap(), 1_000_000);
    assert_eq!(sessions[2].get_array("quality").unwrap(), &["NO_STATION"].map(Bson::from));
    let stations = find(&db, Collection::Stations, doc! {}).await;
    assert_eq!(stations[0].get_document("location").unwrap().get_array("coordinates").unwrap()[0], Bson::Double(6.958));
    let eco = find(&db, Collection::EcoStats, doc! { "granularity": "TOTAL" }).await;
    assert_eq!(eco[0].get_i64("co2_grid_g").unwrap(), 0);
    assert_eq!(eco[0].get_document("factors").unwrap().get_str("version").unwrap(), "1+own");
}

#[tokio::test]
async fn what_others_changed_is_kept_and_what_the_database_refuses_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (preset, source) = (folder.path().join("own.toml"), folder.path().join("own.csv"));
    fs::write(&preset, OWN_PRESET).unwrap();
    let row = |id, kwh| format!("{id},K1,A,Dom,01.07.2024 08:00,01.07.2024 09:00,{kwh},1\n");
    let header = "id,card,station,site,start,end,kWh,EUR\n";
    fs::write(&source, format!("{header}{}{}", row(1, 1), row(2, 2))).unwrap();
    let db = support::mongod().await.fresh_db().await;
    let preset = preset.display().to_string();
    import(&db, &preset, &source).await;
    let blocked = doc! { "$set": { "status": "BLOCKED" }, "$currentDate": { "last_updated": true } };
    all(&db, Collection::Clients).update_one(doc! {}, blocked).await.unwrap();
    let unique = mongodb::IndexModel::builder().keys(doc! { "session_id": 1 });
    let unique = unique.options(mongodb::options::IndexOptions::builder().unique(true).build()).build();
    all(&db, Collection::ChargingSessions).create_index(unique).await.unwrap();
    all(&db, Collection::ChargingSessions).insert_one(doc! { "_id": 1, "session_id": "3" }).await.unwrap();

    fs::write(&source, format!("{header}{}{}{}", row(1, 1), row(2, 3), row(3, 3))).unwrap();
    let report = import(&db, &preset, &source).await;
    assert_eq!(report.collections["clients"].kept, 1);
    let sessions = report.collections["charging_sessions"];
    assert_eq!((sessions.added, sessions.corrected, sessions.unchanged), (0, 1, 1));
    let [refusal] = report.refused.first()[..] else { panic!("one refusal: {:?}", report.refused) };
    assert!(refusal.line == Some(4) && refusal.reason.contains("E11000"), "{refusal:?}");
    assert_eq!(find(&db, Collection::Clients, doc! {}).await[0].get_str("status").unwrap(), "BLOCKED");
    assert!(holds_foreign_documents(&db).await.unwrap(), "the one that was inserted by hand");
}

// Seed

#[tokio::test]
async fn a_seed_makes_a_plausible_network_once() {
    let db = support::mongod().await.fresh_db().await;
    let seeded = seed::run(&db, &seed_args()).await.unwrap();
    println!("{seeded}");
    let Seeded::Now(counts) = seeded else { panic!("the database was empty") };
    assert_eq!(counts["stations"], 40);
    assert!((285..=315).contains(&counts["clients"]) && counts["charging_sessions"] > 1000, "{counts:?}");
    let statuses = async |collection, field| by(&db, collection, field).await;
    let payments = statuses(Collection::Payments, "status").await;
    for status in ["CAPTURED", "FAILED", "REFUNDED", "PENDING"] {
        assert!(payments.contains_key(status), "no {status} in {payments:?}");
    }
    assert!(payments["CAPTURED"] > payments["FAILED"] * 10, "{payments:?}");
    assert!(!by(&db, Collection::Payments, "failure_code").await.is_empty());
    let sessions = statuses(Collection::ChargingSessions, "status").await;
    assert!((2..=15).contains(&sessions["ACTIVE"]), "{sessions:?}");
    assert!(sessions["INVALID"] < sessions["COMPLETED"] / 10, "{sessions:?}");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;
    assert!(!holds_foreign_documents(&db).await.unwrap());

    let writes = writes_ever(&db).await;
    assert_eq!(seed::run(&db, &seed_args()).await.unwrap(), Seeded::Already);
    assert_eq!(writes_ever(&db).await, writes);
}

#[tokio::test]
async fn nothing_is_invented_beside_an_operators_documents() {
    let db = support::mongod().await.fresh_db().await;
    all(&db, Collection::Payments).insert_one(doc! { "payment_id": "real" }).await.unwrap();
    let error = seed::run(&db, &seed_args()).await.unwrap_err().to_string();
    assert!(error.contains("did not make"), "{error}");
    assert!(simulate::run(&db, &steps(1), CancellationToken::new()).await.is_err());
    assert!(find(&db, Collection::Stations, doc! {}).await.is_empty());
    let anyway = SeedArgs { demo_anyway: true, ..seed_args() };
    assert!(matches!(seed::run(&db, &anyway).await.unwrap(), Seeded::Now(_)));
}

#[tokio::test]
async fn a_seeding_that_was_cut_short_is_begun_anew() {
    let db = support::mongod().await.fresh_db().await;
    let rest = doc! { "_id": "seed:CS-999999", "session_id": "CS-999999", "source": { "dataset": "seed" } };
    all(&db, Collection::ChargingSessions).insert_one(rest).await.unwrap();
    seed::run(&db, &seed_args()).await.unwrap();
    assert!(find(&db, Collection::ChargingSessions, doc! { "session_id": "CS-999999" }).await.is_empty());
}

// Simulation

#[tokio::test]
async fn the_same_seed_start_and_database_give_the_same_writes() {
    let dump_after = async |simulation: SimulateArgs| {
        let db = support::mongod().await.fresh_db().await;
        seed::run(&db, &seed_args()).await.unwrap();
        let Summary { writes, .. } = simulate::run(&db, &simulation, CancellationToken::new()).await.unwrap();
        assert_eq!(writes, 600);
        dump(&db).await
    };
    let one = dump_after(steps(600)).await;
    assert_eq!(one, dump_after(steps(600)).await);
    assert_ne!(one, dump_after(SimulateArgs { seed: 2, ..steps(600) }).await);
}

#[tokio::test]
async fn a_simulated_network_stays_alive_and_agrees_with_itself() {
    let db = support::mongod().await.fresh_db().await;
    seed::run(&db, &seed_args()).await.unwrap();
    let before = by(&db, Collection::ChargingSessions, "status").await;
    // Little more happens than the network's own events, for about two simulated hours.
    let args = SimulateArgs { rate: 200_000.0, ..steps(4000) };
    let summary = simulate::run(&db, &args, CancellationToken::new()).await.unwrap();
    println!("{summary}");
    assert!(summary.simulated_s > 5400, "{summary}");
    let sessions = by(&db, Collection::ChargingSessions, "status").await;
    assert!((8..=25).contains(&sessions["ACTIVE"]), "{sessions:?}");
    assert!(sessions["COMPLETED"] > before["COMPLETED"] + 12, "{before:?} {sessions:?}");
    let made = doc! { "source.dataset": "simulate" };
    let payments = find(&db, Collection::Payments, made.clone()).await;
    let captured = payments.iter().filter(|p| p.get_str("status").unwrap() == "CAPTURED").count();
    assert!(captured > payments.len() / 2, "{captured} of {}", payments.len());
    assert!(!find(&db, Collection::Clients, made).await.is_empty(), "somebody joined");

    let now = start_of_simulation() + summary.simulated_s * 1000;
    let stations = find(&db, Collection::Stations, doc! {}).await;
    let heard = |s: &&Document| now - s.get_datetime("last_heartbeat_at").unwrap().timestamp_millis() < 130_000;
    assert!(stations.iter().filter(heard).count() >= stations.len() - 4, "most stations are heard");
    let broken = stations.iter().flat_map(evses).filter(|e| e.get_str("status").unwrap() == "OUTOFORDER").count();
    assert!(broken <= 5, "{broken} EVSEs out of order");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;
}

#[tokio::test]
async fn an_imported_city_comes_alive() {
    let Some(source) = sample("dundee-2018-06-09.csv") else { return };
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
async fn a_second_simulation_goes_on_where_the_first_was_killed() {
    let db = support::mongod().await.fresh_db().await;
    seed::run(&db, &seed_args()).await.unwrap();
    simulate::run(&db, &SimulateArgs { rate: 200_000.0, ..steps(1001) }, CancellationToken::new()).await.unwrap();
    let running = doc! { "status": "ACTIVE" };
    let left: Vec<_> = find(&db, Collection::ChargingSessions, running.clone()).await.iter().map(id).collect();
    let later: Timestamp = "2026-06-03T13:00:00Z".parse().unwrap();
    let args = SimulateArgs { start: Some(later), rate: 200_000.0, ..steps(3000) };
    simulate::run(&db, &args, CancellationToken::new()).await.unwrap();
    let ids = find(&db, Collection::ChargingSessions, doc! {}).await;
    let mut ids: Vec<_> = ids.iter().map(|s| s.get_str("session_id").unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "no number is used twice");
    let running: Vec<_> = find(&db, Collection::ChargingSessions, running).await.iter().map(id).collect();
    let still = left.iter().filter(|one| running.contains(one)).count();
    assert!(left.len() >= 8 && still < left.len() / 2, "{still} of {} go on without an end", left.len());
    in_use_where_a_session_runs(&db).await;
}

#[tokio::test]
async fn a_killed_mongod_delays_a_simulation_and_changes_nothing_else() {
    let mut mongod = support::Mongod::start().await;
    let (calm, stormy) = (mongod.fresh_db().await, mongod.fresh_db().await);
    for db in [&calm, &stormy] {
        seed::run(db, &seed_args()).await.unwrap();
    }
    simulate::run(&calm, &steps(1000), CancellationToken::new()).await.unwrap();
    let before = writes_ever(&stormy).await;
    let db = stormy.clone();
    let run = tokio::spawn(async move { simulate::run(&db, &steps(1000), CancellationToken::new()).await });
    while writes_ever(&stormy).await < before + 300 {
        tokio::task::yield_now().await;
    }
    assert!(!run.is_finished());
    mongod.kill9();
    mongod.restart().await;
    assert_eq!(run.await.unwrap().unwrap().writes, 1000);
    assert_eq!(dump(&stormy).await, dump(&calm).await);
}

#[tokio::test]
async fn a_simulation_stops_when_told() {
    let db = support::mongod().await.fresh_db().await;
    let nothing = simulate::run(&db, &steps(1), CancellationToken::new()).await.unwrap_err().to_string();
    assert!(nothing.contains("seed"), "an empty database says what to do: {nothing}");
    seed::run(&db, &seed_args()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    // Real time and no limit of writes, so only the token can end the simulation.
    let args = SimulateArgs { steps: None, speed: 1.0, rate: 4.0, ..steps(0) };
    let run = tokio::time::timeout(Duration::from_secs(20), simulate::run(&db, &args, stop)).await;
    assert_eq!(run.expect("it stops").unwrap().writes, 0);
}

// Replay

/// A day in London 400 weeks before yesterday. Replayed as yesterday, it is over.
fn long_before_yesterday() -> Date {
    Timestamp::now().to_zoned_datetime(TimeZone::get("Europe/London").unwrap()).date() - Span::new().days(1 + 400 * 7)
}

/// Imports a city's day in Dundee's format: two sessions in a row, one at a fast charger, one without energy, one
/// without an end, and one each on the day before and the day after.
async fn a_citys_day(db: &Database, day: Date) {
    let before = (day - Span::new().days(1)).strftime("%d/%m/%Y").to_string();
    let after = (day + Span::new().days(1)).strftime("%d/%m/%Y").to_string();
    let day = day.strftime("%d/%m/%Y");
    let (slow, fast) = ("Dock Street,APT 7kW Single Outlet", "Marketgait,APT 50kW Raption");
    let rows = format!(
        "Charging event,User ID,CP ID,Connector,Start Date,Start Time,End Date,End Time,Total kWh,Site,Model\n\
         1,K1,A,1,{day},08:00,{day},09:00,5,{slow}\n\
         2,K2,A,1,{day},09:00,{day},09:40,3.5,{slow}\n\
         3,K3,B,1,{day},08:10,{day},09:50,30,{fast}\n\
         4,K1,B,2,{day},08:30,{day},08:40,0,{fast}\n\
         5,K4,C,1,{day},08:45,,,,{slow}\n\
         6,K1,A,1,{before},23:55,{day},00:10,1,{slow}\n\
         7,K1,A,1,{after},00:05,{after},00:20,1,{slow}\n"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, rows).unwrap();
    assert_eq!(import(db, "dundee", file.path()).await.refused.count(), 0);
}

#[tokio::test]
async fn an_imported_day_happens_again_and_only_once() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    a_citys_day(&db, day).await;
    let history = async || {
        let mut history = Vec::new();
        for collection in [Collection::ChargingSessions, Collection::Payments, Collection::Clients] {
            history.push(find(&db, collection, doc! { "source.dataset": "dundee" }).await);
        }
        history
    };
    let before = history().await;
    let summary = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    println!("{summary}");
    assert_eq!(history().await, before, "the originals stay as they are");

    let copied = doc! { "source.dataset": "replay" };
    let sessions = find(&db, Collection::ChargingSessions, copied.clone()).await;
    let of = |status: &str| sessions.iter().filter(|s| s.get_str("status").unwrap() == status).count();
    assert_eq!((sessions.len(), of("COMPLETED"), of("ACTIVE")), (5, 4, 1));
    let energy: i64 = sessions.iter().filter_map(|s| s.get_i64("energy_wh").ok()).sum();
    assert_eq!(energy, 38_500);
    let from = |d: &Document| d.get_document("source").unwrap().get_str("replayed_from").unwrap().to_owned();
    let originals: BTreeSet<_> = sessions.iter().map(from).collect();
    assert_eq!(originals, (1..=5).map(|n| format!("dundee:{n}")).collect());
    let payments = find(&db, Collection::Payments, copied.clone()).await;
    let paid: Vec<_> = payments.iter().map(|p| (from(p), p.get_i64("captured_minor").unwrap())).collect();
    assert_eq!(paid, [(1, 75), (2, 53), (3, 450)].map(|(n, minor)| (format!("dundee:P-{n}"), minor)));
    let london = |text: &str| {
        format!("{}T{text}[Europe/London]", day + Span::new().weeks(400)).parse::<ZonedDateTime>().unwrap()
    };
    let started = sessions[0].get_datetime("start_date_time").unwrap().timestamp_millis();
    assert_eq!(started, london("08:00").timestamp().as_millisecond());
    let heard = find(&db, Collection::Stations, doc! { "station_id": "A" }).await;
    let heard = heard[0].get_datetime("last_heartbeat_at").unwrap().timestamp_millis();
    assert!(heard >= london("09:00").timestamp().as_millisecond(), "stations send heartbeats");
    in_use_where_a_session_runs(&db).await;
    eco_agrees_with_sessions(&db).await;

    let writes = writes_ever(&db).await;
    let again = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    assert_eq!(again.writes, 0);
    assert_eq!(writes_ever(&db).await, writes, "nothing reached the oplog");
}

#[tokio::test]
async fn a_replay_that_was_stopped_goes_on_where_it_was() {
    let (whole, cut) = (support::mongod().await.fresh_db().await, support::mongod().await.fresh_db().await);
    let day = long_before_yesterday();
    let written = async |db: &Database| {
        let mut written = Vec::new();
        for collection in [Collection::ChargingSessions, Collection::Payments, Collection::EcoStats] {
            written.push(find(db, collection, doc! {}).await);
        }
        written
    };
    for db in [&whole, &cut] {
        a_citys_day(db, day).await;
    }
    let (few, mut runs) = (SimulateArgs { steps: Some(12), ..replay(day) }, 0);
    while simulate::run(&cut, &few, CancellationToken::new()).await.unwrap().writes > 0 {
        runs += 1;
        assert!(runs < 100, "it does not go on");
    }
    println!("{runs} runs");
    assert!(runs > 2, "{runs} runs");
    simulate::run(&whole, &replay(day), CancellationToken::new()).await.unwrap();
    assert_eq!(written(&cut).await, written(&whole).await);
    in_use_where_a_session_runs(&cut).await;
    eco_agrees_with_sessions(&cut).await;
}

#[tokio::test]
async fn what_belongs_together_is_written_together() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    a_citys_day(&db, day).await;
    let accept = async |validator: Document| {
        db.run_command(doc! { "collMod": Collection::Payments.name(), "validator": validator }).await.unwrap();
    };
    accept(doc! { "payment_id": "no other" }).await;
    let error = simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap_err();
    assert!(format!("{error:#}").contains("refuses"), "{error:#}");
    let unpaid = doc! { "source.dataset": "replay", "status": "COMPLETED", "energy_wh": { "$gt": 0 } };
    assert!(find(&db, Collection::ChargingSessions, unpaid).await.is_empty(), "an end without its payment is none");
    eco_agrees_with_sessions(&db).await;
    in_use_where_a_session_runs(&db).await;
    accept(doc! {}).await;
    simulate::run(&db, &replay(day), CancellationToken::new()).await.unwrap();
    let paid = all(&db, Collection::Payments).count_documents(doc! { "source.dataset": "replay" }).await.unwrap();
    assert_eq!(paid, 3);
    eco_agrees_with_sessions(&db).await;
}

#[tokio::test]
async fn a_replay_catches_up_with_now_and_writes_nothing_of_the_future() {
    let db = support::mongod().await.fresh_db().await;
    let folder = tempfile::tempdir().unwrap();
    let (preset, source) = (folder.path().join("own.toml"), folder.path().join("own.csv"));
    fs::write(&preset, OWN_PRESET.replace("Europe/Berlin", "UTC").replace("%H:%M", "%H:%M:%S")).unwrap();
    let began = Timestamp::now().to_zoned_datetime(TimeZone::UTC) - Span::new().weeks(400);
    // At 3600 times real time the replay would end at once, but the session's last three seconds are still in the
    // future.
    let (start, end) = (&began - Span::new().minutes(10), &began + Span::new().seconds(3));
    let [from, to] = [&start, &end].map(|at| at.strftime("%d.%m.%Y %H:%M:%S").to_string());
    fs::write(&source, format!("id,card,station,site,start,end,kWh,EUR\n1,K1,A,Dom,{from},{to},\"9,5\",\n")).unwrap();
    import(&db, &preset.display().to_string(), &source).await;
    simulate::run(&db, &replay(start.date()), CancellationToken::new()).await.unwrap();
    let now = Timestamp::now().as_millisecond();
    let copy = find(&db, Collection::ChargingSessions, doc! { "source.dataset": "replay" }).await.pop().unwrap();
    assert_eq!(copy.get_str("status").unwrap(), "COMPLETED");
    assert!(copy.get_datetime("end_date_time").unwrap().timestamp_millis() <= now, "at {now}: {copy}");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_in_words() {
    let (db, day) = (support::mongod().await.fresh_db().await, long_before_yesterday());
    let refused =
        async |args: SimulateArgs| simulate::run(&db, &args, CancellationToken::new()).await.unwrap_err().to_string();
    assert!(refused(replay(day)).await.contains("`import` first"));
    let (first, last) = (day - Span::new().days(1), day + Span::new().days(1));
    a_citys_day(&db, day).await;
    for speed in [0.99, 3600.5] {
        let told = refused(SimulateArgs { speed, ..replay(day) }).await;
        assert!(told.contains("1 to 3600") && told.contains(&speed.to_string()), "{told}");
    }
    let told = refused(replay(day + Span::new().days(9))).await;
    assert!(told.contains(&first.to_string()) && told.contains(&last.to_string()), "{told}");
    let lately = day + Span::new().weeks(400);
    let recent = support::mongod().await.fresh_db().await;
    a_citys_day(&recent, lately).await;
    let told = simulate::run(&recent, &replay(lately), CancellationToken::new()).await.unwrap_err().to_string();
    assert!(told.contains("less than a week ago"), "{told}");
    all(&db, Collection::Payments).insert_one(doc! { "payment_id": "real" }).await.unwrap();
    assert!(refused(replay(day)).await.contains("did not make"));
}

// What must hold in every network

/// Asserts that an EVSE is CHARGING exactly where a session is ACTIVE on it.
async fn in_use_where_a_session_runs(db: &Database) {
    let open = find(db, Collection::ChargingSessions, doc! { "status": "ACTIVE" }).await;
    let mut expected: Vec<_> = open.iter().map(|s| s.get_str("evse_uid").unwrap().to_owned()).collect();
    expected.sort_unstable();
    expected.dedup();
    let stations = find(db, Collection::Stations, doc! {}).await;
    let charging = |e: &&Document| e.get_str("status").unwrap() == "CHARGING";
    let mut found: Vec<_> = stations.iter().flat_map(evses).filter(charging).collect::<Vec<_>>();
    found.sort_unstable_by_key(|e| e.get_str("uid").unwrap().to_owned());
    assert_eq!(found.iter().map(|e| e.get_str("uid").unwrap()).collect::<Vec<_>>(), expected);
}

/// Asserts that TOTAL is the sum of the days, of the months, and of the sessions.
async fn eco_agrees_with_sessions(db: &Database) {
    let known = doc! { "status": "COMPLETED", "energy_wh": { "$ne": null } };
    let sessions = find(db, Collection::ChargingSessions, known).await;
    let energy: i64 = sessions.iter().map(|s| s.get_i64("energy_wh").unwrap()).sum();
    for granularity in ["DAY", "MONTH", "TOTAL"] {
        let buckets = find(db, Collection::EcoStats, doc! { "granularity": granularity }).await;
        let sum = |name: &str| buckets.iter().map(|b| b.get_i64(name).unwrap()).sum::<i64>();
        assert_eq!(sum("energy_wh"), energy, "{granularity}");
        assert_eq!(sum("session_count"), i64::try_from(sessions.len()).unwrap(), "{granularity}");
        assert_eq!(sum("co2_avoided_g"), sum("co2_ice_g") - sum("co2_grid_g"), "{granularity}");
    }
}

// Helpers

fn seed_args() -> SeedArgs {
    SeedArgs { seed: 1, at: Some(NOON.parse().unwrap()), demo_anyway: false }
}

fn start_of_simulation() -> i64 {
    NOON.parse::<Timestamp>().unwrap().as_millisecond()
}

/// Runs as fast as MongoDB accepts it, with one write per simulated second.
fn steps(steps: u64) -> SimulateArgs {
    SimulateArgs {
        rate: 1_000_000.0,
        seed: 1,
        start: Some(NOON.parse().unwrap()),
        speed: 1_000_000.0,
        steps: Some(steps),
        replay: None,
        demo_anyway: false,
    }
}

fn replay(day: impl fmt::Display) -> SimulateArgs {
    let day = day.to_string().parse().unwrap();
    SimulateArgs { replay: Some(day), rate: 4.0, start: None, speed: 3600.0, steps: None, ..steps(0) }
}

/// Returns a file of the real exports, or `None` after printing what is skipped.
fn sample(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("CHARGEDECK_SAMPLE_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = folder.join(name);
    if file.is_file() {
        return Some(file);
    }
    println!("SKIPPED: {} is not there; CHARGEDECK_SAMPLE_DIR may name its folder", file.display());
    None
}

async fn import(db: &Database, preset: &str, source: &Path) -> ImportReport {
    import::run(db, &args(preset, source)).await.unwrap()
}

fn args(preset: &str, source: &Path) -> ImportArgs {
    ImportArgs { preset: Some(preset.to_owned()), source: Some(source.to_owned()), ..ImportArgs::default() }
}

fn all(db: &Database, collection: Collection) -> mongodb::Collection<Document> {
    db.collection(collection.name())
}

async fn find(db: &Database, collection: Collection, filter: Document) -> Vec<Document> {
    all(db, collection).find(filter).sort(doc! { "_id": 1 }).await.unwrap().try_collect().await.unwrap()
}

fn id(document: &Document) -> String {
    document.get_str("_id").unwrap().to_owned()
}

fn evses(station: &Document) -> Vec<&Document> {
    station.get_array("evses").unwrap().iter().map(|evse| evse.as_document().unwrap()).collect()
}

/// Counts the documents by the value of a field.
async fn by(db: &Database, collection: Collection, field: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for document in find(db, collection, doc! {}).await {
        if let Ok(value) = document.get_str(field) {
            *counts.entry(value.to_owned()).or_default() += 1;
        }
    }
    counts
}

async fn dump(db: &Database) -> Vec<Vec<Document>> {
    let mut dump = Vec::new();
    for collection in Collection::ALL {
        dump.push(find(db, collection, doc! {}).await);
    }
    dump
}

/// Returns the number of oplog entries of this database.
async fn writes_ever(db: &Database) -> u64 {
    let oplog = db.client().database("local").collection::<Document>("oplog.rs");
    oplog.count_documents(doc! { "ns": { "$regex": format!("^{}\\.", db.name()) } }).await.unwrap()
}
