//! Lists for pages. Rows come from the cache if it is good enough, and from MongoDB if not. They are always brought
//! up to the hub's head, so that a page is fresh however old the cached rows are.
//!
//! Long, because a quarter of it is tests.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::sync::{Mutex, Semaphore};

use crate::{
    domain::{
        address::BadChoice,
        collections::Collection,
        protocol::{
            position::{ClusterTime, Position},
            snapshot::{Snapshot, is_current},
            window::Window,
        },
        selection::{Criterion, EvalContext, Selection},
        time::Zone,
    },
    guards::guarded,
    server::{
        hub::{Hub, zones},
        mongo::{self, Mongo},
        redis::{Redis, lease::Lease, snapshots},
        telemetry::metrics::metrics,
    },
};

/// How often a read is tried if MongoDB cannot read at one time just now, or if the result is older than the log.
const TRIES: u32 = 6;
/// How often this instance looks whether another has read.
const WAIT: Duration = Duration::from_millis(50);
/// How many lists an instance reads at the same time.
const READS: usize = 8;
/// Number of lanes. Equal lists wait for each other in one lane, others hardly ever.
const LANES: u64 = 1024;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the log was not read yet")]
    NotReady,
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error("MongoDB takes too long for this list")]
    TakesTooLong,
    #[error("MongoDB's snapshots stay behind the log")]
    Behind,
    #[error("the read: {0}")]
    Ended(tokio::task::JoinError),
    #[error("{0}")]
    Choice(#[from] BadChoice),
}

/// What a list's rows must not be older than.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotBefore {
    pub position: Option<Position>,
    pub ct: ClusterTime,
}

impl From<Option<Position>> for NotBefore {
    fn from(position: Option<Position>) -> Self {
        Self { position, ..Self::default() }
    }
}

/// Makes snapshots. Each list's is made once at a time, however many ask on however many instances.
#[derive(Clone)]
pub struct Snapshots {
    mongo: Mongo,
    redis: Redis,
    hub: Hub,
    /// Requests for the same list wait in the same lane.
    lanes: Arc<[Mutex<()>]>,
    /// Of this process alone, so that nobody can choose a list that shares a lane with another.
    hasher: RandomState,
    reads: Arc<Semaphore>,
}

impl Snapshots {
    pub fn new(mongo: Mongo, redis: Redis, hub: Hub) -> Self {
        Self {
            mongo,
            redis,
            hub,
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
            reads: Arc::new(Semaphore::new(READS)),
        }
    }

