//! Documents that nobody should write and somebody does. The stream must go on.

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};
use chargedeck::server::redis::lease::Lease;

use super::*;

/// Builds a document whose `_id` is a string of these bytes, valid UTF-8 or not.
fn odd(id: &[u8]) -> RawDocumentBuf {
    let length = |n: usize| i32::try_from(n).unwrap().to_le_bytes();
    let element = [&b"\x02_id\0"[..], &length(id.len() + 1), id, &[0]].concat();
    let bytes = [&length(4 + element.len() + 1)[..], &element, &[0]].concat();
    RawDocumentBuf::from_bytes(bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_no_text_are_rows_of_their_own_and_stop_nothing() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let mut page = instance.page(Collection::Clients).await;
    let db = &network.mongo.operator;
    let two: RawArrayBuf = [odd(b"\xe9\xe8"), odd(b"\xe9\xe9")].into_iter().collect();
    db.run_raw_command(rawdoc! {"insert": "clients", "documents": two}).await.unwrap();
    let clients = network.collection(Collection::Clients);
    clients.insert_one(client(1)).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 3);
    // Without images such a row cannot be looked up, so all rows are read anew.
    db.run_command(doc! {"collMod": "clients", "changeStreamPreAndPostImages": {"enabled": false}}).await.unwrap();
    clients.update_many(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    page.until_equal(&instance, &network).await;
    clients.delete_many(doc! {}).await.unwrap();
    clients.insert_one(client(2)).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 1);
    instance.stop.cancel();
}

/// The number of events of this query.
async fn count(network: &Network, query: Document) -> u64 {
    network.mongo.own.collection::<Document>("events").count_documents(query).await.unwrap()
}

/// Waits until the insert of this client is an event.
async fn until_written(network: &Network, n: i64) {
    let name = format!("Client {n}");
    let written = async {
        while count(network, doc! {"op": "insert", "to.name": &name}).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.unwrap_or_else(|_| panic!("{name} is no event"));
}

/// An answer of MongoDB holds an event's token twice, and the token holds the `_id` at twice its length.
#[tokio::test(flavor = "multi_thread")]
async fn large_ids_and_images_stop_nothing_and_leave_no_gap() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let epoch = instance.hub.head().unwrap().epoch;
    let clients = network.collection(Collection::Clients);
    let mut page = instance.page(Collection::Clients).await;
    // The token fits, and the `_id` beside it does not.
    clients.insert_one(doc! {"_id": "x".repeat(4_000_000), "name": "Large id"}).await.unwrap();
    // The images fit, and the `_id` beside them does not.
    let id = "y".repeat(1_000_000);
    clients.insert_one(doc! {"_id": &id, "name": "n".repeat(7_000_000)}).await.unwrap();
    clients.update_one(doc! {"_id": &id}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    clients.insert_one(client(1)).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 3);
    until_written(&network, 1).await;
    assert_eq!(instance.hub.head().unwrap().epoch, epoch, "nothing was skipped");
    assert_eq!(count(&network, doc! {"op": "gap"}).await, 0);
    instance.stop.cancel();
}

/// MongoDB itself fails at one event, because the image that belongs to it is damaged.
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_goes_on_behind_an_event_at_which_mongodb_fails() {
    let network = Network::new().await;
    let clients = network.collection(Collection::Clients);
    // No other test's image has this name.
    let name = network.mongo.operator.name().to_owned();
    let first = network.instance(true);
    first.ready().await;
    clients.insert_one(doc! {"_id": 0, "name": &name}).await.unwrap();
    first.page(Collection::Clients).await.until_equal(&first, &network).await;
    let epoch = first.hub.head().unwrap().epoch;
    first.stop.cancel();
    clients.insert_one(client(1)).await.unwrap();
    clients.update_one(doc! {"_id": 0}, doc! {"$set": {"name": "Changed"}}).await.unwrap();
    let images = network.mongo.client.database("config").collection::<Document>("system.preimages");
    let damage = images.update_one(doc! {"preImage.name": &name}, doc! {"$unset": {"preImage": ""}}).await.unwrap();
    assert_eq!(damage.modified_count, 1);

    let second = network.instance(true);
    let next = async {
        while second.hub.head().is_none_or(|head| head.epoch == epoch) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), next).await.expect("the stream stands");
    second.ready().await;
    clients.insert_one(client(2)).await.unwrap();
    second.page(Collection::Clients).await.until_equal(&second, &network).await;
    until_written(&network, 2).await;
    assert_eq!(count(&network, doc! {"to.name": "Client 1"}).await, 1, "what was before it is an event");
    assert_eq!(count(&network, doc! {"op": "gap"}).await, 1);
    second.stop.cancel();
}

