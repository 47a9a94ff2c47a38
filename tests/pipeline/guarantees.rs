//! What the log guarantees when relays stop, when two run at once, and when Redis has lost data.
//!
//! Long, because each guarantee is broken in a way of its own, which its control uses as well.

use futures_util::TryStreamExt;

use super::*;

fn entry(epoch: u64, first: u64, last: u64) -> Entry {
    Entry {
        epoch: Epoch(epoch),
        first: Seq(first),
        last: Seq(last),
        ct: ClusterTime(last),
        closed: Seq(last),
        gap: false,
        restored: false,
        records: Vec::new(),
    }
}

fn tail(epoch: u64, seq: u64) -> Tail {
    Tail { position: Position::new(Epoch(epoch), Seq(seq)), token: seq.to_string() }
}

/// Appends entries of one number each after the log's end `from`, up to `to`.
async fn append(log: &Log, epoch: u64, from: Option<u64>, to: u64) {
    let mut last = from.map(|seq| tail(epoch, seq));
    for seq in from.unwrap_or(0) + 1..=to {
        let appended = log.append(last.as_ref(), &entry(epoch, seq, seq), &seq.to_string()).await.unwrap();
        assert_eq!(appended, Appended::Done);
        last = Some(tail(epoch, seq));
    }
}

/// Returns all entries of the log.
pub async fn all(log: &Log) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let from = entries.last().map(Entry::position);
        let page = log.after(from).await.unwrap().entries;
        // Without compare-and-set, entries that were read already may come again.
        let ends = page.is_empty() || page.iter().any(|entry| Some(entry.position()) <= from);
        entries.extend(page);
        if ends {
            return entries;
        }
    }
}

/// Trimming removes more than one page of entries at once, however many came since the last time.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_trimmed_to_what_is_young_needed_and_not_too_much() {
    const ENTRIES: u64 = 1200;
    const MINUTE: i64 = 60_000;
    let log = Log::new(Network::new().await.redis);
    append(&log, 1, None, ENTRIES).await;
    let at = |seq| Position::new(Epoch(1), Seq(seq));
    let oldest = async || all(&log).await.first().map(Entry::position).unwrap();
    // The entries' times are in 1970.
    log.trim(UtcMs(MINUTE), Some(at(ENTRIES)), log::MAX_BYTES).await.unwrap();
    assert_eq!(oldest().await, at(1), "young");
    log.trim(UtcMs(60 * MINUTE), None, log::MAX_BYTES).await.unwrap();
    assert_eq!(oldest().await, at(1), "of no event is known that it is written");
    log.trim(UtcMs(60 * MINUTE), Some(at(1100)), log::MAX_BYTES).await.unwrap();
    assert_eq!(oldest().await, at(1101), "what is old and written goes, and no more");
    log.trim(UtcMs(MINUTE), None, 1).await.unwrap();
    assert_eq!(oldest().await, at(ENTRIES), "too much goes in any case, but for the last");
}

