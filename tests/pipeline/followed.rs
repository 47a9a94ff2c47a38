//! Pages show what the database holds: after inserts, updates, deletes, drops, restarts and transactions.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_follows_inserts_updates_and_deletes() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    let mut page = instance.page(Collection::Clients).await;
    clients.insert_many((0..120).map(client)).await.unwrap();
    page.until_equal(&instance, &network).await;
    clients
        .update_many(doc! {"_id": {"$gte": 60}}, doc! {"$set": {"status": "BLOCKED"}, "$unset": {"name": ""}})
        .await
        .unwrap();
    clients.delete_many(doc! {"_id": {"$mod": [3, 0]}}).await.unwrap();
    page.until_equal(&instance, &network).await;
    // A page opened now, from the cache, is equal at once.
    let opened = instance.page(Collection::Clients).await;
    assert_eq!(opened.window.shown().collect::<Vec<_>>(), page.window.shown().collect::<Vec<_>>());
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_loses_nothing_and_a_second_instance_doubles_nothing() {
    let network = Network::new().await;
    let first = network.instance(true);
    first.ready().await;
    let epoch = first.hub.head().unwrap().epoch;
    let payments = network.collection(Collection::Payments);
    let pay = |n: i64| doc! {"_id": n, "status": "PENDING", "amount_minor": 100_i64, "currency": "GBP", "created_at": bson::DateTime::from_millis(n)};
    let mut page = first.page(Collection::Payments).await;
    payments.insert_many((0..40).map(pay)).await.unwrap();
    page.until_equal(&first, &network).await;
    first.stop.cancel();
    payments.insert_many((40..80).map(pay)).await.unwrap();
    // Two instances that compete for the lease.
    let (second, third) = (network.instance(true), network.instance(true));
    payments.insert_many((80..120).map(pay)).await.unwrap();
    for instance in [&second, &third] {
        instance.until("120 changes", |hub| hub.head().is_some_and(|head| head.seq.0 >= 120)).await;
        instance.until("all payments counted", |hub| open(hub).is_some_and(|open| open.count == 120)).await;
        assert_eq!(instance.hub.head().unwrap().epoch, epoch, "the log was continued");
        assert_eq!(instance.hub.head().unwrap().seq.0, 120, "each change has exactly one number");
        let mut page = instance.page(Collection::Payments).await;
        page.until_equal(instance, &network).await;
        instance.stop.cancel();
    }
    let entries = Log::new(network.redis.clone()).after(None).await.unwrap().entries;
    let numbers: Vec<u64> = entries.iter().flat_map(|e| e.first.0..=e.last.0).collect();
    assert_eq!(numbers, (1..=120).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_replaced_at_once_are_read_anew() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let stations = network.collection(Collection::Stations);
    let station = |n: i64| doc! {"_id": n, "name": format!("Station {n:03}")};
    stations.insert_many((0..10).map(station)).await.unwrap();
    let mut page = instance.page(Collection::Stations).await;
    page.until_equal(&instance, &network).await;
    let epoch = instance.hub.head().unwrap().epoch;
    // `$out` onto a watched collection shows as a rename onto it.
    let other: mongodb::Collection<Document> = network.mongo.operator.collection("other");
    other.insert_many((20..25).map(station)).await.unwrap();
    other.aggregate([doc! {"$out": "stations"}]).await.unwrap();
    page.until_equal(&instance, &network).await;
    stations.drop().await.unwrap();
    page.until_equal(&instance, &network).await;
    stations.insert_many((30..35).map(station)).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(instance.hub.head().unwrap().epoch, epoch, "one topic was reset, not everything");
    network.mongo.operator.drop().await.unwrap();
    instance.until("a new epoch", |hub| hub.head().is_some_and(|head| head.epoch > epoch)).await;
    stations.insert_many((40..45).map(station)).await.unwrap();
    page.until_equal(&instance, &network).await;
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_seen_whole_or_not_at_all() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..1000).map(client)).await.unwrap();
    instance.until("1,000 clients", |hub| active_clients(hub) == Some(1000)).await;
    let seen = Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let watcher = {
        let (hub, seen, mut changes) = (instance.hub.clone(), seen.clone(), instance.hub.changes());
        tokio::spawn(async move {
            while changes.changed().await.is_ok() {
                seen.lock().unwrap().extend(active_clients(&hub));
            }
        })
    };
    let mut session = network.mongo.client.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    clients.update_many(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).session(&mut session).await.unwrap();
    session.commit_transaction().await.unwrap();
    instance.until("no active client", |hub| active_clients(hub) == Some(0)).await;
    watcher.abort();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.iter().all(|n| [0, 1000].contains(n)), "half a transaction was shown: {seen:?}");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_collection_is_shown_as_empty_and_followed() {
    let network = Network::on(support::mongod().await, &support::fresh_name("pipeline"), "").await;
    let instance = network.instance(true);
    instance.ready().await;
    assert!(network.mongo.operator.list_collection_names().await.unwrap().is_empty(), "nothing was made");
    network.collection(Collection::Clients).insert_one(client(1)).await.unwrap();
    instance.until("the first client", |hub| active_clients(hub) == Some(1)).await;
    instance.stop.cancel();
}
