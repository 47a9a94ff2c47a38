//! Import, seed and simulation against a real replica set.
//!
//! Long, because each trap of a real export is looked at by itself.

#[path = "ingest/files.rs"]
mod files;
#[path = "ingest/real_exports.rs"]
mod real_exports;
#[path = "ingest/replay.rs"]
mod replay;
#[path = "ingest/simulation.rs"]
mod simulation;
mod support;

use std::{collections::BTreeMap, fs, path::Path};

use chargedeck::{
    domain::{
        collections::Collection,
        eco::{Factors, Savings},
        money::Wh,
    },
    server::{
        mongo::prepare::holds_foreign_documents,
        ops::ingest::{
            ImportReport,
            import::{self, ImportArgs},
            seed::{self, SeedArgs, Seeded},
            simulate::{self, SimulateArgs},
        },
    },
};
use futures_util::TryStreamExt;
use jiff::Timestamp;
use mongodb::{
    Database,
    bson::{Bson, Document, doc},
};
use tokio_util::sync::CancellationToken;

const NOON: &str = "2026-06-03T11:00:00Z";

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
    let (preset, source, report_file) =
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
    let args = ImportArgs { report: Some(report_file.clone()), ..args(&preset.display().to_string(), &source) };
    let report = import::run(&db, &args).await.unwrap();
    let lines: Vec<_> = report.refused.first().iter().map(|refusal| refusal.line.unwrap()).collect();
    assert_eq!((report.rows_read, &lines[..]), (5, &[4, 5][..]));
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(report_file).unwrap()).unwrap();
    assert_eq!(report["refused"]["a session that stands in the file twice"]["first"][0]["line"], 4);

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
async fn a_seed_makes_a_year_of_a_network_of_any_size() {
    let db = support::mongod().await.fresh_db().await;
    let large = SeedArgs { scale: Some(5000), ..seed_args() };
    let seeded = seed::run(&db, &large).await.unwrap();
    println!("{seeded}");
    let Seeded::Now(counts) = seeded else { panic!("the database was empty") };
    assert_eq!([counts["charging_sessions"], counts["stations"], counts["clients"]], [5000, 50, 500]);
    assert!((4900..=5100).contains(&counts["payments"]), "{counts:?}");
    in_use_where_a_session_runs(&db).await;
    for scope in ["NETWORK", "STATION"] {
        eco_of(&db, scope, if scope == "NETWORK" { &["DAY", "MONTH", "TOTAL"] } else { &["MONTH", "TOTAL"] }).await;
    }
    one_session_at_a_time(&db).await;
    let statuses = by(&db, Collection::ChargingSessions, "status").await;
    assert!(statuses["ACTIVE"] > 0 && statuses["COMPLETED"] > 4700, "{statuses:?}");
    let cities = by(&db, Collection::Stations, "city").await;
    assert_eq!(cities.values().copied().collect::<Vec<_>>(), [40, 10]);
    assert!(!holds_foreign_documents(&db).await.unwrap());
    assert_eq!(seed::run(&db, &large).await.unwrap(), Seeded::Already);

    // It is a start for the simulation, which goes on with what runs.
    simulate::run(&db, &steps(600), CancellationToken::new()).await.unwrap();
    in_use_where_a_session_runs(&db).await;
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
    eco_of(db, "NETWORK", &["DAY", "MONTH", "TOTAL"]).await;
}

/// Asserts that the buckets of this scope are the sum of the sessions, in each granularity.
async fn eco_of(db: &Database, scope: &str, granularities: &[&str]) {
    let known = doc! { "status": "COMPLETED", "energy_wh": { "$ne": null } };
    let sessions = find(db, Collection::ChargingSessions, known).await;
    let energy: i64 = sessions.iter().map(|s| s.get_i64("energy_wh").unwrap()).sum();
    for granularity in granularities {
        let buckets = find(db, Collection::EcoStats, doc! { "scope": scope, "granularity": granularity }).await;
        let sum = |name: &str| buckets.iter().map(|b| b.get_i64(name).unwrap()).sum::<i64>();
        assert_eq!(sum("energy_wh"), energy, "{granularity}");
        assert_eq!(sum("session_count"), i64::try_from(sessions.len()).unwrap(), "{granularity}");
        assert_eq!(sum("co2_avoided_g"), sum("co2_ice_g") - sum("co2_grid_g"), "{granularity}");
    }
}

/// Asserts that no session begins on an EVSE before the last one there has ended, and none before its client joined.
async fn one_session_at_a_time(db: &Database) {
    let mut sessions = find(db, Collection::ChargingSessions, doc! {}).await;
    let key = |s: &Document| {
        (s.get_str("evse_uid").unwrap().to_owned(), s.get_datetime("start_date_time").unwrap().timestamp_millis())
    };
    sessions.sort_by_cached_key(key);
    for pair in sessions.windows(2) {
        let ((evse, start), (other, _)) = (key(&pair[1]), key(&pair[0]));
        if evse == other {
            let end = pair[0].get_datetime("end_date_time").expect("only the last may run").timestamp_millis();
            assert!(end <= start, "{} and {}", pair[0], pair[1]);
        }
    }
    let joined: BTreeMap<_, _> = find(db, Collection::Clients, doc! {})
        .await
        .iter()
        .map(|c| (c.get_str("client_id").unwrap().to_owned(), *c.get_datetime("created_at").unwrap()))
        .collect();
    for session in sessions.iter().filter(|s| s.contains_key("client_id")) {
        let client = session.get_str("client_id").unwrap();
        assert!(joined[client] <= *session.get_datetime("start_date_time").unwrap(), "{session}");
    }
}

// Helpers

fn seed_args() -> SeedArgs {
    SeedArgs { seed: 1, scale: None, at: Some(NOON.parse().unwrap()), demo_anyway: false }
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
