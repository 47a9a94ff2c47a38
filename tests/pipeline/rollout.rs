//! A rolling deploy, forwards and back: two builds with different row schemas run side by side.

use std::{collections::BTreeMap, time::Instant};

use super::{
    epochs::{keep_images, pass},
    *,
};

const OLD: Schema = Schema(1);
const NEW: Schema = Schema(2);

/// Returns the log's epochs in order, each with the schema that its entries name.
async fn epochs(network: &Network) -> Vec<(u32, u64)> {
    let entries: redis::streams::StreamRangeReply = redis::cmd("XRANGE")
        .arg(network.redis.key("log"))
        .arg(&["-", "+"])
        .query_async(&mut network.redis.connection())
        .await
        .unwrap();
    let mut epochs = Vec::new();
    for id in entries.ids {
        let position: Position = id.id.parse().unwrap();
        let entry: serde_json::Value = serde_json::from_str(&id.get::<String>("entry").unwrap()).unwrap();
        let of = (u32::try_from(entry["version"].as_u64().unwrap()).unwrap(), position.epoch.0);
        if epochs.last() != Some(&of) {
            epochs.push(of);
        }
    }
    epochs
}

async fn schemas(network: &Network) -> Vec<u32> {
    epochs(network).await.into_iter().map(|(schema, _)| schema).collect()
}

/// Inserts clients until told to stop. Returns how many.
fn writer(network: &Network) -> (CancellationToken, tokio::task::JoinHandle<i64>) {
    let (clients, stop) = (network.collection(Collection::Clients), CancellationToken::new());
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        let mut written = 0;
        while !stopped.is_cancelled() {
            clients.insert_one(client(written)).await.unwrap();
            written += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        written
    });
    (stop, writing)
}

/// Waits until each document is one event. None may be two.
async fn each_is_one_event(network: &Network, documents: usize) {
    let events = network.mongo.own.collection::<Document>("events");
    let written = async {
        loop {
            let mut inserts: BTreeMap<String, u32> = BTreeMap::new();
            let mut cursor = events.find(doc! {"op": {"$in": ["insert", "gap"]}}).await.unwrap();
            while cursor.advance().await.unwrap() {
                let event = cursor.deserialize_current().unwrap();
                assert_eq!(event.get_str("op").unwrap(), "insert", "nothing may be missing");
                *inserts.entry(event.get_str("id").unwrap().to_owned()).or_default() += 1;
            }
            assert!(inserts.values().all(|times| *times == 1), "an event is written twice");
            if inserts.len() == documents {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), written).await.expect("an event is missing");
}

/// MongoDB keeps images for ten seconds, and nothing was written for longer. Then no image is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_in_a_quiet_network_tells_no_gap() {
    // Uses a server of its own, because the expiry of images is a setting of the whole cluster.
    let mongod = support::Mongod::start().await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    keep_images(&network, bson::Bson::Int64(10)).await;
    let old = network.instance_of(OLD, true);
    old.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_one(client(1)).await.unwrap();
    each_is_one_event(&network, 1).await;
    pass(&network, 11).await;
    let new = network.instance_of(NEW, true);
    new.ready().await;
    clients.insert_one(client(2)).await.unwrap();
    each_is_one_event(&network, 2).await;
    assert_eq!(schemas(&network).await, [1, 2]);
    [old, new].iter().for_each(|instance| instance.stop.cancel());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_builds_beside_each_other_lose_and_double_nothing_and_take_no_turns() {
    let network = Network::new().await;
    let old = [network.instance_of(OLD, true), network.instance_of(OLD, true)];
    old[0].ready().await;
    old[1].ready().await;
    let (stop, writing) = writer(&network);
    old[0].until("some clients", |hub| hub.head().unwrap().seq.0 > 20).await;
    assert_eq!(schemas(&network).await, [1]);

    // Forwards: the first instance of the new build takes over. Otherwise the deploy would wait for it for ever.
    let new = [network.instance_of(NEW, true), network.instance_of(NEW, true)];
    for instance in &new {
        instance.ready().await;
        instance.page(Collection::Clients).await;
    }
    assert_eq!(schemas(&network).await, [1, 2]);
    // The old build's pages stay where its log ended, and receive nothing more.
    let (left, at) = (old[0].hub.head(), new[0].hub.head().unwrap());
    assert!(left.unwrap().epoch < at.epoch);
    // Wait until every instance has asked for the lease several times.
    let (seq, checks) = (at.seq.0, Instant::now());
    new[1].until("more clients", |hub| hub.head().unwrap().seq.0 > seq + 200 && checks.elapsed().as_secs() >= 4).await;
    assert_eq!((schemas(&network).await, old[0].hub.head()), (vec![1, 2], left));
    let written = Events::of(&network.mongo.own).written().await.unwrap().unwrap().0;
    assert_eq!(written.epoch, at.epoch, "the new build writes its events while the old one lives");
    assert!(old.iter().all(|old| old.hub.stands_for() > Duration::from_secs(1)), "its pages know that they are stale");

    // One instance of the new build ends, and the other continues in the same epoch.
    new[0].stop.cancel();
    let seq = new[1].hub.head().unwrap().seq.0;
    new[1].until("clients after a change of relay", |hub| hub.head().unwrap().seq.0 > seq + 100).await;
    assert_eq!(schemas(&network).await, [1, 2]);

    // Back: the old build takes over the log once no instance of the new one is left.
    new[1].stop.cancel();
    for instance in &old {
        let left = left.unwrap().epoch;
        instance.until("a log of its own again", |hub| hub.head().is_some_and(|head| head.epoch > left)).await;
    }
    stop.cancel();
    let written = writing.await.unwrap();
    assert_eq!(schemas(&network).await, [1, 2, 1]);
    old[1].page(Collection::Clients).await.until_equal(&old[1], &network).await;
    each_is_one_event(&network, usize::try_from(written).unwrap()).await;
    old.iter().for_each(|instance| instance.stop.cancel());
}
