//! Lists with a selection: MongoDB's query and our predicate must agree on every document, however odd, before and
//! after changes.

use bson::{Bson, DateTime, Decimal128, oid::ObjectId};
use chargedeck::{
    domain::{
        protocol::{snapshot::Snapshot, window::Applied},
        selection::EvalContext,
    },
    server::snapshots::{NotBefore, SnapshotError},
};

use super::*;

fn selection(query: &str) -> Selection {
    Selection::read(&mut url::form_urlencoded::parse(query.as_bytes()).into_owned()).unwrap()
}

/// Returns the documents that match the predicate.
fn listed(
    all: &BTreeMap<DocId, Fields>,
    of: Collection,
    selection: &Selection,
    at: &EvalContext,
) -> BTreeMap<DocId, Fields> {
    all.iter().filter(|(_, row)| selection.matches(of, row, at)).map(|(id, row)| (id.clone(), row.clone())).collect()
}

fn at(text: &str) -> DateTime {
    DateTime::from_millis(UtcMs::parse(text).unwrap().0)
}

const OID: &str = "5b9a5a5a5a5a5a5a5a5a5a5a";

/// Odd values that a field may hold in place of a status, an id or a date.
fn odd_values() -> Vec<Bson> {
    let date = at("2018-06-15T13:30:00Z");
    vec![
        "ACTIVE".into(),
        "odd".into(),
        Bson::Symbol("ACTIVE".into()),
        Bson::Array(vec!["ACTIVE".into(), date.into()]),
        Bson::Document(doc! {"ACTIVE": 1}),
        Bson::Null,
        7.into(),
        Bson::Int64(9_007_199_254_740_993),
        Bson::Double(9_007_199_254_740_992.0),
        Bson::Double(f64::NAN),
        Bson::Decimal128("1.50".parse::<Decimal128>().unwrap()),
        Bson::ObjectId(ObjectId::parse_str(OID).unwrap()),
        OID.into(),
        date.into(),
        "2018-06-15T13:30:00Z".into(),
        "2018-06-15T14:30:00+01:00".into(),
        "15 June".into(),
        Bson::Array(vec![at("2018-06-10T00:00:00Z").into(), at("2018-06-20T00:00:00Z").into()]),
        at("1985-06-14T13:30:00Z").into(),
        at("2018-06-15T00:00:00Z").into(),
        at("2018-06-16T00:00:00Z").into(),
        Bson::DateTime(DateTime::from_millis(300_000_000_000_000)),
        "x".repeat(5000).into(),
    ]
}

