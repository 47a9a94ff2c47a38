//! Operators' documents with names, words and units of their own, through the whole pipeline; and what `check`
//! reports on a database. Uses a real replica set and a real Redis.
//!
//! Long, because operators' documents stand here whole, as a database has them.

#[path = "fields/others.rs"]
mod others;
#[path = "fields/prepared.rs"]
mod prepared;
mod support;

use std::{collections::BTreeMap, process::Command, time::Duration};

use bson::{DateTime, Document, doc, oid::ObjectId};
use chargedeck::{
    domain::{
        cells::{Cell, Cells},
        collections::Collection,
        fields::Fields,
        money::Currency,
        protocol::window::Window,
        selection::Selection,
        status::{EvseStatus, PaymentStatus, SessionStatus},
    },
    server::{
        config::Settings,
        hub::{self, Hub},
        mongo::{self, Mongo, prepare},
        ops::{
            check::{self, CheckReport, Level},
            ingest::seed::{self, SeedArgs},
        },
        redis::{Redis, log::Log},
        relay::Relay,
        snapshots::Snapshots,
    },
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// A database of its own, and the environment variables that name it.
struct Place {
    env: BTreeMap<String, String>,
}

impl Place {
    async fn new() -> Self {
        let (mongod, redis) = (support::mongod().await, support::redis().await);
        let name = support::fresh_name("fields");
        let env = [
            ("MONGODB_URI", mongod.uri()),
            ("MONGODB_DB", name.clone()),
            ("CHARGEDECK_DB", format!("{name}_app")),
            ("REDIS_URL", redis.url()),
            ("CHARGEDECK_TIME_ZONE", "Europe/London".to_owned()),
            ("CHARGEDECK_CURRENCY", "GBP".to_owned()),
        ];
        Self { env: env.map(|(key, value)| (key.to_owned(), value)).into() }
    }

    fn settings(&self, toml: &str) -> Settings {
        Settings::from_sources(toml, &self.env).unwrap_or_else(|error| panic!("{error}\n{toml}"))
    }

    /// Runs the program as an operator does. Returns its exit code and its output.
    fn run(&self, toml: &str, arguments: &[&str]) -> (i32, String) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("Leptos.toml");
        std::fs::write(&file, toml).unwrap();
        let program = Command::new(env!("CARGO_BIN_EXE_chargedeck"))
            .arg("--config")
            .arg(&file)
            .args(arguments)
            .envs(&self.env)
            .output()
            .unwrap();
        let printed = [program.stdout, program.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (program.status.code().unwrap(), printed)
    }
}

fn at(text: &str) -> DateTime {
    DateTime::parse_rfc3339_str(text).unwrap()
}

/// Inserts the documents of a Node dashboard: amounts in pounds, `started_at`, lower-case words, and `_id` as the
/// only id.
async fn fill(mongo: &Mongo) -> [ObjectId; 4] {
    let ids = [(); 4].map(|()| ObjectId::new());
    let [user, station, payment, session] = ids;
    let into = |name: &str| mongo.operator.collection::<Document>(name);
    let noon = at("2026-06-01T12:00:00Z");
    into("clients")
        .insert_one(doc! {"_id": user, "name": "Ada", "email": "ada@example.org", "password": "secret", "status": "active", "created_at": noon})
        .await
        .unwrap();
    into("stations")
        .insert_many([
            doc! {"_id": station, "name": "Old mill", "city": "Dundee", "status": "available", "power_kw": 22, "nickname": "mill", "password": "secret"},
            doc! {"name": "Harbour", "city": "Dundee", "status": "offline", "power_kw": 50},
        ])
        .await
        .unwrap();
    into("payments")
        .insert_many([
            doc! {"_id": payment, "user_id": user, "amount": 12.34, "status": "completed", "created_at": noon},
            doc! {"user_id": user, "amount": 0.1 + 0.2, "status": "completed", "created_at": noon},
            doc! {"user_id": user, "amount": 7, "status": "pending", "created_at": noon},
            // An older program wrote this one.
            doc! {"user_id": user, "amount": "5.00", "status": "failed", "created_at": 1_780_315_200_000_i64},
        ])
        .await
        .unwrap();
    into("charging_sessions")
        .insert_many([
            doc! {"_id": session, "user_id": user, "charger_id": station, "status": "active", "started_at": noon, "power_kw": 7.4, "energy_kwh": 1.5},
            doc! {"user_id": user, "charger_id": station, "status": "completed", "started_at": noon, "ended_at": at("2026-06-01T13:00:00Z"), "energy_kwh": 20.5},
        ])
        .await
        .unwrap();
    into("eco_stats").insert_one(doc! {"date": noon, "energy_kwh": 20.5, "co2_saved_kg": 8.61}).await.unwrap();
    ids
}

fn sum(cells: &Cells, of: impl Fn(&Cell) -> bool) -> i64 {
    cells.iter().filter(|(cell, _)| of(cell)).map(|(_, n)| n).sum()
}

fn selection(query: &str) -> Selection {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Selection::read(&mut pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn finding<'a>(report: &'a CheckReport, level: Level, part: &str) -> &'a check::Item {
    let found =
        report.items.iter().find(|item| item.level == level && format!("{}: {}", item.what, item.text).contains(part));
    found.unwrap_or_else(|| panic!("{level:?} {part}\n{report}"))
}

/// Relay, hub and snapshots of one instance.
struct Instance {
    hub: Hub,
    snapshots: Snapshots,
    stop: CancellationToken,
}

impl Instance {
    async fn start(settings: &Settings) -> Self {
        let mongo = Mongo::connect(&settings.mongo).await.unwrap();
        let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db).unwrap();
        let hub = Hub::new(Duration::from_secs(900), settings.network.currency.clone(), settings.server.engine_bytes);
        let stop = CancellationToken::new();
        let log = Log::new(redis.clone());
        tokio::spawn(hub::follow(hub.clone(), log.clone(), redis.clone(), mongo.clone(), stop.clone()));
        tokio::spawn(Relay { mongo: mongo.clone(), redis: redis.clone(), log }.run(stop.clone()));
        Self { snapshots: Snapshots::new(mongo, redis, hub.clone()), hub, stop }
    }

    /// Waits until `condition` holds.
    async fn until<T>(&self, what: &str, mut condition: impl FnMut(&Hub) -> Option<T>) -> T {
        let mut changes = self.hub.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                if let Some(found) = condition(&self.hub) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn window(&self, collection: Collection) -> Window {
        Window::from(self.snapshots.list(collection, Selection::default(), None).await.unwrap())
    }

    /// Follows a list as a page does, until one of its rows is as wanted.
    async fn follow(&self, window: &mut Window, what: &str, wanted: impl Fn(&Fields) -> bool) {
        let collection = window.collection();
        self.until(what, |hub| {
            if let Some(delta) = hub.delta_since(collection, window.received()) {
                window.apply(delta).unwrap();
            }
            window.shown().filter_map(|id| window.row(id)).any(&wanted).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one story, from the first look to what pages show")]
async fn a_node_dashboards_database_reads_right_with_the_mapping_that_check_suggests() {
    let place = Place::new().await;
    let plain = place.settings("");
    let mongo = Mongo::connect(&plain.mongo).await.unwrap();
    let [user, station, payment, _] = fill(&mongo).await;
    prepare::make(&mongo).await.unwrap();

    let report = check::run(&plain).await.unwrap();
    assert!(report.is_problem(), "{report}");
    let unread = finding(&report, Level::Problem, "payments: created_at cannot be read in 1 of 4 documents, such as");
    assert!(unread.text.ends_with("a number, 1780315200000"), "{}", unread.text);
    finding(&report, Level::Problem, "payments: amount_minor is missing in 4 of 4 documents, such as");
    finding(&report, Level::Problem, "charging_sessions: start_date_time is missing in 2 of 2");
    finding(
        &report,
        Level::Warning,
        "payments: status words that count in no figure: \"completed\" (2), \"failed\" (1), \"pending\" (1)",
    );
    finding(&report, Level::Ok, "password (1)");
    assert!(!report.to_string().contains("secret") && !report.to_string().contains("ada@"), "{report}");

    // Paste the suggested mapping as it is, and add one more field to show.
    let mut toml: toml::Table = report.mapping.parse().unwrap();
    toml["chargedeck"]["fields"]["stations"].as_table_mut().unwrap().insert("show".into(), vec!["nickname"].into());
    let mapped = place.settings(&toml.to_string());
    let mongo = Mongo::connect(&mapped.mongo).await.unwrap();
    prepare::make(&mongo).await.unwrap();
    let again = check::run(&mapped).await.unwrap();
    assert!(!again.is_problem(), "{again}\n{toml}");
    assert_eq!(again.mapping, "", "nothing is left to suggest");

    let (_, cells) = mongo::snapshot::cells(&mongo, |_, _, _| ()).await.unwrap();
    let pounds = Currency("GBP".into());
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Unreadable(_))), 0);
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Revenue(_, currency, false) if *currency == pounds)), 1234 + 30);
    assert_eq!((cells.get(&Cell::OpenAmount(pounds)), cells.get(&Cell::Open)), (700, 1));
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Payments(_, PaymentStatus::Failed))), 1);
    assert_eq!((cells.get(&Cell::Sessions(SessionStatus::Active)), cells.get(&Cell::LivePower)), (1, 7400));
    assert_eq!(sum(&cells, |c| matches!(c, Cell::Energy(_))), 20_500);
    assert_eq!((sum(&cells, |c| matches!(c, Cell::Started(_))), cells.get(&Cell::InstalledPower(None))), (2, 72_000));
    let evses = |status: EvseStatus, offline: bool| {
        cells.get(&Cell::Evses { status, offline, heartbeat_s: None, removed_s: None })
    };
    assert_eq!((evses(EvseStatus::Available, false), evses(EvseStatus::Unknown, true)), (1, 1));

    // The list sorts by the operator's name for the date, and the page follows the operator's writes.
    let instance = Instance::start(&mapped).await;
    instance.until("a log", Hub::head).await;
    let mut payments = instance.window(Collection::Payments).await;
    let mut stations = instance.window(Collection::Stations).await;
    let clients = instance.window(Collection::Clients).await;
    let ada = clients.shown().find_map(|id| clients.row(id)).unwrap();
    assert_eq!(
        serde_json::to_value(ada).unwrap(),
        json!({"client_id": user.to_hex(), "name": "Ada", "email": "ada@example.org", "status": "ACTIVE", "created_at": "2026-06-01T12:00:00Z"})
    );
    // Selections use our names and words; the queries to MongoDB use the operator's.
    let day = "2026-06-01T00:00:00Z/2026-06-02T00:00:00Z";
    for (collection, query, total) in [
        (Collection::Clients, "status=ACTIVE".to_owned(), 1),
        (Collection::Clients, format!("client={}", user.to_hex()), 1),
        (Collection::Stations, "evse=AVAILABLE".to_owned(), 1),
        (Collection::Stations, "city=Dundee".to_owned(), 2),
        (Collection::Payments, format!("status=CAPTURED&captured={day}&currency=GBP"), 2),
        (Collection::Payments, format!("status=FAILED&created={day}"), 1),
        (Collection::Payments, format!("captured={day}"), 2),
        (Collection::ChargingSessions, format!("status=COMPLETED&ended={day}&client={}", user.to_hex()), 1),
        (Collection::ChargingSessions, format!("station={}&started={day}", station.to_hex()), 2),
        (Collection::ChargingSessions, format!("started={day}&slot=0.13@Europe/London"), 2),
    ] {
        let list = instance.snapshots.list(collection, selection(&query), None).await.unwrap();
        assert_eq!((list.total, list.rows.len()), (Some(total), total), "{collection}?{query}");
    }
    let into = |name: &str| mongo.operator.collection::<Document>(name);
    into("payments")
        .update_one(doc! {"_id": payment}, doc! {"$set": {"status": "refunded", "amount": 12.35}})
        .await
        .unwrap();
    let refunded = |row: &Fields| {
        row.get("status") == Some(&json!("REFUNDED"))
            && ["amount_minor", "captured_minor", "refunded_minor"]
                .iter()
                .all(|name| row.get(*name) == Some(&json!(1235)))
    };
    // `check` could not suggest this word, because none of the documents it looked at had it.
    let mut with_word = toml.clone();
    with_word["chargedeck"]["fields"]["payments"]["status"]
        .as_table_mut()
        .unwrap()
        .insert("refunded".into(), "REFUNDED".into());
    instance.follow(&mut payments, "the amount", |row| row.get("amount_minor") == Some(&json!(1235))).await;
    assert!(!payments.shown().filter_map(|id| payments.row(id)).any(refunded), "a word without a mapping is kept");

    into("stations")
        .update_one(
            doc! {"_id": station},
            doc! {"$set": {"nickname": "the mill", "status": "charging", "password": "new secret"}},
        )
        .await
        .unwrap();
    let shown = |row: &Fields| {
        row.get("other") == Some(&json!({"nickname": "the mill"}))
            && row.get("evses").and_then(|evses| evses[0]["status"].as_str()) == Some("charging")
    };
    instance.follow(&mut stations, "the nickname", shown).await;
    for window in [&payments, &stations, &clients] {
        let rows: Vec<_> = window.shown().filter_map(|id| window.row(id)).collect();
        assert!(!serde_json::to_string(&rows).unwrap().contains("secret"), "passwords never travel");
    }
    let epoch = instance.hub.head().unwrap().epoch;
    instance.stop.cancel();

    // An instance with the same mapping continues the log. Another mapping begins a new epoch, so that no row of the
    // old one is left.
    let same = Instance::start(&mapped).await;
    let before = same.until("a log", Hub::head).await;
    into("payments").update_one(doc! {"_id": payment}, doc! {"$set": {"amount": 12.36}}).await.unwrap();
    let after = same.until("a change after the restart", |hub| hub.head().filter(|head| *head != before)).await;
    assert_eq!((before.epoch, after.epoch), (epoch, epoch));
    same.stop.cancel();
    let other = Instance::start(&place.settings(&with_word.to_string())).await;
    other.until("a new epoch", |hub| hub.head().filter(|head| head.epoch > epoch)).await;
    let payments = other.window(Collection::Payments).await;
    assert!(
        payments.shown().filter_map(|id| payments.row(id)).any(|row| row.get("refunded_minor") == Some(&json!(1236)))
    );
    other.stop.cancel();
}

