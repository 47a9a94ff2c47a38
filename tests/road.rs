//! The road from a write in MongoDB to what a page would show, with a real replica set and a real Redis.

#[cfg(feature = "guards")]
#[path = "road/controls.rs"]
mod controls;
#[path = "road/epochs.rs"]
mod epochs;
#[path = "road/guarantees.rs"]
mod guarantees;
#[path = "road/honest.rs"]
mod honest;
#[path = "road/hostile.rs"]
mod hostile;
#[path = "road/privacy.rs"]
mod privacy;
#[path = "road/reads.rs"]
mod reads;
#[path = "road/reports.rs"]
mod reports;
#[path = "road/rewound.rs"]
mod rewound;
#[path = "road/rollout.rs"]
mod rollout;
mod support;

#[path = "road/selection.rs"]
mod selection;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bson::{Document, doc};
use chargedeck::{
    domain::{
        analytics,
        board::{Board, Filter},
        cells::{Cell, Cells},
        collections::{Collection, schema::Schema},
        fields::Fields,
        figures::Open,
        ids::DocId,
        latest::FeedEntry,
        protocol::{
            log::{Effect, Entry, Record, RowChange},
            position::{ClusterTime, Epoch, Position, Seq},
            snapshot::Snapshot,
            topic::Topic,
            window::{Window, shown_of},
        },
        selection::Selection,
        time::UtcMs,
    },
    server::{
        audit,
        config::{MongoSettings, Settings},
        event_store::{self, Events},
        hub::{self, Hub, Since, Verdict},
        mongo::{self, Mongo},
        redis::{
            Redis,
            log::{self, Appended, Log, Tail},
            snapshots::{self, Count},
        },
        relay::Relay,
        snapshots::Snapshots,
        telemetry::metrics::metrics,
    },
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// An instance without its doors: relay, hub and snapshots.
struct Instance {
    hub: Hub,
    snapshots: Snapshots,
    stop: CancellationToken,
}

/// One installation: a database of its own, and instances on it.
struct Network {
    mongo: Mongo,
    redis: Redis,
}

impl Network {
    async fn new() -> Self {
        Self::on(support::mongod().await, &support::fresh_name("road"), "").await.with_images().await
    }

    async fn with_images(self) -> Self {
        support::collections_with_images(&self.mongo.operator).await;
        self
    }

    /// The database of this name, read by what the file says.
    async fn on(mongod: &support::Mongod, name: &str, file: &str) -> Self {
        Self::of(mongod, support::redis().await, name, file).await
    }

    /// As [`Self::on`], with a Redis of its own.
    async fn of(mongod: &support::Mongod, redis: &support::Redis, name: &str, file: &str) -> Self {
        let env: BTreeMap<String, String> = [
            ("MONGODB_URI", mongod.uri()),
            ("MONGODB_DB", name.to_owned()),
            ("CHARGEDECK_DB", format!("{name}_app")),
            ("REDIS_URL", redis.url()),
            ("CHARGEDECK_TIME_ZONE", "Europe/London".to_owned()),
            ("CHARGEDECK_CURRENCY", "GBP".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        let settings = Settings::from_sources(file, &env).unwrap();
        let mongo_settings: &MongoSettings = &settings.mongo;
        Self {
            mongo: Mongo::connect(mongo_settings).await.unwrap(),
            redis: Redis::connect(&settings.redis.url, &settings.mongo.own_db).unwrap(),
        }
    }

    fn instance(&self, relays: bool) -> Instance {
        self.instance_of(Schema::OURS, relays)
    }

    /// An instance of a build with this schema.
    fn instance_of(&self, schema: Schema, relays: bool) -> Instance {
        let hub = Hub::new(Duration::from_secs(900), chargedeck::domain::money::Currency("GBP".into()));
        let stop = CancellationToken::new();
        let log = Log::of(self.redis.clone(), schema);
        tokio::spawn(hub::follow(hub.clone(), log.clone(), self.redis.clone(), self.mongo.clone(), stop.clone()));
        if relays {
            let relay = Relay { mongo: self.mongo.clone(), redis: self.redis.clone(), log: log.clone() };
            tokio::spawn(relay.run(stop.clone()));
        }
        let events = Events::of(&self.mongo.own);
        let keep = Duration::from_secs(24 * 3600);
        tokio::spawn(event_store::write(events, log, self.redis.clone(), hub.clone(), keep, stop.clone()));
        let snapshots = Snapshots::new(self.mongo.clone(), self.redis.clone(), hub.clone());
        Instance { hub, snapshots, stop }
    }

    fn collection(&self, collection: Collection) -> mongodb::Collection<Document> {
        self.mongo.operator.collection(collection.name())
    }

    async fn documents(&self, collection: Collection) -> BTreeMap<DocId, Fields> {
        let mut cursor =
            self.mongo.operator.collection::<bson::RawDocumentBuf>(collection.name()).find(doc! {}).await.unwrap();
        let mut all = BTreeMap::new();
        while cursor.advance().await.unwrap() {
            let row = mongo::snapshot::row(&self.mongo, collection, cursor.current()).unwrap();
            all.insert(row.id, row.fields);
        }
        all
    }
}

impl Instance {
    /// Waits until the hub satisfies `condition`.
    async fn until(&self, what: &str, condition: impl Fn(&Hub) -> bool) {
        let mut changes = self.hub.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                if condition(&self.hub) {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn ready(&self) {
        self.until("a log and counted documents", |hub| {
            hub.head().is_some() && overview(hub, "Europe/London").is_some()
        })
        .await;
    }

    /// A page that follows a collection as browsers do.
    async fn page(&self, collection: Collection) -> Page {
        Page {
            window: Window::from(self.snapshots.list(collection, Selection::default(), None).await.unwrap()),
            hub: self.hub.clone(),
        }
    }
}

struct Page {
    window: Window,
    hub: Hub,
}

impl Page {
    /// Follows until the list shows what the database has.
    async fn until_equal(&mut self, instance: &Instance, network: &Network) {
        let collection = self.window.collection();
        let mut changes = self.hub.changes();
        let following = async {
            loop {
                changes.mark_unchanged();
                match self.hub.since(collection, self.window.received()) {
                    Since::Current => {
                        let all = network.documents(collection).await;
                        let shown: Vec<DocId> = self.window.shown().cloned().collect();
                        if shown == shown_of(collection, &all)
                            && shown.iter().all(|id| self.window.row(id) == all.get(id))
                        {
                            return;
                        }
                        changes.changed().await.unwrap();
                    }
                    Since::Frames(_) => {
                        let delta = self.hub.delta_since(collection, self.window.received());
                        if delta.is_none_or(|delta| self.window.apply(delta).is_err()) {
                            self.window = Window::from(
                                instance.snapshots.list(collection, Selection::default(), None).await.unwrap(),
                            );
                        }
                    }
                    Since::Reset { min_position, .. } => {
                        self.window = Window::from(
                            instance
                                .snapshots
                                .list(collection, Selection::default(), Some(min_position))
                                .await
                                .unwrap(),
                        );
                    }
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(30), following).await.expect("the page never equals the database");
    }
}

fn client(n: i64) -> Document {
    doc! {"_id": n, "name": format!("Client {n}"), "status": "ACTIVE", "created_at": bson::DateTime::from_millis(n * 1000)}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_follows_inserts_updates_and_deletes() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    let mut page = instance.page(Collection::Clients).await;
    clients.insert_many((0..120).map(client)).await.unwrap();
    page.until_equal(&instance, &network).await;
    clients
        .update_many(doc! {"_id": {"$gte": 60}}, doc! {"$set": {"status": "BLOCKED"}, "$unset": {"name": ""}})
        .await
        .unwrap();
    clients.delete_many(doc! {"_id": {"$mod": [3, 0]}}).await.unwrap();
    page.until_equal(&instance, &network).await;
    // A page opened now, from the cache, is equal at once.
    let opened = instance.page(Collection::Clients).await;
    assert_eq!(opened.window.shown().collect::<Vec<_>>(), page.window.shown().collect::<Vec<_>>());
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_a_second_instance_doubles_nothing() {
    let network = Network::new().await;
    let first = network.instance(true);
    first.ready().await;
    let epoch = first.hub.head().unwrap().epoch;
    let payments = network.collection(Collection::Payments);
    let pay = |n: i64| doc! {"_id": n, "status": "PENDING", "amount_minor": 100_i64, "currency": "GBP", "created_at": bson::DateTime::from_millis(n)};
    let mut page = first.page(Collection::Payments).await;
    payments.insert_many((0..40).map(pay)).await.unwrap();
    page.until_equal(&first, &network).await;
    first.stop.cancel();
    payments.insert_many((40..80).map(pay)).await.unwrap();
    // Two instances that compete for the lease.
    let (second, third) = (network.instance(true), network.instance(true));
    payments.insert_many((80..120).map(pay)).await.unwrap();
    for instance in [&second, &third] {
        instance.until("120 changes", |hub| hub.head().is_some_and(|head| head.seq.0 >= 120)).await;
        instance.until("all payments counted", |hub| open(hub).is_some_and(|open| open.count == 120)).await;
        assert_eq!(instance.hub.head().unwrap().epoch, epoch, "the log was continued");
        assert_eq!(instance.hub.head().unwrap().seq.0, 120, "each change has exactly one number");
        let mut page = instance.page(Collection::Payments).await;
        page.until_equal(instance, &network).await;
        instance.stop.cancel();
    }
    let entries = Log::new(network.redis.clone()).after(None).await.unwrap();
    let numbers: Vec<u64> = entries.iter().flat_map(|e| e.first.0..=e.last.0).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
}

fn overview(hub: &Hub, zone: &str) -> Option<Arc<hub::BoardSnapshot>> {
    hub.board(&Board::Overview(zone.to_owned()))
}

fn open(hub: &Hub) -> Option<Open> {
    let overview = overview(hub, "Europe/London")?;
    serde_json::from_value(overview.fields.get("open_payments")?.clone()).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_replaced_at_once_are_read_anew() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let stations = network.collection(Collection::Stations);
    let station = |n: i64| doc! {"_id": n, "name": format!("Station {n:03}")};
    stations.insert_many((0..10).map(station)).await.unwrap();
    let mut page = instance.page(Collection::Stations).await;
    page.until_equal(&instance, &network).await;
    let epoch = instance.hub.head().unwrap().epoch;
    // `$out` onto a watched collection shows as a rename onto it.
    let other: mongodb::Collection<Document> = network.mongo.operator.collection("other");
    other.insert_many((20..25).map(station)).await.unwrap();
    other.aggregate([doc! {"$out": "stations"}]).await.unwrap();
    page.until_equal(&instance, &network).await;
    stations.drop().await.unwrap();
    page.until_equal(&instance, &network).await;
    stations.insert_many((30..35).map(station)).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(instance.hub.head().unwrap().epoch, epoch, "one topic was reset, not everything");
    network.mongo.operator.drop().await.unwrap();
    instance.until("a new epoch", |hub| hub.head().is_some_and(|head| head.epoch > epoch)).await;
    stations.insert_many((40..45).map(station)).await.unwrap();
    page.until_equal(&instance, &network).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_whole_or_not_at_all() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..1000).map(client)).await.unwrap();
    instance.until("1,000 clients", |hub| active_clients(hub) == Some(1000)).await;
    let seen = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let watcher = {
        let (hub, seen, mut changes) = (instance.hub.clone(), seen.clone(), instance.hub.changes());
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                seen.lock().unwrap().extend(active_clients(&hub));
            }
        })
    };
    let mut session = network.mongo.client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    clients.update_many(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).session(&mut session).await.unwrap();
    session.commit_transaction().await.unwrap();
    instance.until("no active client", |hub| active_clients(hub) == Some(0)).await;
    watcher.abort();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|n| [0, 1000].contains(n)), "half a transaction was shown: {seen:?}");
    instance.stop.cancel();
}

fn active_clients(hub: &Hub) -> Option<i64> {
    overview(hub, "Europe/London")?.fields.get("clients")?.as_i64()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_by_change_equal_figures_counted_anew() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let sessions = network.collection(Collection::ChargingSessions);
    for n in 0..60_i64 {
        let status = ["ACTIVE", "COMPLETED", "INVALID", "odd"][usize::try_from(n % 4).unwrap()];
        let at = bson::DateTime::from_millis(1_700_000_000_000 + n * 60_000);
        sessions
            .insert_one(doc! {"_id": n, "status": status, "start_date_time": at, "end_date_time": at, "energy_wh": n, "power_w": n})
            .await
            .unwrap();
    }
    sessions
        .update_many(doc! {"_id": {"$lt": 30}}, doc! {"$set": {"status": "COMPLETED", "energy_wh": "wrong"}})
        .await
        .unwrap();
    sessions.delete_many(doc! {"_id": {"$mod": [7, 0]}}).await.unwrap();
    sessions.insert_one(doc! {"_id": 1000_i64, "status": "ACTIVE", "power_w": 5_i64}).await.unwrap();
    instance
        .until("the last insert", |hub| {
            overview(hub, "UTC").is_some_and(|o| o.fields["documents"]["charging_sessions"] == 52)
        })
        .await;
    let by_change = overview(&instance.hub, "UTC").unwrap().fields.clone();
    // An instance that starts now counts the documents.
    let (_, cells) = mongo::snapshot::cells(&network.mongo).await.unwrap();
    let at = hub::zones::viewpoint(&jiff::tz::TimeZone::UTC, instance.hub.now().unwrap(), 900).unwrap();
    let counted = serde_json::to_value(chargedeck::domain::figures::figures(&cells, &at)).unwrap();
    for (name, value) in counted.as_object().unwrap() {
        if !["energy_series", "energy_week_before"].contains(&name.as_str()) {
            assert_eq!(by_change.get(name), Some(value), "{name}");
        }
    }
    assert_eq!(counted["unreadable"]["charging_sessions"], 25);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_moves_with_what_counts_in_it_and_with_nothing_else() {
    let network = Network::new().await;
    let sessions = network.collection(Collection::ChargingSessions);
    let ended = |id: i32, minutes_ago: i64, wh: i64| {
        let end = bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() - minutes_ago * 60_000);
        doc! {"_id": id, "status": "COMPLETED", "start_date_time": end, "end_date_time": end, "energy_wh": wh}
    };
    const WEEK_MIN: i64 = 7 * 24 * 60;
    sessions.insert_many([ended(1, 1, 500), ended(2, WEEK_MIN + 1, 7000), ended(3, 4 * WEEK_MIN, 9)]).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let board: Board = "analytics?last=7d&by=day&against=before&zone=Europe/London"
        .parse::<Topic>()
        .map(|topic| match topic {
            Topic::Board(board) => board,
            Topic::Collection(_) => panic!("no collection"),
        })
        .unwrap();
    let energy = |hub: &Hub| {
        let fields = hub.board(&board).unwrap().fields.clone();
        (
            analytics::total(&analytics::pieces_of(&fields)).energy,
            analytics::total(&analytics::earlier_of(&fields)).energy,
        )
    };
    let before = instance.hub.board_of_now(&board).await;
    assert_eq!(energy(&instance.hub), (Some(500), Some(7000)));
    sessions.insert_one(ended(4, 2, 30)).await.unwrap();
    instance.until("another session in the period", |hub| energy(hub) == (Some(530), Some(7000))).await;
    let after = instance.hub.board(&board).unwrap();
    let changed = chargedeck::domain::protocol::log::changed_fields(&before.fields, &after.fields);
    assert!(changed.len() <= 2, "the piece and the hours of the week, of {} values: {changed:?}", after.fields.len());
    // What is routine counts nowhere, so nothing is computed for it.
    let head = instance.hub.head();
    let silent = doc! {"_id": 1, "name": "Quay", "last_heartbeat_at": bson::DateTime::now(), "evses": [{"uid": "1"}]};
    network.collection(Collection::Stations).insert_one(silent).await.unwrap();
    instance.until("the station", |hub| hub.head() > head).await;
    assert!(Arc::ptr_eq(&after, &instance.hub.board(&board).unwrap()));
    sessions.delete_many(doc! {"_id": {"$in": [1, 4]}}).await.unwrap();
    instance.until("their deletion", |hub| energy(hub) == (Some(0), Some(7000))).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_with_two_images_too_large_for_an_event_do_not_stop_the_stream() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let stations = network.collection(Collection::Stations);
    let mut page = instance.page(Collection::Stations).await;
    let huge = "x".repeat(9 << 20);
    stations.insert_one(doc! {"_id": 1, "name": "A", "city": &huge}).await.unwrap();
    stations.update_one(doc! {"_id": 1}, doc! {"$set": {"city": format!("y{huge}")}}).await.unwrap();
    stations.insert_one(doc! {"_id": 2, "name": "B", "city": "Dundee"}).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 2);
    instance.stop.cancel();
}

