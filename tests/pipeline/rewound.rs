//! Redis, or MongoDB itself, is set back to an earlier state. Pages must never go back in time, unless the database
//! did.

use chargedeck::{
    domain::protocol::frame::RESTORED,
    server::{redis::lease::Lease, snapshots::NotBefore},
};

use super::*;
use support::{Mongod, Redis as Server};

const ZONE: &str = "Europe/London";

/// Takes one step as a page does. Returns an error if the step leads it back in time.
async fn step(window: &mut Window, instance: &Instance) -> Result<(), String> {
    let (collection, shown) = (window.collection(), window.ct());
    match instance.hub.since(collection, window.received()) {
        Since::Current => {}
        Since::Frames(_) => {
            let delta = instance.hub.delta_since(collection, window.received()).expect("frames lead on");
            window.apply(delta).map_err(|broken| format!("{broken:?}"))?;
        }
        Since::Reset { min_position, reason } => {
            if reason == RESTORED {
                window.forget_time();
            }
            let not_before = NotBefore { position: Some(min_position), ct: window.ct() };
            if let Ok(snapshot) = instance.snapshots.list(collection, Selection::default(), not_before).await {
                if snapshot.ct < window.ct() {
                    return Err(format!("rows of {} after {shown}, at {}", snapshot.ct, snapshot.position));
                }
                window.replace(snapshot);
            }
        }
    }
    Ok(())
}

/// Follows until the page shows the documents of the database.
async fn until_equal(window: &mut Window, instance: &Instance, network: &Network) -> Result<(), String> {
    let mut changes = instance.hub.changes();
    let following = async {
        loop {
            changes.mark_unchanged();
            step(window, instance).await?;
            let all = network.documents(window.collection()).await;
            let shown: Vec<DocId> = window.shown().cloned().collect();
            let equal = shown == shown_of(window.collection(), &all);
            if equal && shown.iter().all(|id| window.row(id) == all.get(id)) {
                return Ok(());
            }
            drop(tokio::time::timeout(Duration::from_millis(100), changes.changed()).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), following).await.unwrap_or(Err("never equal".to_owned()))
}

/// Waits until all changes up to the log's head are events.
async fn written(network: &Network) {
    let (log, events) = (Log::new(network.redis.clone()), Events::of(&network.mongo.own));
    let writing = async {
        while events.written().await.unwrap().map(|(at, _)| at) != log.head().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), writing).await.expect("the events are not written");
}

/// Waits until a relay has noted the newest event.
async fn noted(network: &Network) {
    let log = Log::new(network.redis.clone());
    let noting = async {
        while log.past().await.unwrap() != log.head().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noting).await.expect("no relay looks at the events");
}

/// Makes whoever writes events begin anew, as after a failure. Waits until it has written, or found twice that it must
/// not: each look at the past asks two questions.
async fn writers_begin_anew(network: &Network) {
    network.mongo.own.run_command(doc! {"profile": 2}).await.unwrap();
    let lease = Lease::new(network.redis.clone(), "events");
    lease.take_over().await.unwrap();
    lease.release().await.unwrap();
    let profile = network.mongo.own.collection::<Document>("system.profile");
    let begun = async {
        let count = async |command: &str| profile.count_documents(doc! {command: "events"}).await.unwrap();
        while count("command.find").await < 4 && count("command.insert").await < 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), begun).await.expect("nobody begins to write events");
}

async fn run(network: &Network, command: &str) {
    let () = redis::cmd(command).query_async(&mut network.redis.connection()).await.unwrap();
}