/// MongoDB refuses every change stream, so no event is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn where_every_stream_fails_no_event_is_skipped() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let instance = network.instance(true);
    instance.ready().await;
    let epoch = instance.hub.head().unwrap().epoch;
    let admin = network.mongo.client.database("admin");
    let fail = async |mode: &str| {
        let namespace = format!("{}.$cmd.aggregate", network.mongo.operator.name());
        // An assertion without a name.
        let data = doc! {"failCommands": ["aggregate", "getMore"], "namespace": namespace, "errorCode": 40_353};
        let set = doc! {"configureFailPoint": "failCommand", "mode": mode, "data": data};
        admin.run_command(set).await.unwrap().get_i32("count").unwrap()
    };
    let entered = fail("alwaysOn").await;
    network.collection(Collection::Clients).insert_many((1..=10).map(client)).await.unwrap();
    // So many questions take longer than the patience with one event, and some of them are whether another stream works.
    let times = i64::from(entered) + 16;
    let long = doc! {"waitForFailPoint": "failCommand", "timesEntered": times, "maxTimeMS": 90_000};
    admin.run_command(long).await.expect("the stream is asked for again and again");
    fail("off").await;
    instance.page(Collection::Clients).await.until_equal(&instance, &network).await;
    until_written(&network, 10).await;
    assert_eq!(instance.hub.head().unwrap().epoch, epoch, "nothing was skipped");
    assert_eq!(count(&network, doc! {"op": "insert"}).await, 10);
    instance.stop.cancel();
}