/// For the one without images rows are read when all has happened. The others' changes are told as they were.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_change_without_images_each_other_is_the_event_that_it_was() {
    let network = Network::new().await;
    let first = network.instance(true);
    first.ready().await;
    let stations = network.collection(Collection::Stations);
    let huge = "x".repeat(9 << 20);
    stations.insert_one(doc! {"_id": 1, "city": &huge}).await.unwrap();
    let mut page = first.page(Collection::Stations).await;
    page.until_equal(&first, &network).await;
    first.stop.cancel();
    stations.update_one(doc! {"_id": 1}, doc! {"$set": {"city": format!("y{huge}")}}).await.unwrap();
    for id in [2, 3] {
        stations.insert_one(doc! {"_id": id, "name": "a"}).await.unwrap();
        for name in ["b", "c"] {
            stations.update_one(doc! {"_id": id}, doc! {"$set": {"name": name}}).await.unwrap();
        }
    }
    stations.delete_one(doc! {"_id": 3}).await.unwrap();
    // What was deleted is not told: it was too large.
    stations.delete_one(doc! {"_id": 1}).await.unwrap();
    stations.insert_one(doc! {"_id": 1, "name": "again"}).await.unwrap();

    let second = network.instance(true);
    second.ready().await;
    let mut page = second.page(Collection::Stations).await;
    page.until_equal(&second, &network).await;
    let head = second.hub.head().unwrap();
    let events = Events::of(&network.mongo.own);
    let written = async {
        while events.written().await.unwrap().is_none_or(|(upto, _)| upto < head) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("the events are written");
    let all = events_of(&network).await;
    let told: Vec<&str> = all.iter().map(String::as_str).skip(2).collect();
    assert_eq!(all[1], r#"2 read {} { "name": "again" }"#);
    let name = |from: &str, to: &str| format!(r#"update {{ "name": "{from}" }} {{ "name": "{to}" }}"#);
    let as_it_was = |id: u64| {
        [r#"insert {} { "name": "a" }"#.to_owned(), name("a", "b"), name("b", "c")].into_iter().zip(3 * (id - 1)..)
    };
    let mut expected: Vec<String> =
        as_it_was(2).chain(as_it_was(3)).map(|(told, seq)| format!("{seq} {told}")).collect();
    let last = [r#"9 delete { "name": "c" } {}"#, "10 delete {} {}", r#"11 insert {} { "name": "again" }"#];
    expected.extend(last.map(str::to_owned));
    assert_eq!(told, expected);
    second.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_images_rows_are_read_and_figures_counted_anew() {
    let network = Network::on(support::mongod().await, &support::fresh_name("road"), "").await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..20).map(client)).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let mut page = instance.page(Collection::Clients).await;
    let from = page.window.received();
    clients.update_many(doc! {"_id": {"$lt": 8}}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    clients.delete_one(doc! {"_id": 0}).await.unwrap();
    clients.insert_one(client(0)).await.unwrap();
    clients.replace_one(doc! {"_id": 1}, doc! {"name": "Replaced", "status": "ACTIVE"}).await.unwrap();
    page.until_equal(&instance, &network).await;
    let since = instance.hub.since(Collection::Clients, from);
    assert!(matches!(since, Since::Frames(_)), "the rows were followed one by one");
    instance.until("figures counted anew", |hub| active_clients(hub) == Some(14) && counted_at(hub).is_none()).await;
    clients.update_one(doc! {"_id": 2}, doc! {"$set": {"status": "ACTIVE"}}).await.unwrap();
    instance.until("a word on the figures' age", |hub| counted_at(hub).is_some()).await;
    instance.until("figures counted anew", |hub| active_clients(hub) == Some(15) && counted_at(hub).is_none()).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_collection_is_shown_as_empty_and_followed() {
    let network = Network::on(support::mongod().await, &support::fresh_name("road"), "").await;
    let instance = network.instance(true);
    instance.ready().await;
    assert!(network.mongo.operator.list_collection_names().await.unwrap().is_empty(), "nothing was made");
    network.collection(Collection::Clients).insert_one(client(1)).await.unwrap();
    instance.until("the first client", |hub| active_clients(hub) == Some(1)).await;
    instance.stop.cancel();
}

#[tokio::test]
async fn an_audit_during_writes_finds_nothing_and_a_lie_in_the_log_is_found_told_and_mended() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    let writing = tokio::spawn({
        let clients = clients.clone();
        async move {
            for n in 0..400 {
                clients.insert_one(client(n)).await.unwrap();
                clients.update_one(doc! {"_id": n - 3}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
                clients.delete_one(doc! {"name": format!("Client {}", n / 2)}).await.unwrap();
            }
        }
    });
    let mut audits = 0;
    while !writing.is_finished() {
        assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal);
        audits += 1;
    }
    writing.await.unwrap();
    assert!(audits > 0);
    assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal, "also at rest");

    // Where nothing happens MongoDB's clock stands for ten seconds, and the audits wait for it.
    let eco = network.collection(Collection::EcoStats);
    let _ticking = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        for n in 0.. {
            ticks.tick().await;
            eco.insert_one(doc! {"_id": n}).await.unwrap();
        }
    }));
    let (log, lie) = (Log::new(network.redis.clone()), Cell::Documents(Collection::Clients));
    let truth = instance.hub.cell(&lie).unwrap();
    loop {
        let (tail, last) = log.last().await.unwrap().unwrap();
        let seq = tail.position.seq.next();
        let effect = Effect::Row(RowChange {
            id: DocId("nobody".to_owned()),
            after: None,
            changed: None,
            before: Fields::new(),
            cells: Some(vec![(lie.clone(), 5)].into()),
            unknown: false,
            read: None,
        });
        let ct = last.unwrap().ct;
        let record = Record { collection: Collection::Clients, ct, at: ct.instant(), effect };
        let epoch = tail.position.epoch;
        let entry = Entry {
            epoch,
            first: seq,
            last: seq,
            ct,
            closed: seq,
            gap: false,
            restored: false,
            records: vec![record.into()],
        };
        if log.append(Some(&tail), &entry, &tail.token).await.unwrap() == Appended::Done {
            break;
        }
    }
    instance.until("the lie", |hub| hub.cell(&lie) == Some(truth + 5)).await;
    let told = || metrics().audits.read().iter().filter(|([outcome], _)| outcome == "different").map(|(_, n)| *n).sum();
    let before: u64 = told();
    let found = audit::once(&instance.hub, &network.mongo).await.unwrap();
    assert_eq!(found, Verdict::Different(vec![(lie.clone(), truth + 5, truth)]));
    assert_eq!(told(), before + 1);
    assert_eq!(instance.hub.cell(&lie), Some(truth), "counted anew");
    assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal);
}

