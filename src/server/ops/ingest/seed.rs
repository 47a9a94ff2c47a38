//! `chargedeck seed`: a plausible network made from a seed alone, small or of any size.
//!
//! For the small one, two weeks of [`super::world`] run in memory, and the result is written in bulk. So sessions, payments, EVSEs and
//! eco_stats agree with each other as they would in a network that has really run.

mod city;
mod history;

use std::{collections::BTreeMap, fmt};

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{Timestamp, tz::TimeZone};
use mongodb::{
    Database,
    bson::{Document, RawDocumentBuf, doc},
};

use self::history::{History, StationHistory};
use super::{
    ledger::{Ledger, Scope},
    store::{self, NewDocument},
    world::{DocumentWrite, InMemoryDatabase, NextNumbers, World, WorldSettings, WorldStart, WriteOperation},
};
use crate::{
    domain::{collections::Collection, eco::Factors},
    server::ops::ingest::seed::city::{DATASET, HALF_A_DAY_MS, TIME_ZONE},
};

#[derive(Clone, Debug, clap::Args)]
pub struct SeedArgs {
    /// Another number makes another network
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// A larger network with a year behind it: so many sessions and about as many payments, a tenth as many clients and
    /// a hundredth as many stations, instead of a small one with two weeks
    #[arg(long, value_name = "SESSIONS", value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    pub scale: Option<u64>,
    /// The instant at which its past ends [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// Writes although the database holds documents that ChargeDeck did not make
    #[arg(long)]
    pub demo_anyway: bool,
}

/// What the database holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seeded {
    /// The network existed before; nothing was written.
    Already,
    /// Documents by collection.
    Now(BTreeMap<&'static str, u64>),
}

impl fmt::Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Already => write!(f, "The database is seeded already; nothing was written."),
            Self::Now(counts) => {
                let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
                write!(f, "Seeded: {}", counts.join(", "))
            }
        }
    }
}

/// Clients at the beginning; two more join every day.
const CLIENTS: i64 = 272;
const TWO_WEEKS_MS: i64 = 14 * 86_400_000;
/// Written last, so if it exists, everything does.
const LAST: &str = "seed:TOTAL:1970-01-01";

/// Makes the network unless it exists.
///
/// # Errors
/// If the database holds other documents, or MongoDB does not take these.
pub async fn run(db: &Database, args: &SeedArgs) -> Result<Seeded> {
    super::only_ours(db, args.demo_anyway).await?;
    if db.collection::<Document>(Collection::EcoStats.name()).find_one(doc! { "_id": LAST }).await?.is_some() {
        return Ok(Seeded::Already);
    }
    remove_unfinished(db).await?;
    let at = args.at.unwrap_or_else(Timestamp::now).as_millisecond();
    if let Some(sessions) = args.scale {
        return scaled(db, History::new(args.seed, at, sessions, scope()?)).await;
    }
    let mut documents = live(args.seed, at)?;
    let bar = progress(documents.0.values().map(|d| d.len() as u64).sum(), "documents")?;
    let mut counts = BTreeMap::new();
    // The eco figures come last, because `LAST` is one of them.
    let last = documents.0.remove_entry(&Collection::EcoStats);
    for (collection, documents) in documents.0.into_iter().chain(last) {
        bar.set_message(collection.name());
        let wanted =
            documents.into_values().map(|d| Ok(NewDocument { line: None, document: RawDocumentBuf::try_from(d)? }));
        let wanted: Vec<_> = wanted.collect::<Result<_>>()?;
        let outcome = store::write(db, collection, &wanted).await?;
        bar.inc(wanted.len() as u64);
        if let Some(refused) = outcome.refused.first() {
            anyhow::bail!("{} documents were refused; the first: {}", outcome.refused.len(), refused.reason);
        }
        counts.insert(collection.name(), outcome.counts.written());
    }
    bar.finish_and_clear();
    Ok(Seeded::Now(counts))
}

fn progress(length: u64, of: &str) -> Result<ProgressBar> {
    let template = format!("{{wide_bar}} {{human_pos}}/{{human_len}} {of}, {{msg}}");
    Ok(ProgressBar::new(length).with_style(ProgressStyle::with_template(&template)?))
}

/// Stations whose documents are written together.
const TOGETHER: usize = 20;
/// Batches on their way to MongoDB while the next one is made.
const ON_THE_WAY: usize = 2;

