//! What real systems write differently from ours: currencies, numbers, ids and times.

use bson::{Bson, DateTime, Decimal128, Document, Uuid, doc};
use chargedeck::{
    domain::{
        cells::Cell,
        collections::Collection,
        report::{Report, ReportParameters, ReportRow},
    },
    server::{
        config::Settings,
        mongo::{self, Mongo},
        ops::check::{self, Level},
        redis::Redis,
        reports::Reports,
    },
};

use super::{Instance, Place, selection, sum};

async fn connected(settings: &Settings) -> Mongo {
    Mongo::connect(&settings.mongo).await.unwrap()
}

async fn insert(mongo: &Mongo, collection: Collection, documents: impl IntoIterator<Item = Document>) {
    mongo.operator.collection::<Document>(collection.name()).insert_many(documents).await.unwrap();
}

async fn report(settings: &Settings, parts: &[(&str, &str)]) -> Report {
    let instance = Instance::start(settings).await;
    instance.until("a log", |hub| hub.head().and(hub.now())).await;
    let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db).unwrap();
    let get = |name: &str| parts.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
    let query = ReportParameters::read(get, settings.network.time_zone.iana_name().unwrap()).unwrap();
    let reports = Reports::new(connected(settings).await, redis, instance.hub.clone());
    let user = "a".repeat(24).parse().unwrap();
    let report = reports.report(user, query, std::time::Duration::from_secs(60)).await.unwrap();
    instance.stop.cancel();
    report
}

/// Returns each row's id, name, number of sessions and Wh.
fn rows(report: &Report) -> Vec<(String, String, i64, i64)> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let row = |row: &ReportRow| (text(&row.id), text(&row.name), row.cells[0].unwrap(), row.cells[1].unwrap());
    report.rows.iter().map(row).collect()
}

const YEAR: [(&str, &str); 2] = [("from", "2026-01-01"), ("to", "2026-12-31")];

