//! What ChargeDeck creates in an operator's database, and that this refuses none of the operator's writes.

use std::time::{Duration, Instant};

use bson::{Document, doc};
use chargedeck::{
    domain::collections::Collection,
    server::{
        mongo::{Mongo, prepare},
        ops::check::{self, Level},
    },
};
use mongodb::Database;

use super::{Instance, Place, finding, support};

/// The mapping of a network whose ids and references occur more than once, as in real systems.
const MAPPED: &str = r#"
[chargedeck.fields.charging_sessions]
names = { session_id = "transactionId", station_id = "chargePointId", start_date_time = "startedAt", end_date_time = "endedAt" }
status = { active = "ACTIVE", completed = "COMPLETED" }
[chargedeck.fields.payments]
names = { payment_id = "reference", amount_minor = "amount", captured_minor = "amount", created_at = "createdAt", captured_at = "createdAt" }
status = { failed = "FAILED", paid = "CAPTURED" }
"#;

/// Inserts a charge point's transaction and an order's payment. Other documents have the same numbers.
async fn write_again(db: &Database) {
    let session =
        doc! {"transactionId": "1", "chargePointId": "CP", "startedAt": bson::DateTime::now(), "status": "active"};
    let payment = doc! {"reference": "ORDER-77", "amount": 1200, "createdAt": bson::DateTime::now(), "status": "paid"};
    db.collection("charging_sessions").insert_one(session).await.expect("a second transaction 1");
    db.collection("payments").insert_one(payment).await.expect("a paid retry");
}

/// Returns all collections and indexes with their options.
async fn made(db: &Database) -> Vec<Document> {
    let mut all = Vec::new();
    let mut collections = db.run_cursor_command(doc! {"listCollections": 1}).await.unwrap();
    while collections.advance().await.unwrap() {
        all.push(collections.deserialize_current().unwrap());
    }
    // A view has no indexes.
    let stored = all.iter().filter(|found| found.get_str("type").ok() != Some("view"));
    let names: Vec<String> = stored.map(|found| found.get_str("name").unwrap().to_owned()).collect();
    for name in names {
        let mut indexes = db.run_cursor_command(doc! {"listIndexes": name}).await.unwrap();
        while indexes.advance().await.unwrap() {
            all.push(indexes.deserialize_current().unwrap());
        }
    }
    all.sort_by_key(ToString::to_string);
    all
}

