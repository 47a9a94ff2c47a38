//! Comparisons while nobody writes: screens with MongoDB, and events with the acknowledged writes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant},
};

use bson::{Document, doc};
use chargedeck::{
    domain::{
        collections::Collection,
        figures::figures,
        ids::DocId,
        protocol::{position::ClusterTime, window::shown_of},
        time::UtcMs,
    },
    server::{event_store::Events, hub::zones::viewpoint, mongo, redis::log::Log},
};
use futures_util::TryStreamExt;
use serde_json::Value;

use super::{
    browsers::Browsers,
    client::Client,
    cluster::{Cluster, LOOK, PATIENCE},
    referee::{difference, documents},
    writer::Write,
};

/// Figures that do not depend on the time of day.
const FIGURES: [&str; 8] = [
    "documents",
    "unreadable",
    "clients",
    "active_sessions",
    "live_power",
    "installed_power",
    "evse_split",
    "open_payments",
];

/// Waits until every screen shows what MongoDB has. Returns how long that took, or a difference.
pub async fn until_equal(
    cluster: &Cluster,
    clients: &[Client],
    browsers: Option<&Browsers>,
) -> Result<Duration, String> {
    let began = Instant::now();
    loop {
        match unequal(cluster, clients, browsers).await {
            Ok(None) => return Ok(began.elapsed()),
            Ok(Some(how)) if began.elapsed() > PATIENCE => return Err(how),
            Err(error) if began.elapsed() > PATIENCE => return Err(format!("MongoDB does not answer: {error}")),
            Ok(Some(_)) | Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

async fn unequal(
    cluster: &Cluster,
    clients: &[Client],
    browsers: Option<&Browsers>,
) -> mongodb::error::Result<Option<String>> {
    let mut expected = BTreeMap::new();
    for collection in Collection::ALL {
        let all = documents(&cluster.mongo, collection).await?;
        let shown: Vec<_> = shown_of(collection, &all).into_iter().map(|id| (id.clone(), all[&id].clone())).collect();
        expected.insert(collection, shown);
    }
    let figures = expected_figures(cluster).await?;
    for (i, client) in clients.iter().enumerate() {
        let screen = client.screen();
        for (topic, list) in &screen.lists {
            if let Some(how) = difference(&list.shown(), &expected[topic]) {
                return Ok(Some(format!("client {i}, {topic}: {how}")));
            }
        }
        for name in FIGURES {
            let (shown, counted) = (screen.overview.get(name), figures.get(name));
            if shown != counted {
                return Ok(Some(format!("client {i}, figure {name}: {shown:?}, not {counted:?}")));
            }
        }
    }
    match browsers {
        Some(browsers) => Ok(browsers.unequal(&expected[&Collection::Stations], &figures).await),
        None => Ok(None),
    }
}

async fn expected_figures(cluster: &Cluster) -> mongodb::error::Result<Value> {
    let (ct, cells) = mongo::snapshot::cells(&cluster.mongo, |_, _, _| ()).await?;
    let now = UtcMs::from_seconds(i64::from(ct.seconds()));
    let at = viewpoint(&jiff::tz::TimeZone::UTC, now, 900).expect("a day of this century");
    Ok(serde_json::to_value(figures(&cells, &at)).expect("figures are JSON"))
}

/// Counts of acknowledged writes that are no event, and of those that are more than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub lost: u64,
    pub doubled: u64,
    /// Writes that may be missing before an epoch that could not continue where the previous one ended, and says so.
    pub between_epochs: u64,
}

/// Waits until the whole log is written as events and each acknowledged write is exactly one of them, or until it is
/// late enough to report those that are not.
pub async fn events(cluster: &Cluster, writes: &[Write]) -> Count {
    let log = Log::new(cluster.keys());
    let began = Instant::now();
    let mut count = Count { lost: writes.len() as u64, ..Count::default() };
    loop {
        if let Ok(Some(now)) = counted(cluster, &log, writes).await {
            if now.lost == 0 && now.doubled == 0 {
                return now;
            }
            count = now;
        }
        if began.elapsed() > PATIENCE / 3 {
            return count;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Compares once; `None` while the log is ahead of the events.
async fn counted(cluster: &Cluster, log: &Log, writes: &[Write]) -> anyhow::Result<Option<Count>> {
    let Some(since) = writes.iter().filter_map(|write| write.between).map(|(after, _)| after).min() else {
        return Ok(Some(Count::default()));
    };
    let head = log.head().await?;
    let written = Events::of(&cluster.mongo.own).written().await?.map(|(position, _)| position);
    // An epoch in which nothing happened has no event.
    if head.is_none_or(|head| head.seq.0 > 0 && written < Some(head)) {
        return Ok(None);
    }
    let head = head.map(|head| i64::try_from(head.epoch.0)).transpose()?;
    // Reads from a minute earlier, so that the previous epoch is known even if another began at once.
    let filter = doc! { "ct": { "$gt": bson::Timestamp { time: since.seconds() - 60, increment: 0 } } };
    let wanted = doc! { "collection": 1, "id": 1, "op": 1, "ct": 1, "to.last_updated": 1 };
    let events = cluster.mongo.own.collection::<Document>("events");
    let found: Vec<Document> = events.find(filter).projection(wanted).await?.try_collect().await?;
    let gaps: Vec<Document> = events.find(doc! { "op": "gap" }).await?.try_collect().await?;
    let gap_of = |gap: &Document| gap.get_document("_id").ok()?.get_i64("e").ok();
    let after_gaps: HashSet<i64> = gaps.iter().filter_map(gap_of).collect();

    let mut recorded = Recorded::default();
    let mut epochs: BTreeMap<i64, (ClusterTime, ClusterTime)> = BTreeMap::new();
    for event in &found {
        let ct = event.get_timestamp("ct").map(|t| ClusterTime::new(t.time, t.increment))?;
        let epoch = event.get_document("_id")?.get_i64("e")?;
        epochs.entry(epoch).and_modify(|(_, last)| *last = (*last).max(ct)).or_insert((ct, ct));
        recorded.add(event, ct)?;
    }
    // An epoch that has only begun has no events, so add it here.
    if let Some(head) = head {
        epochs.entry(head).or_insert((ClusterTime(u64::MAX), ClusterTime(u64::MAX)));
    }
    let mut holes = Vec::new();
    let mut before = since;
    for (epoch, (first, last)) in &epochs {
        if after_gaps.contains(epoch) {
            holes.push((before, *first));
        }
        before = *last;
    }
    let mut count = Count::default();
    for write in writes {
        let times = recorded.times(write);
        count.doubled += times.saturating_sub(1);
        let Some((after, upto)) = write.between.filter(|_| times == 0) else { continue };
        if recorded.was_read(write) {
            continue;
        }
        if holes.iter().any(|(last, first)| upto > *last && after < *first) {
            count.between_epochs += 1;
        } else {
            count.lost += 1;
        }
    }
    Ok(Some(count))
}

/// The events of changes, indexed for the search.
#[derive(Default)]
struct Recorded {
    by_counter: HashMap<i64, u64>,
    /// The deletions of each document, because it may come back and be deleted again.
    deletions: HashMap<(String, String), Vec<ClusterTime>>,
    /// Changes without images. Their row was read later, so the event shows some later write, or none if the row was
    /// gone.
    reads: HashMap<(String, String), Vec<ClusterTime>>,
}

impl Recorded {
    fn add(&mut self, event: &Document, ct: ClusterTime) -> anyhow::Result<()> {
        let (Ok(collection), Ok(id)) = (event.get_str("collection"), event.get_str("id")) else { return Ok(()) };
        let key = (collection.to_owned(), id.to_owned());
        let updated = event.get_document("to").and_then(|to| to.get_str("last_updated"));
        let n = updated.ok().and_then(UtcMs::parse).map(|at| at.0);
        match (event.get_str("op")?, n) {
            ("insert" | "update", Some(n)) => *self.by_counter.entry(n).or_default() += 1,
            ("read", _) => self.reads.entry(key).or_default().push(ct),
            ("delete", _) => self.deletions.entry(key).or_default().push(ct),
            _ => {}
        }
        Ok(())
    }

    /// Returns how many events report a write. A deletion has no counter, but its cluster time lies within its
    /// write's.
    fn times(&self, write: &Write) -> u64 {
        match write.n {
            Some(n) => self.by_counter.get(&n).copied().unwrap_or_default(),
            None => during(&self.deletions, write),
        }
    }

    /// Whether an event without images may report a write.
    fn was_read(&self, write: &Write) -> bool {
        during(&self.reads, write) > 0
    }
}

/// Returns how many events of a write's document happened while it was under way. Each document has one writer, so
/// they cannot belong to another write.
fn during(events: &HashMap<(String, String), Vec<ClusterTime>>, write: &Write) -> u64 {
    let (Some((after, upto)), Some(times)) =
        (write.between, events.get(&(write.collection.name().to_owned(), write.id.0.clone())))
    else {
        return 0;
    };
    times.iter().filter(|ct| after < **ct && **ct <= upto).count() as u64
}

#[test]
fn a_deletion_told_twice_is_doubled_and_a_second_deletion_is_not() {
    let at = |seconds| ClusterTime::new(seconds, 1);
    let deleted = |after, upto| Write {
        collection: Collection::Clients,
        id: DocId("\"w1-1\"".into()),
        n: None,
        between: Some((at(after), at(upto))),
    };
    let event = doc! { "collection": "clients", "id": "\"w1-1\"", "op": "delete" };
    let mut recorded = Recorded::default();
    for seconds in [2, 5, 5] {
        recorded.add(&event, at(seconds)).unwrap();
    }
    assert_eq!([deleted(1, 3), deleted(4, 6), deleted(7, 9)].map(|write| recorded.times(&write)), [1, 2, 0]);
}