fn counted_at(hub: &Hub) -> Option<UtcMs> {
    serde_json::from_value(overview(hub, "Europe/London")?.fields.get("counted_at")?.clone()).ok()
}

/// All events as `seq op from to`, in order.
async fn events_of(network: &Network) -> Vec<String> {
    let events: mongodb::Collection<Document> = network.mongo.own.collection("events");
    let mut cursor = events.find(doc! {}).sort(doc! {"_id": 1}).await.unwrap();
    let mut all = Vec::new();
    while cursor.advance().await.unwrap() {
        let event: Document = cursor.deserialize_current().unwrap();
        let seq = event.get_document("_id").unwrap().get_i64("s").unwrap();
        let part = |name| event.get_document(name).map(ToString::to_string).unwrap_or_default();
        all.push(format!("{seq} {} {} {}", event.get_str("op").unwrap(), part("from"), part("to")));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_an_event_once_with_what_it_was_and_became() {
    let network = Network::new().await;
    let (first, second) = (network.instance(true), network.instance(false));
    first.ready().await;
    let payments = network.collection(Collection::Payments);
    payments.insert_one(doc! {"_id": 1, "status": "PENDING", "payment_id": "P-1"}).await.unwrap();
    payments
        .update_one(doc! {"_id": 1}, doc! {"$set": {"status": "FAILED"}, "$unset": {"payment_id": ""}})
        .await
        .unwrap();
    let written = |n: u64| {
        let events = Events::of(&network.mongo.own);
        async move {
            let waiting = async {
                while events.written().await.unwrap().is_none_or(|(at, _)| at.seq.0 < n) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the events are not written");
        }
    };
    written(2).await;
    // Whoever writes dies; while nobody writes the log goes on; then two begin at once.
    first.stop.cancel();
    second.stop.cancel();
    payments.delete_one(doc! {"_id": 1}).await.unwrap();
    let (third, fourth) = (network.instance(true), network.instance(true));
    third.ready().await;
    payments.insert_many((10..40).map(|n| doc! {"_id": n, "status": "CAPTURED"})).await.unwrap();
    written(33).await;
    let events = events_of(&network).await;
    assert_eq!(events.len(), 33, "{events:#?}");
    // An amount that names no currency is in the network's.
    assert_eq!(
        events[..3],
        [
            r#"1 insert {} { "currency": "GBP", "payment_id": "P-1", "status": "PENDING" }"#,
            r#"2 update { "payment_id": "P-1", "status": "PENDING" } { "status": "FAILED" }"#,
            r#"3 delete { "currency": "GBP", "status": "FAILED" } {}"#,
        ]
    );
    // Who asks gets them newest first, and by kind.
    let store = Events::of(&network.mongo.own);
    let page = store.page(Filter::Problems, None).await.unwrap();
    assert_eq!(page.events.iter().map(|(at, _)| at.seq.0).collect::<Vec<_>>(), [2]);
    let page = store.page(Filter::Of(Collection::Payments), None).await.unwrap();
    assert_eq!((page.events.len(), page.events[0].0.seq.0, page.more), (33, 33, false));
    let older = store.page(Filter::All, Some(page.events[30].0)).await.unwrap();
    assert_eq!(older.events.iter().map(|(at, _)| at.seq.0).collect::<Vec<_>>(), [2, 1]);
    // The feed's board holds the same.
    let board = third.hub.board(&Board::Activity(Filter::Problems)).unwrap();
    assert_eq!(board.fields.values().filter(|v| v.is_object()).count(), 1);
    third.stop.cancel();
    fourth.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_version_is_not_continued_and_stops_nothing() {
    let network = Network::new().await;
    for seq in 1..=600 {
        let () = redis::cmd("XADD")
            .arg(network.redis.key("log"))
            .arg(format!("7-{seq}"))
            .arg("token")
            .arg("t")
            .arg("entry")
            .arg(r#"{"version": 1, "shape": "unknown"}"#)
            .query_async(&mut network.redis.connection())
            .await
            .unwrap();
    }
    let instance = network.instance(true);
    instance.ready().await;
    assert!(instance.hub.head().unwrap().epoch.0 > 7);
    network.collection(Collection::Clients).insert_one(client(1)).await.unwrap();
    instance.page(Collection::Clients).await.until_equal(&instance, &network).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_for_a_list_it_is_read_once() {
    let network = Network::new().await;
    let instances = [network.instance(true), network.instance(false)];
    for instance in &instances {
        instance.ready().await;
    }
    network.collection(Collection::Clients).insert_many((0..10).map(client)).await.unwrap();
    for instance in &instances {
        instance.until("10 clients", |hub| active_clients(hub) == Some(10)).await;
    }
    let db = &network.mongo.operator;
    db.run_command(doc! {"profile": 2}).await.unwrap();
    // As who was led by a log that is the log no more.
    let Position { epoch, seq } = instances[0].hub.head().unwrap();
    let elsewhere =
        [None, Some(Position::new(Epoch(epoch.0 - 1), seq)), Some(Position::new(Epoch(epoch.0 + 1), Seq(0)))];
    let asked = (0..40).map(|n| {
        let (snapshots, min_position) = (instances[n % 2].snapshots.clone(), elsewhere[n % 3]);
        tokio::spawn(async move {
            snapshots.list(Collection::Clients, Selection::default(), min_position).await.unwrap().rows.len()
        })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 10);
    }
    assert_eq!(reads_of_clients(&network).await, 1, "for 40 who asked two instances at once");
    instances.iter().for_each(|instance| instance.stop.cancel());
}

/// How often the list of clients was read since MongoDB notes what it is asked.
async fn reads_of_clients(network: &Network) -> u64 {
    let db = &network.mongo.operator;
    db.run_command(doc! {"profile": 0}).await.unwrap();
    let reads = doc! {"$or": [{"command.find": "clients"}, {"command.aggregate": "clients"}]};
    db.collection::<Document>("system.profile").count_documents(reads).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_to_its_end_whoever_asked_has_gone() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("road"), "").await.with_images().await;
    let instances = [network.instance(true), network.instance(false)];
    for instance in &instances {
        instance.ready().await;
    }
    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    let namespace = format!("{}.clients", network.mongo.operator.name());
    let held = doc! {"failCommands": ["find"], "namespace": namespace, "blockConnection": true, "blockTimeMS": 1000};
    let hold = doc! {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": held};
    let admin = network.mongo.client.database("admin");
    let entered = admin.run_command(hold).await.unwrap().get_i32("count").unwrap() + 1;
    let ask = |of: usize| {
        let snapshots = instances[of].snapshots.clone();
        tokio::spawn(async move { snapshots.list(Collection::Clients, Selection::default(), None).await })
    };
    let first = ask(0);
    let wait = doc! {"waitForFailPoint": "failCommand", "timesEntered": i64::from(entered), "maxTimeMS": 30_000};
    admin.run_command(wait).await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    ask(1).await.unwrap().unwrap();
    assert_eq!(reads_of_clients(&network).await, 1, "for one who went and one who waited");
    instances.iter().for_each(|instance| instance.stop.cancel());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_that_append_at_once_one_gets_each_number() {
    let log = Log::new(Network::new().await.redis);
    let entry = |seq: u64| Entry {
        epoch: Epoch(1),
        first: Seq(seq),
        last: Seq(seq),
        ct: ClusterTime(seq),
        closed: Seq(seq),
        gap: false,
        restored: false,
        records: Vec::new(),
    };
    assert_eq!(log.append(None, &entry(1), "1").await.unwrap(), Appended::Done);
    let relays = ["a", "b"].map(|name| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut done = 0;
            let mut tail = Tail { position: Position::new(Epoch(1), Seq(1)), token: "1".to_owned() };
            while tail.position.seq.0 < 100 {
                let next = tail.position.seq.0 + 1;
                let token = format!("{name}{next}");
                tail = match log.append(Some(&tail), &entry(next), &token).await.unwrap() {
                    Appended::Done => {
                        done += 1;
                        Tail { position: Position::new(Epoch(1), Seq(next)), token }
                    }
                    Appended::Chain(ahead) => ahead.expect("the log is not empty"),
                };
            }
            done
        })
    });
    let mut done = 0;
    for relay in relays {
        done += relay.await.unwrap();
    }
    assert_eq!(done, 99, "each number was given once");
    let numbers: Vec<u64> = log.after(None).await.unwrap().iter().map(|entry| entry.first.0).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}

/// What was read of a collection without documents.
fn read(seq: u64, ct: u64) -> Snapshot {
    Snapshot {
        topic: Collection::Clients,
        position: Position::new(Epoch(1), Seq(seq)),
        ct: ClusterTime(ct),
        rows: Vec::new(),
        complete: true,
        selection: Selection::default(),
        total: None,
        sight: Default::default(),
        others: None,
        unknown: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_never_takes_the_place_of_a_newer_one() {
    let redis = Network::new().await.redis;
    // Each is newer than the one before, and none is by the rules of texts of any length, or of doubles.
    let ascending =
        [(9, 5), (10, 5), (10, 6), (1 << 53, 6), ((1 << 53) + 1, 6), ((1 << 53) + 1, (1 << 60) + 1), (u64::MAX, 0)];
    let mut newest = read(1, 1);
    assert!(snapshots::cache(&redis, &newest).await.unwrap());
    for (seq, ct) in ascending {
        let newer = read(seq, ct);
        assert!(snapshots::cache(&redis, &newer).await.unwrap(), "{newer:?} after {newest:?}");
        assert!(!snapshots::cache(&redis, &newest).await.unwrap(), "{newest:?} after {newer:?}");
        assert_eq!(
            snapshots::cached(&redis, Epoch(1), Collection::Clients, &Selection::default()).await.unwrap().as_ref(),
            Some(&newer)
        );
        newest = newer;
    }
    let mut other_epoch = read(1, 1);
    other_epoch.position.epoch = Epoch(2);
    assert!(snapshots::cache(&redis, &other_epoch).await.unwrap(), "each epoch has its own");

    let count =
        |seq| Count { position: Position::new(Epoch(1), Seq(seq)), ct: ClusterTime(1), cells: Cells::default() };
    assert!(snapshots::keep_count(&redis, &count(10)).await.unwrap());
    assert!(!snapshots::keep_count(&redis, &count(9)).await.unwrap());
    assert_eq!(snapshots::kept_count(&redis, Epoch(1)).await.unwrap().unwrap().position.seq, Seq(10));
}