/// A page takes memory, so large entries make it shorter. A log of them is still read, and trimmed, to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_log_is_bounded_in_bytes() {
    const ENTRIES: u64 = 40;
    let log = Log::new(Network::new().await.redis);
    for seq in 1..=ENTRIES {
        // A third of them are larger than a page.
        let reason = "x".repeat(if seq % 3 == 0 { log::PAGE_BYTES + 1 } else { log::PAGE_BYTES / 10 });
        let effect = Effect::Reset { reason, also: None };
        let record = Record { collection: Collection::Clients, ct: ClusterTime(seq), at: UtcMs(0), effect };
        let entry = Entry { records: vec![record.into()], ..entry(1, seq, seq) };
        let last = (seq > 1).then(|| tail(1, seq - 1));
        assert_eq!(log.append(last.as_ref(), &entry, &seq.to_string()).await.unwrap(), Appended::Done);
    }
    let (mut from, mut read) = (None, Vec::new());
    loop {
        let page = log.after(from).await.unwrap();
        let bytes = |entries: &[Entry]| serde_json::to_string(entries).unwrap().len();
        let but_last = page.entries.split_last().map_or(0, |(_, others)| bytes(others));
        assert!(but_last < log::PAGE_BYTES, "{but_last} bytes");
        read.extend(page.entries.iter().map(|entry| entry.first.0));
        from = page.entries.last().map(Entry::position);
        if !page.is_full {
            break;
        }
    }
    assert_eq!(read, (1..=ENTRIES).collect::<Vec<_>>());
    log.trim(UtcMs(0), None, 1).await.unwrap();
    assert_eq!(all(&log).await.iter().map(|entry| entry.first.0).collect::<Vec<_>>(), [ENTRIES]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_follows_a_log_that_went_back() {
    let network = Network::new().await;
    let log = Log::new(network.redis.clone());
    let at = |epoch, seq| move |hub: &Hub| hub.head() == Some(Position::new(Epoch(epoch), Seq(seq)));
    let lose_all = || async {
        let () =
            redis::cmd("DEL").arg(network.redis.key("log")).query_async(&mut network.redis.connection()).await.unwrap();
    };
    append(&log, 5, None, 10).await;
    let instance = network.instance(false);
    instance.until("the log's end", at(5, 10)).await;
    // A replica without the last entries takes over; the relay gives the same numbers again.
    lose_all().await;
    append(&log, 5, None, 6).await;
    append(&log, 5, Some(6), 12).await;
    instance.until("what is new in the shorter log", at(5, 12)).await;
    // A replica takes over that does not even have the epoch.
    lose_all().await;
    append(&log, 4, None, 3).await;
    instance.until("the older epoch", at(4, 3)).await;
    append(&log, 4, Some(3), 4).await;
    instance.until("what follows in it", at(4, 4)).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_pubsub_lost_is_found() {
    let network = Network::new().await;
    let log = Log::new(network.redis.clone());
    append(&log, 5, None, 1).await;
    let instance = network.instance(false);
    instance.until("the log's end", |hub| hub.head().is_some()).await;
    let mut stored = serde_json::to_value(entry(5, 2, 2)).unwrap();
    stored["version"] = serde_json::to_value(Schema::OURS).unwrap();
    let body = stored.to_string();
    let () = redis::cmd("XADD")
        .arg(network.redis.key("log"))
        .arg("5-2")
        .arg(&["token", "2", "entry", &body])
        .query_async(&mut network.redis.connection())
        .await
        .unwrap();
    instance.until("the entry nobody told of", |hub| hub.head().is_some_and(|head| head.seq == Seq(2))).await;
    instance.stop.cancel();
}

/// Lets two relays append at once, one in larger steps. Returns an error unless the log has each number once.
pub async fn two_relays(log: Log) -> Result<(), String> {
    append(&log, 1, None, 1).await;
    let relays = [1, 3].map(|step| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut last = tail(1, 1);
            while last.position.seq.0 < 200 {
                let seq = last.position.seq.0;
                let next = tail(1, seq + step);
                last = match log.append(Some(&last), &entry(1, seq + 1, seq + step), &next.token).await {
                    Ok(Appended::Done) => next,
                    Ok(Appended::Chain(ahead)) => ahead.expect("the log is not empty"),
                    Err(error) => panic!("{error}"),
                };
            }
        })
    });
    for relay in relays {
        relay.await.unwrap();
    }
    let entries = all(&log).await;
    let numbers: Vec<u64> = entries.iter().flat_map(|entry| entry.first.0..=entry.last.0).collect();
    let dense: Vec<u64> = (1..=entries[entries.len() - 1].last.0).collect();
    if numbers == dense { Ok(()) } else { Err(format!("{numbers:?}")) }
}

#[tokio::test]
async fn two_relays_at_once_give_each_number_once() {
    assert_eq!(two_relays(Log::new(Network::new().await.redis)).await, Ok(()));
}

/// Caches an older snapshot after a newer one. Returns an error unless the newer one stays.
pub async fn late_snapshot(redis: Redis) -> Result<(), String> {
    for seq in [2, 1] {
        snapshots::cache(&redis, &read(seq, seq).into()).await.unwrap();
    }
    let cached = snapshots::cached(&redis, Epoch(1), Collection::Clients, &Selection::default()).await.unwrap();
    if cached == Some(read(2, 2)) { Ok(()) } else { Err(format!("{cached:?}")) }
}

#[tokio::test]
async fn a_snapshot_that_comes_late_takes_no_place() {
    assert_eq!(late_snapshot(Network::new().await.redis).await, Ok(()));
}

