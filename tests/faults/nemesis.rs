//! The faults. Each strikes while writers write and clients watch, and is healed when its function returns.
//!
//! Long, because each fault is one arm: how it strikes, and how it is healed.

use std::{fmt, time::Duration};

use bson::{Bson, DateTime, Document, Timestamp, doc};
use chargedeck::domain::collections::Collection;
use futures_util::future::join_all;
use mongodb::error::{ErrorKind, WriteFailure};
use rand::{
    RngExt,
    rngs::ChaCha8Rng,
    seq::{IndexedRandom, IteratorRandom},
};
use tokio::time::{Instant, MissedTickBehavior, sleep};

use super::{
    client::Account,
    cluster::{Cluster, MALLORY, command, eventually},
    mallory,
    proxy::Mode,
    support::documents,
    writer::{counted, lasting, made, next_counter},
};

/// How long a link stays disturbed.
const HURT: Duration = Duration::from_secs(4);
/// A client that hears nothing for this long knows that its connection is dead.
const UNHEARD: Duration = Duration::from_secs(14);
/// Longer than a lease, so that another relay takes over.
const PAUSED: Duration = Duration::from_secs(6);

/// One of an instance's links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Clients,
    Redis,
    Mongo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    InstanceKilled,
    InstanceTerminated,
    RelayPaused,
    PrimarySteppedDown,
    PrimaryKilled,
    PrimaryPaused,
    SecondaryKilled,
    /// No member can be primary.
    MajorityLost,
    RedisKilled,
    RedisPaused,
    RedisFlushed,
    /// Redis refuses everything that needs memory.
    RedisFull,
    /// A fail-over to a replica that lacks the last seconds.
    StaleReplica,
    /// A fail-over to a replica that lacks a whole epoch.
    ReplicaOfOlderEpoch,
    SubscribersKilled,
    Cut(Side),
    Hole(Side),
    /// Half-open: requests arrive at the side, and no answers come back.
    Mute(Side),
    /// Half-open: what the side sends by itself arrives, and no requests reach it.
    Deaf(Side),
    Late(Side),
    Reset(Side),
    SlowClients,
    CollectionDropped,
    CollectionReplaced,
    CollectionRenamedOnto,
    DatabaseDropped,
    Malformed,
    Huge,
    LargeTransaction,
    Burst,
    /// One document, thousands of changes.
    HotDocument,
    /// Documents of any kind, some with invalid UTF-8 in texts and ids, and an id that no event can hold.
    HostileDocuments,
    /// An admin asks for everything expensive.
    HostileAdmin,
}

impl Fault {
    pub const ALL: [Self; 45] = {
        use Fault::*;
        use Side::*;
        [
            InstanceKilled,
            InstanceTerminated,
            RelayPaused,
            PrimarySteppedDown,
            PrimaryKilled,
            PrimaryPaused,
            SecondaryKilled,
            MajorityLost,
            RedisKilled,
            RedisPaused,
            RedisFlushed,
            RedisFull,
            StaleReplica,
            ReplicaOfOlderEpoch,
            SubscribersKilled,
            Cut(Clients),
            Cut(Redis),
            Cut(Mongo),
            Hole(Clients),
            Hole(Redis),
            Hole(Mongo),
            Mute(Clients),
            Mute(Redis),
            Mute(Mongo),
            Deaf(Clients),
            Deaf(Redis),
            Deaf(Mongo),
            Late(Clients),
            Late(Redis),
            Late(Mongo),
            Reset(Clients),
            Reset(Redis),
            Reset(Mongo),
            SlowClients,
            CollectionDropped,
            CollectionReplaced,
            CollectionRenamedOnto,
            DatabaseDropped,
            Malformed,
            Huge,
            LargeTransaction,
            Burst,
            HotDocument,
            HostileDocuments,
            HostileAdmin,
        ]
    };

