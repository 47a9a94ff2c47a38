//! The proof under faults: a replica set of three, a Redis with a replica, three instances, a proxy on each link. Writers
//! write, clients look on, faults strike; then every screen must equal MongoDB, and every acknowledged write must be one
//! event.
//!
//! `cargo test --test faults` strikes with a selection; `scripts/faults` at random, for as long as it is told.

#[path = "faults/audit.rs"]
mod audit;
#[path = "faults/client.rs"]
mod client;
#[path = "faults/cluster.rs"]
mod cluster;
#[path = "faults/http.rs"]
mod http;
#[path = "faults/nemesis.rs"]
mod nemesis;
#[path = "faults/proxy.rs"]
mod proxy;
#[path = "faults/referee.rs"]
mod referee;
mod support;
#[path = "faults/writer.rs"]
mod writer;

use std::{
    collections::BTreeMap,
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use audit::Count;
use client::{Account, Client};
use cluster::Cluster;
use nemesis::Fault;
use rand::{SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use referee::Referee;
use tokio::task::JoinHandle;
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

/// The cluster under load.
struct Run {
    cluster: Cluster,
    clients: Vec<Client>,
    writers: Writers,
    referee: Arc<Referee>,
    comparing: JoinHandle<()>,
    rng: ChaCha8Rng,
    table: BTreeMap<Fault, Row>,
}

impl Run {
    async fn start(clients: u64, seed: u64) -> Self {
        println!("seed {seed}");
        let cluster = Cluster::start().await;
        let (referee, samples) = Referee::new();
        let referee = Arc::new(referee);
        let account = Arc::new(Account::new(cluster.ports()));
        let client = |i| Client::start(format!("client {i}"), seed ^ (i << 32), account.clone(), referee.clone());
        let clients = (0..clients).map(client).collect();
        let pause = Duration::from_millis(20);
        let writers = Writers::start(4, seed, &cluster.uri, cluster.mongo.operator.name(), pause, &referee).await;
        let (judge, mongo) = (referee.clone(), cluster.mongo.clone());
        let comparing = tokio::spawn(async move { judge.compare(&mongo, samples).await });
        let rng = ChaCha8Rng::seed_from_u64(seed);
        let mut run = Self { cluster, clients, writers, referee, comparing, rng, table: BTreeMap::new() };
        run.settle().await;
        run.referee.take_resyncs();
        run
    }

    /// Waits until every screen equals MongoDB while nobody writes, and looks for every acknowledged write among the
    /// events.
    async fn settle(&mut self) -> (Duration, Count) {
        let healed = Instant::now();
        let resting = self.writers.rest().await;
        if let Err(how) = audit::until_equal(&self.cluster, &self.clients).await {
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
        fault.strike(&mut self.cluster, &mut self.rng).await;
        let struck = began.elapsed();
        let (stale, count) = self.settle().await;
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

    /// Prints what was seen.
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
        self.comparing.abort();
        let mut broken = self.referee.all_broken();
        for (fault, Row { count, .. }) in &self.table {
            if count.lost + count.doubled > 0 {
                broken.push(format!("{fault}: {count:?}"));
            }
        }
        assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
        assert!(self.referee.compared() > 0, "nothing was compared while clients followed");
    }
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_dies_every_screen_ends_equal_to_mongodb() {
    let mut run = Run::start(60, number("CHARGEDECK_FAULTS_SEED").unwrap_or(1)).await;
    for fault in Fault::SELECTION {
        run.strike(fault).await;
    }
    run.judge();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for CHARGEDECK_FAULTS_MINUTES (10): scripts/faults"]
async fn faults_at_random() {
    let minutes = number("CHARGEDECK_FAULTS_MINUTES").unwrap_or(10);
    let seed = number("CHARGEDECK_FAULTS_SEED").unwrap_or_else(rand::random);
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let mut run = Run::start(200, seed).await;
    let mut schedule = ChaCha8Rng::seed_from_u64(seed);
    while Instant::now() < end {
        run.strike(*Fault::ALL.choose(&mut schedule).expect("there are faults")).await;
    }
    run.judge();
}
