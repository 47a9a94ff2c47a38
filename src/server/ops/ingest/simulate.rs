//! `chargedeck simulate`: an ordinary writer, in its own process, that keeps the network in the database alive.
//!
//! The writes come from [`super::world`], or from [`super::replay`] for a day of imported history. This module only
//! adds the clock and MongoDB.

use std::{fmt, time::Duration};

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use mongodb::{
    Database,
    bson::{Document, doc},
    error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure},
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    replay::{self, Replay, ReplayDay},
    world::{self, DocumentWrite, World, WorldSettings, WriteOperation},
};

#[derive(Clone, Debug, clap::Args)]
pub struct SimulateArgs {
    /// Writes per second to aim at; heartbeats and whatever happens are written even if that is more
    #[arg(long, default_value_t = 4.0, value_parser = positive)]
    pub rate: f64,
    /// The same seed, database and `--start` give the same sequence of writes
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The simulated instant to begin at, such as 2026-06-01T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub start: Option<Timestamp>,
    /// Lets an imported day happen again, moved by whole weeks to the latest such weekday: a date such as 2018-06-15, or
    /// `weekday` for the newest whole day that is today's weekday. It runs at `--speed`, 1 to 3600, until it has caught
    /// up with now, and then in real time until the last of its sessions has ended. What is there already stays as it is
    #[arg(long, value_name = "DAY", conflicts_with_all = ["rate", "seed", "start"])]
    pub replay: Option<ReplayDay>,
    /// Simulated seconds per second
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    pub speed: f64,
    /// Stops after this many writes
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Writes although the database holds documents that ChargeDeck did not make
    #[arg(long)]
    pub demo_anyway: bool,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    pub writes: u64,
    pub simulated_s: i64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} writes in {} simulated seconds", self.writes, self.simulated_s)
    }
}

const DATASET: &str = "simulate";
/// How long to wait before a write that MongoDB could not take is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Writes until `stop`, until `--steps` writes are made, or until a replay's last write. While MongoDB is away it
/// waits, and then continues where it was.
///
/// # Errors
/// If the database holds documents of others, or nothing to go on from or to replay, or if MongoDB refuses a write.
pub async fn run(db: &Database, args: &SimulateArgs, stop: CancellationToken) -> Result<Summary> {
    super::only_ours(db, args.demo_anyway).await?;
    match args.replay {
        Some(day) => replay(db, day, args, &stop).await,
        None => invent(db, args, &stop).await,
    }
}

async fn invent(db: &Database, args: &SimulateArgs, stop: &CancellationToken) -> Result<Summary> {
    let start = args.start.unwrap_or_else(Timestamp::now).as_millisecond();
    let state = world::load(db, DATASET, start).await?;
    let evses: usize = state.stations.iter().map(|s| s.evses.len()).sum();
    let settings = WorldSettings {
        dataset: DATASET,
        seed: args.seed,
        start,
        writes_per_s: args.rate / args.speed,
        active: active(evses),
        nights: false,
        join_every: 600_000,
    };
    let mut world = World::new(settings, state);
    let clock = SimulatedClock { began: Instant::now(), from: start, speed: args.speed };
    let mut summary = Summary { writes: 0, simulated_s: 0 };
    loop {
        let (at, writes) = world.step();
        if !clock.reach(at, stop).await? {
            return Ok(summary);
        }
        summary.simulated_s = (at - start) / 1000;
        for write in &writes {
            if args.steps.is_some_and(|steps| summary.writes >= steps) {
                return Ok(summary);
            }
            if !persist(db, std::slice::from_ref(write), stop).await? {
                return Ok(summary);
            }
            summary.writes += 1;
        }
    }
}

async fn replay(db: &Database, day: ReplayDay, args: &SimulateArgs, stop: &CancellationToken) -> Result<Summary> {
    let speed = args.speed;
    ensure!((1.0..=3600.0).contains(&speed), "--speed: a replay runs at 1 to 3600 times real time, not at {speed}");
    let now = Timestamp::now();
    let day = replay::load(db, day, now).await?;
    let (from, to, sessions) = (day.shift.from, day.shift.to, day.sessions.len());
    let mut replay = Replay::new(day, speed, now.as_millisecond());
    let mut summary = Summary { writes: 0, simulated_s: 0 };
    let Some(start) = replay.begin() else {
        tracing::info!(%from, %to, sessions, "the day is replayed already; nothing is written");
        return Ok(summary);
    };
    tracing::info!(%from, %to, sessions, speed, "an imported day happens again");
    let clock = SimulatedClock { began: Instant::now(), from: start, speed };
    while let Some((at, writes)) = replay.step() {
        // A replay that is faster than real time catches up with the present, and never writes the future.
        if !(clock.reach(at, stop).await? && present(at, stop).await) {
            break;
        }
        let after = summary.writes + writes.len() as u64;
        if args.steps.is_some_and(|steps| after > steps) || !persist(db, &writes, stop).await? {
            break;
        }
        summary = Summary { writes: after, simulated_s: (at - start) / 1000 };
    }
    Ok(summary)
}

