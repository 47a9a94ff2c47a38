//! Each change is one event, and a log that another build wrote is not continued.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_an_event_once_with_what_it_was_and_became() {
    let network = Network::new().await;
    let (first, second) = (network.instance(true), network.instance(false));
    first.ready().await;
    let payments = network.collection(Collection::Payments);
    payments.insert_one(doc! {"_id": 1, "status": "PENDING", "payment_id": "P-1"}).await.unwrap();
    payments
        .update_one(doc! {"_id": 1}, doc! {"$set": {"status": "FAILED"}, "$unset": {"payment_id": ""}})
        .await
        .unwrap();
    let written = |n: u64| {
        let events = Events::of(&network.mongo.own);
        async move {
            let waiting = async {
                while events.written().await.unwrap().is_none_or(|(at, _)| at.seq.0 < n) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the events are not written");
        }
    };
    written(2).await;
    // The instances stop. A change happens while nobody writes events. Then two instances begin at once.
    first.stop.cancel();
    second.stop.cancel();
    payments.delete_one(doc! {"_id": 1}).await.unwrap();
    let (third, fourth) = (network.instance(true), network.instance(true));
    third.ready().await;
    payments.insert_many((10..40).map(|n| doc! {"_id": n, "status": "CAPTURED"})).await.unwrap();
    written(33).await;
    let events = events_of(&network).await;
    assert_eq!(events.len(), 33, "{events:#?}");
    // An amount without a currency is in the network's currency.
    assert_eq!(
        events[..3],
        [
            r#"1 insert {} { "currency": "GBP", "payment_id": "P-1", "status": "PENDING" }"#,
            r#"2 update { "payment_id": "P-1", "status": "PENDING" } { "status": "FAILED" }"#,
            r#"3 delete { "currency": "GBP", "status": "FAILED" } {}"#,
        ]
    );
    // Pages of events come newest first, and can be filtered by kind.
    let store = Events::of(&network.mongo.own);
    let page = store.page(Filter::Problems, None).await.unwrap();
    assert_eq!(page.events.iter().map(|(at, _)| at.seq.0).collect::<Vec<_>>(), [2]);
    let page = store.page(Filter::Of(Collection::Payments), None).await.unwrap();
    assert_eq!((page.events.len(), page.events[0].0.seq.0, page.more), (33, 33, false));
    let older = store.page(Filter::All, Some(page.events[30].0)).await.unwrap();
    assert_eq!(older.events.iter().map(|(at, _)| at.seq.0).collect::<Vec<_>>(), [2, 1]);
    // The feed's board holds the same.
    let board = third.hub.board(&Board::Activity(Filter::Problems)).unwrap();
    assert_eq!(board.fields.values().filter(|v| v.is_object()).count(), 1);
    third.stop.cancel();
    fourth.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_another_version_is_not_continued_and_stops_nothing() {
    let network = Network::new().await;
    for seq in 1..=600 {
        let () = redis::cmd("XADD")
            .arg(network.redis.key("log"))
            .arg(format!("7-{seq}"))
            .arg("token")
            .arg("t")
            .arg("entry")
            .arg(r#"{"version": 1, "shape": "unknown"}"#)
            .query_async(&mut network.redis.connection())
            .await
            .unwrap();
    }
    let instance = network.instance(true);
    instance.ready().await;
    assert!(instance.hub.head().unwrap().epoch.0 > 7);
    network.collection(Collection::Clients).insert_one(client(1)).await.unwrap();
    instance.page(Collection::Clients).await.until_equal(&instance, &network).await;
    instance.stop.cancel();
}

#[tokio::test]
async fn an_event_that_is_gone_tells_of_another_past_unless_the_older_ones_are_gone_too() {
    let network = Network::new().await;
    let (events, stored) = (Events::of(&network.mongo.own), network.mongo.own.collection::<Document>("events"));
    let id = |seq: i64| doc! {"e": 1_i64, "s": seq};
    stored.insert_many((1..=5).map(|seq| doc! {"_id": id(seq)})).await.unwrap();
    let last = Position::new(Epoch(1), Seq(5));
    let is_of_another = async || events.are_of_another_past(Some(last)).await.unwrap();
    assert!(!is_of_another().await);
    assert!(!events.are_of_another_past(None).await.unwrap());
    // What was written since the database was set back hides nothing.
    stored.delete_one(doc! {"_id": id(5)}).await.unwrap();
    stored.insert_one(doc! {"_id": id(6)}).await.unwrap();
    assert!(is_of_another().await);
    // These were removed for their age.
    stored.delete_many(doc! {"_id": {"$lt": id(5)}}).await.unwrap();
    assert!(!is_of_another().await);
}
