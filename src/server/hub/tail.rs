//! Follows the log: Pub/Sub for speed, the stream for truth. A message that was lost, or that found no room while this
//! instance was slow, shows within a second, because the log's last id is asked for every second.

use std::{
    cmp::Ordering,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use redis::Msg;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{Hub, engine::EngineLoad, state::Intake};
use crate::{
    domain::{
        cells::Cells,
        protocol::position::{ClusterTime, Seq},
    },
    server::{
        mongo::{self, Mongo},
        redis::{
            Redis,
            log::{self, Checked, Log},
            snapshots::{self, Count},
        },
        telemetry::{causes, metrics::metrics},
    },
};

/// How often the log's end is asked for.
const CHECK: Duration = Duration::from_secs(1);
/// Shortest and longest pause before documents are counted anew, while changes come without images. In between the
/// pause is 20 times the last count, so that counting takes at most a twentieth of the time. Half a minute is the
/// limit, because figures are behind meanwhile, and MongoDB may only have stood still during the last count.
const RECOUNT: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];
/// How often the count is stored, so that a restart need not count anew.
const KEEP_COUNT: Duration = Duration::from_secs(60);

/// Follows the log until `stop`, and begins again whenever Redis was away.
pub async fn follow(hub: Hub, log: Log, redis: Redis, mongo: Mongo, stop: CancellationToken) {
    let now = Instant::now();
    let mut follower =
        Follower { log, redis, mongo, hub, count: None, count_began: now, recount: now, kept: now, minute: 0 };
    while !stop.is_cancelled() {
        if let Some(Err(error)) = stop.run_until_cancelled(follower.session()).await {
            tracing::debug!(error = causes(&error), "the log is followed anew");
            stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(250))).await;
        }
    }
}

struct Follower {
    hub: Hub,
    log: Log,
    redis: Redis,
    mongo: Mongo,
    /// The count under way.
    count: Option<oneshot::Receiver<mongodb::error::Result<(ClusterTime, Cells, EngineLoad)>>>,
    /// When the count under way, or the last one, began.
    count_began: Instant,
    /// When another count may begin, if changes are missing in the last one.
    recount: Instant,
    kept: Instant,
    /// The minute last looked at.
    minute: i64,
}

