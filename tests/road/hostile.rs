//! Documents that nobody should write and somebody does. The stream must go on.

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};

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

/// Returns an error unless an event that is too large is skipped, changes before it are events, the gap is reported
/// once, and later changes are events again.
pub async fn goes_on_behind_an_event_too_large() -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let network = Network::new().await;
    let clients = network.collection(Collection::Clients);
    let events = network.mongo.own.collection::<Document>("events");
    let count = async |query: Document| events.count_documents(query).await.unwrap();
    let instance = network.instance(true);
    // The hub runs on another thread, where the guards are on.
    instance.ready().await;
    clients.insert_one(client(1)).await.unwrap();
    // Changes before it may come in the same answer of the stream.
    let (before, epoch) = ((2..20).map(client), instance.hub.head().unwrap().epoch);
    clients.insert_many(before).await.unwrap();
    clients.insert_one(doc! {"_id": "x".repeat(5_700_000), "name": "Large"}).await.unwrap();
    let next = async {
        while instance.hub.head().unwrap().epoch == epoch {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, next).await.map_err(|_| "the stream stands".to_owned())?;
    clients.insert_one(client(20)).await.unwrap();
    let mut page = instance.page(Collection::Clients).await;
    page.until_equal(&instance, &network).await;
    let written = async {
        while count(doc! {"to.name": "Client 20"}).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.map_err(|_| "no events follow".to_owned())?;
    instance.stop.cancel();
    match (count(doc! {"op": "insert"}).await, count(doc! {"op": "gap"}).await) {
        (20, 1) => Ok(()),
        other => Err(format!("{other:?} events and gaps")),
    }
}

#[tokio::test]
async fn the_stream_goes_on_behind_an_event_that_is_too_large() {
    assert_eq!(goes_on_behind_an_event_too_large().await, Ok(()));
}