/// Simulated time, which runs at `speed` since it was `from`.
struct SimulatedClock {
    began: Instant,
    from: i64,
    speed: f64,
}

impl SimulatedClock {
    /// Waits until simulated time is `at`; `false` when told to stop meanwhile.
    async fn reach(&self, at: i64, stop: &CancellationToken) -> Result<bool> {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a simulation")]
        let due = (at - self.from) as f64 / 1000.0 / self.speed;
        let due = Duration::try_from_secs_f64(due).context("the end of time")?;
        tokio::select! {
            biased;
            () = stop.cancelled() => Ok(false),
            () = sleep_until(self.began + due) => Ok(true),
        }
    }
}

/// Waits until the time of day is `at`; `false` when told to stop meanwhile.
async fn present(at: i64, stop: &CancellationToken) -> bool {
    // A sleep may end early by the wall clock, which others may set.
    while let Ok(ahead @ 1..) = u64::try_from(at - Timestamp::now().as_millisecond()) {
        tokio::select! {
            biased;
            () = stop.cancelled() => return false,
            () = sleep(Duration::from_millis(ahead)) => {}
        }
    }
    true
}

/// A fifth of the EVSEs, limited to what a screen can show: ten to eighteen if there are enough EVSEs.
fn active(evses: usize) -> f64 {
    let few = u32::try_from(evses / 2).unwrap_or(u32::MAX);
    let fifth = u32::try_from(evses / 5).unwrap_or(u32::MAX);
    f64::from(fifth.clamp(14, 18).min(few).max(1))
}

/// Writes all or none, and tries again while MongoDB is away. Returns `false` when told to stop meanwhile.
async fn persist(db: &Database, writes: &[DocumentWrite], stop: &CancellationToken) -> Result<bool> {
    let Some(DocumentWrite { collection, id, .. }) = writes.first() else { return Ok(true) };
    loop {
        let applied = tokio::select! {
            applied = apply(db, writes) => applied,
            () = patience(stop) => return Ok(false),
        };
        match applied {
            Ok(()) => return Ok(true),
            Err(error) if is_duplicate(&error) => {
                // Either an attempt whose answer was lost, or an operator's document with the same public id: both stay.
                tracing::warn!(%collection, %id, "a document with this id is there already");
                return Ok(true);
            }
            Err(error) if is_lasting(&error) => {
                return Err(error).with_context(|| format!("MongoDB refuses to write to {collection}"));
            }
            Err(error) => tracing::warn!(%error, "MongoDB cannot be written to; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = sleep(RETRY_AFTER) => {}
        }
    }
}

/// After a stop a write gets a moment more to be answered, and no longer, because MongoDB may be away.
async fn patience(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(Duration::from_secs(3)).await;
}

/// Makes several writes in a transaction, so that they happen together or not at all.
async fn apply(db: &Database, writes: &[DocumentWrite]) -> mongodb::error::Result<()> {
    let mut session = db.client().start_session().await?;
    if writes.len() > 1 {
        session.start_transaction().await?;
    }
    for write in writes {
        let documents = db.collection::<Document>(write.collection.name());
        match &write.change {
            WriteOperation::Insert(document) => drop(documents.insert_one(document).session(&mut session).await?),
            WriteOperation::Set(fields) => {
                let one = doc! { "_id": write.id.clone() };
                documents.update_one(one, doc! { "$set": fields.clone() }).session(&mut session).await?;
            }
        }
    }
    if writes.len() > 1 { session.commit_transaction().await } else { Ok(()) }
}

fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == 11_000)
}

/// Errors that no second attempt can fix: a schema that refuses, missing rights, a document that is too big.
fn is_lasting(error: &Error) -> bool {
    if error.contains_label(TRANSIENT_TRANSACTION_ERROR) {
        return false;
    }
    matches!(
        &*error.kind,
        ErrorKind::Write(WriteFailure::WriteError(_))
            | ErrorKind::Authentication { .. }
            | ErrorKind::BsonSerialization(_)
    ) || matches!(&*error.kind, ErrorKind::Command(command) if command.code == 13)
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("must be more than 0".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct SpeedLine {
        #[command(flatten)]
        args: SimulateArgs,
    }

    #[test]
    fn a_replay_takes_no_arguments_of_an_invented_network() {
        let parse = |more: &[&str]| SpeedLine::try_parse_from([&["simulate", "--replay", "2018-06-15"], more].concat());
        assert!(parse(&["--speed", "60"]).unwrap().args.replay.is_some());
        for more in [["--rate", "4"], ["--seed", "1"], ["--start", "2026-06-01T08:00:00Z"]] {
            assert!(parse(&more).is_err(), "{more:?}");
        }
    }
}
