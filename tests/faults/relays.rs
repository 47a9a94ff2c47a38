//! Two relays at once: what the log's compare-and-set prevents.

use std::time::{Duration, Instant};

use bson::Document;
use chargedeck::{
    domain::{
        collections::Collection,
        protocol::{
            log::Entry,
            position::{Position, Seq},
        },
    },
    server::redis::log::Log,
};
use rand::{SeedableRng, rngs::ChaCha8Rng};

use super::{
    cluster::{Cluster, LOOK, PATIENCE, Plan, command, eventually},
    proxy::Mode,
    writer::made,
};

/// How often the lease is taken away.
const ROUNDS: u32 = 3;
/// Within this time the holder of the lease has asked to renew it, and waits for the answer.
const ASKED: Duration = Duration::from_millis(1100);
/// Pause between two changes.
const PAUSE: Duration = Duration::from_millis(20);

/// Lets two instances of the program relay at once, again and again: one hears nothing from Redis until the other has
/// appended, and then goes on. Returns an error unless the log has each number once.
pub async fn two_at_once(guards_off: &'static str) -> Result<(), String> {
    let cluster = Cluster::start(Plan { guards_off, ..Plan::SMALL }).await;
    let keys = cluster.keys();
    let (log, lease) = (Log::new(keys.clone()), keys.key("lease:relay"));
    let seq = async || log.head().await.expect("Redis answers").map(|head| head.seq);
    // Writes before there is a log belong to no epoch, so wait for it.
    eventually("a log", async || seq().await.is_some()).await;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let payments = cluster.mongo.operator.collection::<Document>(Collection::Payments.name());
    let mut written = 0;
    for _ in 0..ROUNDS {
        let working = cluster.relay();
        cluster.instances[working].redis.set(Mode::Mute);
        let (muted, mut taken) = (Instant::now(), None);
        // The muted instance appends the first of these changes. It is its last one, and it hears no answer for it.
        loop {
            payments.insert_one(made(Collection::Payments, "relayed", &mut rng)).await.expect("a document");
            written += 1;
            tokio::time::sleep(PAUSE).await;
            match taken {
                None if muted.elapsed() >= ASKED => {
                    command(&cluster.redis[0], &["DEL", &lease]).await;
                    taken = Some(written);
                }
                Some(before) if seq().await.is_some_and(|seq| seq.0 >= before + 3) => break,
                _ => assert!(muted.elapsed() < PATIENCE, "nobody else relays"),
            }
        }
        cluster.instances[working].redis.set(Mode::Open);
    }
    let ended = Instant::now();
    let lacks = async || seq().await.is_none_or(|seq| seq.0 < written);
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
        let page = log.after(from).await.expect("Redis answers").entries;
        // Without compare-and-set, entries that were read already may come again.
        let ends = page.is_empty() || page.iter().any(|entry| Some(entry.position()) <= from);
        from = page.last().map(Entry::position);
        entries.extend(page);
        if ends {
            return entries;
        }
    }
}
