//! Two relays at once: what the log's compare-and-set prevents.

use std::time::{Duration, Instant};

use bson::Document;
use chargedeck::{
    cache::log::Log,
    model::{
        ids::Collection,
        log::Entry,
        position::{Position, Seq},
    },
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{
    cluster::{Cluster, LOOK, PATIENCE, Plan, command, eventually},
    proxy::Mode,
    writer::made,
};

/// How often the lease is taken away.
const ROUNDS: u32 = 8;
/// Within so long whoever had the lease has asked for it again, and another begins.
const ROUND: Duration = Duration::from_millis(1800);
/// How late the one that had it hears from Redis, and the one that begins from MongoDB.
const LATE: [Mode; 2] = [Mode::Late(Duration::from_millis(300)), Mode::Late(Duration::from_millis(40))];
/// Between two changes.
const PAUSE: Duration = Duration::from_millis(10);

/// Lets two instances of the program relay at once, again and again: what the one appends is on its way while the other
/// begins. Says whether the log has each number once.
pub async fn two_at_once(guards_off: &'static str) -> Result<(), String> {
    let cluster = Cluster::start(Plan { guards_off, ..Plan::SMALL }).await;
    let keys = cluster.keys().await;
    let (log, lease) = (Log::new(keys.clone()), keys.key("lease:relay"));
    // Until there is a log, what is written is in no epoch.
    eventually("a log", async || log.head().await.is_ok_and(|head| head.is_some())).await;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let payments = cluster.mongo.operator.collection::<Document>(Collection::Payments.name());
    let mut written = 0;
    for _ in 0..ROUNDS {
        let (working, other) = (cluster.relay(), 1 - cluster.relay());
        cluster.instances[working].redis.set(LATE[0]);
        cluster.instances[other].mongo.set(LATE[1]);
        command(&cluster.redis[0], &["DEL", &lease]).await;
        let taken = Instant::now();
        while taken.elapsed() < ROUND {
            payments.insert_one(made(Collection::Payments, "relayed", &mut rng)).await.expect("a document");
            written += 1;
            tokio::time::sleep(PAUSE).await;
        }
        cluster.instances[working].redis.set(Mode::Open);
        cluster.instances[other].mongo.set(Mode::Open);
    }
    let ended = Instant::now();
    let lacks = async || log.head().await.expect("Redis answers").is_none_or(|head| head.seq.0 < written);
    while lacks().await && ended.elapsed() < PATIENCE / 3 {
        tokio::time::sleep(LOOK).await;
    }
    let mut last = Seq(0);
    for entry in all(&log).await {
        if entry.first != last.next() {
            return Err(format!("after {last:?} come {:?} to {:?}", entry.first, entry.last));
        }
        last = entry.last;
    }
    if last.0 == written { Ok(()) } else { Err(format!("the log ends at {last:?} of {written} changes")) }
}

async fn all(log: &Log) -> Vec<Entry> {
    let (mut from, mut entries) = (None::<Position>, Vec::new());
    loop {
        let page = log.after(from).await.expect("Redis answers");
        let Some(last) = page.last() else { return entries };
        from = Some(last.position());
        entries.extend(page);
    }
}