/// Copies Redis' folder. Then Redis loses everything, a new epoch begins and is followed, and the copy is put back.
pub async fn redis_set_back() -> Result<(), String> {
    let mut server = Server::start().await;
    let network =
        Network::of(support::mongod().await, &server, &support::fresh_name("pipeline"), "").await.with_images().await;
    let (relay, lives) = (network.instance(true), network.instance(false));
    lives.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..10).map(client)).await.unwrap();
    let mut page = lives.page(Collection::Clients).await.window;
    until_equal(&mut page, &lives, &network).await?;
    lives.page(Collection::Clients).await;
    let first = page.received().epoch;
    run(&network, "SAVE").await;
    let copy = server.copy();

    clients.update_many(doc! {}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    until_equal(&mut page, &lives, &network).await?;
    written(&network).await;
    run(&network, "FLUSHALL").await;
    lives.until("an epoch after the loss", |hub| hub.head().is_some_and(|head| head.epoch > first)).await;
    clients.delete_one(doc! {"_id": 3}).await.unwrap();
    until_equal(&mut page, &lives, &network).await?;
    written(&network).await;
    let (second, board) = (page.received().epoch, overview(&lives.hub, ZONE).expect("figures").ct);
    relay.stop.cancel();

    server.kill9();
    server.put_back(&copy);
    server.restart().await;
    let is_back = |hub: &Hub| hub.head().is_none_or(|head| head.epoch == first);
    lives.until("the log of before", is_back).await;
    step(&mut page, &lives).await?;
    if let Some(figures) = overview(&lives.hub, ZONE).filter(|figures| figures.ct < board) {
        return Err(format!("figures of {} after {board}", figures.ct));
    }
    // A new instance, which has shown nothing yet.
    let fresh = network.instance(false);
    fresh.until("the log of before", |hub| hub.head().is_some_and(|head| head.epoch == first)).await;
    step(&mut page, &fresh).await?;
    until_equal(&mut page, &fresh, &network).await?;

    let again = network.instance(true);
    clients.insert_one(client(11)).await.unwrap();
    for instance in [&lives, &again] {
        until_equal(&mut page, instance, &network).await?;
        instance.until("figures that go on", |hub| overview(hub, ZONE).is_some_and(|it| it.ct >= board)).await;
    }
    assert!(page.received().epoch > second);
    for instance in [lives, fresh, again] {
        instance.stop.cancel();
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_set_back_leads_no_page_back() {
    redis_set_back().await.unwrap();
}

/// Copies MongoDB's folder. Then more is written and followed, and the copy is put back: while the relay works, or
/// after it has ended and before another begins.
pub async fn database_set_back(relay_works: bool) -> Result<(), String> {
    let mut mongod = Mongod::start().await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let (mut relay, instance) = (network.instance(true), network.instance(false));
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..10).map(client)).await.unwrap();
    let mut page = instance.page(Collection::Clients).await.window;
    until_equal(&mut page, &instance, &network).await?;
    written(&network).await;
    mongod.kill9();
    let copy = mongod.copy();
    mongod.restart().await;

    clients.delete_many(doc! {"_id": {"$lt": 5}}).await.unwrap();
    clients.insert_one(client(11)).await.unwrap();
    until_equal(&mut page, &instance, &network).await?;
    written(&network).await;
    noted(&network).await;
    let before = page.received();
    if !relay_works {
        relay.stop.cancel();
        lease_ends(&network).await;
    }
    mongod.kill9();
    mongod.put_back(&copy);
    mongod.restart().await;
    if !relay_works {
        writers_begin_anew(&network).await;
        relay = network.instance(true);
    }
    let mut changes = instance.hub.changes();
    let restored = changes.wait_for(|_| instance.hub.is_restored_since(before));
    if tokio::time::timeout(Duration::from_secs(20), restored).await.is_err() {
        return Err(format!("nobody was told, from {before} to {:?}", instance.hub.head()));
    }
    let reset = instance.hub.since(Collection::Clients, before);
    assert!(matches!(reset, Since::Reset { reason: RESTORED, .. }));
    until_equal(&mut page, &instance, &network).await?;
    assert_eq!(page.shown().count(), 10);
    for instance in [relay, instance] {
        instance.stop.cancel();
    }
    Ok(())
}

/// Waits until no relay works.
async fn lease_ends(network: &Network) {
    let ended = async {
        let lease = Lease::new(network.redis.clone(), "relay");
        while !lease.take().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        lease.release().await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("a relay works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_set_back_is_told_and_shown_as_it_is() {
    database_set_back(true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_set_back_while_no_relay_works_is_told_by_the_next() {
    database_set_back(false).await.unwrap();
}
