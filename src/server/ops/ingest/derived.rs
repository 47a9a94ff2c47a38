//! The documents that are derived from sessions: clients, stations with their EVSEs, and the buckets of `eco_stats`.
//! They are made from all sessions of the dataset that the database holds, and not from one file's. So a second file
//! adds to the first, and a correction corrects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::{
    Database,
    bson::{Document, doc},
};

use super::{
    documents::Builder,
    gone::{Reaper, of_dataset},
    ledger::{Ledger, Scope},
    preset::Preset,
    report::{DocumentCounts, Remark},
    seal::seal,
    store::{self, NewDocument},
    world::{int, millis, text},
};
use crate::{
    domain::{collections::Collection, money::Wh, status::SessionStatus},
    server::ops::ingest::documents::{Client, ObservedStation},
};

/// What sessions reveal about everything but clients.
struct Basis {
    ledger: Ledger,
    stations: BTreeMap<String, ObservedStation>,
    /// Stations that a session names, including sessions that the source no longer holds.
    named: BTreeSet<String>,
}

/// Documents per write.
const BATCH: usize = 1000;

/// The outcome for one collection.
pub struct Derived {
    pub collection: Collection,
    pub counts: DocumentCounts,
    pub refused: Vec<Remark>,
}

/// Writes everything that is derived from the sessions of the dataset.
pub async fn write(db: &Database, builder: &Builder<'_>, reaper: &Reaper<'_>) -> Result<[Derived; 3]> {
    let basis = basis(db, builder.preset).await?;
    Ok([
        clients(db, builder, reaper).await?,
        stations(db, builder, reaper, &basis).await?,
        buckets(db, reaper, &basis).await?,
    ])
}

/// The filter for sessions that the source still holds.
fn sessions(preset: &Preset) -> Document {
    let mut filter = of_dataset(&preset.dataset);
    filter.insert("source.gone", doc! { "$exists": false });
    filter
}

async fn basis(db: &Database, preset: &Preset) -> Result<Basis> {
    let mut basis = Basis { ledger: Ledger::new(scope(preset)?), stations: BTreeMap::new(), named: BTreeSet::new() };
    let fields = doc! {
        "_id": 0, "station_id": 1, "connector_id": 1, "status": 1, "start_date_time": 1, "end_date_time": 1, "energy_wh": 1,
        "source.gone": 1,
    };
    let documents = db.collection::<Document>(Collection::ChargingSessions.name());
    let mut found = documents.find(of_dataset(&preset.dataset)).projection(fields).await?;
    while let Some(session) = found.try_next().await? {
        basis.add(&session);
    }
    Ok(basis)
}

impl Basis {
    fn add(&mut self, session: &Document) {
        let station = text(session, "station_id");
        if let Some(id) = &station
            && !self.named.contains(id)
        {
            self.named.insert(id.clone());
        }
        let Some(start) = millis(session, "start_date_time") else { return };
        if session.get_document("source").is_ok_and(|source| source.contains_key("gone")) {
            return;
        }
        let (end, status) = (millis(session, "end_date_time"), text(session, "status").unwrap_or_default());
        if let (Some(end), Some(energy)) = (end, int(session, "energy_wh"))
            && status == SessionStatus::Completed.code()
        {
            self.ledger.add(end, Wh(energy));
        }
        let Some(id) = station else { return };
        let last = end.unwrap_or(start);
        let fresh = || ObservedStation { first: start, newest: start, last, evses: BTreeMap::new() };
        let station = self.stations.entry(id).or_insert_with(fresh);
        station.first = station.first.min(start);
        station.newest = station.newest.max(start);
        station.last = station.last.max(last);
        let connector = text(session, "connector_id").unwrap_or_else(|| "1".to_owned());
        let evse = station.evses.entry(connector).or_default();
        evse.last = evse.last.max(last);
        if end.is_none() && status == SessionStatus::Active.code() {
            evse.open_since = evse.open_since.max(Some(start));
        }
    }
}

fn scope(preset: &Preset) -> Result<Scope> {
    Ok(Scope {
        dataset: preset.dataset.clone(),
        id: preset.network.name.clone(),
        station: None,
        time_zone: preset.network.time_zone.clone(),
        zone: preset.time_zone()?,
        factors: preset.factors()?,
    })
}

