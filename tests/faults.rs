//! The proof under faults: a replica set of three, a Redis with a replica, three instances, and a proxy on each link.
//! Writers write, clients watch, and faults strike. Afterwards every screen must equal MongoDB, and every
//! acknowledged write must be exactly one event.
//!
//! `cargo test --test faults` strikes with a selection of faults, or with those of it whose names contain
//! `CHARGEDECK_FAULTS`. `scripts/faults` strikes at random for as long as it is told.
//!
//! Long, because a run is one procedure: it starts, is struck, heals and is compared.

#[path = "faults/asleep.rs"]
mod asleep;
#[path = "faults/audit.rs"]
mod audit;
#[path = "faults/balancer.rs"]
mod balancer;
#[path = "faults/browsers.rs"]
mod browsers;
#[path = "faults/client.rs"]
mod client;
#[path = "faults/cluster.rs"]
mod cluster;
#[path = "faults/deploy.rs"]
mod deploy;
#[path = "faults/half_open.rs"]
mod half_open;
#[path = "support/http.rs"]
mod http;
#[path = "support/mallory.rs"]
mod mallory;
#[path = "faults/nemesis.rs"]
mod nemesis;
#[path = "faults/proxy.rs"]
mod proxy;
#[path = "faults/referee.rs"]
mod referee;
#[path = "faults/relays.rs"]
mod relays;
mod support;
#[path = "faults/writer.rs"]
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use audit::Count;
use browsers::Browsers;
use bson::{Document, doc};
use chargedeck::{
    domain::{collections::Collection, protocol::position::Epoch},
    server::{
        mongo::{
            Mongo,
            collections::{Found, found},
        },
        redis::log::Log,
    },
};
use client::{Account, Client};
use cluster::{Cluster, Plan};
use mongodb::Database;
use nemesis::Fault;
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};
use referee::Referee;
use tokio::{sync::Mutex, task::JoinHandle};
use writer::Writers;

/// What a kind of fault did.
#[derive(Default)]
struct Row {
    times: u64,
    /// The longest that any screen needed to equal MongoDB after the fault was healed.
    worst: Duration,
    count: Count,
    resyncs: BTreeMap<String, u64>,
}

/// The number of documents to write in each collection: more than most lists show.
const MANY: u64 = 60;

/// The cluster under load.
struct Run {
    cluster: Cluster,
    clients: Vec<Client>,
    browsers: Option<Browsers>,
    /// When sessions were last lost.
    sessions_ended: Option<Instant>,
    writers: Writers,
    referee: Arc<Referee>,
    comparing: JoinHandle<()>,
    rng: ChaCha8Rng,
    table: BTreeMap<Fault, Row>,
}

impl Run {
    async fn start(cluster: Cluster, clients: u64, seed: u64) -> Self {
        println!("seed {seed}");
        let (referee, samples) = Referee::new();
        let referee = Arc::new(referee);
        let account = Arc::new(Account::new(cluster.ports()));
        let client = |i| Client::start(format!("client {i}"), seed ^ (i << 32), account.clone(), referee.clone());
        let clients: Vec<Client> = (0..clients).map(client).collect();
        // Writes before there is a log belong to no epoch, so wait for it.
        audit::until_equal(&cluster, &clients, None).await.expect("every screen shows that there is nothing");
        let pause = Duration::from_millis(20);
        let writers = Writers::start(4, seed, &cluster.uri, cluster.mongo.operator.name(), pause, &referee).await;
        let (judge, mongo) = (referee.clone(), cluster.mongo.clone());
        let comparing = tokio::spawn(async move { judge.compare(&mongo, samples).await });
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let all_written = async || {
            for collection in Collection::ALL {
                let of = cluster.mongo.operator.collection::<Document>(collection.name());
                if of.count_documents(doc! {}).await.expect("MongoDB answers") < MANY {
                    return false;
                }
            }
            true
        };
        cluster::eventually("enough documents to lose", all_written).await;
        let mut run = Self {
            cluster,
            clients,
            browsers: None,
            sessions_ended: None,
            writers,
            referee,
            comparing,
            rng,
            table: BTreeMap::new(),
        };
        run.settle().await;
        run.referee.take_resyncs();
        run
    }

    /// Adds two pages in a real browser, connected to two different instances.
    async fn with_browsers(mut self) -> Self {
        let ports = self.cluster.ports();
        self.browsers = Some(Browsers::start(ports[0], ports[1]).await);
        self.settle().await;
        self
    }

