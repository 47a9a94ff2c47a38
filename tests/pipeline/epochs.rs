//! Each cause of a new epoch begins exactly one epoch.

use std::collections::BTreeSet;

use super::*;
use chargedeck::server::redis::log::PAGE;
use guarantees::all;
use support::Mongod;

/// Starts an instance that follows a change and writes all events, and stops it.
async fn follows(network: &Network, n: i64) {
    let instance = network.instance(true);
    instance.ready().await;
    network.collection(Collection::Clients).insert_one(client(n)).await.unwrap();
    instance.page(Collection::Clients).await.until_equal(&instance, network).await;
    let (log, events) = (Log::new(network.redis.clone()), Events::of(&network.mongo.own));
    let writing = async {
        while events.written().await.unwrap().map(|(at, _)| at) != log.head().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), writing).await.expect("the events are not written");
    instance.stop.cancel();
}

/// Returns the epochs of the log, the number of inserts among the events, and the number of gaps.
async fn stored_events(network: &Network) -> (BTreeSet<Epoch>, u64, u64) {
    let entries = all(&Log::new(network.redis.clone())).await;
    let events = network.mongo.own.collection::<Document>("events");
    let count = async |op: &str| events.count_documents(doc! {"op": op}).await.unwrap();
    (entries.iter().map(|entry| entry.epoch).collect(), count("insert").await, count("gap").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_mapped_otherwise_are_one_new_epoch() {
    let name = support::fresh_name("pipeline");
    let mapped = "[chargedeck.fields.clients]\nnames = { name = 'title' }\n";
    let plain = Network::on(support::mongod().await, &name, "").await.with_images().await;
    follows(&plain, 1).await;
    let other = Network { redis: plain.redis.clone(), ..Network::on(support::mongod().await, &name, mapped).await };
    for n in 2..5 {
        follows(&other, n).await;
    }
    let (epochs, inserts, gaps) = stored_events(&other).await;
    assert_eq!((epochs.len(), inserts, gaps), (2, 4, 0), "{epochs:?}");
}

/// As in a rolling deploy, the old instance still writes events while a new one already has the lease.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_writer_of_another_version_still_writes_is_no_event_of_the_new_epoch() {
    let network = Network::new().await;
    let (clients, log) = (network.collection(Collection::Clients), Log::new(network.redis.clone()));
    let events = network.mongo.own.collection::<Document>("events");
    let event = async |seq: i64| {
        let pong = network.mongo.operator.run_command(doc! {"ping": 1}).await.unwrap();
        let ct = pong.get_timestamp("operationTime").unwrap();
        doc! {"_id": {"e": 7_i64, "s": seq}, "ct": ct, "at": bson::DateTime::now(), "to": {"name": format!("Client {seq}")}}
    };
    let count = async |n: i64| events.count_documents(doc! {"to.name": format!("Client {n}")}).await.unwrap();
    let mut connection = network.redis.connection();
    for seq in 1..=2 {
        let () = redis::cmd("XADD")
            .arg(network.redis.key("log"))
            .arg(format!("7-{seq}"))
            .arg(&["token", "t", "entry", r#"{"version": 1, "shape": "unknown"}"#])
            .query_async(&mut connection)
            .await
            .unwrap();
    }
    clients.insert_one(client(1)).await.unwrap();
    events.insert_one(event(1).await).await.unwrap();
    clients.insert_one(client(2)).await.unwrap();
    let second = event(2).await;

    let instance = network.instance(true);
    let lease = network.redis.key("lease:relay");
    let taken = async {
        while !redis::cmd("EXISTS").arg(&lease).query_async::<bool>(&mut network.redis.connection()).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), taken).await.expect("a relay");
    // The old instance's writer pauses meanwhile.
    tokio::time::sleep(Duration::from_millis(400)).await;
    events.insert_one(second).await.unwrap();
    instance.ready().await;
    clients.insert_one(client(3)).await.unwrap();
    let written = async {
        while count(3).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("the event");
    assert!(log.head().await.unwrap().unwrap().epoch > Epoch(7));
    for n in 1..=3 {
        assert_eq!(count(n).await, 1, "{n}");
    }
    instance.stop.cancel();
}

/// When an epoch begins, some events of the previous one, or the gap between them, may not be written yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_an_epoch_is_had_once_it_is_written() {
    let network = Network::new().await;
    let (log, events) = (Log::new(network.redis.clone()), Events::of(&network.mongo.own));
    let row = RowChange {
        id: DocId("1".to_owned()),
        after: Some(Fields::new()),
        changed: None,
        before: Fields::new(),
        cells: Some(Cells::default()),
        unknown: false,
        read: None,
    };
    let record = |ct| {
        let effect = Effect::Row(row.clone());
        Arc::new(Record { collection: Collection::Clients, ct: ClusterTime(ct), at: UtcMs(0), effect })
    };
    let opening = |epoch, gap| Entry::opening(Epoch(epoch), ClusterTime(epoch), gap);
    let of_two = Entry { last: Seq(2), closed: Seq(2), records: vec![record(2), record(3)], ..opening(1, false) };
    let at = |epoch, seq| Position::new(Epoch(epoch), Seq(seq));
    let before = async |place: Position| events.written_before(Some(place), &log).await.unwrap().0;
    let mut tail = None;
    for entry in [opening(1, true), of_two, opening(2, false), opening(3, true), opening(4, false)] {
        assert_eq!(log.append(tail.as_ref(), &entry, "t").await.unwrap(), Appended::Done);
        tail = Some(Tail { position: entry.position(), token: "t".to_owned() });
        if entry.position() == at(1, 0) {
            assert_eq!(before(at(1, 1)).await, at(1, 0), "without any event no gap is told");
        }
    }
    assert_eq!(before(at(2, 1)).await, Position::default(), "both of the first epoch are missing");
    let write = async |epoch: i64, seq: i64| {
        let event = doc! {"_id": {"e": epoch, "s": seq}};
        network.mongo.own.collection::<Document>("events").insert_one(event).await.unwrap();
    };
    write(1, 1).await;
    assert_eq!(before(at(2, 1)).await, at(1, 1), "the second of the first epoch is missing");
    write(1, 2).await;
    assert_eq!(before(at(2, 1)).await, at(2, 0));
    assert_eq!(before(at(1, 2)).await, at(1, 2));
    assert_eq!(before(at(3, 1)).await, at(1, 2), "a gap is to be told");
    assert_eq!(before(at(4, 1)).await, at(1, 2), "one further back as well");
    write(3, 0).await;
    assert_eq!(before(at(3, 1)).await, at(3, 0));
    assert_eq!(before(at(4, 1)).await, at(4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_begins_within_a_transaction_tells_a_gap() {
    let name = support::fresh_name("pipeline");
    let mapped = "[chargedeck.fields.clients]\nnames = { name = 'title' }\n";
    let plain = Network::on(support::mongod().await, &name, "").await.with_images().await;
    follows(&plain, 1).await;
    // The log ends with a part of a transaction that is too large to be held back.
    let log = Log::new(plain.redis.clone());
    let (tail, last) = log.last().await.unwrap().unwrap();
    let seq = tail.position.seq;
    let part = Entry { first: seq.next(), last: seq.next(), closed: seq, ..last.unwrap() };
    assert_eq!(log.append(Some(&tail), &part, &tail.token).await.unwrap(), Appended::Done);
    let other = Network { redis: plain.redis.clone(), ..Network::on(support::mongod().await, &name, mapped).await };
    follows(&other, 2).await;
    let (epochs, _, gaps) = stored_events(&other).await;
    assert_eq!((epochs.len(), gaps), (2, 1), "{epochs:?}");
    // Newest first: the client of the new epoch, the gap, then the part and the client from before it.
    for filter in [Filter::All, Filter::Of(Collection::Clients)] {
        let lines = Events::of(&other.mongo.own).page(filter, None).await.unwrap().events;
        let gaps: Vec<bool> = lines.iter().map(|(_, line)| matches!(line, FeedEntry::Gap { .. })).collect();
        assert_eq!(gaps, [false, true, false, false], "{lines:?}");
    }
    let newest = Events::of(&other.mongo.own).written().await.unwrap().unwrap().0;
    let older = Events::of(&other.mongo.own).page(Filter::All, Some(newest)).await.unwrap().events;
    assert!(
        matches!(older[..], [(_, FeedEntry::Gap { .. }), (_, FeedEntry::Event(_)), (_, FeedEntry::Event(_))]),
        "{older:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_an_older_epoch_is_one_new_epoch() {
    let network = Network::new().await;
    follows(&network, 1).await;
    let log = Log::new(network.redis.clone());
    let (tail, _) = log.last().await.unwrap().unwrap();
    let lost = [network.redis.key("log"), network.redis.key("idle")];
    let () = redis::cmd("DEL").arg(&lost).query_async(&mut network.redis.connection()).await.unwrap();
    let older = Entry::opening(Epoch(tail.position.epoch.0 - 5), network.mongo.operation_time().await.unwrap(), false);
    assert_eq!(log.append(None, &older, "").await.unwrap(), Appended::Done);
    for n in 2..5 {
        follows(&network, n).await;
    }
    let (epochs, inserts, gaps) = stored_events(&network).await;
    assert_eq!((epochs.len(), inserts, gaps), (2, 4, 0), "the older one and one new: {epochs:?}");
    assert!(epochs.last() > Some(&tail.position.epoch));
}

/// Says for how many seconds the whole cluster keeps images, or "off".
pub async fn keep_images(network: &Network, how_long: bson::Bson) {
    let images = doc! {"preAndPostImages": {"expireAfterSeconds": how_long}};
    let set = doc! {"setClusterParameter": {"changeStreamOptions": images}};
    network.mongo.client.database("admin").run_command(set).await.unwrap();
}

/// Waits until so many seconds of MongoDB's clock have passed, which stands while nothing is written.
pub async fn pass(network: &Network, seconds: u32) {
    let now = network.mongo.operation_time().await.unwrap().seconds();
    let elsewhere = network.mongo.client.database("elsewhere");
    let passing = async {
        while network.mongo.operation_time().await.unwrap().seconds() < now + seconds {
            elsewhere.collection::<Document>("clock").insert_one(doc! {}).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let most = Duration::from_secs(20 + u64::from(seconds));
    tokio::time::timeout(most, passing).await.expect("MongoDB's clock stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_expired_are_one_new_epoch_that_tells_a_gap() {
    // Uses a server of its own, because the expiry of images is a setting of the whole cluster.
    let mongod = Mongod::start().await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    follows(&network, 1).await;
    keep_images(&network, bson::Bson::Int64(5)).await;
    pass(&network, 6).await;
    follows(&network, 2).await;
    keep_images(&network, "off".into()).await;
    follows(&network, 3).await;
    let (epochs, inserts, gaps) = stored_events(&network).await;
    assert_eq!((epochs.len(), gaps), (2, 1), "{epochs:?}");
    assert!((2..=3).contains(&inserts), "what came before the new epoch may be missing, as it says");
}

/// When the log is read in pages, a page may end exactly where an epoch does.
#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_begins_with_a_page_of_the_log_is_followed() {
    let network = Network::new().await;
    let log = Log::new(network.redis.clone());
    let opening = |epoch| Entry::opening(Epoch(epoch), ClusterTime(epoch), false);
    let empty = |seq| Entry { first: Seq(seq), last: Seq(seq), closed: Seq(seq), ..opening(1) };
    let entries = std::iter::once(opening(1)).chain((1..PAGE as u64).map(empty)).chain([opening(2)]);
    let mut tail: Option<Tail> = None;
    for entry in entries {
        assert_eq!(log.append(tail.as_ref(), &entry, "t").await.unwrap(), Appended::Done);
        tail = Some(Tail { position: entry.position(), token: "t".to_owned() });
    }
    let instance = network.instance(false);
    instance.until("the second epoch", |hub| hub.head().is_some_and(|head| head.epoch == Epoch(2))).await;
    instance.stop.cancel();
}