/// Writes a network with a year behind it.
async fn scaled(db: &Database, mut history: History) -> Result<Seeded> {
    use Collection::{Clients, EcoStats, Stations};
    let bar = progress(history.stations() as u64, "stations")?;
    let mut counts = BTreeMap::new();
    let batches = std::iter::from_fn(|| {
        let batch: Vec<StationHistory> = history.by_ref().take(TOGETHER).collect();
        (!batch.is_empty()).then_some(batch)
    });
    let mut written = stream::iter(batches.map(|batch| write_stations(db, batch))).buffered(ON_THE_WAY);
    while let Some(batch) = written.try_next().await? {
        for (collection, count) in batch {
            if collection == Stations {
                bar.inc(count);
            }
            *counts.entry(collection.name()).or_default() += count;
        }
    }
    drop(written);
    bar.finish_and_clear();
    let clients: Vec<Document> = history.clients().collect();
    counts.insert(Clients.name(), insert(db, Clients, &clients).await?);
    // The sum of all is the last, because it says that all is there.
    let (last, buckets): (Vec<_>, Vec<_>) =
        history.eco().partition(|bucket| bucket.get_str("_id").is_ok_and(|id| id == LAST));
    for eco in [buckets, last] {
        *counts.entry(EcoStats.name()).or_default() += insert(db, EcoStats, &eco).await?;
    }
    Ok(Seeded::Now(counts))
}

async fn write_stations(db: &Database, batch: Vec<StationHistory>) -> Result<[(Collection, u64); 4]> {
    use Collection::{ChargingSessions, EcoStats, Payments, Stations};
    let (mut stations, mut sessions, mut payments, mut eco) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for mut one in batch {
        stations.push(one.station);
        sessions.append(&mut one.sessions);
        payments.append(&mut one.payments);
        eco.append(&mut one.eco);
    }
    Ok([
        (ChargingSessions, insert(db, ChargingSessions, &sessions).await?),
        (Payments, insert(db, Payments, &payments).await?),
        (EcoStats, insert(db, EcoStats, &eco).await?),
        (Stations, insert(db, Stations, &stations).await?),
    ])
}

/// Inserts documents that are not there yet. Returns how many.
async fn insert(db: &Database, collection: Collection, documents: &[Document]) -> Result<u64> {
    if !documents.is_empty() {
        db.collection::<Document>(collection.name()).insert_many(documents).ordered(false).await?;
    }
    Ok(documents.len() as u64)
}

/// Removes the documents of a seeding that was cut short, because it begins anew.
async fn remove_unfinished(db: &Database) -> Result<()> {
    for collection in Collection::ALL {
        db.collection::<Document>(collection.name()).delete_many(doc! { "source.dataset": DATASET }).await?;
    }
    Ok(())
}

/// Two weeks of the network, up to `at`.
fn live(seed: u64, at: i64) -> Result<InMemoryDatabase> {
    let start = at - TWO_WEEKS_MS;
    let mut memory = InMemoryDatabase::default();
    let mut insert = |collection, document: Document| {
        let id = document.get("_id").cloned().unwrap_or_default();
        memory.apply(DocumentWrite { collection, id, change: WriteOperation::Insert(document) });
    };
    let stations: Vec<_> = (0..city::STATIONS).map(|number| city::station(number, start)).collect();
    for (document, _) in &stations {
        insert(Collection::Stations, document.clone());
    }
    let clients: Vec<_> = (1..=CLIENTS).map(|number| city::client(number, start)).collect();
    for document in &clients {
        insert(Collection::Clients, document.clone());
    }
    let drivers =
        clients.iter().filter(|c| c.get_str("status").is_ok_and(|s| s == "ACTIVE")).filter_map(city::driver).collect();
    let settings = WorldSettings {
        dataset: DATASET,
        seed,
        start,
        writes_per_s: 1.0 / 60.0,
        active: 5.0,
        nights: true,
        join_every: HALF_A_DAY_MS,
    };
    let mut world = World::new(
        settings,
        WorldStart {
            stations: stations.into_iter().map(|(_, station)| station).collect(),
            drivers,
            country_code: "GB".to_owned(),
            running: Vec::new(),
            stale: Vec::new(),
            payments: Vec::new(),
            ledger: Ledger::new(scope()?),
            next: NextNumbers { session: 1, payment: 1, client: CLIENTS + 1 },
        },
    );
    loop {
        let (now, writes) = world.step();
        if now > at {
            return Ok(memory);
        }
        writes.into_iter().for_each(|write| memory.apply(write));
    }
}

fn scope() -> Result<Scope> {
    Ok(Scope {
        dataset: DATASET.to_owned(),
        id: "Demo network".to_owned(),
        station: None,
        time_zone: TIME_ZONE.to_owned(),
        zone: TimeZone::get(TIME_ZONE)?,
        factors: Factors::named("owid-2024", "GBR").ok_or_else(|| anyhow::anyhow!("owid-2024 is shipped"))?,
    })
}