async fn until(what: &str, ask: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !ask().await {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn mongo_of(place: &Place, toml: &str) -> Mongo {
    Mongo::connect(&place.settings(toml).mongo).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_changes_nothing_in_an_operators_database_and_refuses_no_write() {
    let place = Place::new().await;
    let mongo = mongo_of(&place, MAPPED).await;
    let db = &mongo.operator;
    write_again(db).await;
    let before = made(db).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("Leptos.toml");
    std::fs::write(&file, MAPPED).unwrap();
    let mut server = support::Server::new(
        "env",
        |port, _| {
            let address = format!("127.0.0.1:{port}");
            let at = [format!("LEPTOS_SITE_ADDR={address}"), format!("CHARGEDECK_PUBLIC_ORIGIN=http://{address}")];
            let set = place.env.iter().map(|(key, value)| format!("{key}={value}")).chain(at);
            let line = [env!("CARGO_BIN_EXE_chargedeck"), "--config", file.to_str().unwrap(), "serve"];
            set.chain(line.map(str::to_owned)).collect()
        },
        &[],
    );
    // The server logs this once it has created everything that it creates.
    until("what is missing is told", async || server.log().contains("chargedeck prepare lists them and asks")).await;
    until("the stream is open", async || server.log().contains("the change stream is open")).await;
    write_again(db).await;
    assert_eq!(made(db).await, before);
    server.kill9();
    write_again(db).await;
    assert_eq!(made(db).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn prepare_asks_makes_what_refuses_no_write_and_takes_back_what_earlier_versions_made() {
    let place = Place::new().await;
    let mongo = mongo_of(&place, MAPPED).await;
    let db = &mongo.operator;
    for n in 0..300 {
        let session =
            doc! {"transactionId": n.to_string(), "startedAt": bson::DateTime::from_millis(n), "status": "completed"};
        db.collection("charging_sessions").insert_one(session).await.unwrap();
    }
    db.collection("payments").insert_one(doc! {"reference": "ORDER-1", "status": "failed"}).await.unwrap();
    let index = |keys: Document, name: &str, partial: Option<Document>| {
        let mut index = doc! {"key": keys, "name": name};
        if let Some(partial) = partial {
            index.extend(doc! {"unique": true, "partialFilterExpression": partial});
        }
        index
    };
    let texts = |field: &str| Some(doc! {field: {"$type": "string"}});
    let sessions = doc! {"createIndexes": "charging_sessions", "indexes": [
        index(doc! {"transactionId": 1}, "transactionId_1", texts("transactionId")),
        index(doc! {"status": 1, "startedAt": -1, "_id": -1}, "status_1_startedAt_-1__id_-1", None),
        index(doc! {"startedAt": -1, "_id": -1}, "startedAt_-1__id_-1", None),
        index(doc! {"endedAt": 1, "connector": 1}, "mine", None),
        index(doc! {"token": 1}, "token_1", texts("token")),
    ]};
    db.run_command(sessions).await.unwrap();
    let before = made(db).await;

    let (code, printed) = place.run(MAPPED, &["check"]);
    assert_eq!(code, 1, "{printed}");
    for part in [
        "transactionId_1 of charging_sessions is as an earlier version made it and refuses a second equal value",
        r#"runCommand({"dropIndexes": "charging_sessions", "index": ["token_1"]})"#,
        "Indexes: are missing: 5 of payments, 4 of charging_sessions",
        &format!("{} are not there yet", without(&["payments", "charging_sessions"])),
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let (code, printed) = place.run(MAPPED, &["prepare"]);
    assert!(code == 1 && printed.contains("nothing was made, because nobody can be asked here"), "{printed}");
    for part in [
        "switch on change-stream images of payments, charging_sessions",
        "make an index of charging_sessions, {transactionId: 1}, about ",
        "drop the index transactionId_1 of charging_sessions, which refuses a second equal value",
        "drop the index status_1_startedAt_-1__id_-1 of charging_sessions\n",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(
        !printed.contains("token_1") && !printed.contains("mine") && !printed.contains("index startedAt"),
        "{printed}"
    );
    assert_eq!(made(db).await, before, "nobody has agreed");
    assert!(prepare::keep_images(&mongo).await.unwrap().is_none());

    let (code, printed) = place.run(MAPPED, &["prepare", "--yes"]);
    assert_eq!(code, 0, "{printed}");
    let names = db.collection::<Document>("charging_sessions").list_index_names().await.unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ours =
        ["transactionId_1", "chargePointId_1", "client_id_1", "status_1"].map(|name| format!("chargedeck_{name}"));
    let expected: Vec<&str> =
        ours.iter().map(String::as_str).chain(["_id_", "mine", "startedAt_-1__id_-1", "token_1"]).collect();
    assert_eq!(sorted(names), sorted(expected), "an operator's own stay, and what serves is not made twice");
    // Two equal documents, and one with arrays in all indexed fields.
    write_again(db).await;
    write_again(db).await;
    let list = || vec!["a", "b"];
    let odd = doc! {"transactionId": list(), "chargePointId": list(), "client_id": list(), "status": list(), "startedAt": list()};
    db.collection("charging_sessions").insert_one(odd).await.unwrap();
    // A lookup by the public id finds the document without reading others.
    let find = doc! {"find": "charging_sessions", "filter": {"transactionId": "7"}};
    let stats = db.run_command(doc! {"explain": find, "verbosity": "executionStats"}).await.unwrap();
    let stats = stats.get_document("executionStats").unwrap();
    assert_eq!(["nReturned", "totalDocsExamined"].map(|name| stats.get_i32(name).unwrap()), [1, 1], "{stats}");

    let report = check::run(&place.settings(MAPPED)).await.unwrap();
    finding(&report, Level::Ok, "Indexes: are all there");
    let made = finding(&report, Level::Ok, "Indexes: made by ChargeDeck in charging_sessions: ");
    for name in &ours {
        assert!(made.text.contains(&format!("{name} (")) && made.text.contains(" kB)"), "{}", made.text);
    }
    let (code, printed) = place.run(MAPPED, &["prepare"]);
    assert!(code == 0 && printed.contains("nothing is to be made"), "{printed}");
}

/// The names of all collections but these, as `check` prints them.
fn without(these: &[&str]) -> String {
    let names = Collection::ALL.into_iter().map(Collection::name).filter(|name| !these.contains(name));
    names.collect::<Vec<_>>().join(", ")
}

fn sorted(mut names: Vec<&str>) -> Vec<&str> {
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_agreed_to_is_made_again_for_a_collection_that_is_made_anew_and_nothing_else() {
    let (agreed, other) = (Place::new().await, Place::new().await);
    for place in [&agreed, &other] {
        let mongo = mongo_of(place, "").await;
        mongo.operator.collection("stations").insert_one(doc! {"name": "one"}).await.unwrap();
    }
    let (code, printed) = agreed.run("", &["prepare", "--yes"]);
    assert!(code == 0 && printed.contains("prepared by `serve` when they come: clients, payments"), "{printed}");
    let mongo = mongo_of(&agreed, "").await;
    let db = &mongo.operator;
    // Turn images off by hand. `serve` must leave them off.
    let off = doc! {"collMod": "stations", "changeStreamPreAndPostImages": {"enabled": false}};
    db.run_command(off).await.unwrap();
    let instance = Instance::start(&agreed.settings("")).await;
    instance.until("a log", chargedeck::server::hub::Hub::head).await;
    let is_prepared = async |db: &Database, name: &str| {
        let found = made(db).await;
        let of = |one: &Document| {
            one.get_str("name").is_ok_and(|of| of == name) && one.to_string().contains("changeStreamPreAndPostImages")
        };
        let has = |index: &str| found.iter().any(|one| one.get_str("name").is_ok_and(|of| of == index));
        let index = if name == "clients" { "chargedeck_client_id_1" } else { "chargedeck_station_id_1" };
        found.iter().any(of) && has(index)
    };
    db.collection("clients").insert_one(doc! {"name": "one"}).await.unwrap();
    until("a collection that came has images and indexes", async || is_prepared(db, "clients").await).await;
    assert!(!is_prepared(db, "stations").await, "what is done is not done again");
    db.collection::<Document>("stations").drop().await.unwrap();
    db.collection("stations").insert_one(doc! {"name": "two"}).await.unwrap();
    until("a collection that was made anew has them", async || is_prepared(db, "stations").await).await;
    assert!(!db.list_collection_names().await.unwrap().contains(&"payments".to_owned()), "no collection is made");
    instance.stop.cancel();

    let mongo = mongo_of(&other, "").await;
    let instance = Instance::start(&other.settings("")).await;
    instance.until("a log", chargedeck::server::hub::Hub::head).await;
    mongo.operator.collection::<Document>("stations").drop().await.unwrap();
    mongo.operator.collection("stations").insert_one(doc! {"name": "two"}).await.unwrap();
    instance.until("the reset and the insert", |hub| hub.head().filter(|head| head.seq.0 >= 2)).await;
    assert_eq!(made(&mongo.operator).await.len(), 2, "the collection and the index of its ids");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_had_filled_ourselves_is_no_agreement_for_an_operators_documents_in_its_place() {
    let place = Place::new().await;
    let mongo = mongo_of(&place, "").await;
    let db = &mongo.operator;
    let ours = doc! {"name": "ours", "source": {"dataset": "seed"}};
    for name in ["stations", "clients"] {
        db.collection(name).insert_one(ours.clone()).await.unwrap();
    }
    prepare::make_for_ours(&mongo).await.unwrap();
    db.drop().await.unwrap();
    db.collection("stations").insert_one(doc! {"name": "theirs"}).await.unwrap();
    db.collection("clients").insert_one(ours).await.unwrap();
    let instance = Instance::start(&place.settings("")).await;
    until("ours has its images and indexes", async || made(db).await.len() > 4).await;
    let theirs = made(db).await.into_iter().find(|one| one.get_str("name").is_ok_and(|of| of == "stations")).unwrap();
    assert!(!theirs.to_string().contains("changeStreamPreAndPostImages"), "{theirs}");
    assert_eq!(db.collection::<Document>("stations").list_index_names().await.unwrap(), ["_id_"]);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_of_a_view_or_a_time_series_what_it_means_and_nothing_that_mongodb_refuses() {
    let place = Place::new().await;
    let mongo = mongo_of(&place, "").await;
    let db = &mongo.operator;
    db.collection("tx").insert_one(doc! {"_id": "T1"}).await.unwrap();
    db.run_command(doc! {"create": "charging_sessions", "viewOn": "tx", "pipeline": []}).await.unwrap();
    db.run_command(doc! {"create": "eco_stats", "timeseries": {"timeField": "t"}}).await.unwrap();
    let before = made(db).await;
    let (code, printed) = place.run("", &["check"]);
    assert_eq!(code, 1, "{printed}");
    for (part, there) in [
        ("problem  Collections: charging_sessions is a view. MongoDB tells no changes of it", true),
        ("problem  Collections: eco_stats is a time series.", true),
        ("collMod", false),
        ("createIndexes\": \"charging_sessions", false),
    ] {
        assert_eq!(printed.contains(part), there, "{part} in {printed}");
    }
    let (code, printed) = place.run("", &["prepare", "--yes"]);
    assert!(code == 0 && printed.contains("charging_sessions is a view, so nothing can be made for it"), "{printed}");
    assert_eq!(made(db).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fills_a_database_prepares_it_and_only_where_nobody_elses_documents_are() {
    let (ours, theirs) = (Place::new().await, Place::new().await);
    let (code, printed) = ours.run("", &["seed"]);
    assert_eq!(code, 0, "{printed}");
    let report = check::run(&ours.settings("")).await.unwrap();
    finding(&report, Level::Ok, "Indexes: are all there");
    finding(&report, Level::Ok, &format!("Images: are on for {}", without(&[])));
    let mongo = mongo_of(&theirs, "").await;
    mongo.operator.collection("stations").insert_one(doc! {"name": "one"}).await.unwrap();
    let before = made(&mongo.operator).await;
    assert_eq!(theirs.run("", &["seed"]).0, 1);
    assert_eq!(made(&mongo.operator).await, before);
}