async fn expect_agreement(network: &Network, instance: &Instance, collection: Collection, queries: &[&str]) {
    let all = network.documents(collection).await;
    for query in queries {
        let asked = selection(query);
        let got = instance.snapshots.list(collection, asked.clone(), None).await.unwrap();
        let expected = listed(&all, collection, &asked, &got.context);
        assert_eq!(got.total, Some(expected.len()), "how many: {query}");
        assert_eq!(got.complete, expected.len() <= collection.fetched(), "{query}");
        assert_eq!(got.rows.len(), expected.len().min(collection.fetched()), "{query}");
        assert!(got.rows.iter().all(|row| expected.get(&row.id) == Some(&row.fields)), "which: {query}");
        // MongoDB sorts dates stored as texts after all others. Only a complete list can put them in their place.
        if got.complete {
            let shown: Vec<DocId> = Window::from(got).shown().cloned().collect();
            assert_eq!(shown, shown_of(collection, &expected), "in which order: {query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_and_the_predicate_agree_on_odd_documents() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let sessions = network.collection(Collection::ChargingSessions);
    let mut many = Vec::new();
    for n in 0..300_i64 {
        let status = ["ACTIVE", "COMPLETED", "COMPLETED"][usize::try_from(n % 3).unwrap()];
        let start = DateTime::from_millis(UtcMs::parse("2018-06-14T00:00:00Z").unwrap().0 + n * 1_300_000);
        many.push(doc! {"status": status, "client_id": format!("C-{}", n % 9), "start_date_time": start, "end_date_time": start});
    }
    for value in odd_values() {
        many.push(doc! {"status": value.clone(), "start_date_time": at("2018-06-15T10:00:00Z")});
        many.push(doc! {"status": "ACTIVE", "client_id": value.clone(), "start_date_time": value.clone(), "end_date_time": value});
    }
    sessions.insert_many(many).await.unwrap();
    let day = "2018-06-15T00:00:00Z/2018-06-16T00:00:00Z";
    let queries = [
        "status=ACTIVE",
        "status=ACTIVE,odd",
        "status=nothing",
        &format!("status={OID}"),
        &format!("client={OID}"),
        "client=9007199254740993",
        "client=9007199254740992",
        "client=1.50",
        "client=NaN",
        "client=7",
        "client=2018-06-15T13:30:00Z",
        &format!("started={day}"),
        &format!("ended={day}"),
        &format!("status=COMPLETED&ended={day}"),
        &format!("status=ACTIVE&client=C-3&started={day}"),
        "ended=1980-01-01T00:00:00Z/1990-01-01T00:00:00Z",
        "slot=4.14@Europe/London",
        "slot=4.13@UTC",
        "running=8h",
        "status=ACTIVE&running=24h",
        &format!("slot=4.14@Europe/London&started={day}&status=ACTIVE"),
    ];
    expect_agreement(&network, &instance, Collection::ChargingSessions, &queries).await;
    let unknown = selection("slot=4.14@Europe/Dundee");
    let refused = instance.snapshots.list(Collection::ChargingSessions, unknown, None).await;
    assert!(matches!(refused, Err(SnapshotError::Choice(_))), "no such zone");
    let refused = instance.snapshots.list(Collection::Payments, selection("evse=UNKNOWN"), None).await;
    assert!(matches!(refused, Err(SnapshotError::Choice(_))), "payments have no EVSEs");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_are_listed_by_what_is_believed_of_their_evses() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let now = instance.hub.now().unwrap();
    let (heard, silent) = (DateTime::from_millis(now.0), DateTime::from_millis(now.0 - 3_600_000));
    let mut many = vec![
        doc! {"evses": {"status": "AVAILABLE"}},
        doc! {"evses": [["AVAILABLE"], {"status": ["AVAILABLE"]}, "AVAILABLE"]},
        doc! {"evses": [{}]},
        doc! {"evses": []},
        doc! {"name": "nothing"},
    ];
    for (n, status) in
        ["AVAILABLE", "CHARGING", "OUTOFORDER", "UNKNOWN", "odd"].into_iter().cycle().take(1100).enumerate()
    {
        let (at, connection) = (if n % 2 == 0 { heard } else { silent }, if n % 7 == 0 { "OFFLINE" } else { "ONLINE" });
        let evses = vec![doc! {"status": status}, doc! {"status": "AVAILABLE"}];
        many.push(
            doc! {"name": format!("S {n:04}"), "connection": connection, "last_heartbeat_at": at, "evses": evses},
        );
    }
    network.collection(Collection::Stations).insert_many(many).await.unwrap();
    let queries = ["evse=AVAILABLE", "evse=CHARGING", "evse=UNKNOWN", "evse=OUTOFORDER", "evse=odd", "evse=REMOVED"];
    expect_agreement(&network, &instance, Collection::Stations, &queries).await;
    let few = instance.snapshots.list(Collection::Stations, selection("evse=OUTOFORDER"), None).await.unwrap();
    let others = few.others.expect("they fit").len();
    assert_eq!(few.rows.len() + others, 220, "a page has what may come back by a heartbeat alone");
    let many = instance.snapshots.list(Collection::Stations, selection("evse=UNKNOWN"), None).await.unwrap();
    assert!(!many.complete && many.others.is_none());
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_selection_is_cached_by_itself() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..10).map(client)).await.unwrap();
    clients.update_many(doc! {"_id": {"$lt": 3}}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
    instance.until("7 active clients", |hub| active_clients(hub) == Some(7)).await;
    let db = &network.mongo.operator;
    db.run_command(doc! {"profile": 2}).await.unwrap();
    for (query, rows) in [("status=ACTIVE", 7), ("", 10), ("status=BLOCKED", 3), ("status=BLOCKED,ACTIVE", 10)] {
        for _ in 0..2 {
            let list = instance.snapshots.list(Collection::Clients, selection(query), None).await.unwrap();
            assert_eq!(list.rows.len(), rows, "{query}");
        }
    }
    // The same selection, written differently.
    instance.snapshots.list(Collection::Clients, selection("status=ACTIVE,BLOCKED"), None).await.unwrap();
    db.run_command(doc! {"profile": 0}).await.unwrap();
    let reads = doc! {"$or": [{"command.find": "clients"}, {"command.aggregate": "clients"}]};
    let read = db.collection::<Document>("system.profile").count_documents(reads).await.unwrap();
    assert_eq!(read, 4, "once for each selection");
    // A repeated request with the cluster time of what is shown pays for a read only if one is needed.
    let asked = selection("status=BLOCKED");
    let ct = instance.snapshots.list(Collection::Clients, asked.clone(), None).await.unwrap().ct;
    let has = async |ct| {
        let not_before = NotBefore { ct, ..NotBefore::default() };
        instance.snapshots.has(Collection::Clients, &asked, not_before).await
    };
    assert_eq!([has(ClusterTime(0)).await, has(ct).await, has(ClusterTime(u64::MAX)).await], [true, true, false]);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selected_list_follows_and_its_total_is_right() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    clients.insert_many((0..200).map(client)).await.unwrap();
    instance.until("200 active clients", |hub| active_clients(hub) == Some(200)).await;
    let period = "1970-01-01T00:00:20Z/1970-01-01T00:02:30Z";
    for query in ["status=ACTIVE", "status=BLOCKED", &format!("status=ACTIVE&created={period}")] {
        let asked = selection(query);
        let list = |min| instance.snapshots.list(Collection::Clients, asked.clone(), min);
        let mut window = Window::from(list(None).await.unwrap());
        let before = instance.hub.head().unwrap().seq.0;
        let set = |status: &str| doc! {"$set": {"status": status}};
        let third = doc! {"_id": {"$mod": [3, 0]}};
        let mut written = clients.update_many(third.clone(), set("BLOCKED")).await.unwrap().modified_count;
        written += clients.delete_many(doc! {"_id": {"$mod": [10, 1]}}).await.unwrap().deleted_count;
        clients.insert_one(client(1000)).await.unwrap();
        written += clients.update_many(third, set("ACTIVE")).await.unwrap().modified_count;
        clients.update_one(doc! {"_id": 1000}, set("BLOCKED")).await.unwrap();
        instance.until("all that was written", |hub| hub.head().is_some_and(|h| h.seq.0 == before + written + 2)).await;
        let all = network.documents(Collection::Clients).await;
        let expected = listed(&all, Collection::Clients, &asked, &EvalContext::default());
        // A page opened now has all rows at once, although the cached rows cannot tell whether other documents
        // matched before.
        let opened: Snapshot = list(None).await.unwrap();
        assert_eq!(opened.total, Some(expected.len()), "{query}");
        let mut changes = instance.hub.changes();
        let following = async {
            loop {
                changes.mark_unchanged();
                let delta = instance.hub.delta_since(Collection::Clients, window.received()).unwrap();
                match window.apply(delta) {
                    Ok(Applied { uncertain: false, .. }) => {}
                    _ => window = Window::from(list(Some(window.received())).await.unwrap()),
                }
                let shown: Vec<DocId> = window.shown().cloned().collect();
                if window.total() == Some(expected.len()) && shown == shown_of(Collection::Clients, &expected) {
                    return;
                }
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), following).await.expect(query);
        clients.delete_many(doc! {}).await.unwrap();
        clients.insert_many((0..200).map(client)).await.unwrap();
        instance.until("200 active clients", |hub| active_clients(hub) == Some(200)).await;
    }
    instance.stop.cancel();
}

/// The selections of links use an index, both for the rows and for their number. Stations need none, because they are
/// few.
#[tokio::test(flavor = "multi_thread")]
async fn selections_use_the_indexes() {
    let network = Network::new().await;
    let db = &network.mongo.operator;
    mongo::prepare::make(&network.mongo).await.unwrap();
    let day = "2018-06-15T00:00:00Z/2018-06-16T00:00:00Z";
    for (collection, query) in [
        (Collection::ChargingSessions, "status=ACTIVE"),
        (Collection::ChargingSessions, &format!("started={day}")),
        (Collection::ChargingSessions, &format!("status=COMPLETED&ended={day}")),
        (Collection::ChargingSessions, &format!("ended={day}&station=S-1")),
        (Collection::ChargingSessions, &format!("slot=4.14@Europe/London&started={day}")),
        (Collection::ChargingSessions, "client=C-1"),
        (Collection::Payments, &format!("status=CAPTURED,REFUNDED&captured={day}&currency=GBP")),
        (Collection::Payments, &format!("captured={day}")),
        (Collection::Payments, &format!("method=CARD&created={day}")),
        (Collection::Payments, "status=PENDING,AUTHORIZED"),
        (Collection::Clients, "status=ACTIVE"),
    ] {
        db.collection(collection.name()).insert_one(doc! {"name": "one"}).await.unwrap();
        let asked =
            mongo::selection::query(&network.mongo.mapping, collection, &selection(query), &EvalContext::default());
        for filter in [Some(asked.all), asked.sure].into_iter().flatten() {
            let find = doc! {"explain": {"find": collection.name(), "filter": filter}, "verbosity": "queryPlanner"};
            let plan = db.run_command(find).await.unwrap();
            let plan = plan.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap().to_string();
            assert!(!plan.contains("COLLSCAN"), "{collection} {query}: {plan}");
        }
    }
}
