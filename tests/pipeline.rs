//! The pipeline from a write in MongoDB to what a page would show, with a real replica set and a real Redis.
//!
//! Long, because the network, the instance and the page that all tests share stand here.

#[path = "pipeline/controls.rs"]
mod controls;
#[path = "pipeline/engine.rs"]
mod engine;
#[path = "pipeline/epochs.rs"]
mod epochs;
#[path = "pipeline/events.rs"]
mod events;
#[path = "pipeline/figures.rs"]
mod figures;
#[path = "pipeline/followed.rs"]
mod followed;
#[path = "pipeline/guarantees.rs"]
mod guarantees;
#[path = "pipeline/honest.rs"]
mod honest;
#[path = "pipeline/hostile.rs"]
mod hostile;
#[path = "pipeline/images.rs"]
mod images;
#[path = "pipeline/lists.rs"]
mod lists;
#[path = "pipeline/privacy.rs"]
mod privacy;
#[path = "pipeline/reads.rs"]
mod reads;
#[path = "pipeline/reports.rs"]
mod reports;
#[path = "pipeline/rewound.rs"]
mod rewound;
#[path = "pipeline/rollout.rs"]
mod rollout;
#[path = "pipeline/selection.rs"]
mod selection;
mod support;

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
        auth::user::UserId,
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

/// An instance without its HTTP side: relay, hub and snapshots.
struct Instance {
    hub: Hub,
    snapshots: Snapshots,
    stop: CancellationToken,
}

/// One installation: a database of its own, and the instances on it.
struct Network {
    mongo: Mongo,
    redis: Redis,
}

impl Network {
    async fn new() -> Self {
        Self::on(support::mongod().await, &support::fresh_name("pipeline"), "").await.with_images().await
    }

    async fn with_images(self) -> Self {
        support::collections_with_images(&self.mongo.operator).await;
        self
    }

    /// A network on the database of this name, with the settings of `file`.
    async fn on(mongod: &support::Mongod, name: &str, file: &str) -> Self {
        Self::of(mongod, support::redis().await, name, file).await
    }

    /// Like [`Self::on`], with a Redis of its own.
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

    /// An instance of a build with this schema. It has no engine, so its reports are read.
    fn instance_of(&self, schema: Schema, relays: bool) -> Instance {
        self.instance_with(schema, relays, 0)
    }

    /// An instance whose engine holds all documents.
    fn instance_with_engine(&self) -> Instance {
        self.instance_with(Schema::OURS, true, 64 << 20)
    }

    fn instance_with(&self, schema: Schema, relays: bool, engine_bytes: usize) -> Instance {
        let currency = chargedeck::domain::money::Currency("GBP".into());
        let hub = Hub::new(Duration::from_secs(900), currency, engine_bytes);
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

    /// Waits until a board that takes long satisfies `condition`. It is made as it is for a socket that looks at it.
    async fn until_made(
        &self,
        what: &str,
        board: &Board,
        condition: impl Fn(&Fields) -> bool,
    ) -> Arc<hub::BoardSnapshot> {
        let mut changes = self.hub.changes();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                let made = self.hub.board_of_now(board).await;
                if condition(&made.fields) {
                    return made;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn ready(&self) {
        self.until("a log and counted documents", |hub| {
            hub.head().is_some() && overview(hub, "Europe/London").is_some()
        })
        .await;
    }

    /// Opens a page that follows a collection as browsers do.
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

/// An account.
fn ada() -> UserId {
    "a".repeat(24).parse().unwrap()
}

fn client(n: i64) -> Document {
    doc! {"_id": n, "name": format!("Client {n}"), "status": "ACTIVE", "created_at": bson::DateTime::from_millis(n * 1000)}
}

/// The Overview as of now, made here if need be.
fn overview(hub: &Hub, zone: &str) -> Option<Arc<hub::BoardSnapshot>> {
    let board = Board::Overview(zone.to_owned());
    let runtime = tokio::runtime::Handle::current();
    // A thread of its own, because conditions that wait for it are no async functions.
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(hub.make_board(&board))).join().unwrap())
}

fn open(hub: &Hub) -> Option<Open> {
    let overview = overview(hub, "Europe/London")?;
    serde_json::from_value(overview.fields.get("open_payments")?.clone()).ok()
}

fn active_clients(hub: &Hub) -> Option<i64> {
    overview(hub, "Europe/London")?.fields.get("clients")?.as_i64()
}

/// Returns all events as `seq op from to`, in order.
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

fn counted_at(hub: &Hub) -> Option<UtcMs> {
    serde_json::from_value(overview(hub, "Europe/London")?.fields.get("counted_at")?.clone()).ok()
}

/// A snapshot of a collection without documents.
fn read(seq: u64, ct: u64) -> Snapshot {
    Snapshot::blank(Collection::Clients, Position::new(Epoch(1), Seq(seq)), ClusterTime(ct))
}