    /// Pauses the writers and waits until every screen equals MongoDB. Returns how long that took, and how many
    /// acknowledged writes are missing or doubled among the events.
    async fn settle(&mut self) -> (Duration, Count) {
        let healed = Instant::now();
        let resting = self.writers.rest().await;
        if let Err(how) = audit::until_equal(&self.cluster, &self.clients, self.browsers.as_ref()).await {
            self.referee.broken(format!("never equal: {how}"));
        }
        let stale = healed.elapsed();
        let count = audit::events(&self.cluster, &self.writers.take_log()).await;
        drop(resting);
        (stale, count)
    }

    async fn strike(&mut self, fault: Fault) {
        let began = Instant::now();
        println!("{fault}");
        self.referee.pings_are_late(fault.delays_clients());
        let sign_ins = |run: &Self| run.browsers.as_ref().map(Browsers::sign_ins);
        let signed_in = sign_ins(self);
        let counts = self.referee.counts();
        fault.strike(&mut self.cluster, &mut self.rng).await;
        let struck = began.elapsed();
        self.referee.judge_since(counts, &fault, fault.delays_clients(), cluster::PATIENCE).await;
        let (stale, count) = self.settle().await;
        self.images_are_on(fault).await;
        if fault.ends_sessions() {
            self.sessions_ended = Some(began);
        }
        if sign_ins(self) > signed_in && self.sessions_ended.is_none_or(|at| at + LEARNS < began) {
            self.referee.broken(format!("{fault}: a browser had to be signed in again"));
        }
        self.referee.pings_are_late(false);
        let resyncs = self.referee.take_resyncs();
        println!("  {:.1} s, equal after {:.1} s, {count:?}, {resyncs:?}", struck.as_secs_f64(), stale.as_secs_f64());
        let row = self.table.entry(fault).or_default();
        row.times += 1;
        row.worst = row.worst.max(stale);
        row.count.lost += count.lost;
        row.count.doubled += count.doubled;
        row.count.between_epochs += count.between_epochs;
        for (reason, n) in resyncs {
            *row.resyncs.entry(reason).or_default() += n;
        }
    }

    /// Waits until each collection has images, also where it was made anew. Until then the row of a change is read when
    /// the relay reaches the change, and may be newer than the screen says.
    async fn images_are_on(&self, fault: Fault) {
        let has_images = |(_, found): &(Collection, Found)| matches!(found, Found::Stored { images: true, .. });
        let healed = Instant::now();
        while !found(&self.cluster.mongo.operator).await.is_ok_and(|all| all.iter().all(has_images)) {
            if healed.elapsed() > cluster::PATIENCE {
                return self.referee.broken(format!("{fault}: a collection has no images"));
            }
            tokio::time::sleep(cluster::LOOK).await;
        }
    }

    /// Inserts one new document in each collection. A screen that shows it follows.
    async fn write_one_each(&mut self) {
        for collection in Collection::ALL {
            let new = writer::made(collection, "new", &mut self.rng);
            let of = self.cluster.mongo.operator.collection::<Document>(collection.name());
            of.insert_one(new).await.expect("a document");
        }
    }

    /// Returns how often MongoDB was read for lists and for accounts while a fault struck and until every screen was
    /// equal again. The writers rest; only one document per collection is written, which shows that all screens
    /// follow.
    async fn reads_of(&mut self, fault: Fault) -> [usize; 2] {
        let resting = self.writers.rest().await;
        profile(&self.cluster.mongo).await;
        fault.strike(&mut self.cluster, &mut self.rng).await;
        self.write_one_each().await;
        if let Err(how) = audit::until_equal(&self.cluster, &self.clients, self.browsers.as_ref()).await {
            self.referee.broken(format!("never equal: {how}"));
        }
        let reads = reads(&self.cluster.mongo).await;
        drop(resting);
        reads
    }

    /// Prints the results.
    ///
    /// # Panics
    /// If something was lost, doubled, out of order, or shown as fresh when it was not.
    fn judge(self) {
        println!("\n{:24} times  worst  lost  doubled  between epochs  resyncs", "fault");
        for (fault, Row { times, worst, count, resyncs }) in &self.table {
            let resyncs: Vec<String> = resyncs.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            let (worst, resyncs) = (worst.as_secs_f64(), resyncs.join(", "));
            let Count { lost, doubled, between_epochs } = count;
            println!("{fault:24} {times:5} {worst:5.1}s {lost:5}  {doubled:7}  {between_epochs:14}  {resyncs}");
        }
        println!("{} samples equalled MongoDB at their cluster time", self.referee.compared());
        println!("{} times a screen was as fresh as it was told", self.referee.fresh());
        self.comparing.abort();
        let mut broken = self.referee.all_broken();
        for (fault, Row { count, .. }) in &self.table {
            if count.lost + count.doubled > 0 {
                broken.push(format!("{fault}: {count:?}"));
            }
        }
        assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
    }
}