    /// The faults of every test run: at least one of each kind.
    pub const SELECTION: [Self; 33] = {
        use Fault::*;
        use Side::*;
        [
            RelayPaused,
            InstanceKilled,
            InstanceTerminated,
            SubscribersKilled,
            RedisKilled,
            RedisPaused,
            RedisFull,
            StaleReplica,
            ReplicaOfOlderEpoch,
            Cut(Redis),
            Hole(Redis),
            Mute(Redis),
            Hole(Mongo),
            Mute(Mongo),
            Cut(Clients),
            Hole(Clients),
            Deaf(Clients),
            SlowClients,
            PrimarySteppedDown,
            PrimaryKilled,
            PrimaryPaused,
            MajorityLost,
            LargeTransaction,
            Burst,
            HotDocument,
            CollectionReplaced,
            CollectionRenamedOnto,
            Malformed,
            HostileDocuments,
            HostileAdmin,
            Huge,
            RedisFlushed,
            DatabaseDropped,
        ]
    };

    /// Whether messages of the instances reach clients late.
    pub const fn delays_clients(self) -> bool {
        matches!(
            self,
            Self::Hole(Side::Clients) | Self::Mute(Side::Clients) | Self::Late(Side::Clients) | Self::SlowClients
        )
    }

    /// Whether Redis loses the sessions.
    pub const fn ends_sessions(self) -> bool {
        matches!(self, Self::RedisFlushed | Self::ReplicaOfOlderEpoch)
    }

