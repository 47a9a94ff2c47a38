//! Reports for pages, files and programs. They come from the engine if it holds all documents. If not, they come from
//! the cache while nothing that they show has changed, and from MongoDB otherwise.

mod demand;
mod error;
mod kept;
mod read;
mod unread;

pub use error::{GivenUp, ReportError};

use std::{
    convert::Infallible,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use tokio::sync::Mutex;

use self::{
    demand::Demand,
    kept::Kept,
    read::{ReadError, ReportQuery},
    unread::{between, pieces},
};
use crate::{
    domain::{
        protocol::position::Seq,
        range::Range,
        report::{About, Report, ReportParameters, interval, report},
        time::Period,
    },
    server::{
        auth::user::UserId,
        hub::{Hub, zones},
        mongo::{self, Mongo},
        pace::{FairShare, Turns},
        redis::{
            Redis,
            lease::{Lease, RENEW},
            snapshots,
        },
        snapshots::SnapshotError,
    },
};

/// How often a read is tried if MongoDB cannot read at one time just now, or if the result is older than the log.
const TRIES: u32 = 6;
/// How often this instance looks whether another has read.
const WAIT: Duration = Duration::from_millis(50);
/// Number of lanes in which reports are read side by side. Equal reports wait for each other in one lane.
const LANES: u64 = 4;
/// A report may be this many times as old as its reading took. So reading takes at most one part in this many of the
/// time, even while a network changes all the time.
const PATIENCE: i64 = 10;

/// A read that lost its time after this long is not tried again, because it would not be quicker.
const HOPELESS: Duration = Duration::from_mins(1);

/// Makes reports. Each is made once at a time, however many ask on however many instances.
#[derive(Clone)]
pub struct Reports {
    mongo: Mongo,
    redis: Redis,
    hub: Hub,
    /// One report of an account is read at a time. That may take minutes, so lists and boards have turns of their own.
    turns: Turns<UserId>,
    /// One report of an account is asked of the engine at a time, which takes moments.
    quick_turns: Turns<UserId>,
    lanes: Arc<[Mutex<()>]>,
    /// Of this process alone, so that nobody can choose a report that shares a lane with another.
    hasher: RandomState,
    demand: Demand,
    pace: FairShare,
}

impl Reports {
    pub fn new(mongo: Mongo, redis: Redis, hub: Hub) -> Self {
        Self {
            mongo,
            redis,
            hub,
            turns: Turns::default(),
            quick_turns: Turns::default(),
            lanes: (0..LANES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            demand: Demand::default(),
            pace: FairShare::default(),
        }
    }

    /// A report with all its rows, if it is there within the `patience` of the caller.
    ///
    /// # Errors
    /// See [`ReportError`].
    pub async fn report(
        &self,
        user: UserId,
        query: ReportParameters,
        patience: Duration,
    ) -> Result<Report, ReportError> {
        let tz = TimeZone::get(&query.zone).map_err(|_| ReportError::Zone(query.zone.clone()))?;
        let zone = tz.iana_name().unwrap_or(&query.zone).to_owned();
        let query = ReportParameters { zone: zone.clone(), ..query };
        let now = self.hub.now().ok_or(SnapshotError::NotReady)?;
        let today = zones::today(&tz, now).ok_or(ReportError::Calendar)?;
        let (first, last) = query.range.days(today);
        let period = between(&tz, first, last.after(1)).ok_or(ReportError::Calendar)?;
        let offsets = zones::within(&tz, &zone, period).ok_or(ReportError::Calendar)?;
        let wanted = ReportQuery { by: query.by, period, zone: offsets, now };
        let pieces = pieces(&wanted, &tz, (first, last)).ok_or(ReportError::Calendar)?;
        let held = {
            let _turn = self.quick_turns.of(user).await;
            unread::held(&self.hub, &wanted, &pieces).await?
        };
        let kept = if let Some(kept) = held.or_else(|| unread::counted(&self.hub, &wanted, &pieces)) {
            kept
        } else {
            let name = format!("report:{}:{}:{}", wanted.by.name(), wanted.zone.name, interval(period));
            self.demand.ask(&name, patience)?;
            // Reading goes on after this question's patience is over, and the next one finds what was read.
            let reading = tokio::spawn(self.clone().while_asked(user, name, wanted));
            let read = tokio::time::timeout(patience, reading).await.map_err(|_| ReportError::Reading)?;
            read.map_err(|_| ReportError::Broken)??
        };
        let moves = zones::start(&tz, today.after(1)).filter(|_| matches!(query.range, Range::Last(_)));
        let about = About {
            zone,
            first,
            last,
            period: interval(period),
            at: kept.at.to_string(),
            position: kept.position,
            ct: kept.ct,
            until: moves.map(|at| at.to_string()),
            took_ms: kept.took_ms,
        };
        let piece = |from, to| {
            let piece = between(&tz, from, to)?;
            Some(Period { from: piece.from.max(period.from), to: piece.to.min(period.to) })
        };
        Ok(report(&query, about, kept.groups, self.mongo.mapping.currency(), piece)?)
    }

    /// Reads until nobody asks any more. Dropping the read ends its cursor in MongoDB, and its lease ends by itself.
    async fn while_asked(self, user: UserId, name: String, wanted: ReportQuery) -> Result<Kept, ReportError> {
        let read = async {
            let _turn = self.turns.of(user).await;
            // Boxed, because it holds all that reading needs.
            Box::pin(self.groups(&name, &wanted)).await
        };
        tokio::select! {
            kept = read => kept,
            () = self.demand.nobody(&name) => Err(ReportError::Reading),
        }
    }

    async fn groups(&self, name: &str, wanted: &ReportQuery) -> Result<Kept, ReportError> {
        // What is kept waits for nobody who reads.
        if let Some(kept) = self.cached(name).await? {
            return Ok(kept);
        }
        let lane = self.hasher.hash_one(name) % LANES;
        let _flight = self.lanes[usize::try_from(lane).unwrap_or(0)].lock().await;
        // Only one of all instances reads. The others use what it caches, and see its lease end if it vanishes.
        let lease = Lease::new(self.redis.clone(), &format!("read:{name}"));
        loop {
            if let Some(kept) = self.cached(name).await? {
                return Ok(kept);
            }
            if lease.take().await.map_err(SnapshotError::from)? {
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
        let read = holding(&lease, self.read_and_keep(name, wanted)).await;
        if let Err(ReportError::GivenUp(why)) = read {
            self.demand.give_up(name, why);
        }
        lease.release().await.map_err(SnapshotError::from)?;
        read
    }

    /// What was kept, if it will do: as of the head if nothing that it shows has changed, else as of its reading.
    async fn cached(&self, name: &str) -> Result<Option<Kept>, SnapshotError> {
        let (head, head_ct) = self.hub.head_at().ok_or(SnapshotError::NotReady)?;
        let Some(mut kept) = snapshots::kept::<Kept>(&self.redis, head.epoch, name).await? else { return Ok(None) };
        let now = self.hub.now().unwrap_or(kept.at);
        // Read after the head. If no change up to now matters to the report, none up to the head does either.
        let (_, changed) = self.hub.reported().ok_or(SnapshotError::NotReady)?;
        if changed <= kept.ct {
            kept.position = kept.position.max(head);
            kept.ct = kept.ct.max(head_ct);
            kept.at = kept.at.max(now);
            return Ok(Some(kept));
        }
        let young = now.since(kept.at) < i64::from(kept.took_ms).saturating_mul(PATIENCE);
        Ok(young.then_some(kept))
    }

    async fn read_and_keep(&self, name: &str, wanted: &ReportQuery) -> Result<Kept, ReportError> {
        let kept = Arc::new(self.read(wanted).await?);
        snapshots::keep(&self.redis, name, kept.position, kept.ct, &kept).await.map_err(SnapshotError::from)?;
        Ok(Arc::unwrap_or_clone(kept))
    }

    /// Reads from MongoDB at a cluster time that is not before the log's head.
    async fn read(&self, wanted: &ReportQuery) -> Result<Kept, ReportError> {
        let mut lost = false;
        for attempt in 0..TRIES {
            let (position, head_ct) = self.hub.head_at().ok_or(SnapshotError::NotReady)?;
            let at = self.hub.now().ok_or(SnapshotError::NotReady)?;
            let began = Instant::now();
            match self.pace.of(read::read(&self.mongo, wanted)).await {
                // Seq 0 stands for the epoch's beginning, which is a cluster time of its own.
                Ok((ct, groups)) if ct >= head_ct || position.seq == Seq(0) => {
                    let took_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
                    return Ok(Kept { position, ct, at, took_ms, groups });
                }
                Ok(_) => lost = false,
                Err(ReadError::TooManyGroups(_)) => return Err(GivenUp::TooManyGroups.into()),
                Err(ReadError::Mongo(error)) if mongo::error_code(&error) == Some(246) => lost = false,
                // MongoDB no longer keeps the documents as they were at that time.
                Err(ReadError::Mongo(error)) if mongo::error_code(&error) == Some(239) => {
                    lost = true;
                    if began.elapsed() >= HOPELESS {
                        break;
                    }
                }
                Err(ReadError::Mongo(error)) if mongo::error_code(&error) == Some(mongo::TIME_EXPIRED) => {
                    return Err(GivenUp::TooLong.into());
                }
                Err(ReadError::Mongo(error)) => return Err(SnapshotError::from(error).into()),
            }
            tokio::time::sleep(Duration::from_millis(20).saturating_mul(2_u32.saturating_pow(attempt))).await;
        }
        Err(if lost { GivenUp::TooLong.into() } else { SnapshotError::Behind.into() })
    }
}

/// Keeps the lease while `work` goes on; if it is lost, another instance reads as well, which does no harm.
async fn holding<T>(lease: &Lease, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        never = renewing(lease) => match never {},
    }
}

async fn renewing(lease: &Lease) -> Infallible {
    let mut renew = tokio::time::interval(RENEW);
    loop {
        renew.tick().await;
        drop(lease.renew().await);
    }
}