/// Starts MongoDB's profiler.
async fn profile(mongo: &Mongo) {
    for db in [&mongo.operator, &mongo.own] {
        db.run_command(doc! { "profile": 2 }).await.expect("a profile");
    }
}

/// Returns how often lists and accounts were read since [`profile`].
async fn reads(mongo: &Mongo) -> [usize; 2] {
    // Every sorted read is one of a list's rows.
    let lists = doc! { "command.find": { "$exists": true }, "command.sort": { "$exists": true } };
    [profiled(&mongo.operator, lists).await, profiled(&mongo.own, doc! { "command.find": "users" }).await]
}

/// Stops the profiler, returns how many such reads it recorded, and drops its collection.
async fn profiled(db: &Database, reads: Document) -> usize {
    db.run_command(doc! { "profile": 0 }).await.expect("no profile");
    let profile = db.collection::<Document>("system.profile");
    let count = profile.count_documents(reads).await.expect("a profile");
    profile.drop().await.expect("a profile can be dropped");
    usize::try_from(count).expect("few")
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// How long after sessions were lost a page may need to sign in again. It learns of the loss within ten seconds,
/// perhaps after it has become equal again; the rest is the time that a fault takes.
const LEARNS: Duration = Duration::from_secs(30);

/// Only one cluster runs at a time, because two processors carry no more.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_every_screen_ends_equal_to_mongodb() {
    let faults = selected(&env::var("CHARGEDECK_FAULTS").unwrap_or_default()).unwrap();
    let _alone = ALONE.lock().await;
    let seed = number("CHARGEDECK_FAULTS_SEED").unwrap_or(1);
    let mut run = Run::start(Cluster::start(Plan::FULL).await, 60, seed).await.with_browsers().await;
    for fault in faults {
        run.strike(fault).await;
    }
    run.judge();
}

/// The faults of the selection whose names contain `only`.
///
/// # Errors
/// If no fault has such a name, because striking with nothing would pass for finding nothing.
fn selected(only: &str) -> Result<Vec<Fault>, String> {
    let named = |fault: &Fault| fault.to_string().contains(only);
    let selected: Vec<Fault> = Fault::SELECTION.into_iter().filter(named).collect();
    if selected.is_empty() {
        return Err(format!(
            "CHARGEDECK_FAULTS={only}: no fault of the selection is called so: {:?}",
            Fault::SELECTION
        ));
    }
    Ok(selected)
}