    /// Strikes, and heals before it returns.
    #[expect(clippy::too_many_lines, reason = "one arm for each fault")]
    pub async fn strike(self, cluster: &mut Cluster, rng: &mut ChaCha8Rng) {
        // These faults hurt most at the relay, which reads the stream and writes the log.
        let i = match self {
            Self::InstanceKilled
            | Self::RelayPaused
            | Self::Cut(Side::Redis | Side::Mongo)
            | Self::Hole(Side::Redis | Side::Mongo)
            | Self::Mute(Side::Redis | Side::Mongo)
            | Self::Deaf(Side::Redis | Side::Mongo)
            | Self::Late(Side::Redis | Side::Mongo) => cluster.relay(),
            _ => rng.random_range(0..cluster.instances.len()),
        };
        match self {
            Self::InstanceKilled => {
                cluster.instances[i].server.kill9();
                sleep(HURT).await;
                cluster.instances[i].server.spawn();
                cluster.ready(i).await;
            }
            Self::InstanceTerminated => {
                let server = &mut cluster.instances[i].server;
                server.signal("TERM");
                let ended = async || server.has_ended();
                eventually("an instance that has ended", ended).await;
                server.kill9();
                server.spawn();
                cluster.ready(i).await;
            }
            Self::RelayPaused => {
                cluster.instances[i].server.signal("STOP");
                sleep(PAUSED).await;
                cluster.instances[i].server.signal("CONT");
            }
            Self::PrimarySteppedDown => {
                let primary = cluster.primary().await;
                let admin = cluster.members[primary].direct().await.database("admin");
                admin.run_command(doc! { "replSetStepDown": 10, "force": true }).await.expect("a primary steps down");
                cluster.primary().await;
            }
            Self::PrimaryKilled => {
                let primary = cluster.primary().await;
                restart_member(cluster, primary).await;
            }
            Self::SecondaryKilled => {
                let secondary = (cluster.primary().await + 1) % cluster.members.len();
                restart_member(cluster, secondary).await;
            }
            Self::PrimaryPaused => {
                let primary = cluster.primary().await;
                cluster.members[primary].signal("STOP");
                sleep(PAUSED).await;
                cluster.members[primary].signal("CONT");
                cluster.primary().await;
            }
            Self::MajorityLost => {
                let primary = cluster.primary().await;
                let others: Vec<usize> = (0..cluster.members.len()).filter(|member| *member != primary).collect();
                for member in &others {
                    cluster.members[*member].signal("STOP");
                }
                sleep(PAUSED).await;
                for member in &others {
                    cluster.members[*member].signal("CONT");
                }
                cluster.primary().await;
            }
            Self::RedisKilled => {
                cluster.redis[0].kill9();
                sleep(HURT / 2).await;
                cluster.redis[0].restart().await;
            }
            Self::RedisPaused => {
                cluster.redis[0].signal("STOP");
                sleep(HURT).await;
                cluster.redis[0].signal("CONT");
            }
            Self::RedisFlushed => drop(command(&cluster.redis[0], &["FLUSHALL"]).await),
            Self::RedisFull => {
                command(&cluster.redis[0], &["CONFIG", "SET", "maxmemory", "1"]).await;
                sleep(HURT).await;
                command(&cluster.redis[0], &["CONFIG", "SET", "maxmemory", "0"]).await;
            }
            Self::StaleReplica => {
                cluster.part_replica().await;
                sleep(HURT / 2).await;
                cluster.promote_replica();
                sleep(HURT).await;
                cluster.replicate().await;
            }
            Self::ReplicaOfOlderEpoch => {
                cluster.part_replica().await;
                command(&cluster.redis[0], &["FLUSHALL"]).await;
                sleep(HURT).await;
                cluster.promote_replica();
                sleep(HURT).await;
                cluster.replicate().await;
            }
            Self::SubscribersKilled => {
                for _ in 0..5 {
                    command(&cluster.redis[0], &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
                    sleep(HURT / 5).await;
                }
            }
            Self::Cut(side) => hurt(cluster, i, side, Mode::Cut).await,
            // With a hole, both ends must notice by themselves that the connection is dead.
            Self::Hole(side) => hurt(cluster, i, side, Mode::Hole).await,
            Self::Mute(side) => hurt(cluster, i, side, Mode::Mute).await,
            Self::Deaf(side) => hurt(cluster, i, side, Mode::Deaf).await,
            Self::Late(side) => hurt(cluster, i, side, Mode::Late(Duration::from_millis(200))).await,
            Self::SlowClients => hurt(cluster, i, Side::Clients, Mode::Slow(1024)).await,
            Self::Reset(side) => {
                for instance in &cluster.instances {
                    link(instance, side).reset();
                }
                sleep(HURT / 2).await;
            }
            Self::CollectionDropped => {
                let collection = *Collection::ALL.choose(rng).expect("there are some");
                let of = cluster.mongo.operator.collection::<Document>(collection.name());
                of.drop().await.expect("a collection can be dropped");
                sleep(HURT / 2).await;
            }
            Self::CollectionReplaced => {
                let collection = *Collection::ALL.choose(rng).expect("there are some");
                let half = [doc! { "$match": { "source.n": { "$mod": [2, 0] } } }, doc! { "$out": collection.name() }];
                let of = cluster.mongo.operator.collection::<Document>(collection.name());
                of.aggregate(half).await.expect("a collection can be replaced");
                sleep(HURT / 2).await;
            }
            Self::CollectionRenamedOnto => renamed_onto(cluster, rng).await,
            Self::DatabaseDropped => {
                cluster.mongo.operator.drop().await.expect("a database can be dropped");
                sleep(HURT / 2).await;
            }
            Self::Malformed => malformed(cluster, rng).await,
            Self::Huge => huge(cluster, rng).await,
            Self::LargeTransaction => large_transaction(cluster, rng).await,
            Self::Burst => burst(cluster, rng).await,
            Self::HotDocument => hot_document(cluster, rng).await,
            Self::HostileDocuments => hostile_documents(cluster, rng).await,
            Self::HostileAdmin => {
                let cookie = Account::of(MALLORY, cluster.ports()).cookie(None).await.expect("a session");
                let until = Instant::now() + HURT / 2;
                let [answered, ..] = mallory::asks_for_all(&cluster.ports(), &cookie, until).await;
                assert!(answered > 0, "no list was read");
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

const fn link(instance: &super::cluster::Instance, side: Side) -> &super::proxy::Link {
    match side {
        Side::Clients => &instance.clients,
        Side::Redis => &instance.redis,
        Side::Mongo => &instance.mongo,
    }
}

async fn hurt(cluster: &Cluster, i: usize, side: Side, mode: Mode) {
    let link = link(&cluster.instances[i], side);
    link.set(mode);
    let unheard = side == Side::Clients && matches!(mode, Mode::Hole | Mode::Mute);
    sleep(if unheard { UNHEARD } else { HURT }).await;
    link.set(Mode::Open);
}

async fn restart_member(cluster: &mut Cluster, member: usize) {
    cluster.members[member].kill9();
    sleep(HURT).await;
    cluster.members[member].rejoin().await;
    let back = &cluster.members[member];
    eventually("a member that is back", async || back.says("secondary").await || back.says("isWritablePrimary").await)
        .await;
}

async fn renamed_onto(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let db = &cluster.mongo.operator;
    let new: Vec<Document> = (0..20).map(|_| made(Collection::Stations, "renamed", rng)).collect();
    db.collection("stations_new").insert_many(new).await.expect("a collection can be made");
    let admin = cluster.mongo.client.database("admin");
    let (from, to) = (format!("{}.stations_new", db.name()), format!("{}.stations", db.name()));
    let renamed = admin.run_command(doc! { "renameCollection": from, "to": to, "dropTarget": true }).await;
    renamed.expect("a collection can be renamed");
    sleep(HURT / 2).await;
}

/// Inserts documents whose fields hold wrong values. Nobody deletes them.
async fn malformed(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let mut deep = Bson::Int32(1);
    for _ in 0..40 {
        deep = doc! { "a": [deep] }.into();
    }
    let odd: [Bson; 12] = [
        Bson::Null,
        Bson::Double(f64::NAN),
        Bson::Double(f64::NEG_INFINITY),
        Bson::Int64(i64::MIN),
        Bson::Boolean(true),
        Bson::String("\u{0}\u{feff}é".repeat(900)),
        Bson::Array(vec![Bson::Null, doc! {}.into(), Bson::Array(Vec::new())]),
        doc! { "": { "$x": 1 } }.into(),
        Bson::DateTime(DateTime::MIN),
        Bson::DateTime(DateTime::MAX),
        Bson::Timestamp(Timestamp { time: u32::MAX, increment: 1 }),
        deep,
    ];
    for collection in Collection::ALL {
        let of = cluster.mongo.operator.collection::<Document>(collection.name());
        for (i, value) in (0_i32..).zip(&odd) {
            let mut document = doc! { "_id": { "odd": next_counter(), "i": i } };
            for name in collection.shown_fields() {
                // Leave the sort field alone, so that lists have one order.
                if name != collection.order().field() && !name.ends_with("_id") && rng.random_bool(0.6) {
                    document.insert(name, value.clone());
                }
            }
            document.extend(lasting(collection, &format!("odd-{i}"), next_counter()));
            let id = document.get("_id").cloned().expect("it has one");
            unless_refused(of.insert_one(document).await);
            let field = collection.shown_fields().choose(rng).expect("there are fields");
            if field != collection.order().field() && !field.ends_with("_id") {
                unless_refused(of.update_one(doc! { "_id": id }, doc! { "$set": { field: value } }).await);
            }
        }
    }
}

/// Inserts, changes and partly deletes documents of any kind in all collections. Then inserts and deletes one whose
/// events fit into no stream, because an event's resume token repeats the id.
async fn hostile_documents(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    const EACH: i32 = 8;
    let db = &cluster.mongo.operator;
    let commands = Collection::ALL.map(|collection| {
        let (of, ids) = (collection.name(), (0..EACH).map(odd_id).collect::<Vec<_>>());
        let mut any = |kind, id: &Bson| hostile(collection, kind, id.clone(), rng);
        let new: Vec<Document> = (0..).zip(&ids).map(|(kind, id)| any(kind, id)).collect();
        let change = |(kind, id)| doc! { "q": { "_id": id }, "u": any(kind, id) };
        let changes: Vec<Document> = (3..).zip(&ids).map(change).collect();
        let some: Vec<Document> = ids.iter().step_by(3).map(|id| doc! { "q": { "_id": id }, "limit": 1 }).collect();
        [
            doc! { "insert": of, "documents": new, "ordered": false },
            doc! { "update": of, "updates": changes, "ordered": false },
            doc! { "delete": of, "deletes": some },
        ]
    });
    let written = join_all(commands.map(async |commands| {
        let mut written = 0;
        for command in commands {
            let answer = db.run_raw_command(documents::raw(&command)).await.expect("a write");
            written += answer.get_i32("n").expect("how many");
        }
        written
    }));
    let written: i32 = written.await.into_iter().sum();
    assert!(written > EACH * 5 * 3 / 2, "only {written} writes were taken");
    let large = doc! { "_id": "x".repeat(7_500_000), "created_at": DateTime::from_millis(0) };
    let of = db.collection::<Document>(Collection::Payments.name());
    of.insert_one(&large).await.expect("a large id");
    of.delete_one(doc! { "_id": large.get("_id") }).await.expect("a large id");
}

/// Returns a new odd id. `kind` selects what is odd about it.
fn odd_id(kind: i32) -> Bson {
    let n = next_counter();
    match kind {
        0 => format!("{}{n}", documents::NO_TEXT).into(),
        1 => doc! { "a": [documents::NO_TEXT, "\0", i64::MAX, n] }.into(),
        2 => format!("\0{n}").into(),
        _ => doc! { "hostile": n }.into(),
    }
}

/// Returns a hostile document. It leaves the sort field alone so that lists keep one order, and has a counter so that
/// every write is counted.
fn hostile(collection: Collection, kind: i32, id: Bson, rng: &mut ChaCha8Rng) -> Document {
    let n = next_counter();
    let mut deep = Bson::Int32(1);
    for _ in 0..90 {
        deep = vec![deep].into();
    }
    let evse = doc! { "uid": "1", "status": "AVAILABLE", "pin": documents::CANARY };
    let may_be = |name: &&str| *name != collection.order().field() && !name.ends_with("_id");
    let names = || collection.shown_fields().filter(may_be).map(str::to_owned);
    // MongoDB refuses arrays in two fields of one index, so pick a single field.
    let one = names().choose(rng).expect("there are fields");
    let mut document: Document = match kind {
        3 => names().map(|name| (name, i64::MAX.into())).collect(),
        4 => names().map(|name| (name, "\0\0\0".into())).collect(),
        5 => [(one, deep)].into_iter().collect(),
        6 => [(one, vec![Bson::from(evse); 2000].into())].into_iter().collect(),
        _ => documents::document_of(rng, collection).into_iter().filter(|(name, _)| may_be(&name.as_str())).collect(),
    };
    document.insert("_id", id);
    document.extend(lasting(collection, &format!("hostile-{n}"), n));
    document.extend(counted(n));
    document
}

/// Panics on every error except MongoDB's refusal of arrays in two fields of one index.
fn unless_refused<T>(written: mongodb::error::Result<T>) {
    const PARALLEL_ARRAYS: i32 = 171;
    let Err(error) = written else { return };
    let ErrorKind::Write(WriteFailure::WriteError(refused)) = &*error.kind else { panic!("{error}") };
    assert_eq!(refused.code, PARALLEL_ARRAYS, "{error}");
}

/// The beginning of the ids of documents too large for images.
pub const HUGE: &str = "huge";

/// Changes documents with two images of 9 MB each, in a field that is not shown and in one that is.
async fn huge(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let filler = "x".repeat(9 << 20);
    for field in ["filler", "model"] {
        let mut document = made(Collection::Stations, HUGE, rng);
        document.insert(field, &filler);
        let id = document.get_str("_id").expect("a text").to_owned();
        let of = cluster.mongo.operator.collection::<Document>("stations");
        of.insert_one(document).await.expect("a huge document");
        let set = doc! { "$set": counted(next_counter()) };
        of.update_one(doc! { "_id": &id }, set).await.expect("a huge document changes");
        let rest = doc! { "$unset": { field: "" } };
        of.update_one(doc! { "_id": &id }, rest).await.expect("a huge document shrinks");
    }
}

async fn large_transaction(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let of = cluster.mongo.operator.collection::<Document>("payments");
    let all: Vec<Document> = (0..1000).map(|_| made(Collection::Payments, "large", rng)).collect();
    let large = doc! { "_id": { "$regex": "^large-" } };
    let mut captured = counted(next_counter());
    captured.insert("status", "CAPTURED");
    let set = doc! { "$set": captured };
    for step in 0..3 {
        let mut session = cluster.mongo.client.start_session().await.expect("a session");
        session.start_transaction().await.expect("a transaction");
        match step {
            0 => drop(of.insert_many(&all).session(&mut session).await.expect("a thousand are inserted")),
            1 => drop(of.update_many(large.clone(), set.clone()).session(&mut session).await.expect("and changed")),
            _ => drop(of.delete_many(large.clone()).session(&mut session).await.expect("and deleted")),
        }
        session.commit_transaction().await.expect("a transaction is committed");
    }
}

async fn burst(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let of = cluster.mongo.operator.collection::<Document>("eco_stats");
    let all: Vec<Document> = (0..5000).map(|_| made(Collection::EcoStats, "burst", rng)).collect();
    of.insert_many(&all).await.expect("many are inserted");
    let burst = doc! { "_id": { "$regex": "^burst-" } };
    let set = doc! { "$set": counted(next_counter()) };
    of.update_many(burst.clone(), set).await.expect("and changed");
    of.delete_many(burst).await.expect("and deleted");
}

/// Writes `rate` changes a second, or as many as MongoDB takes, for the time `lasting`. Returns how many there were.
/// Ids begin with `flood-`.
pub async fn flood(cluster: &Cluster, rng: &mut ChaCha8Rng, rate: u32, lasting: Duration) -> u64 {
    const TOGETHER: u32 = 1000;
    let db = &cluster.mongo.operator;
    let all: Vec<Document> = (0..500).map(|_| made(Collection::Payments, "flood", rng)).collect();
    db.collection::<Document>("payments").insert_many(&all).await.expect("many are inserted");
    let ids: Vec<&Bson> = all.iter().filter_map(|document| document.get("_id")).collect();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) * TOGETHER / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (began, mut written) = (Instant::now(), all.len());
    while began.elapsed() < lasting {
        ticks.tick().await;
        let change = |id| doc! { "q": { "_id": id }, "u": { "$set": counted(next_counter()) } };
        let updates: Vec<Document> = ids.iter().cycle().take(TOGETHER as usize).map(change).collect();
        written += updates.len();
        db.run_command(doc! { "update": "payments", "updates": updates }).await.expect("they are changed");
    }
    written as u64
}

async fn hot_document(cluster: &Cluster, rng: &mut ChaCha8Rng) {
    let db = &cluster.mongo.operator;
    let hot = made(Collection::Stations, "hot", rng);
    let id = hot.get("_id").cloned().expect("it has one");
    db.collection("stations").insert_one(hot).await.expect("a document");
    let change = |_| doc! { "q": { "_id": &id }, "u": { "$set": counted(next_counter()) } };
    let updates: Vec<Document> = (0..5000).map(change).collect();
    db.run_command(doc! { "update": "stations", "updates": updates }).await.expect("it is changed");
}
