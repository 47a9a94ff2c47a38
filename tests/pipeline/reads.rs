//! Snapshots and the stream in cases that are hard to reconcile: large transactions, old rows, collections that come
//! and go, images that are off for a while, documents that name a field twice.

use std::collections::BTreeSet;

use bson::{RawDocumentBuf, cstr};
use chargedeck::{
    domain::selection::EvalContext,
    server::budget::{Budgets, Unaffordable},
};
use tokio::sync::oneshot;

use super::*;

/// Deletes a list's cached rows, so that they are read anew.
async fn forget(network: &Network, epoch: Epoch, of: Collection) {
    let cached = network.redis.key(&format!("snap:{}:{of}", epoch.0));
    let () = redis::cmd("DEL").arg(cached).query_async(&mut network.redis.connection()).await.unwrap();
}

/// Returns the statuses that a list shows.
fn statuses(window: &Window) -> BTreeSet<String> {
    window.shown().map(|id| window.row(id).unwrap()["status"].to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_of_1000_is_whole_for_pages_new_rows_and_rows_cached_before_it() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let payments = network.collection(Collection::Payments);
    // The documents that the list shows are spread over the whole transaction.
    let pay = |n: i64| doc! {"_id": n, "status": "PENDING", "created_at": bson::DateTime::from_millis(n * 7919 % 1000)};
    payments.insert_many((0..1000).map(pay)).await.unwrap();
    instance.until("1,000 payments", |hub| open(hub).is_some_and(|open| open.count == 1000)).await;
    let epoch = instance.hub.head().unwrap().epoch;
    let everything = Selection::default;
    forget(&network, epoch, Collection::Payments).await;
    let mut page = instance.page(Collection::Payments).await;
    let old = snapshots::cached(&network.redis, epoch, Collection::Payments, &everything()).await.unwrap().unwrap();

    let committed = tokio::spawn({
        let (client, payments) = (network.mongo.client.clone(), payments.clone());
        async move {
            let mut session = client.start_session().await.unwrap();
            session.start_transaction().await.unwrap();
            let captured = doc! {"$set": {"status": "CAPTURED"}};
            payments.update_many(doc! {}, captured).session(&mut session).await.unwrap();
            session.commit_transaction().await.unwrap();
        }
    });
    let mut changes = instance.hub.changes();
    let following = async {
        loop {
            changes.mark_unchanged();
            if let Some(delta) = instance.hub.delta_since(Collection::Payments, page.window.received()) {
                page.window.apply(delta).unwrap();
            }
            let shown = statuses(&page.window);
            assert_eq!(shown.len(), 1, "a page shows half a transaction");
            forget(&network, epoch, Collection::Payments).await;
            let read = instance.page(Collection::Payments).await.window;
            assert_eq!(statuses(&read).len(), 1, "half a transaction was read");
            if shown.contains("\"CAPTURED\"") {
                return;
            }
            drop(tokio::time::timeout(Duration::from_millis(5), changes.changed()).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), following).await.expect("the transaction is never shown");
    committed.await.unwrap();

    // An instance that knows only the log must bring rows up to date that were cached before all that.
    let late = network.instance(false);
    late.ready().await;
    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    for instance in [&instance, &late] {
        forget(&network, epoch, Collection::Payments).await;
        assert!(snapshots::cache(&network.redis, &old.clone().into()).await.unwrap());
        let opened = instance.page(Collection::Payments).await.window;
        assert_eq!(statuses(&opened), statuses(&page.window));
        assert_eq!(opened.shown().collect::<Vec<_>>(), page.window.shown().collect::<Vec<_>>());
    }
    network.mongo.operator.run_command(doc! {"profile": 0}).await.unwrap();
    let profile = network.mongo.operator.collection::<Document>("system.profile");
    assert_eq!(profile.count_documents(doc! {"command.find": "payments"}).await.unwrap(), 0, "MongoDB was asked");
    instance.stop.cancel();
    late.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_read_while_their_collection_is_made_renamed_and_dropped() {
    const UNAVAILABLE: Option<i32> = Some(246);
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let epoch = instance.hub.head().unwrap().epoch;
    let changing = tokio::spawn({
        let (db, admin) = (network.mongo.operator.clone(), network.mongo.client.database("admin"));
        let (stations, other) = (db.collection::<Document>("stations"), db.collection::<Document>("other"));
        let rename = doc! {
            "renameCollection": format!("{}.other", db.name()), "to": format!("{}.stations", db.name()), "dropTarget": true,
        };
        async move {
            for n in 0..40 {
                stations.insert_one(doc! {"_id": n, "name": "made"}).await.unwrap();
                other.insert_one(doc! {"_id": n, "name": "renamed"}).await.unwrap();
                admin.run_command(rename.clone()).await.unwrap();
                stations.drop().await.unwrap();
            }
            stations.insert_one(doc! {"_id": 100, "name": "last"}).await.unwrap();
        }
    });
    let mut refused = 0;
    while !changing.is_finished() {
        let (everything, context) = (Selection::default(), EvalContext::default());
        if let Err(error) = mongo::snapshot::rows(&network.mongo, Collection::Stations, &everything, &context).await {
            assert_eq!(mongo::error_code(&error), UNAVAILABLE, "{error}");
            refused += 1;
        }
        forget(&network, epoch, Collection::Stations).await;
        instance.snapshots.list(Collection::Stations, everything, None).await.expect("rows");
    }
    changing.await.unwrap();
    assert!(refused > 0, "MongoDB could read at any moment, so nothing was shown");
    let mut page = instance.page(Collection::Stations).await;
    page.until_equal(&instance, &network).await;
    assert_eq!(page.window.shown().count(), 1);
    assert_eq!(instance.hub.head().unwrap().epoch, epoch);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_are_off_for_ten_writes_cost_no_row_and_no_figure() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..40).map(client)).await.unwrap();
    let mut page = instance.page(Collection::Clients).await;
    page.until_equal(&instance, &network).await;
    let (from, epoch) = (page.window.received(), instance.hub.head().unwrap().epoch);
    let images = async |enabled: bool| {
        let modified = doc! {"collMod": "clients", "changeStreamPreAndPostImages": {"enabled": enabled}};
        network.mongo.operator.run_command(modified).await.unwrap();
    };
    let block = async |n: i64| {
        clients.update_one(doc! {"_id": n}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    };
    images(false).await;
    for n in 0..8 {
        block(n).await;
    }
    clients.delete_one(doc! {"_id": 8}).await.unwrap();
    clients.replace_one(doc! {"_id": 9}, doc! {"name": "Replaced", "status": "BLOCKED"}).await.unwrap();
    images(true).await;
    for n in 10..20 {
        block(n).await;
    }
    page.until_equal(&instance, &network).await;
    assert!(matches!(instance.hub.since(Collection::Clients, from), Since::Frames(_)), "rows were followed one by one");
    instance.until("figures counted anew", |hub| active_clients(hub) == Some(20) && counted_at(hub).is_none()).await;
    block(20).await;
    instance.until("a figure that follows", |hub| active_clients(hub) == Some(19)).await;
    assert_eq!(instance.hub.cell(&Cell::Documents(Collection::Clients)), Some(39));
    assert_eq!(instance.hub.head().unwrap().epoch, epoch);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_says_a_thing_twice_is_one_row_to_snapshot_stream_and_count() {
    let network = Network::new().await;
    let twice = |n: i32| {
        let mut raw = RawDocumentBuf::new();
        raw.append(cstr!("_id"), n);
        for (name, status) in [("First", "ACTIVE"), ("Second", "BLOCKED")] {
            raw.append(cstr!("name"), name);
            raw.append(cstr!("status"), status);
        }
        raw
    };
    let raw = network.mongo.operator.collection::<RawDocumentBuf>("clients");
    let clients = network.collection(Collection::Clients);
    raw.insert_one(twice(1)).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let mut page = instance.page(Collection::Clients).await;
    let equal = async |page: &mut Page| {
        page.until_equal(&instance, &network).await;
        let (_, cells) = mongo::snapshot::cells(&network.mongo, |_, _, _| ()).await.unwrap();
        let at = hub::zones::viewpoint(&jiff::tz::TimeZone::UTC, instance.hub.now().unwrap(), 900).unwrap();
        let counted = chargedeck::domain::figures::figures(&cells, &at).clients;
        instance.until("the same count", |hub| active_clients(hub) == Some(counted)).await;
    };
    equal(&mut page).await;
    raw.insert_one(twice(2)).await.unwrap();
    equal(&mut page).await;
    for id in [1, 2] {
        clients
            .update_one(doc! {"_id": id}, doc! {"$set": {"status": "ACTIVE", "email": "a@example.org"}})
            .await
            .unwrap();
    }
    equal(&mut page).await;
    clients.delete_one(doc! {"_id": 1}).await.unwrap();
    clients.insert_one(client(3)).await.unwrap();
    equal(&mut page).await;
    assert_eq!(page.window.shown().count(), 2);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_ask_for_so_much_by_all_instances_and_no_more() {
    let network = Network::new().await;
    let hub = Hub::new(Duration::ZERO, chargedeck::domain::money::Currency("GBP".into()), 0);
    let [one, other] = [(); 2].map(|()| Budgets::new(network.redis.clone(), hub.clone()));
    let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
    // Pay for ten of the most expensive pages of a network without documents, and one more.
    const PAGE: u64 = 100_000;
    for budgets in [&one, &other].into_iter().cycle().take(10) {
        budgets.of(ada).pay(PAGE).await.unwrap();
    }
    let refused = other.of(ada).pay(5 * PAGE).await;
    let Err(Unaffordable::Wait(wait)) = refused else { panic!("{refused:?}") };
    assert!(wait <= Duration::from_secs(4) && wait > Duration::ZERO, "{wait:?}");
    // The refusal waited a second, in which the budget regained the price of a page.
    one.of(ada).pay(PAGE).await.expect("what is there within a second is waited for");
    one.of(bob).pay(PAGE).await.expect("another account has a budget of its own");
    one.of(ada).get_back(PAGE).await.unwrap();
    one.of(ada).pay(PAGE).await.expect("what did not come to be is given back");
    // A request that costs more than ten pages is answered once. Then the budget stays empty for longer.
    one.of(bob).get_back(u64::from(u32::MAX)).await.unwrap();
    one.of(bob).pay(20 * PAGE).await.expect("the whole is there");
    let refused = one.of(bob).pay(1).await;
    let Err(Unaffordable::Wait(wait)) = refused else { panic!("{refused:?}") };
    assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(11), "{wait:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_one_question_answered_at_a_time_to_its_end_and_others_do_not_wait() {
    let network = Network::new().await;
    let hub = Hub::new(Duration::ZERO, chargedeck::domain::money::Currency("GBP".into()), 0);
    let budgets = Budgets::new(network.redis.clone(), hub);
    let [ada, bob] = ["a", "b"].map(|digit| budgets.of(digit.repeat(24).parse().unwrap()));
    let ((begun, has_begun), (end, ended)) = (oneshot::channel(), oneshot::channel::<()>());
    let asked = tokio::spawn({
        let ada = ada.clone();
        async move {
            let answer = async move {
                begun.send(()).unwrap();
                ended.await
            };
            ada.in_turn(1, answer).await.map(drop)
        }
    });
    has_begun.await.unwrap();
    // Whoever asked goes away. What was begun goes on.
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let refused = ada.turn(1).await;
    assert!(matches!(refused, Err(Unaffordable::Wait(_))), "{refused:?}");
    drop(bob.turn(1).await.expect("no account waits for another"));
    end.send(()).unwrap();
    drop(ada.turn(1).await.expect("its turn comes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_kept_in_redis_has_a_bound() {
    const MEGABYTE: usize = 1 << 20;
    let network = Network::new().await;
    let value = Arc::new("x".repeat(MEGABYTE));
    let keep = async |name: &str, seq: u64| {
        let at = Position::new(Epoch(7), Seq(seq));
        assert!(snapshots::keep(&network.redis, name, at, ClusterTime(seq), &value).await.unwrap());
    };
    let kept = async |name: &str| {
        let kept: Option<String> = snapshots::kept(&network.redis, Epoch(7), name).await.unwrap();
        kept.is_some()
    };
    // Keeping the same name again and again takes no more room than once.
    for seq in 1..=70 {
        keep("again", seq).await;
    }
    for n in 0..40 {
        keep(&format!("choice {n}"), 1).await;
    }
    assert!(kept("again").await && kept("choice 0").await);
    for n in 40..100 {
        keep(&format!("choice {n}"), 1).await;
    }
    let mut there = Vec::new();
    for n in 0..100 {
        there.push(kept(&format!("choice {n}")).await);
    }
    let count = there.iter().filter(|there| **there).count();
    assert!((60..=64).contains(&count) && there[99], "{count} MB are kept");
}