#[test]
fn an_unknown_name_of_a_fault_is_refused() {
    assert_eq!(selected(""), Ok(Fault::SELECTION.to_vec()));
    assert_eq!(selected("StaleReplica"), Ok(vec![Fault::StaleReplica]));
    assert!(selected("StaleReplika").unwrap_err().contains("StaleReplica,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_come_back_at_once_each_list_is_read_once() {
    let _alone = ALONE.lock().await;
    let mut run = Run::start(Cluster::start(Plan::FULL).await, 150, 2).await;
    let [lists, accounts] = run.reads_of(Fault::InstanceKilled).await;
    assert_eq!(lists, 0, "who comes back to another instance goes on where it was");
    println!("{accounts} reads of accounts when an instance of three was killed");
    // Each client follows two lists, and requests both again.
    let [lists, accounts] = run.reads_of(Fault::RedisFlushed).await;
    println!("{accounts} reads of accounts when all took their lists anew");
    assert!((1..=2 * Collection::ALL.len()).contains(&lists), "{lists} reads of all lists for 150 clients");
    run.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oplog_that_went_on_without_the_relay_is_one_new_epoch() {
    let _alone = ALONE.lock().await;
    let plan = Plan { instances: 1, mongod: &["--oplogSize", "1", "--syncdelay", "1"], ..Plan::SMALL };
    let mut run = Run::start(Cluster::start(plan).await, 10, 3).await;
    let resting = run.writers.rest().await;
    let epochs = async |run: &Run| -> BTreeSet<Epoch> {
        let log = Log::new(run.cluster.keys());
        let (mut from, mut found) = (None, BTreeSet::new());
        loop {
            let page = log.after(from).await.expect("Redis answers").entries;
            let Some(last) = page.last() else { return found };
            from = Some(last.position());
            found.extend(page.iter().map(|entry| entry.epoch));
        }
    };
    let before = epochs(&run).await;
    run.cluster.instances[0].server.kill9();
    run.cluster.roll_oplog().await;
    run.cluster.instances[0].server.spawn();
    cluster::eventually("a new epoch", async || epochs(&run).await != before).await;
    run.write_one_each().await;
    drop(resting);
    run.settle().await;
    let after = epochs(&run).await;
    assert_eq!(after.difference(&before).count(), 1, "{before:?}, then {after:?}");
    let events = run.cluster.mongo.own.collection::<Document>("events");
    let gaps = events.count_documents(doc! { "op": "gap" }).await.expect("events");
    assert_eq!(gaps, 1, "what the oplog no longer had is told to be missing");
    assert_eq!(run.referee.take_resyncs().get("reset: epoch"), Some(&20), "two lists of ten clients, each once");
    run.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_do_not_read_are_closed_and_nobody_else_notices() {
    const ASLEEP: usize = 200;
    // 64 KiB of frames in flight per socket, and 32 MiB that the process needs besides while it works.
    const MEMORY: u64 = ASLEEP as u64 * (64 << 10) + (32 << 20);
    let _alone = ALONE.lock().await;
    let mut run = Run::start(Cluster::start(Plan::SMALL).await, 20, 4).await;
    let cookie = Account::new(run.cluster.ports()).cookie(None).await.expect("a session");
    let before = asleep::private_memory(&run.cluster.instances[0]);
    let mut asleep = Vec::new();
    for _ in 0..ASLEEP {
        asleep.push(asleep::asleep(&run.cluster.instances[0], &cookie).await.expect("a socket"));
    }
    let began = Instant::now();
    let most = AtomicU64::new(0);
    let all_closed = async || {
        most.fetch_max(asleep::private_memory(&run.cluster.instances[0]), Ordering::Relaxed);
        asleep::closed(&run.cluster.instances[0]).await.is_ok_and(|closed| closed == ASLEEP)
    };
    cluster::eventually("sockets closed with 4008", all_closed).await;
    let more = most.into_inner().saturating_sub(before);
    println!("closed after {:.1} s, {} MiB more", began.elapsed().as_secs_f64(), more >> 20);
    assert!(more < MEMORY, "{} MiB more", more >> 20);
    run.settle().await;
    let resyncs = run.referee.take_resyncs();
    assert!(resyncs.is_empty(), "others were told to begin anew: {resyncs:?}");
    run.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_replaced_behind_a_load_balancer_and_nobody_meets_an_error() {
    let _alone = ALONE.lock().await;
    let wrong = deploy::replaced(5).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes for a minute, and makes up for it: scripts/test --all"]
async fn after_a_minutes_flood_every_screen_is_equal_and_each_change_is_an_event() {
    const MAKES_UP: Duration = Duration::from_secs(600);
    let _alone = ALONE.lock().await;
    let mut run = Run::start(Cluster::start(Plan::SMALL).await, 20, 7).await;
    let resting = run.writers.rest().await;
    let began = Instant::now();
    let written = nemesis::flood(&run.cluster, &mut run.rng, 10_000, Duration::from_secs(60)).await;
    println!("{} changes a second", u128::from(written) * 1000 / began.elapsed().as_millis());
    let flooded = Instant::now();
    let events = run.cluster.mongo.own.collection::<Document>("events");
    let of_flood = doc! { "collection": "payments", "id": { "$regex": "^\"flood-" } };
    let mut stored = 0;
    while stored < written && flooded.elapsed() < MAKES_UP {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stored = events.count_documents(of_flood.clone()).await.expect("MongoDB answers");
    }
    println!("as many events after {:.1} s", flooded.elapsed().as_secs_f64());
    assert_eq!(stored, written, "events of changes");
    drop(resting);
    run.settle().await;
    run.judge();
}

/// This test mostly waits, so it may run beside another.
#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_are_closed() {
    half_open::reaped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_give_each_number_once() {
    let _alone = ALONE.lock().await;
    assert_eq!(relays::two_at_once("").await, Ok(()));
}

#[cfg(feature = "guards")]
#[tokio::test(flavor = "multi_thread")]
async fn without_compare_and_set_two_relays_give_a_number_twice() {
    let _alone = ALONE.lock().await;
    let found = relays::two_at_once("compare_and_set").await;
    println!("{found:?}");
    assert!(found.is_err(), "nothing was missed");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for CHARGEDECK_FAULTS_MINUTES (10): scripts/faults"]
async fn faults_at_random() {
    let minutes = number("CHARGEDECK_FAULTS_MINUTES").unwrap_or(10);
    let seed = number("CHARGEDECK_FAULTS_SEED").unwrap_or_else(rand::random);
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let _alone = ALONE.lock().await;
    let mut run = Run::start(Cluster::start(Plan::FULL).await, 200, seed).await.with_browsers().await;
    let mut schedule = ChaCha8Rng::seed_from_u64(seed);
    while Instant::now() < end {
        run.strike(*Fault::ALL.choose(&mut schedule).expect("there are faults")).await;
    }
    run.judge();
}