/// The relay stops at many points while others write, and another begins. Each change must have one number.
#[tokio::test(flavor = "multi_thread")]
async fn relays_that_stop_anywhere_lose_and_double_nothing() {
    const WRITES: i64 = 1500;
    /// How many changes may wait for a relay. This bounds the length of a relay's term, so that there are many terms.
    const AHEAD: i64 = 50;
    let network = Network::new().await;
    let log = Log::new(network.redis.clone());
    let watcher = network.instance(true);
    watcher.ready().await;
    let epoch = watcher.hub.head().unwrap().epoch;
    watcher.stop.cancel();
    let clients = network.collection(Collection::Clients);
    let head = log.clone();
    let writer = tokio::spawn(async move {
        for n in 0..WRITES {
            while head.head().await.unwrap().unwrap().seq.0.cast_signed() + AHEAD < n {
                tokio::task::yield_now().await;
            }
            clients.insert_one(client(n)).await.unwrap();
        }
    });
    let mut terms = 0_u64;
    let working = async {
        loop {
            let began = log.head().await.unwrap().unwrap().seq.0;
            let stop = CancellationToken::new();
            let relay = Relay { mongo: network.mongo.clone(), redis: network.redis.clone(), log: log.clone() };
            let running = tokio::spawn(relay.run(stop.clone()));
            // Each term ends after a different number of changes, while events are being read, held back or appended.
            let mut seq = began;
            while seq < (began + terms * 7 % 40 + 1).min(WRITES.unsigned_abs()) {
                tokio::task::yield_now().await;
                seq = log.head().await.unwrap().unwrap().seq.0;
            }
            stop.cancel();
            running.await.unwrap();
            terms += 1;
            if seq >= WRITES.unsigned_abs() {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), working).await.expect("the log never has all changes");
    writer.await.unwrap();
    assert!(terms >= 20, "only {terms} terms");
    let entries = all(&log).await;
    assert!(entries.iter().all(|entry| entry.epoch == epoch), "the log was continued");
    let numbers: Vec<u64> = entries.iter().flat_map(|e| e.first.0..=e.last.0).collect();
    assert_eq!(numbers, (1..=WRITES.unsigned_abs()).collect::<Vec<_>>());
    let ids: std::collections::BTreeSet<String> = entries
        .iter()
        .flat_map(|entry| &entry.records)
        .filter_map(|record| match &record.effect {
            Effect::Row(row) => Some(row.id.0.clone()),
            Effect::Reset { .. } => None,
        })
        .collect();
    assert_eq!(ids.len(), usize::try_from(WRITES).unwrap(), "each change once");
}

/// Lets the driver lose its connection, and again when it asks for the rest. Returns an error unless the log has each
/// change once.
pub async fn connection_lost_twice() -> Result<(), String> {
    const BEFORE: i64 = 20;
    const ALL: u64 = 40;
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let log = Log::new(network.redis.clone());
    let stop = CancellationToken::new();
    let relay = Relay { mongo: network.mongo.clone(), redis: network.redis.clone(), log: log.clone() };
    let running = tokio::spawn(relay.run(stop.clone()));
    let ids = async |log: &Log| -> Vec<String> {
        let records = all(log).await.into_iter().flat_map(|entry| entry.records);
        let id = |record: Arc<Record>| match Arc::unwrap_or_clone(record).effect {
            Effect::Row(row) => Some(row.id.0),
            Effect::Reset { .. } => None,
        };
        records.filter_map(id).collect()
    };
    let has = async |count: u64| {
        let patience = std::time::Instant::now();
        while ids(&log).await.iter().collect::<std::collections::BTreeSet<_>>().len() < usize::try_from(count).unwrap()
        {
            assert!(patience.elapsed() < Duration::from_secs(60), "the log never has all changes");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    while log.head().await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    let clients = network.collection(Collection::Clients);
    for n in 0..BEFORE {
        clients.insert_one(client(n)).await.unwrap();
    }
    has(BEFORE.unsigned_abs()).await;
    let lost = doc! { "failCommands": ["getMore", "aggregate"], "closeConnection": true };
    let lose = doc! { "configureFailPoint": "failCommand", "mode": { "times": 2 }, "data": lost };
    network.mongo.client.database("admin").run_command(lose).await.unwrap();
    for n in BEFORE..i64::try_from(ALL).unwrap() {
        clients.insert_one(client(n)).await.unwrap();
    }
    has(ALL).await;
    stop.cancel();
    running.await.unwrap();
    let mut found = ids(&log).await;
    let count = found.len();
    found.sort();
    found.dedup();
    if count == found.len() { Ok(()) } else { Err(format!("{count} changes of {}", found.len())) }
}

#[tokio::test]
async fn a_connection_lost_twice_doubles_nothing() {
    assert_eq!(connection_lost_twice().await, Ok(()));
}

/// The log is lost with Redis, then the database is dropped. What is written meanwhile must still be an event, once.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_begins_where_the_last_event_ended() {
    let network = Network::new().await;
    let payments = network.collection(Collection::Payments);
    let insert = |from: i32, to: i32| {
        let new = (from..=to).map(|n| doc! {"_id": n, "payment_id": n.to_string()});
        payments.insert_many(new).into_future()
    };
    let events = network.mongo.own.collection::<Document>("events");
    let inserted = async || -> Vec<String> {
        let cursor = events.find(doc! {"op": {"$in": ["insert", "read"]}}).sort(doc! {"_id": 1}).await.unwrap();
        let all: Vec<Document> = cursor.try_collect().await.unwrap();
        all.iter().map(|event| event.get_str("payment_id").unwrap().to_owned()).collect()
    };
    let until = async |n: i32| {
        let waiting = async {
            while !inserted().await.contains(&n.to_string()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("{n} is no event"));
    };
    let first = network.instance(true);
    first.ready().await;
    insert(1, 3).await.unwrap();
    until(3).await;
    first.stop.cancel();
    insert(4, 9).await.unwrap();
    let lost = [network.redis.key("log"), network.redis.key("idle")];
    let () = redis::cmd("DEL").arg(&lost).query_async(&mut network.redis.connection()).await.unwrap();

    let second = network.instance(true);
    until(9).await;
    network.mongo.operator.drop().await.unwrap();
    insert(10, 20).await.unwrap();
    until(20).await;
    assert_eq!(inserted().await, (1..=20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(events.count_documents(doc! {"op": "gap"}).await.unwrap(), 0);
    let epochs = events.distinct("_id.e", doc! {}).await.unwrap();
    assert_eq!(epochs.len(), 3, "one for each cause: {epochs:?}");
    second.page(Collection::Payments).await.until_equal(&second, &network).await;
    second.stop.cancel();
}
