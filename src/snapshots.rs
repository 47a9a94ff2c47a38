//! Lists as pages take them: from the cache where it is good enough, from MongoDB where not, and always brought up to
//! the hub's head, so that a page is fresh however old the cached rows are.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::{
    cache::{Redis, lease::Lease, snapshots},
    hub::Hub,
    model::{
        ids::Collection,
        position::{Position, Seq},
        snapshot::Snapshot,
        window::Window,
    },
    mongo::{self, Mongo},
};

/// How often a read is tried that MongoDB cannot do at one time just now, or that is older than the log.
const TRIES: u32 = 6;
/// How often it is asked whether another instance has read.
const WAIT: Duration = Duration::from_millis(50);

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the log was not read yet")]
    NotReady,
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error("MongoDB's snapshots stay behind the log")]
    Behind,
}

/// Makes snapshots, one at a time for each collection however many ask, of however many instances.
#[derive(Clone)]
pub struct Snapshots {
    mongo: Mongo,
    redis: Redis,
    hub: Hub,
    flights: Arc<HashMap<Collection, Mutex<()>>>,
}

impl Snapshots {
    pub fn new(mongo: Mongo, redis: Redis, hub: Hub) -> Self {
        let flights = Collection::ALL.into_iter().map(|c| (c, Mutex::new(()))).collect();
        Self { mongo, redis, hub, flights: Arc::new(flights) }
    }

    /// The rows of a list at the hub's head, not older than `min_position`.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub async fn list(
        &self,
        collection: Collection,
        min_position: Option<Position>,
    ) -> Result<Snapshot, SnapshotError> {
        let _flight = match self.flights.get(&collection) {
            Some(flight) => Some(flight.lock().await),
            None => None,
        };
        // Of all instances one reads; what it caches does for the others, which see its lease end if it vanishes.
        let lease = Lease::new(self.redis.clone(), &format!("read:{collection}"));
        loop {
            if let Some(fresh) = self.cached(collection, min_position).await? {
                return Ok(fresh);
            }
            if lease.take().await? {
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
        let read = self.read_and_cache(collection).await;
        lease.release().await?;
        let read = read?;
        Ok(self.bring_up(read.clone()).unwrap_or(read))
    }

    /// The cached rows at the hub's head, where they will do.
    async fn cached(
        &self,
        collection: Collection,
        min_position: Option<Position>,
    ) -> Result<Option<Snapshot>, SnapshotError> {
        let head = self.hub.head().ok_or(SnapshotError::NotReady)?;
        if let Some(cached) = snapshots::cached(&self.redis, head.epoch, collection).await?
            && min_position.is_none_or(|min| min.epoch == cached.position.epoch && min <= cached.position)
            && let Some(fresh) = self.bring_up(cached)
        {
            return Ok(Some(fresh));
        }
        Ok(None)
    }

    async fn read_and_cache(&self, collection: Collection) -> Result<Snapshot, SnapshotError> {
        let read = self.read(collection).await?;
        snapshots::cache(&self.redis, &read).await?;
        Ok(read)
    }

    /// Reads from MongoDB at a cluster time that is not before the log's head.
    async fn read(&self, collection: Collection) -> Result<Snapshot, SnapshotError> {
        for attempt in 0..TRIES {
            let position = self.hub.head().ok_or(SnapshotError::NotReady)?;
            let ct = self.hub.head_ct();
            match mongo::snapshot::rows(&self.mongo, collection).await {
                // Seq 0 stands for the epoch's beginning, which is a cluster time of its own.
                Ok(rows) if rows.ct >= ct || position.seq == Seq(0) => {
                    return Ok(Snapshot {
                        topic: collection,
                        position,
                        ct: rows.ct,
                        rows: rows.rows,
                        complete: rows.complete,
                    });
                }
                Ok(_) => {}
                Err(error) if matches!(mongo::error_code(&error), Some(246 | 239)) => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(Duration::from_millis(20) * 2_u32.pow(attempt)).await;
        }
        Err(SnapshotError::Behind)
    }

    /// The snapshot with what happened since; `None` when the hub does not reach back, or too few rows are left.
    fn bring_up(&self, snapshot: Snapshot) -> Option<Snapshot> {
        let delta = self.hub.delta_since(snapshot.topic, snapshot.position)?;
        let floor = snapshot.ct;
        let mut window = Window::from(snapshot);
        window.apply(delta).ok()?;
        Some(window.into_snapshot(floor.max(self.hub.head_ct())))
    }
}