impl Follower {
    /// Runs until the connection to Redis fails.
    async fn session(&mut self) -> Result<()> {
        let (live, checked) = (self.log.live_channel(), self.log.checked_channel());
        let mut messages = self.redis.subscribe(&[&live, &checked]).await.context("subscribing")?;
        self.catch_up().await?;
        let mut check = tokio::time::interval(CHECK);
        check.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => {
                    let message = message.context("the subscription ended")?;
                    if message.get_channel_name() == live { self.published(&message).await? } else { self.heard(&message)? }
                }
                _ = check.tick() => self.check().await?,
                counted = async { match &mut self.count { Some(count) => count.await, None => std::future::pending().await } } => {
                    self.count = None;
                    let [least, most] = RECOUNT;
                    self.recount = Instant::now() + (self.count_began.elapsed() * 20).clamp(least, most);
                    self.counted(counted?);
                }
            }
        }
    }

    async fn published(&mut self, message: &Msg) -> Result<()> {
        // In a rollout another build may write the log by now. This instance's pages are stale then.
        let Some(entry) = self.log.parse(message.get_payload_bytes())? else { return Ok(()) };
        let (changes, last_at) = (entry.records.len(), entry.records.last().map(|record| record.at));
        // First, so that it never lacks what the head has.
        self.hub.engine().take(&entry);
        let intake = self.hub.write().take(entry);
        match intake {
            Intake::Gap => return self.catch_up().await,
            Intake::Old => return Ok(()),
            Intake::Taken => metrics().taken(changes, last_at),
        }
        self.count_if_needed();
        self.hub.advance();
        Ok(())
    }

    fn heard(&self, message: &Msg) -> Result<()> {
        let Checked { position, at, sent, .. } =
            serde_json::from_slice(message.get_payload_bytes()).context("a check")?;
        self.hub.checked(position, at, sent);
        Ok(())
    }

    async fn check(&mut self) -> Result<()> {
        let head = self.log.head().await?;
        let lacks = head.is_some_and(|head| self.hub.read().lacks(head));
        // Another build's log is not read, because nothing of it can be taken and every check would read all of it.
        if lacks && self.log.is_ours().await? == Some(true) {
            self.catch_up().await?;
        }
        if Instant::now() >= self.recount {
            self.hub.write().cells.again();
        }
        self.count_if_needed();
        if self.hub.engine().is_worth_taking() {
            let hub = self.hub.clone();
            tokio::task::spawn_blocking(move || hub.with_engine(|_| ()));
        }
        // Boards wake every minute, because stations fall silent and days begin without any event.
        if let Some(now) = self.hub.now() {
            let minute = now.seconds().div_euclid(60);
            if minute != self.minute {
                self.minute = minute;
                self.hub.wake();
            }
        }
        if self.kept.elapsed() >= KEEP_COUNT {
            self.kept = Instant::now();
            // In a task of its own, because what is published must not wait until all figures are written.
            tokio::spawn(keep_count(self.hub.clone(), self.redis.clone()));
        }
        Ok(())
    }

    /// Reads the log from the hub's position, or from the log's beginning if the log does not lead on from there.
    async fn catch_up(&mut self) -> Result<()> {
        let Some(head) = self.log.head().await? else { return Ok(()) };
        let mut from = self.hub.read().reads_after(head);
        let mut kept_count = None;
        // The state is begun anew together with the first entry, so that pages are never without any.
        let mut anew = false;
        loop {
            let page = self.log.after(from).await?.entries;
            let Some(first) = page.first() else { break };
            // A page of the log may end with an epoch, and the next page begin with the next epoch.
            let leads_on = from.is_some_and(|tail| match first.epoch.cmp(&tail.epoch) {
                Ordering::Less => false,
                Ordering::Equal => log::before(first) <= tail.seq,
                Ordering::Greater => log::before(first) == Seq(0),
            });
            if !leads_on {
                if from.is_some() {
                    from = None;
                    continue;
                }
                anew = true;
                kept_count = snapshots::kept_count(&self.redis, first.epoch)
                    .await?
                    .filter(|count| count.position.seq >= log::before(first));
            }
            for entry in page {
                // One page may hold the end of one epoch and the beginning of the next.
                let next_epoch = self.hub.read().tail().is_some_and(|tail| tail.epoch != entry.epoch);
                let begins = std::mem::take(&mut anew)
                    || next_epoch && {
                        kept_count = None;
                        true
                    };
                if begins {
                    self.hub.engine().begin(&entry);
                }
                self.hub.engine().take(&entry);
                let mut state = self.hub.write();
                if begins {
                    state.begin(&entry);
                }
                from = Some(entry.position());
                state.take(entry);
                state.advance();
            }
        }
        if let Some(Count { ct, cells, .. }) = kept_count {
            self.hub.write().counted(ct, cells);
        }
        self.count_if_needed();
        self.hub.wake();
        Ok(())
    }

    /// Begins a count if one is wanted and the log was read.
    fn count_if_needed(&mut self) {
        let needed = {
            let state = self.hub.read();
            let documents = self.hub.engine().is_wanted() && Instant::now() >= self.recount;
            state.head().is_some() && (state.cells.is_wanted() || documents)
        };
        if needed && self.count.is_none() {
            let (sender, receiver) = oneshot::channel();
            tokio::spawn(count(self.mongo.clone(), self.hub.engine().begin_load(), sender));
            self.count = Some(receiver);
            self.count_began = Instant::now();
        }
    }

    fn counted(&mut self, counted: mongodb::error::Result<(ClusterTime, Cells, EngineLoad)>) {
        match counted {
            Ok((ct, cells, documents)) => {
                self.hub.engine().loaded_at(ct, documents);
                let mut state = self.hub.write();
                state.counted(ct, cells);
                drop(state);
                self.hub.wake();
            }
            Err(error) => tracing::warn!(%error, "the documents cannot be counted; trying again"),
        }
    }
}

/// Reads all documents, for the figures' cells and the engine.
async fn count(
    mongo: Mongo,
    mut loading: EngineLoad,
    sender: oneshot::Sender<mongodb::error::Result<(ClusterTime, Cells, EngineLoad)>>,
) {
    let counted = mongo::snapshot::cells(&mongo, |collection, document, fields| {
        loading.take(collection, || mongo::documents::id(document).map(|id| id.text), fields);
    })
    .await;
    // Without a receiver this instance is stopping.
    drop(sender.send(counted.map(|(ct, cells)| (ct, cells, loading))));
}

/// Keeps the figures, if every change up to the head is in them.
async fn keep_count(hub: Hub, redis: Redis) {
    let count = {
        let state = hub.read();
        let exact = state.cells.exact().zip(state.head());
        exact.map(|((cells, counted), position)| Count { position, ct: state.ct.max(counted), cells: cells.clone() })
    };
    if let Some(count) = count
        && let Err(error) = snapshots::keep_count(&redis, &Arc::new(count)).await
    {
        tracing::warn!(%error, "the figures are not kept for instances that start");
    }
}
