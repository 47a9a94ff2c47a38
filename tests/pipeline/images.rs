//! Changes without images, or with images that are too large, stop nothing.

use chargedeck::server::mongo::{
    collections::{Found, found},
    prepare,
};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn documents_with_two_images_too_large_for_an_event_do_not_stop_the_stream() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let stations = network.collection(Collection::Stations);
    let mut page = instance.page(Collection::Stations).await;
    let huge = "x".repeat(9 << 20);
    stations.insert_one(doc! {"_id": 1, "name": "A", "city": &huge}).await.unwrap();
    stations.update_one(doc! {"_id": 1}, doc! {"$set": {"city": format!("y{huge}")}}).await.unwrap();
    stations.insert_one(doc! {"_id": 2, "name": "B", "city": "Dundee"}).await.unwrap();
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 2);
    instance.stop.cancel();
}

/// For the change without images, rows are read after everything has happened. The other changes are events exactly
/// as they were.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_change_without_images_each_other_is_the_event_that_it_was() {
    let network = Network::new().await;
    let first = network.instance(true);
    first.ready().await;
    let stations = network.collection(Collection::Stations);
    // MongoDB can store it, and no event can hold it.
    let huge = "x".repeat(16_720_000);
    stations.insert_one(doc! {"_id": 1, "city": &huge}).await.unwrap();
    let mut page = first.page(Collection::Stations).await;
    page.until_equal(&first, &network).await;
    first.stop.cancel();
    stations.update_one(doc! {"_id": 1}, doc! {"$set": {"city": format!("y{huge}")}}).await.unwrap();
    for id in [2, 3] {
        stations.insert_one(doc! {"_id": id, "name": "a"}).await.unwrap();
        for name in ["b", "c"] {
            stations.update_one(doc! {"_id": id}, doc! {"$set": {"name": name}}).await.unwrap();
        }
    }
    stations.delete_one(doc! {"_id": 3}).await.unwrap();
    // The event does not say what was deleted, because that was too large.
    stations.delete_one(doc! {"_id": 1}).await.unwrap();
    stations.insert_one(doc! {"_id": 1, "name": "again"}).await.unwrap();

    let second = network.instance(true);
    second.ready().await;
    let mut page = second.page(Collection::Stations).await;
    page.until_equal(&second, &network).await;
    let head = second.hub.head().unwrap();
    let events = Events::of(&network.mongo.own);
    let written = async {
        while events.written().await.unwrap().is_none_or(|(upto, _)| upto < head) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("the events are written");
    let all = events_of(&network).await;
    let event: Vec<&str> = all.iter().map(String::as_str).skip(2).collect();
    assert_eq!(all[1], r#"2 read {} { "name": "again" }"#);
    let name = |from: &str, to: &str| format!(r#"update {{ "name": "{from}" }} {{ "name": "{to}" }}"#);
    let as_it_was = |id: u64| {
        [r#"insert {} { "name": "a" }"#.to_owned(), name("a", "b"), name("b", "c")].into_iter().zip(3 * (id - 1)..)
    };
    let mut expected: Vec<String> =
        as_it_was(2).chain(as_it_was(3)).map(|(event, seq)| format!("{seq} {event}")).collect();
    let last = [r#"9 delete { "name": "c" } {}"#, "10 delete {} {}", r#"11 insert {} { "name": "again" }"#];
    expected.extend(last.map(str::to_owned));
    assert_eq!(event, expected);
    second.stop.cancel();
}

/// MongoDB refuses for a moment what it was asked for while a collection is made anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_was_made_anew_gets_its_images_at_last() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    prepare::make(&network.mongo).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let admin = network.mongo.client.database("admin");
    let conflict = doc! {"failCommands": ["collMod"], "errorCode": 117};
    let fail = doc! {"configureFailPoint": "failCommand", "mode": {"times": 2}, "data": conflict};
    let entered = admin.run_command(fail).await.unwrap().get_i32("count").unwrap();
    let [clients, payments] = [Collection::Clients, Collection::Payments].map(|of| network.collection(of));
    clients.drop().await.unwrap();
    payments.drop().await.unwrap();
    clients.insert_one(client(1)).await.unwrap();
    payments.insert_one(doc! {"_id": 1}).await.unwrap();
    let refused = doc! {"waitForFailPoint": "failCommand", "timesEntered": i64::from(entered) + 2, "maxTimeMS": 30_000};
    admin.run_command(refused).await.expect("both were refused");
    let have_images = async {
        let with_images = |(of, found): &(Collection, Found)| {
            matches!(of, Collection::Clients | Collection::Payments)
                && matches!(found, Found::Stored { images: true, .. })
        };
        while found(&network.mongo.operator).await.unwrap().iter().filter(|found| with_images(found)).count() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), have_images).await.expect("images are switched on");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_images_rows_are_read_and_figures_counted_anew() {
    let network = Network::on(support::mongod().await, &support::fresh_name("pipeline"), "").await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..20).map(client)).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let mut page = instance.page(Collection::Clients).await;
    let from = page.window.received();
    clients.update_many(doc! {"_id": {"$lt": 8}}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    clients.delete_one(doc! {"_id": 0}).await.unwrap();
    clients.insert_one(client(0)).await.unwrap();
    clients.replace_one(doc! {"_id": 1}, doc! {"name": "Replaced", "status": "ACTIVE"}).await.unwrap();
    page.until_equal(&instance, &network).await;
    let since = instance.hub.since(Collection::Clients, from);
    assert!(matches!(since, Since::Frames(_)), "the rows were followed one by one");
    instance.until("figures counted anew", |hub| active_clients(hub) == Some(14) && counted_at(hub).is_none()).await;
    clients.update_one(doc! {"_id": 2}, doc! {"$set": {"status": "ACTIVE"}}).await.unwrap();
    instance.until("a word on the figures' age", |hub| counted_at(hub).is_some()).await;
    instance.until("figures counted anew", |hub| active_clients(hub) == Some(15) && counted_at(hub).is_none()).await;
    instance.stop.cancel();
}
