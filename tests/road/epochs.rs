//! Each cause of a new epoch begins exactly one.

use std::collections::BTreeSet;

use super::*;
use guarantees::all;
use support::Mongod;

/// An instance begins, follows a change, has written all events, and ends.
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

/// The epochs of the log; how many inserts are events; and how many gaps are told.
async fn told(network: &Network) -> (BTreeSet<Epoch>, u64, u64) {
    let entries = all(&Log::new(network.redis.clone())).await;
    let events = network.mongo.own.collection::<Document>("events");
    let count = async |op: &str| events.count_documents(doc! {"op": op}).await.unwrap();
    (entries.iter().map(|entry| entry.epoch).collect(), count("insert").await, count("gap").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_mapped_otherwise_are_one_new_epoch() {
    let name = support::fresh_name("road");
    let mapped = "[chargedeck.fields.clients]\nnames = { name = 'title' }\n";
    let plain = Network::on(support::mongod().await, &name, "").await;
    follows(&plain, 1).await;
    let other = Network { redis: plain.redis.clone(), ..Network::on(support::mongod().await, &name, mapped).await };
    for n in 2..5 {
        follows(&other, n).await;
    }
    let (epochs, inserts, gaps) = told(&other).await;
    assert_eq!((epochs.len(), inserts, gaps), (2, 4, 0), "{epochs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_that_begins_within_a_transaction_tells_a_gap() {
    let name = support::fresh_name("road");
    let mapped = "[chargedeck.fields.clients]\nnames = { name = 'title' }\n";
    let plain = Network::on(support::mongod().await, &name, "").await;
    follows(&plain, 1).await;
    // A part of a transaction that is too large to be held back.
    let log = Log::new(plain.redis.clone());
    let (tail, last) = log.last().await.unwrap().unwrap();
    let seq = tail.position.seq;
    let part = Entry { first: seq.next(), last: seq.next(), closed: seq, ..last.unwrap() };
    assert_eq!(log.append(Some(&tail), &part, &tail.token).await.unwrap(), Appended::Done);
    let other = Network { redis: plain.redis.clone(), ..Network::on(support::mongod().await, &name, mapped).await };
    follows(&other, 2).await;
    let (epochs, _, gaps) = told(&other).await;
    assert_eq!((epochs.len(), gaps), (2, 1), "{epochs:?}");
    // Newest first: who joined in the new epoch, then what may be missing, then the part and who joined before it.
    for filter in [Filter::All, Filter::Of(Collection::Clients)] {
        let lines = Events::of(&other.mongo.own).page(filter, None).await.unwrap().events;
        let gaps: Vec<bool> = lines.iter().map(|(_, line)| matches!(line, Line::Gap { .. })).collect();
        assert_eq!(gaps, [false, true, false, false], "{lines:?}");
    }
    let newest = Events::of(&other.mongo.own).written().await.unwrap().unwrap().0;
    let older = Events::of(&other.mongo.own).page(Filter::All, Some(newest)).await.unwrap().events;
    assert!(matches!(older[..], [(_, Line::Gap { .. }), (_, Line::News(_)), (_, Line::News(_))]), "{older:?}");
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
    let (epochs, inserts, gaps) = told(&network).await;
    assert_eq!((epochs.len(), inserts, gaps), (2, 4, 0), "the older one and one new: {epochs:?}");
    assert!(epochs.last() > Some(&tail.position.epoch));
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_expired_are_one_new_epoch_that_tells_a_gap() {
    // How long images are kept is the whole cluster's.
    let mongod = Mongod::start().await;
    let network = Network::on(&mongod, &support::fresh_name("road"), "").await;
    let admin = network.mongo.client.database("admin");
    let keep = async |how_long: bson::Bson| {
        let images = doc! {"preAndPostImages": {"expireAfterSeconds": how_long}};
        admin.run_command(doc! {"setClusterParameter": {"changeStreamOptions": images}}).await.unwrap();
    };
    follows(&network, 1).await;
    keep(bson::Bson::Int64(1)).await;
    let (now, elsewhere) = (network.mongo.operation_time().await.unwrap(), network.mongo.client.database("elsewhere"));
    let passing = async {
        while network.mongo.operation_time().await.unwrap().seconds() < now.seconds() + 2 {
            elsewhere.collection::<Document>("clock").insert_one(doc! {}).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), passing).await.expect("MongoDB's clock stands");
    follows(&network, 2).await;
    keep("off".into()).await;
    follows(&network, 3).await;
    let (epochs, inserts, gaps) = told(&network).await;
    assert_eq!((epochs.len(), gaps), (2, 1), "{epochs:?}");
    assert!((2..=3).contains(&inserts), "what came before the new epoch may be missing, as it says");
}
