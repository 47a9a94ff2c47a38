//! Lists are read once for all who ask, and the cache in Redis never goes back.

use chargedeck::{
    domain::{
        collections::unreadable,
        protocol::snapshot::Row,
        selection::{Criterion, FilterField},
    },
    server::{
        auth::audit_log::{self, AuditLog},
        mongo::reading::Reading,
        snapshots::{NotBefore, SnapshotError},
    },
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::thread;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn however_many_ask_for_a_list_it_is_read_once() {
    let network = Network::new().await;
    let instances = [network.instance(true), network.instance(false)];
    for instance in &instances {
        instance.ready().await;
    }
    network.collection(Collection::Clients).insert_many((0..10).map(client)).await.unwrap();
    for instance in &instances {
        instance.until("10 clients", |hub| active_clients(hub) == Some(10)).await;
    }
    let db = &network.mongo.operator;
    db.run_command(doc! {"profile": 2}).await.unwrap();
    // Some ask with a position in another epoch, as if another log had led them.
    let Position { epoch, seq } = instances[0].hub.head().unwrap();
    let elsewhere =
        [None, Some(Position::new(Epoch(epoch.0 - 1), seq)), Some(Position::new(Epoch(epoch.0 + 1), Seq(0)))];
    let asked = (0..40).map(|n| {
        let (snapshots, min_position) = (instances[n % 2].snapshots.clone(), elsewhere[n % 3]);
        tokio::spawn(async move {
            snapshots.list(Collection::Clients, Selection::default(), min_position).await.unwrap().rows.len()
        })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), 10);
    }
    assert_eq!(reads_of_clients(&network).await, 1, "for 40 who asked two instances at once");
    instances.iter().for_each(|instance| instance.stop.cancel());
}

/// Stops the profiler, and returns how often the list of clients was read while it ran.
async fn reads_of_clients(network: &Network) -> u64 {
    let db = &network.mongo.operator;
    db.run_command(doc! {"profile": 0}).await.unwrap();
    let reads = doc! {"$or": [{"command.find": "clients"}, {"command.aggregate": "clients"}]};
    db.collection::<Document>("system.profile").count_documents(reads).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_to_its_end_whoever_asked_has_gone() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let instances = [network.instance(true), network.instance(false)];
    for instance in &instances {
        instance.ready().await;
    }
    network.mongo.operator.run_command(doc! {"profile": 2}).await.unwrap();
    let held = hold_next_read(&network, 1000).await;
    let ask = |of: usize| {
        let snapshots = instances[of].snapshots.clone();
        tokio::spawn(async move { snapshots.list(Collection::Clients, Selection::default(), None).await })
    };
    let first = ask(0);
    network.mongo.client.database("admin").run_command(held).await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    ask(1).await.unwrap().unwrap();
    assert_eq!(reads_of_clients(&network).await, 1, "for one who went and one who waited");
    instances.iter().for_each(|instance| instance.stop.cancel());
}

/// Makes MongoDB stand still for so long at the next read of clients. Returns the command that waits until it does.
async fn hold_next_read(network: &Network, ms: i32) -> Document {
    let namespace = format!("{}.clients", network.mongo.operator.name());
    let held = doc! {"failCommands": ["find"], "namespace": namespace, "blockConnection": true, "blockTimeMS": ms};
    let hold = doc! {"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": held};
    let entered = network.mongo.client.database("admin").run_command(hold).await.unwrap().get_i32("count").unwrap() + 1;
    doc! {"waitForFailPoint": "failCommand", "timesEntered": i64::from(entered), "maxTimeMS": 30_000}
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_cached_wait_for_nobody_who_reads() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let instance = network.instance(true);
    instance.ready().await;
    let ask = |ct| {
        let (snapshots, not_before) = (instance.snapshots.clone(), NotBefore { ct, ..NotBefore::default() });
        tokio::spawn(async move { snapshots.list(Collection::Clients, Selection::default(), not_before).await })
    };
    ask(ClusterTime::default()).await.unwrap().unwrap();
    let held = hold_next_read(&network, 10_000).await;
    // No cached row is of a time that is still to come.
    let reading = ask(ClusterTime(u64::MAX));
    network.mongo.client.database("admin").run_command(held).await.unwrap();
    ask(ClusterTime::default()).await.unwrap().unwrap();
    assert!(!reading.is_finished());
    reading.abort();
    instance.stop.cancel();
}

