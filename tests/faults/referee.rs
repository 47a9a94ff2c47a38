//! Checks what must always hold, and records violations. Clients report what they show while they show it, and
//! MongoDB's history decides.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bson::{Document, RawDocumentBuf, Timestamp, doc};
use chargedeck::{
    domain::{
        collections::Collection,
        fields::Fields,
        ids::DocId,
        protocol::{
            position::{ClusterTime, Position},
            window::shown_of,
        },
    },
    server::mongo::{self, Mongo},
};
use futures_util::TryStreamExt;
use tokio::sync::mpsc;

use super::{cluster::LOOK, nemesis::HUGE};

/// How far a client may lag behind the freshness it was told, because the message travels, and everything here shares
/// two processors.
const SLACK: Duration = Duration::from_secs(3);
/// A client counts as live only if the stream was checked this recently (as in the browser).
const STALE_MS: u32 = 6_000;
/// Samples that may wait to be compared. Further ones are dropped.
const SAMPLES: usize = 8;

/// A list as a client showed it at a closed position.
pub struct Sample {
    pub collection: Collection,
    pub position: Position,
    pub ct: ClusterTime,
    pub shown: Vec<(DocId, Fields)>,
}

/// How many samples equalled MongoDB, and how many reports of a screen's freshness were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefereeCounts {
    pub compared: u64,
    pub fresh: u64,
}

impl RefereeCounts {
    /// Whether a count has not grown since `before`. While pings are late, freshness is not judged.
    pub const fn lacks_since(self, before: Self, pings_are_late: bool) -> bool {
        self.compared <= before.compared || !pings_are_late && self.fresh <= before.fresh
    }
}

/// The observations of all clients.
pub struct Referee {
    /// Acknowledged writes: when the acknowledgement came, and a cluster time before the write's own.
    acknowledged: Mutex<Vec<(Instant, ClusterTime)>>,
    broken: Mutex<Vec<String>>,
    /// The reasons why lists could not simply follow on, and how often each occurred.
    resyncs: Mutex<BTreeMap<String, u64>>,
    compared: Mutex<u64>,
    /// How many reports of a screen's freshness were right.
    fresh: AtomicU64,
    /// Whether a fault delays the server's messages on purpose, so that they are old when they arrive.
    late: AtomicBool,
    samples: mpsc::Sender<Sample>,
}

impl Referee {
    pub fn new() -> (Self, mpsc::Receiver<Sample>) {
        let (samples, receiver) = mpsc::channel(SAMPLES);
        let referee = Self {
            acknowledged: Mutex::default(),
            broken: Mutex::default(),
            resyncs: Mutex::default(),
            compared: Mutex::default(),
            fresh: AtomicU64::new(0),
            late: AtomicBool::new(false),
            samples,
        };
        (referee, receiver)
    }

    /// Records a write that was acknowledged now and whose cluster time is later than `after`.
    pub fn acknowledged(&self, after: ClusterTime) {
        lock(&self.acknowledged).push((Instant::now(), after));
    }

    pub fn broken(&self, what: String) {
        eprintln!("BROKEN: {what}");
        lock(&self.broken).push(what);
    }

