//! Fields that are not read never leave the server, wherever in a document they stand.

use super::*;
use bson::Bson;
use chargedeck::domain::collections::{Parts, Shown, unreadable};

const CANARY: &str = "canary-2f1c";

/// In which way a document differs from what is expected.
#[derive(Clone, Copy)]
enum Odd {
    /// It has further fields.
    More,
    /// It has documents where values are expected, and one where a list is.
    Documents,
    /// It has lists where values are expected, and values where documents are.
    Lists,
}

/// Builds a document with all of these fields, and with a canary in every place that nothing reads.
fn filled(parts: Parts, odd: Odd) -> Document {
    let mut document = doc! {"secret": CANARY, "more": [{"deep": CANARY}]};
    for (name, shown) in parts {
        let value: Bson = match (shown, odd) {
            (Shown::Value, Odd::More) => "1".into(),
            (Shown::Values, Odd::More) => vec![Bson::from("1"), doc! {"secret": CANARY}.into()].into(),
            (Shown::Within(parts), Odd::More) => vec![Bson::from(filled(parts, odd)), CANARY.into()].into(),
            (Shown::Value | Shown::Values, Odd::Documents) => doc! {"secret": CANARY}.into(),
            (Shown::Within(parts), Odd::Documents) => filled(parts, odd).into(),
            (Shown::Value, Odd::Lists) => vec![Bson::from(CANARY), doc! {"secret": CANARY}.into()].into(),
            (Shown::Values, Odd::Lists) => vec![Bson::from(vec![CANARY])].into(),
            (Shown::Within(_), Odd::Lists) => CANARY.into(),
        };
        document.insert(*name, value);
    }
    document
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_never_leaves() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let mut changes = 0;
    for collection in Collection::ALL {
        let of = network.collection(collection);
        let mut page = instance.page(collection).await;
        for (n, odd) in [Odd::More, Odd::Documents, Odd::Lists].into_iter().enumerate() {
            let mut document = filled(collection.parts(), odd);
            for field in collection.fields() {
                // Fields that are sent are there already. The others must not be read, so they get a canary.
                document.entry(field.name.to_owned()).or_insert(CANARY.into());
            }
            let id = i32::try_from(n).unwrap();
            let mut with_id = doc! {"_id": id};
            with_id.extend(document.clone());
            of.insert_one(with_id).await.unwrap();
            let set = doc! {"secret": format!("{CANARY} again"), "last_updated": bson::DateTime::from_millis(1000)};
            of.update_one(doc! {"_id": id}, doc! {"$set": set}).await.unwrap();
        }
        of.delete_one(doc! {"_id": 2}).await.unwrap();
        changes += 7;
        page.until_equal(&instance, &network).await;
        let head = instance.hub.head();
        let read = instance.snapshots.list(collection, Selection::default(), head).await.unwrap();
        assert_eq!(read.rows.len(), 2, "a list is read and kept");
        let rows: Vec<_> = page.window.shown().map(|id| page.window.row(id).unwrap().clone()).collect();
        assert_eq!(rows.len(), 2);
        assert!(!serde_json::to_string(&rows).unwrap().contains(CANARY), "{collection}: {rows:#?}");
        let unreadable = rows.iter().filter(|row| !unreadable(collection, row).is_empty()).count();
        assert_eq!(unreadable, 2, "each is marked");
    }
    let events: mongodb::Collection<Document> = network.mongo.own.collection("events");
    let written = async {
        while events.count_documents(doc! {"op": {"$in": ["insert", "update", "delete"]}}).await.unwrap() < changes {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("the events are not written");
    let mut kept = String::new();
    let mut cursor = events.find(doc! {}).await.unwrap();
    while cursor.advance().await.unwrap() {
        kept += &cursor.deserialize_current().unwrap().to_string();
    }
    assert!(kept.contains("last_updated") && !kept.contains(CANARY));
    let redis = &mut network.redis.connection();
    let keys: Vec<String> = redis::cmd("KEYS").arg(network.redis.key("*")).query_async(redis).await.unwrap();
    let mut held = 0;
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(redis).await.unwrap();
        let read = match kind.as_str() {
            "stream" => redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query_async::<redis::Value>(redis).await,
            "string" => redis::cmd("GET").arg(&key).query_async(redis).await,
            _ => continue,
        };
        let text = format!("{:?}", read.unwrap());
        assert!(!text.contains(CANARY), "{key}");
        held += usize::from(text.contains("last_updated"));
    }
    assert!(held > 1, "the log, and lists");
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_earlier_versions_lose_what_may_not_be_shown() {
    let network = Network::new().await;
    let events: mongodb::Collection<Document> = network.mongo.own.collection("events");
    let at = bson::DateTime::now();
    let station = |status: &str| {
        doc! {"name": "Quay", "phone": CANARY, "other": {"nick": "Q"}, "address": {"secret": CANARY}, "evses": [
            {"uid": "1", "status": status, "ocpp_password": CANARY, "connectors": [{"max_electric_power": 7, "key": CANARY}]},
            CANARY,
        ]}
    };
    let old = |n: i64, rest: Document| {
        let mut event = doc! {"_id": {"e": 1_i64, "s": n}, "at": at};
        event.extend(rest);
        event
    };
    let mut all: Vec<Document> = (1..=1200)
        .map(|n| old(n, doc! {"collection": "stations", "op": "update", "from": station("A"), "to": station("B")}))
        .collect();
    all.push(old(1201, doc! {"op": "gap", "after": "1-1"}));
    let payment = doc! {"source": {"derived": true, "row": CANARY}, "provider_ref": {"client_secret": CANARY}};
    all.push(old(1202, doc! {"collection": "payments", "op": "insert", "to": payment, "cut": ["from"]}));
    // A later build was there before them, and what it wrote stays as it is.
    let theirs = doc! {"_id": {"e": 0_i64, "s": 1_i64}, "at": at, "version": i64::MAX, "collection": "stations", "to": station("A")};
    events.insert_one(&theirs).await.unwrap();
    events.insert_many(&all).await.unwrap();
    let instance = network.instance(true);
    let cleaned = async || {
        let is_unclean = doc! {"version": {"$not": {"$gt": 1}}};
        let cleaned = async {
            while events.count_documents(is_unclean.clone()).await.unwrap() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), cleaned).await.expect("the events are never clean");
    };
    cleaned().await;
    assert_eq!(events.find_one(doc! {"_id.e": 0}).await.unwrap(), Some(theirs));
    let shown = |status: &str| {
        doc! {"name": "Quay", "address": {}, "evses": [
            {"connectors": [{"max_electric_power": 7_i64}], "status": status, "uid": "1"},
            "…",
        ], "other": {"nick": "Q"}}
    };
    let mut cursor = events.find(doc! {"_id.e": 1}).sort(doc! {"_id": 1}).await.unwrap();
    let mut left = Vec::new();
    while cursor.advance().await.unwrap() {
        left.push(cursor.deserialize_current().unwrap());
    }
    assert_eq!(left.len(), all.len());
    assert!(left.iter().all(|event| !event.to_string().contains(CANARY)));
    let same = |document: &Document| -> BTreeMap<String, Bson> { document.clone().into_iter().collect() };
    for event in [&left[0], &left[1199]] {
        assert_eq!(same(event.get_document("from").unwrap()), same(&shown("A")));
        assert_eq!(same(event.get_document("to").unwrap()), same(&shown("B")));
    }
    let last = left.last().unwrap();
    assert_eq!(last.get_document("to").unwrap(), &doc! {"source": {"derived": true}});
    assert!(last.get("from").is_none() && last.get("at") == Some(&at.into()), "the rest stays as it is: {last}");
    // An older build writes once more, after all were clean.
    let late = all[0].get_document("from").unwrap();
    events.insert_one(old(1203, doc! {"version": 1_i64, "collection": "stations", "to": late})).await.unwrap();
    cleaned().await;
    let late = events.find_one(doc! {"_id": {"e": 1_i64, "s": 1203_i64}}).await.unwrap().unwrap();
    assert!(!late.to_string().contains(CANARY), "{late}");
    instance.stop.cancel();
}