    /// The rows of a list as they are now. They are not older than a cluster time and, if the hub has reached it, a
    /// position. The snapshot also names the first status asked for that nobody knows.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn list(
        &self,
        collection: Collection,
        selection: Selection,
        not_before: impl Into<NotBefore>,
    ) -> Result<Snapshot, SnapshotError> {
        let selection = selection.of(collection)?;
        let mut snapshot = self.rows(collection, selection, not_before.into()).await?;
        for (part, status) in snapshot.selection.odd_statuses(collection) {
            let alone = Selection::default().with(part, Criterion::one_of([status.as_str()]));
            if self.rows(collection, alone, NotBefore::default()).await?.rows.is_empty() {
                snapshot.unknown = Some(status);
                break;
            }
        }
        Ok(snapshot)
    }

    /// Whether cached rows of a list will do, so that MongoDB is not read.
    pub async fn has(&self, collection: Collection, selection: &Selection, not_before: NotBefore) -> bool {
        let Some(head) = self.hub.head() else { return false };
        // While Redis is away this is not known, and the list itself will fail.
        matches!(self.cached(collection, selection, head, not_before).await, Ok(Some(_)))
    }

    async fn rows(
        &self,
        collection: Collection,
        selection: Selection,
        not_before: NotBefore,
    ) -> Result<Snapshot, SnapshotError> {
        let asked = self.hub.head().ok_or(SnapshotError::NotReady)?;
        let name = snapshots::name(collection, &selection);
        // What is cached waits for nobody who reads.
        if let Some(fresh) = self.cached(collection, &selection, asked, not_before).await? {
            metrics().snapshot_hits.inc();
            return Ok(fresh);
        }
        let lane = self.hasher.hash_one(&name) % LANES;
        let _lane = match self.lanes.get(usize::try_from(lane).unwrap_or(0)) {
            Some(lane) => Some(lane.lock().await),
            None => None,
        };
        // Only one of all instances reads. The others use what it caches, and see its lease end if it vanishes.
        let lease = Lease::new(self.redis.clone(), &format!("read:{name}"));
        loop {
            if let Some(fresh) = self.cached(collection, &selection, asked, not_before).await? {
                metrics().snapshot_hits.inc();
                return Ok(fresh);
            }
            if lease.take().await? {
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
        // Reads in a task of its own, because the caller may be dropped before the end, and the lease must be released.
        let reading = tokio::spawn({
            let this = self.clone();
            async move {
                // The semaphore is never closed.
                let _turn = this.reads.acquire().await;
                let read = this.read_and_cache(collection, selection, not_before.ct).await;
                lease.release().await?;
                read
            }
        });
        let read = reading.await.map_err(SnapshotError::Ended)??;
        bring_up(&self.hub, read, true).ok_or(SnapshotError::Behind)
    }

    /// The cached rows, if they will do: at the hub's head, or as they were at a moment after they were asked for. A
    /// position of another epoch is ignored, because pages that a reset sends here get rows of the current head anyway.
    /// As a minimum it would make each of them read MongoDB itself.
    async fn cached(
        &self,
        collection: Collection,
        selection: &Selection,
        asked: Position,
        not_before: NotBefore,
    ) -> Result<Option<Snapshot>, SnapshotError> {
        let head = self.hub.head().ok_or(SnapshotError::NotReady)?;
        let cached = snapshots::cached(&self.redis, head.epoch, collection, selection).await?;
        let Some(cached) =
            cached.filter(|c| not_before.position.is_none_or(|min| min.epoch != c.position.epoch || min <= c.position))
        else {
            return Ok(None);
        };
        // What follows the clock is as old as its minute, however little happened.
        let minute =
            selection.follows_clock().then(|| self.hub.now().map(|now| now.seconds().div_euclid(60))).flatten();
        let is_of_now = minute.is_none_or(|minute| cached.context.minute() >= minute);
        let will_do = cached.position >= asked && is_of_now;
        Ok(bring_up(&self.hub, cached, will_do)
            .filter(|found| guarded!(TimeGoesOn: found.ct >= not_before.ct, else true)))
    }

    async fn read_and_cache(
        &self,
        collection: Collection,
        selection: Selection,
        min_ct: ClusterTime,
    ) -> Result<Snapshot, SnapshotError> {
        let read = Arc::new(self.read(collection, selection, min_ct).await?);
        metrics().snapshot_reads.inc();
        snapshots::cache(&self.redis, &read).await?;
        Ok(Arc::unwrap_or_clone(read))
    }

    /// Reads from MongoDB at a cluster time that is not before the log's head, nor before `min_ct`.
    async fn read(
        &self,
        collection: Collection,
        selection: Selection,
        min_ct: ClusterTime,
    ) -> Result<Snapshot, SnapshotError> {
        for attempt in 0..TRIES {
            let (position, ct) = self.hub.head_at().ok_or(SnapshotError::NotReady)?;
            let context = self.context(&selection)?;
            match mongo::snapshot::rows(&self.mongo, collection, &selection, &context).await {
                Ok(rows) if is_current(rows.ct, ct.max(min_ct)) => {
                    return Ok(Snapshot {
                        topic: collection,
                        position,
                        ct: rows.ct,
                        rows: rows.rows,
                        complete: rows.complete,
                        selection,
                        total: rows.total,
                        context,
                        others: rows.others,
                        unknown: None,
                    });
                }
                Ok(_) => {}
                Err(error) if matches!(mongo::error_code(&error), Some(246 | 239)) => {}
                Err(error) if mongo::error_code(&error) == Some(mongo::TIME_EXPIRED) => {
                    return Err(SnapshotError::TakesTooLong);
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(Duration::from_millis(20).saturating_mul(2_u32.saturating_pow(attempt))).await;
        }
        Err(SnapshotError::Behind)
    }

    /// The context in which the selection is evaluated.
    fn context(&self, selection: &Selection) -> Result<EvalContext, SnapshotError> {
        let slot = selection.slot();
        if slot.is_none() && !selection.follows_clock() {
            return Ok(EvalContext::default());
        }
        let now = self.hub.now().ok_or(SnapshotError::NotReady)?;
        let zone = match slot {
            Some(slot) => zones::named(&slot.zone, now)
                .ok_or_else(|| BadChoice(format!("No time zone is called “{}”.", slot.zone)))?,
            None => Zone::default(),
        };
        Ok(EvalContext { now, silent_after_s: self.hub.silent_after_s(), zone })
    }
}

/// The snapshot with what happened since. It cannot be brought up if the hub does not reach back, if too few rows are
/// left, or if nobody knows how many match by now. Then it is returned as it was read if that `will_do`.
///
/// A list may be large. So it is copied only if both are possible.
fn bring_up(hub: &Hub, snapshot: Snapshot, will_do: bool) -> Option<Snapshot> {
    let Some(delta) = hub.delta_since(snapshot.topic, snapshot.position) else { return will_do.then_some(snapshot) };
    // Takes the delta's time and not the hub's, which may have moved on. A later time would claim changes that the rows
    // lack.
    let ct = snapshot.ct.max(delta.ct);
    if delta.changes.is_empty() && !snapshot.selection.follows_clock() {
        return Some(Snapshot { position: delta.to, ct, ..snapshot });
    }
    let as_read = will_do.then(|| snapshot.clone());
    let mut window = Window::from(snapshot);
    let applied = window.apply(delta);
    let ticked = hub.now().map(|now| window.tick(now)).unwrap_or_default();
    if applied.is_ok_and(|applied| !applied.uncertain) && !ticked.uncertain {
        return Some(window.into_snapshot(ct));
    }
    as_read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ids::DocId, protocol::snapshot::Row};

    fn read(position: Position) -> Snapshot {
        Snapshot::blank(Collection::Clients, position, ClusterTime(0))
    }

    #[test]
    fn rows_to_which_nothing_happened_are_brought_up_without_a_copy() {
        let hub = Hub::of_new_clients(3);
        let (head, ct) = hub.head_at().unwrap();
        let row = |n: u32| Row { id: DocId(format!("row {n}")), fields: [("name".to_owned(), n.into())].into() };
        for will_do in [true, false] {
            let cached = Snapshot { rows: (0..9).map(row).collect(), ..read(head) };
            let (stands, rows) = (cached.rows.as_ptr(), cached.rows.clone());
            let fresh = bring_up(&hub, cached, will_do).unwrap();
            assert_eq!((fresh.position, fresh.ct, &fresh.rows), (head, ct, &rows));
            assert_eq!(fresh.rows.as_ptr(), stands, "the rows themselves");
        }
    }

    #[test]
    fn rows_that_cannot_be_brought_up_are_as_they_were_read_or_none() {
        let hub = Hub::of_new_clients(3);
        // The hub does not reach back into another epoch.
        let mut cached = read(hub.head().unwrap());
        cached.position.epoch.0 += 1;
        assert_eq!(bring_up(&hub, cached.clone(), false), None);
        assert_eq!(bring_up(&hub, cached.clone(), true), Some(cached));
    }

    #[test]
    fn rows_brought_up_while_more_happens_claim_no_more_than_they_hold() {
        const LAST: u64 = 20_000;
        let hub = Hub::of_new_clients(1);
        std::thread::scope(|scope| {
            scope.spawn(|| (2..=LAST).for_each(|n| hub.take_new_clients(n, n)));
            while let Some((position, _)) = hub.head_at().filter(|(position, _)| position.seq.0 < LAST) {
                let brought = bring_up(&hub, read(position), false).expect("the hub reaches back");
                assert_eq!(brought.ct, ClusterTime(brought.position.seq.0));
            }
        });
    }
}
