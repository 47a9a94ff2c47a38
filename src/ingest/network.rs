//! The network behind a source's rows: the documents of the five collections, all from the data, none from the clock.
//!
//! `last_updated` is the newest instant that the data tells of the document, so importing again makes the same documents.
//! Where rows contradict each other about a station, the newest row is right; the others are counted in a note.

mod documents;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Result;
use mongodb::bson::{Document, RawDocumentBuf};

use super::{
    ledger::{Ledger, Scope},
    preset::Preset,
    report::Refusal,
    rows::Row,
    store::Wanted,
};
use crate::model::ids::Collection;

/// What is to be written.
#[derive(Debug, Default)]
pub struct Network {
    pub documents: BTreeMap<Collection, Vec<Wanted>>,
    pub refused: Vec<Refusal>,
    pub notes: Vec<String>,
}

/// Makes the documents of all rows. Of two rows with one session id the first is taken.
pub fn build(preset: &Preset, mut rows: Vec<Row>) -> Result<Network> {
    let mut network = Network::default();
    let mut seen = HashMap::new();
    rows.retain(|row| match seen.get(&row.session) {
        None => seen.insert(row.session.clone(), row.line).is_none(),
        Some(first) => {
            let reason = format!("the session {} was told in line {first} already", row.session);
            network.refused.push(Refusal { line: Some(row.line), reason });
            false
        }
    });
    let builder = Builder { preset, stations: stations(&rows), ledger: Ledger::new(scope(preset)?) };
    builder.build(&rows, &mut network)?;
    Ok(network)
}

fn scope(preset: &Preset) -> Result<Scope> {
    Ok(Scope {
        dataset: preset.dataset.clone(),
        id: preset.network.name.clone(),
        time_zone: preset.network.time_zone.clone(),
        zone: preset.time_zone()?,
        factors: preset.factors()?,
    })
}

struct Builder<'a> {
    preset: &'a Preset,
    stations: BTreeMap<&'a str, Station<'a>>,
    ledger: Ledger,
}

/// What all rows together say about a station.
struct Station<'a> {
    /// The newest, which says where it stands and what it is.
    row: &'a Row,
    first: i64,
    last: i64,
    evses: BTreeMap<&'a str, Evse>,
    /// Different sites and models.
    told: BTreeSet<(Option<&'a str>, Option<&'a str>)>,
}

#[derive(Default)]
struct Evse {
    last: i64,
    /// Start of the newest session that has not ended.
    open_since: Option<i64>,
}

fn stations<'a>(rows: &'a [Row]) -> BTreeMap<&'a str, Station<'a>> {
    let mut stations = BTreeMap::new();
    for row in rows {
        let Some(id) = row.station.as_deref() else { continue };
        let station = stations.entry(id).or_insert_with(|| Station {
            row,
            first: row.start,
            last: row.start,
            evses: BTreeMap::new(),
            told: BTreeSet::new(),
        });
        if row.start > station.row.start {
            station.row = row;
        }
        station.first = station.first.min(row.start);
        station.last = station.last.max(newest(row));
        station.told.insert((row.about.site.as_deref(), row.about.model.as_deref()));
        let evse = station.evses.entry(row.connector.as_str()).or_default();
        evse.last = evse.last.max(newest(row));
        if row.end.is_none() {
            evse.open_since = evse.open_since.max(Some(row.start));
        }
    }
    stations
}

fn newest(row: &Row) -> i64 {
    row.end.unwrap_or(row.start)
}

impl Builder<'_> {
    fn build(mut self, rows: &[Row], network: &mut Network) -> Result<()> {
        let changed = self.stations.values().filter(|s| s.told.len() > 1).count();
        if changed > 0 {
            network
                .notes
                .push(format!("{changed} stations are told with several sites or models; the newest row is taken"));
        }
        let negative = rows.iter().filter(|row| row.negative).count();
        if negative > 0 {
            network.notes.push(format!("{negative} rows tell a negative energy: kept without it, flagged NEGATIVE"));
        }
        let mut add = |collection, line, document: Document| -> Result<()> {
            let document = RawDocumentBuf::try_from(document)?;
            network.documents.entry(collection).or_default().push(Wanted { line, document });
            Ok(())
        };
        for (id, rows) in &clients(rows) {
            add(Collection::Clients, None, self.client(id, rows))?;
        }
        for (id, station) in &self.stations {
            add(Collection::Stations, None, self.station(id, station))?;
        }
        for row in rows {
            let cost = self.cost(row);
            add(Collection::ChargingSessions, Some(row.line), self.session(row, cost.as_ref()))?;
            if let (Some(cost), Some(end)) = (cost, row.end) {
                add(Collection::Payments, Some(row.line), self.payment(row, end, &cost))?;
            }
            if let (Some(energy), Some(end)) = (row.energy, row.end) {
                self.ledger.add(end, energy);
            }
        }
        for document in self.ledger.documents() {
            add(Collection::EcoStats, None, document)?;
        }
        Ok(())
    }
}

fn clients(rows: &[Row]) -> BTreeMap<&str, Vec<&Row>> {
    let mut clients: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(id) = &row.client {
            clients.entry(id).or_default().push(row);
        }
    }
    clients
}