/// Runs a command in the form in which it is printed for mongosh.
async fn type_in(mongo: &Mongo, printed: &str) {
    let rest = printed.strip_prefix("db.getSiblingDB(\"").unwrap_or_else(|| panic!("{printed}"));
    let (db, command) = rest.split_once("\").runCommand(").unwrap();
    let command: Document = serde_json::from_str(command.strip_suffix(')').unwrap()).unwrap();
    mongo.client.database(db).run_command(command).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_database_passes_and_what_is_printed_mends_a_broken_one() {
    let mut place = Place::new().await;
    let settings = place.settings("");
    let mongo = Mongo::connect(&settings.mongo).await.unwrap();
    let args = SeedArgs { seed: 1, scale: None, at: None, demo_anyway: false };
    seed::run(&mongo.operator, &args).await.unwrap();
    prepare::make(&mongo).await.unwrap();
    // Whoever trusts everybody is told so, and it is no reason to fail.
    place.env.insert("CHARGEDECK_TRUSTED_PROXIES".to_owned(), "10.0.0.7, 0.0.0.0/0".to_owned());
    let (code, printed) = place.run("", &["check"]);
    assert_eq!(code, 0, "{printed}");
    for part in [
        "warning  Proxies: CHARGEDECK_TRUSTED_PROXIES holds 0.0.0.0/0",
        "ok       MongoDB: answers, replica set rs0",
        "ok       Images: are on for",
        "ok       Own indexes: of ",
        "MongoDB asks for no login",
        "nothing is evicted",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }

    let stations = mongo.operator.collection::<Document>("stations");
    mongo
        .operator
        .run_command(doc! {"collMod": "stations", "changeStreamPreAndPostImages": {"enabled": false}})
        .await
        .unwrap();
    stations.drop_index("chargedeck_station_id_1").await.unwrap();
    let report = check::run(&settings).await.unwrap();
    let (code, printed) = place.run("", &["check"]);
    assert_eq!(code, 1, "{printed}");
    for (level, part) in
        [(Level::Problem, "Images: are off for stations"), (Level::Warning, "Indexes: are missing: 1 of stations")]
    {
        let item = finding(&report, level, part);
        assert!(printed.contains(&item.mend[0]), "{printed}");
        type_in(&mongo, &item.mend[0]).await;
    }
    let mended = check::run(&settings).await.unwrap();
    assert!(!mended.is_problem(), "{mended}");
    finding(&mended, Level::Ok, "Indexes: are all there");
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_refuse_where_fields_are_mapped() {
    let place = Place::new().await;
    let toml = "[chargedeck.fields.payments]\nunits = { amount_minor = \"major\" }\n";
    for writer in [&["seed"][..], &["simulate", "--steps", "1"], &["import", "--preset", "dundee", "none.csv"]] {
        let (code, printed) = place.run(toml, writer);
        assert!(code == 1 && printed.contains("maps the fields of payments: nothing was written"), "{code} {printed}");
    }
    let mongo = Mongo::connect(&place.settings("").mongo).await.unwrap();
    assert_eq!(mongo.operator.list_collection_names().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_mongodb_that_does_not_answer_is_a_problem() {
    let mut place = Place::new().await;
    // A port at which nothing listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    place.env.insert("MONGODB_URI".to_owned(), format!("mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=500"));
    let report = check::run(&place.settings("")).await.unwrap();
    finding(&report, Level::Problem, "MongoDB: does not answer");
    assert!(report.is_problem());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_rights_gets_them_by_what_is_printed() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "akeyofthistest").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
    let mongod = support::Mongod::start_with(&["--keyFile", key.to_str().unwrap()]).await;
    let user = |name: &str, roles: &[&str]| doc! {"createUser": name, "pwd": "secret", "roles": roles};
    mongod.client().await.database("admin").run_command(user("root", &["root"])).await.unwrap();
    let mut place = Place::new().await;
    let mut connect = async |name: &str| {
        let uri = format!("mongodb://{name}:secret@127.0.0.1:{}/?replicaSet=rs0&authSource=admin", mongod.port());
        place.env.insert("MONGODB_URI".to_owned(), uri);
        let settings = place.settings("");
        (Mongo::connect(&settings.mongo).await.unwrap(), settings)
    };
    let (root, _) = connect("root").await;
    root.client.database("admin").run_command(user("deck", &[])).await.unwrap();
    let (mongo, settings) = connect("deck").await;

    let report = check::run(&settings).await.unwrap();
    let rights =
        finding(&report, Level::Problem, "Rights: deck may not find, changeStream, listCollections, createIndex");
    assert!(!report.to_string().contains("secret"), "{report}");
    finding(&report, Level::Warning, "Oplog: not known: no right to read local");
    for command in &rights.mend {
        type_in(&root, command).await;
    }
    // The role fills no database: it works in one that is there.
    let session = doc! {"session_id": "1", "status": "ACTIVE", "start_date_time": DateTime::now()};
    root.operator.collection("charging_sessions").insert_one(session).await.unwrap();
    let plan = prepare::plan(&mongo).await.unwrap();
    assert_eq!(plan.images, [Collection::ChargingSessions]);
    prepare::carry_out(&mongo, &plan).await.unwrap();
    finding(&check::run(&settings).await.unwrap(), Level::Ok, "Indexes: made by ChargeDeck in charging_sessions");
    let granted = check::run(&settings).await.unwrap();
    finding(&granted, Level::Ok, "Rights: deck may do all that is needed");
    assert!(!granted.is_problem(), "{granted}");
}