fn at(text: &str) -> DateTime {
    DateTime::parse_rfc3339_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn money_without_a_currency_is_the_networks_and_whole_decimals_are_whole() {
    let place = Place::new().await;
    let settings = place.settings("");
    let mongo = connected(&settings).await;
    let noon = at("2026-06-01T12:00:00Z");
    let paid = |id: &str, amount: Bson| doc! {"_id": id, "payment_id": id, "amount_minor": amount.clone(), "captured_minor": amount, "status": "CAPTURED", "created_at": noon, "captured_at": noon};
    let with = |mut payment: Document, currency: &str| {
        payment.insert("currency", currency);
        payment
    };
    let decimal: Decimal128 = "1234.00".parse().unwrap();
    let payments = [
        with(paid("gbp", 50_000.into()), "GBP"),
        with(paid("chf", 120.into()), "CHF"),
        with(paid("d128", decimal.into()), "GBP"),
        paid("nocur", 900.0.into()),
        with(paid("lower", 700.into()), "gbp"),
    ];
    insert(&mongo, Collection::Payments, payments).await;

    let (_, cells) = mongo::snapshot::cells(&mongo, |_, _, _| ()).await.unwrap();
    let revenue = |code: &str| sum(&cells, |c| matches!(c, Cell::Revenue(_, of, _) if of.0 == code));
    assert_eq!((revenue("GBP"), revenue("CHF")), (50_000 + 1234 + 900 + 700, 120));
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Unreadable(_))), 0);
    let checked = check::run(&settings).await.unwrap();
    assert!(!checked.items.iter().any(|item| item.what == "payments" && item.level == Level::Problem), "{checked}");
    assert_eq!(checked.mapping, "");

    let instance = Instance::start(&settings).await;
    instance.until("a log", |hub| hub.head().and(hub.now())).await;
    for (currency, total) in [("GBP", 4), ("CHF", 1), ("EUR", 0)] {
        let of = selection(&format!("currency={currency}"));
        let list = instance.snapshots.list(Collection::Payments, of, None).await.unwrap();
        assert_eq!((list.total, list.rows.len()), (Some(total), total), "{currency}");
    }
    instance.stop.cancel();

    // If another field may hold the currency, `check` asks for it, instead of assuming the network's.
    let place = Place::new().await;
    let settings = place.settings("");
    insert(&connected(&settings).await, Collection::Payments, [doc! {"amount_minor": 5, "currencyCode": "EUR"}]).await;
    let checked = check::run(&settings).await.unwrap();
    assert!(checked.mapping.contains("currency = \"currencyCode\""), "{}", checked.mapping);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_beside_mongodbs_and_of_any_type_join() {
    let session = |id: &str| doc! {"id": id, "station_id": "CP-7", "status": "COMPLETED", "start_date_time": at("2026-06-01T10:00:00Z"), "end_date_time": at("2026-06-01T12:00:00Z"), "energy_wh": 1000};
    let place = Place::new().await;
    let mongo = connected(&place.settings("")).await;
    insert(&mongo, Collection::Stations, [doc! {"id": "CP-7", "name": "Mill", "evses": []}]).await;
    insert(&mongo, Collection::ChargingSessions, [session("S-1")]).await;
    let checked = check::run(&place.settings("")).await.unwrap();
    for line in ["station_id = \"id\"", "session_id = \"id\""] {
        assert!(checked.mapping.contains(line), "{line} in {}", checked.mapping);
    }
    let by_station = [YEAR[0], YEAR[1], ("by", "station")];
    let mapped = report(&place.settings(&checked.mapping), &by_station).await;
    let row = |id: &str, name: &str, sessions, energy| (id.to_owned(), name.to_owned(), sessions, energy);
    assert_eq!(rows(&mapped), [row("CP-7", "Mill", 1, 1000)]);

    // MongoDB's shell writes 7 as a double. A UUID has subtype 4.
    let place = Place::new().await;
    let mongo = connected(&place.settings("")).await;
    let (mill, tank) = (Uuid::new(), Uuid::new());
    let stations = [doc! {"station_id": 7.0, "name": "Quay"}, doc! {"station_id": mill, "name": "Mill"}];
    insert(&mongo, Collection::Stations, stations).await;
    let of = |id: Bson, station: Bson, energy: i64| doc! {"session_id": id, "station_id": station, "status": "COMPLETED", "end_date_time": at("2026-06-01T12:00:00Z"), "energy_wh": energy};
    let sessions =
        [of(1.into(), 7_i64.into(), 3000), of(tank.into(), mill.into(), 2000), of(1.5.into(), 7.0.into(), 1)];
    insert(&mongo, Collection::ChargingSessions, sessions).await;
    let paid = |session: Bson, method: &str| doc! {"payment_id": Uuid::new(), "session_id": session, "method": method, "status": "CAPTURED", "captured_minor": 5, "captured_at": at("2026-06-01T12:00:00Z")};
    insert(
        &mongo,
        Collection::Payments,
        [paid(1.0.into(), "CARD"), paid(tank.into(), "APP"), paid(1.5.into(), "RFID_ACCOUNT")],
    )
    .await;
    let settings = place.settings("");
    let joined = report(&settings, &by_station).await;
    assert_eq!(rows(&joined), [row("7", "Quay", 2, 3001), row(&mill.to_string(), "Mill", 1, 2000)]);
    let methods = report(&settings, &[YEAR[0], YEAR[1], ("by", "method")]).await;
    let energy = |method: &str| methods.rows.iter().find(|row| row.id.as_deref() == Some(method)).unwrap().cells[1];
    assert_eq!(["CARD", "APP", "RFID_ACCOUNT"].map(energy), [Some(3000), Some(2000), Some(1)]);
    let (_, cells) = mongo::snapshot::cells(&mongo, |_, _, _| ()).await.unwrap();
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Unreadable(_))), 0);

    // The lists behind these figures hold exactly the same sessions.
    let instance = Instance::start(&settings).await;
    instance.until("a log", |hub| hub.head().and(hub.now())).await;
    for (station, total) in [("7".to_owned(), 2), (mill.to_string(), 1)] {
        let of = selection(&format!("station={station}"));
        let list = instance.snapshots.list(Collection::ChargingSessions, of, None).await.unwrap();
        assert_eq!((list.total, list.rows.len()), (Some(total), total), "{station}");
    }
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn times_of_ocpi_without_an_offset_are_utc() {
    let toml = r#"
        [chargedeck.fields.charging_sessions]
        names = { session_id = "id", station_id = "location_id", energy_wh = "kwh" }
        units = { energy_wh = "kWh", start_date_time = "text", end_date_time = "text", last_updated = "text" }
    "#;
    let session = |id: &str, start: &str, end: &str, kwh: f64| doc! {"id": id, "start_date_time": start, "end_date_time": end, "kwh": kwh, "location_id": "LOC1", "status": "COMPLETED", "last_updated": end};
    let sessions = [
        session("S-EDGE", "2026-06-30T21:30:00", "2026-06-30T22:30:00", 10.0),
        session("S-101", "2026-07-01T10:00:00", "2026-07-01T11:10:00", 41.0),
    ];
    // With `text_local` the mapping says that times are in the network's zone.
    for (unit, expected) in [("text", [(0, 0), (2, 51_000)]), ("text_local", [(1, 10_000), (1, 41_000)])] {
        let mut place = Place::new().await;
        place.env.insert("CHARGEDECK_TIME_ZONE".to_owned(), "Europe/Amsterdam".to_owned());
        let settings = place.settings(&toml.replace("\"text\"", &format!("\"{unit}\"")));
        insert(&connected(&settings).await, Collection::ChargingSessions, sessions.clone()).await;
        let months = report(&settings, &[("from", "2026-06-01"), ("to", "2026-07-31"), ("by", "month")]).await;
        let of: Vec<_> = rows(&months).into_iter().map(|(.., sessions, energy)| (sessions, energy)).collect();
        assert_eq!(of, expected, "{unit}");
    }
}