fn selected(field: FilterField, text: &str) -> Selection {
    Selection::default().with(field, Criterion::one_of([text]))
}

/// MongoDB takes no time, but treats each command that has a time limit as one that has exceeded it.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_mongodb_too_long_ends_and_says_so() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let network = Network::on(&mongod, &support::fresh_name("pipeline"), "").await.with_images().await;
    let instance = network.instance(true);
    instance.ready().await;
    network.collection(Collection::Clients).insert_one(client(1)).await.unwrap();
    let (events, entries) = (Events::of(&network.mongo.own), AuditLog::new(&network.mongo.own));
    let written = async {
        while events.written().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("the event is written");
    let clients = || instance.snapshots.list(Collection::Clients, selected(FilterField::Status, "ACTIVE"), None);
    let admin = network.mongo.client.database("admin");
    let every_limit_ends = async |mode: &str| {
        admin.run_command(doc! {"configureFailPoint": "maxTimeAlwaysTimeOut", "mode": mode}).await.unwrap();
    };
    every_limit_ends("alwaysOn").await;
    let list = clients().await;
    let page = events.page(Filter::All, None).await.map(|page| page.events.len());
    let entered = entries.page(&audit_log::AuditFilter::default(), None).await.map(|page| page.records.len());
    let exported = entries.all(&audit_log::AuditFilter::default()).await.map(drop);
    let mut reading = Reading::begin(&network.mongo).await.unwrap();
    let reported = reading.find(Collection::Clients, doc! {}, ["name"].into_iter()).await.map(drop);
    every_limit_ends("off").await;
    assert!(matches!(list, Err(SnapshotError::TakesTooLong)), "{list:?}");
    let codes = [page.err(), entered.err(), exported.err(), reported.err()];
    let codes = codes.map(|error| error.as_ref().and_then(mongo::error_code));
    assert_eq!(codes, [Some(mongo::TIME_EXPIRED); 4]);
    assert_eq!(clients().await.unwrap().rows.len(), 1, "the next question is answered");
    instance.stop.cancel();
}

