//! `chargedeck simulate`: an ordinary writer, in its own process, that keeps the network in the database alive.
//!
//! The writes come from [`super::world`]; here they only meet the clock and MongoDB.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};
use jiff::Timestamp;
use mongodb::{
    Database,
    bson::{Document, doc},
    error::{Error, ErrorKind, WriteFailure},
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::world::{self, Change, Settings, World, Write};

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

/// Writes until `stop`, or until `--steps` writes are made. While MongoDB is away it waits, and then goes on where it was.
pub async fn run(db: &Database, args: &SimulateArgs, stop: CancellationToken) -> Result<Summary> {
    super::only_ours(db, args.demo_anyway).await?;
    let start = args.start.unwrap_or_else(Timestamp::now).as_millisecond();
    let state = world::load(db, DATASET, start).await?;
    let evses: usize = state.stations.iter().map(|s| s.evses.len()).sum();
    let settings = Settings {
        dataset: DATASET,
        seed: args.seed,
        start,
        writes_per_s: args.rate / args.speed,
        active: active(evses),
        nights: false,
        join_every: 600_000,
    };
    let mut world = World::new(settings, state);
    let began = Instant::now();
    let mut summary = Summary { writes: 0, simulated_s: 0 };
    loop {
        let (at, writes) = world.step();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a simulation")]
        let due = Duration::try_from_secs_f64((at - start) as f64 / 1000.0 / args.speed).context("the end of time")?;
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(summary),
            () = sleep_until(began + due) => {}
        }
        summary.simulated_s = (at - start) / 1000;
        for write in &writes {
            if args.steps.is_some_and(|steps| summary.writes >= steps) {
                return Ok(summary);
            }
            if !persist(db, write, &stop).await? {
                return Ok(summary);
            }
            summary.writes += 1;
        }
    }
}

/// A fifth of the EVSEs, but what a screen can show: ten to eighteen where there are enough.
fn active(evses: usize) -> f64 {
    let few = u32::try_from(evses / 2).unwrap_or(u32::MAX);
    let fifth = u32::try_from(evses / 5).unwrap_or(u32::MAX);
    f64::from(fifth.clamp(14, 18).min(few).max(1))
}

/// Writes, again and again while MongoDB is away. `false` when told to stop meanwhile.
async fn persist(db: &Database, write: &Write, stop: &CancellationToken) -> Result<bool> {
    loop {
        let applied = tokio::select! {
            applied = apply(db, write) => applied,
            () = patience(stop) => return Ok(false),
        };
        match applied {
            Ok(()) => return Ok(true),
            Err(error) if is_duplicate(&error) => {
                // Either an attempt whose answer was lost, or an operator's document with the same public id: both stay.
                tracing::warn!(collection = %write.collection, id = %write.id, "a document with this id is there already");
                return Ok(true);
            }
            Err(error) if is_lasting(&error) => {
                return Err(error).with_context(|| format!("MongoDB refuses to write to {}", write.collection));
            }
            Err(error) => tracing::warn!(%error, "MongoDB cannot be written to; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(false),
            () = sleep(RETRY_AFTER) => {}
        }
    }
}

/// Told to stop, a write gets a moment more to be answered; a MongoDB that is away gets no longer.
async fn patience(stop: &CancellationToken) {
    stop.cancelled().await;
    sleep(Duration::from_secs(3)).await;
}

async fn apply(db: &Database, write: &Write) -> mongodb::error::Result<()> {
    let documents = db.collection::<Document>(write.collection.name());
    match &write.change {
        Change::Insert(document) => documents.insert_one(document).await.map(drop),
        Change::Set(fields) => {
            documents.update_one(doc! { "_id": write.id.clone() }, doc! { "$set": fields.clone() }).await.map(drop)
        }
    }
}

fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == 11_000)
}

/// What no second attempt will change: a schema that refuses, missing rights, a document too big.
fn is_lasting(error: &Error) -> bool {
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