    /// Waits, while writers write, until a list was compared with MongoDB and a screen's age was judged since
    /// `before`. Otherwise comparing nothing would pass for finding nothing.
    pub async fn judge_since(
        &self,
        before: RefereeCounts,
        fault: &impl Display,
        pings_are_late: bool,
        patience: Duration,
    ) {
        let healed = Instant::now();
        while self.counts().lacks_since(before, pings_are_late) {
            if healed.elapsed() > patience {
                let now = self.counts();
                return self.broken(format!("{fault}: nothing was compared or judged since: {before:?}, {now:?}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub fn all_broken(&self) -> Vec<String> {
        lock(&self.broken).clone()
    }

    pub fn resync(&self, reason: &str) {
        *lock(&self.resyncs).entry(reason.to_owned()).or_default() += 1;
    }

    /// Returns and clears the resyncs since the last call.
    pub fn take_resyncs(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut lock(&self.resyncs))
    }

    /// How many samples equalled MongoDB.
    pub fn compared(&self) -> u64 {
        *lock(&self.compared)
    }

    /// How many reports of a screen's freshness were right.
    pub fn fresh(&self) -> u64 {
        self.fresh.load(Ordering::Relaxed)
    }

    /// The counts so far, to compare with later.
    pub fn counts(&self) -> RefereeCounts {
        RefereeCounts { compared: self.compared(), fresh: self.fresh() }
    }

    /// Takes a sample if there is time to compare it.
    pub fn sample(&self, sample: impl FnOnce() -> Sample) {
        if let Ok(place) = self.samples.try_reserve() {
            place.send(sample());
        }
    }

    /// Sets whether pings may be late from now on.
    pub fn pings_are_late(&self, late: bool) {
        self.late.store(late, Ordering::Relaxed);
    }

    /// Judges a ping that had lain unread for `lay`. It reported how fresh the client's screen is, and the screen
    /// holds every change up to `ct`.
    pub fn says_fresh(&self, who: &str, ct: ClusterTime, (lag_ms, checked_ms): (u32, u32), lay: Duration) {
        if checked_ms > STALE_MS || self.late.load(Ordering::Relaxed) {
            return;
        }
        let age = Duration::from_millis(u64::from(lag_ms) + u64::from(checked_ms)) + lay + SLACK;
        let Some(claimed) = Instant::now().checked_sub(age) else { return };
        let acknowledged = lock(&self.acknowledged);
        let known = &acknowledged[..acknowledged.partition_point(|(at, _)| *at <= claimed)];
        // The last few hundred are enough, because a writer's next write is later than its last.
        let newest = known.iter().rev().take(500).map(|(_, after)| *after).max();
        drop(acknowledged);
        let Some(newest) = newest else { return };
        if ct > newest {
            self.fresh.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let behind = newest.seconds() - ct.seconds();
        self.broken(format!(
            "{who} is told lag {lag_ms} ms, checked {checked_ms} ms ago, but is at {ct}, not past {newest} ({behind} s)"
        ));
    }

    /// Compares samples with MongoDB as it was at their cluster time, until no more can come.
    pub async fn compare(&self, mongo: &Mongo, mut samples: mpsc::Receiver<Sample>) {
        while let Some(Sample { collection, position, ct, shown }) = samples.recv().await {
            // Skip a sample whose past cannot be read: a collection that was replaced since has none (error 246), and
            // the primary may be gone.
            let Ok(all) = documents_at(mongo, collection, ct).await else { continue };
            // For a collection that does not exist now, MongoDB returns no documents at any time.
            if all.is_empty() {
                continue;
            }
            let expected = shown_of(collection, &all).into_iter().map(|id| (id.clone(), all[&id].clone()));
            // The row of a change without images is read when the relay reaches the change, and may be newer.
            let [shown, expected] = [shown, expected.collect()].map(|rows: Vec<(DocId, Fields)>| {
                rows.into_iter().filter(|(id, _)| !id.0.contains(HUGE)).collect::<Vec<_>>()
            });
            match difference(&shown, &expected) {
                None => *lock(&self.compared) += 1,
                Some(how) => self.broken(format!("{collection} at {position} is not MongoDB at {ct}: {how}")),
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the first difference between the shown and the expected rows.
pub fn difference(shown: &[(DocId, Fields)], expected: &[(DocId, Fields)]) -> Option<String> {
    if shown == expected {
        return None;
    }
    let at = shown.iter().zip(expected).position(|(a, b)| a != b).unwrap_or_else(|| shown.len().min(expected.len()));
    let brief = |row: Option<&(DocId, Fields)>| {
        row.map(|(id, fields)| format!("{id} {:?} {:?}", fields.get("last_updated"), fields.get("created_at")))
    };
    Some(format!(
        "{} rows shown, {} expected; row {at} is {:?}, not {:?}",
        shown.len(),
        expected.len(),
        brief(shown.get(at)),
        brief(expected.get(at))
    ))
}

/// Returns all documents of a collection as they are now.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn documents(mongo: &Mongo, collection: Collection) -> mongodb::error::Result<BTreeMap<DocId, Fields>> {
    let find = doc! { "find": collection.name(), "readConcern": { "level": "majority" } };
    read(mongo, collection, find).await
}

async fn documents_at(
    mongo: &Mongo,
    collection: Collection,
    ct: ClusterTime,
) -> mongodb::error::Result<BTreeMap<DocId, Fields>> {
    let at = Timestamp { time: ct.seconds(), increment: ct.increment() };
    let find = doc! { "find": collection.name(), "readConcern": { "level": "snapshot", "atClusterTime": at } };
    read(mongo, collection, find).await
}

async fn read(
    mongo: &Mongo,
    collection: Collection,
    mut find: Document,
) -> mongodb::error::Result<BTreeMap<DocId, Fields>> {
    find.insert("batchSize", 100_000);
    // Read as raw BSON, because not all texts need be valid UTF-8.
    let found = mongo.operator.run_cursor_command(find).await?.with_type::<RawDocumentBuf>();
    let mut all = BTreeMap::new();
    for raw in found.try_collect::<Vec<_>>().await? {
        let row = mongo::snapshot::row(mongo, collection, &raw)?;
        all.insert(row.id, row.fields);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_after_which_nothing_was_judged_is_found() {
        let before = RefereeCounts { compared: 5, fresh: 7 };
        let lacks = |compared, fresh, late| RefereeCounts { compared, fresh }.lacks_since(before, late);
        assert!(lacks(5, 7, false) && lacks(5, 9, false) && lacks(6, 7, false), "one of both is not enough");
        assert!(!lacks(6, 8, false));
        assert!(lacks(5, 9, true), "lists are compared whatever the fault");
        assert!(!lacks(6, 7, true), "while pings are late freshness is not judged");
    }

    #[tokio::test]
    async fn a_fault_that_stops_all_judging_breaks_the_run() {
        let (referee, _samples) = Referee::new();
        let before = referee.counts();
        referee.judge_since(before, &"Hole", false, Duration::ZERO).await;
        assert_eq!(referee.all_broken().len(), 1, "{:?}", referee.all_broken());
        *lock(&referee.compared) += 1;
        referee.fresh.fetch_add(1, Ordering::Relaxed);
        referee.judge_since(before, &"Hole", false, Duration::ZERO).await;
        assert_eq!(referee.all_broken().len(), 1);
    }
}