/// The database groups the sessions, because a network may have more clients than memory should hold.
async fn clients(db: &Database, builder: &Builder<'_>, reaper: &Reaper<'_>) -> Result<Derived> {
    let preset = builder.preset;
    let grouped = async |mut filter: Document, group: Document| {
        filter.insert("client_id", doc! { "$type": "string" });
        let stages = [doc! { "$match": filter }, doc! { "$group": group }, doc! { "$sort": { "_id": 1 } }];
        let sessions = db.collection::<Document>(Collection::ChargingSessions.name());
        sessions.aggregate(stages).allow_disk_use(true).await
    };
    let newest = doc! { "$ifNull": ["$end_date_time", "$start_date_time"] };
    let group = doc! {
        "_id": "$client_id",
        "first": { "$min": "$start_date_time" },
        "last": { "$max": "$start_date_time" },
        "updated": { "$max": newest },
    };
    let wanted = grouped(sessions(preset), group).await?.map_err(anyhow::Error::from).try_filter_map(async |found| {
        let Some(id) = text(&found, "_id") else { return Ok(None) };
        let [first, last, updated] = ["first", "last", "updated"].map(|name| millis(&found, name));
        let Some(((first, last), updated)) = first.zip(last).zip(updated) else { return Ok(None) };
        let document = seal(builder.client(&id, &Client { first, last, updated }))?;
        Ok(Some(NewDocument { line: None, document }))
    });
    let mut derived = put(db, Collection::Clients, wanted).await?;
    let named = grouped(of_dataset(&preset.dataset), doc! { "_id": "$client_id" }).await?;
    let named = named
        .map_err(anyhow::Error::from)
        .try_filter_map(async |found| Ok(text(&found, "_id").map(|id| builder.key(&id))));
    derived.counts += reaper.derived(Collection::Clients, named).await?;
    Ok(derived)
}

async fn stations(db: &Database, builder: &Builder<'_>, reaper: &Reaper<'_>, basis: &Basis) -> Result<Derived> {
    let documents = db.collection::<Document>(Collection::Stations.name());
    let mut found = documents.find(of_dataset(&builder.preset.dataset)).await?;
    let mut known = HashMap::new();
    while let Some(document) = found.try_next().await? {
        known.extend(text(&document, "station_id").map(|id| (id, document)));
    }
    let wanted = basis.stations.iter().map(|(id, station)| {
        let document = seal(builder.station(id, station, known.remove(id)))?;
        Ok(NewDocument { line: None, document })
    });
    let mut derived = put(db, Collection::Stations, stream::iter(wanted.collect::<Vec<_>>())).await?;
    let named = stream::iter(basis.named.iter().map(|id| Ok(builder.key(id))));
    derived.counts += reaper.derived(Collection::Stations, named).await?;
    Ok(derived)
}

async fn buckets(db: &Database, reaper: &Reaper<'_>, basis: &Basis) -> Result<Derived> {
    let mut ids = BTreeSet::new();
    let documents = basis.ledger.documents().inspect(|document| ids.extend(text(document, "_id")));
    let wanted: Vec<_> = documents.map(|document| Ok(NewDocument { line: None, document: seal(document)? })).collect();
    let mut derived = put(db, Collection::EcoStats, stream::iter(wanted)).await?;
    derived.counts += reaper.derived(Collection::EcoStats, stream::iter(ids.into_iter().map(Ok))).await?;
    Ok(derived)
}

async fn put(
    db: &Database,
    collection: Collection,
    wanted: impl Stream<Item = Result<NewDocument>>,
) -> Result<Derived> {
    let mut derived = Derived { collection, counts: DocumentCounts::default(), refused: Vec::new() };
    let mut batches = Box::pin(wanted.try_chunks(BATCH));
    while let Some(batch) = batches.try_next().await.map_err(|error| error.1)? {
        let outcome = store::write(db, collection, &batch).await?;
        derived.counts += outcome.counts;
        derived.refused.extend(outcome.refused);
    }
    Ok(derived)
}