/// There are 40 MB of text within the EVSEs of 525 stations.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_large_rows_is_whole_but_for_what_does_not_fit() {
    const EVSES: usize = 500;
    let network = Network::new().await;
    let stations = Collection::Stations.fetched();
    let evses: Vec<Document> = (0..EVSES).map(|n| doc! {"uid": format!("{n:0150}"), "status": "AVAILABLE"}).collect();
    let station = |n: usize| doc! {"_id": i64::try_from(n).unwrap(), "name": format!("{n:04}"), "evses": &evses};
    for some in (0..stations).collect::<Vec<_>>().chunks(50) {
        network.collection(Collection::Stations).insert_many(some.iter().copied().map(station)).await.unwrap();
    }
    let instance = network.instance(true);
    instance.ready().await;
    for asked in [Selection::default(), selected(FilterField::Evse, "AVAILABLE")] {
        let list = instance.snapshots.list(Collection::Stations, asked.clone(), None).await.unwrap();
        let names: Vec<&str> = list.rows.iter().filter_map(|row| row.fields["name"].as_str()).collect();
        assert_eq!(names, (0..stations).map(|n| format!("{n:04}")).collect::<Vec<_>>(), "{asked:?}");
        assert!(list.complete && list.others.is_none(), "what was cut cannot be judged again");
        let whole = |row: &Row| row.fields["evses"].as_array().is_some_and(|evses| evses.len() == EVSES);
        let marked = |row: &Row| unreadable(Collection::Stations, &row.fields) == ["evses"];
        assert!(list.rows.iter().take(32).all(whole), "the first are whole");
        assert!(list.rows.iter().all(|row| whole(row) || marked(row)));
        let bytes = serde_json::to_vec(&list).unwrap().len();
        assert!(bytes < 6 << 20, "{bytes} bytes");
    }
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_relays_that_append_at_once_one_gets_each_number() {
    let log = Log::new(Network::new().await.redis);
    let entry = |seq: u64| Entry {
        epoch: Epoch(1),
        first: Seq(seq),
        last: Seq(seq),
        ct: ClusterTime(seq),
        closed: Seq(seq),
        gap: false,
        restored: false,
        records: Vec::new(),
    };
    assert_eq!(log.append(None, &entry(1), "1").await.unwrap(), Appended::Done);
    let relays = ["a", "b"].map(|name| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut done = 0;
            let mut tail = Tail { position: Position::new(Epoch(1), Seq(1)), token: "1".to_owned() };
            while tail.position.seq.0 < 100 {
                let next = tail.position.seq.0 + 1;
                let token = format!("{name}{next}");
                tail = match log.append(Some(&tail), &entry(next), &token).await.unwrap() {
                    Appended::Done => {
                        done += 1;
                        Tail { position: Position::new(Epoch(1), Seq(next)), token }
                    }
                    Appended::Chain(ahead) => ahead.expect("the log is not empty"),
                };
            }
            done
        })
    });
    let mut done = 0;
    for relay in relays {
        done += relay.await.unwrap();
    }
    assert_eq!(done, 99, "each number was given once");
    let numbers: Vec<u64> = log.after(None).await.unwrap().entries.iter().map(|entry| entry.first.0).collect();
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_never_takes_the_place_of_a_newer_one() {
    let redis = Network::new().await.redis;
    // Each is newer than the one before, although a comparison as texts or as doubles gets some of them wrong.
    let ascending =
        [(9, 5), (10, 5), (10, 6), (1 << 53, 6), ((1 << 53) + 1, 6), ((1 << 53) + 1, (1 << 60) + 1), (u64::MAX, 0)];
    let mut newest = Arc::new(read(1, 1));
    assert!(snapshots::cache(&redis, &newest).await.unwrap());
    for (seq, ct) in ascending {
        let newer = Arc::new(read(seq, ct));
        assert!(snapshots::cache(&redis, &newer).await.unwrap(), "{newer:?} after {newest:?}");
        assert!(!snapshots::cache(&redis, &newest).await.unwrap(), "{newest:?} after {newer:?}");
        assert_eq!(
            snapshots::cached(&redis, Epoch(1), Collection::Clients, &Selection::default()).await.unwrap().as_ref(),
            Some(&*newer)
        );
        newest = newer;
    }
    let mut other_epoch = read(1, 1);
    other_epoch.position.epoch = Epoch(2);
    assert!(snapshots::cache(&redis, &other_epoch.into()).await.unwrap(), "each epoch has its own");

    let count = |seq| {
        let position = Position::new(Epoch(1), Seq(seq));
        Arc::new(Count { position, ct: ClusterTime(1), cells: Cells::default() })
    };
    assert!(snapshots::keep_count(&redis, &count(10)).await.unwrap());
    assert!(!snapshots::keep_count(&redis, &count(9)).await.unwrap());
    assert_eq!(snapshots::kept_count(&redis, Epoch(1)).await.unwrap().unwrap().position.seq, Seq(10));
}

/// What notes the threads on which it is written and read.
#[derive(Default)]
struct Noted {
    written: String,
    read: String,
}

fn this_thread() -> String {
    format!("{:?}", thread::current().id())
}

impl Serialize for Noted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        this_thread().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Noted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { written: String::deserialize(deserializer)?, read: this_thread() })
    }
}

#[tokio::test]
async fn snapshots_are_written_and_read_off_the_runtimes_threads() {
    let redis = Network::new().await.redis;
    let at = Position::new(Epoch(1), Seq(1));
    assert!(snapshots::keep(&redis, "noted", at, ClusterTime(1), &Arc::new(Noted::default())).await.unwrap());
    let Noted { written, read } = snapshots::kept(&redis, Epoch(1), "noted").await.unwrap().expect("it is kept");
    // The runtime has only this thread.
    let runtime = this_thread();
    assert!(written != runtime && read != runtime, "{written} {read}");
}