/// A change came without images, and MongoDB fails at its row: the collection is by now a view that divides by zero.
#[tokio::test(flavor = "multi_thread")]
async fn the_stream_goes_on_behind_a_row_at_which_mongodb_fails() {
    let network = Network::on(support::mongod().await, &support::fresh_name("hostile"), "").await;
    let [clients, stations] = [Collection::Clients, Collection::Stations].map(|of| network.collection(of));
    clients.insert_many((1..=3).map(client)).await.unwrap();
    let first = network.instance(true);
    first.ready().await;
    first.stop.cancel();
    let lease = Lease::new(network.redis.clone(), "relay");
    while lease.is_held().await.unwrap() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    clients.update_many(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    clients.drop().await.unwrap();
    let db = &network.mongo.operator;
    let shares = (1..=3_i64).map(|n| doc! {"_id": n, "among": n - 2});
    db.collection::<Document>("shares").insert_many(shares).await.unwrap();
    let share = doc! {"$set": {"name": {"$toString": {"$divide": [2, "$among"]}}}};
    db.run_command(doc! {"create": "clients", "viewOn": "shares", "pipeline": [share]}).await.unwrap();
    stations.insert_one(doc! {"_id": 1, "name": "Last"}).await.unwrap();

    let second = network.instance(true);
    let last = async {
        while count(&network, doc! {"to.name": "Last"}).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), last).await.expect("the stream stands");
    let told = events_of(&network).await;
    let rows = [r#"1 read {} { "name": "-2" }"#, "2 reset  ", r#"3 read {} { "name": "2" }"#, "4 reset  "];
    assert_eq!(told.iter().rev().skip(1).take(4).rev().collect::<Vec<_>>(), rows);
    assert_eq!(count(&network, doc! {"op": "gap"}).await, 0);
    second.stop.cancel();
}

/// MongoDB answers no question for rows, so no row is to blame.
#[tokio::test(flavor = "multi_thread")]
async fn where_every_question_for_rows_fails_each_row_is_waited_for() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("hostile"), "").await;
    let log = Log::of(network.redis.clone(), Schema::OURS);
    let relay = Relay { mongo: network.mongo.clone(), redis: network.redis.clone(), log: log.clone() };
    // Nobody but the relay asks for clients.
    let _relay = AbortOnDropHandle::new(tokio::spawn(relay.run(CancellationToken::new())));
    let until = async |seq: u64| {
        let appended = async {
            loop {
                if let Some(last) =
                    log.after(None).await.unwrap().entries.pop().filter(|last| last.position().seq.0 == seq)
                {
                    return last;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), appended).await.expect("the relay goes on")
    };
    let epoch = until(0).await.epoch;
    let clients = network.collection(Collection::Clients);
    clients.insert_one(client(1)).await.unwrap();
    until(1).await;
    let admin = network.mongo.client.database("admin");
    let fail = async |mode: &str| {
        let namespace = format!("{}.clients", network.mongo.operator.name());
        let data = doc! {"failCommands": ["find"], "namespace": namespace, "errorCode": 40_353};
        let set = doc! {"configureFailPoint": "failCommand", "mode": mode, "data": data};
        admin.run_command(set).await.unwrap().get_i32("count").unwrap()
    };
    let entered = fail("alwaysOn").await;
    clients.update_one(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    // So many questions take longer than the patience with one row.
    let times = i64::from(entered) + 16;
    let long = doc! {"waitForFailPoint": "failCommand", "timesEntered": times, "maxTimeMS": 90_000};
    admin.run_command(long).await.expect("the row is asked for again and again");
    fail("off").await;
    let last = until(2).await;
    assert!(matches!(&last.records[0].effect, Effect::Row(row) if row.read.is_some()), "{last:?}");
    assert_eq!(last.epoch, epoch);
}

/// Returns an error unless an event that is too large is skipped, changes before it are events, the gap is reported
/// once, and later changes are events again.
pub async fn goes_on_behind_an_event_too_large(patience: Duration) -> Result<(), String> {
    let network = Network::new().await;
    let clients = network.collection(Collection::Clients);
    let count = async |query| count(&network, query).await;
    let first = network.instance(true);
    // The hub runs on another thread, where the guards are on.
    first.ready().await;
    clients.insert_one(client(1)).await.unwrap();
    first.page(Collection::Clients).await.until_equal(&first, &network).await;
    let epoch = first.hub.head().unwrap().epoch;
    first.stop.cancel();
    // Changes before it may come in the same answer of the stream.
    clients.insert_many((2..20).map(client)).await.unwrap();
    // Their tokens do not fit into one answer. So an answer with the first ends with it, and holds its token twice.
    for large in ["x", "y"].map(|letter| doc! {"_id": letter.repeat(4_300_000), "name": "Large"}) {
        while let Err(error) = clients.insert_one(&large).await {
            let why = format!("{error:?}");
            assert!(why.contains("will not fit in the storage engine cache"), "{why}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let instance = network.instance(true);
    let next = async {
        while instance.hub.head().is_none_or(|head| head.epoch == epoch) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, next).await.map_err(|_| "the stream stands".to_owned())?;
    clients.insert_one(client(20)).await.unwrap();
    let mut page = instance.page(Collection::Clients).await;
    page.until_equal(&instance, &network).await;
    let written = async {
        while count(doc! {"to.name": "Client 20"}).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, written).await.map_err(|_| "no events follow".to_owned())?;
    instance.stop.cancel();
    match (count(doc! {"op": "insert"}).await, count(doc! {"op": "gap"}).await) {
        (20, 1) => Ok(()),
        other => Err(format!("{other:?} events and gaps")),
    }
}

#[tokio::test]
async fn the_stream_goes_on_behind_an_event_that_is_too_large() {
    assert_eq!(goes_on_behind_an_event_too_large(Duration::from_secs(60)).await, Ok(()));
}
