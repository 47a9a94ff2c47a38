//! Reads the start state from a database, be it an imported city, a seeded network or an earlier simulation.
//!
//! Everything is read in the order of `_id`, so the same database gives the same state. Fields that cannot be read get
//! a plain default; a station without EVSEs only sends heartbeats.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use futures_util::TryStreamExt;
use jiff::{Timestamp, tz::TimeZone};
use mongodb::{
    Database,
    bson::{Bson, Document, deserialize_from_document, doc},
};

use super::{
    super::ledger::{Granularity, Ledger, PeriodSums, Scope},
    Driver, EvseIndex, NextNumbers, SimulatedEvse, SimulatedStation, WorldStart,
    state::{OpenPayment, Running},
};
use crate::domain::{
    collections::Collection,
    eco::{Factors, Savings},
    money::Currency,
    status::{EvseStatus, PaymentStatus},
};

/// Datasets whose open documents are continued however old they are.
pub const INVENTED: [&str; 2] = ["seed", "simulate"];
const DAY_MS: i64 = 86_400_000;
/// The most drivers that take part; in a bigger network the others rest.
const MAX_DRIVERS: i64 = 5000;

/// Reads the state at `start` (ms since 1970). Documents that are made from there on are marked `dataset`.
pub async fn load(db: &Database, dataset: &'static str, start: i64) -> Result<WorldStart> {
    let stations = stations(db).await?;
    ensure!(
        !stations.is_empty(),
        "the database `{}` has no stations to simulate: run `seed` or `import` first",
        db.name()
    );
    let (drivers, country_code) = drivers(db).await?;
    let (running, stale) = running(db, &stations, &drivers, start).await?;
    let next = NextNumbers {
        session: next_number(db, Collection::ChargingSessions).await?,
        payment: next_number(db, Collection::Payments).await?,
        client: next_number(db, Collection::Clients).await?,
    };
    let payments = payments(db).await?;
    let ledger = ledger(db, dataset, &stations, start).await?;
    Ok(WorldStart { stations, drivers, country_code, running, stale, payments, ledger, next })
}

/// All documents that match.
pub async fn find(db: &Database, collection: Collection, filter: Document, sort: Document) -> Result<Vec<Document>> {
    let found = db.collection::<Document>(collection.name()).find(filter).sort(sort).await?;
    found.try_collect().await.with_context(|| format!("{collection} cannot be read"))
}

/// The stations that are not removed.
pub async fn stations(db: &Database) -> Result<Vec<SimulatedStation>> {
    let documents = find(db, Collection::Stations, doc! { "removed_at": null }, doc! { "_id": 1 }).await?;
    Ok(documents.iter().filter_map(station).collect())
}

fn station(document: &Document) -> Option<SimulatedStation> {
    let evses = document.get_array("evses").map(Vec::as_slice).unwrap_or_default();
    Some(SimulatedStation {
        id: document.get("_id")?.clone(),
        station_id: text(document, "station_id")?,
        time_zone: text(document, "time_zone").unwrap_or_else(|| "UTC".to_owned()),
        currency: Currency(text(document, "currency").unwrap_or_else(|| "GBP".to_owned())),
        // `$set` needs positions in the array, so an EVSE that cannot be read keeps its place and is never used.
        evses: evses.iter().map(|evse| evse.as_document().map_or_else(unusable, self::evse)).collect(),
        speaks: text(document, "connection").as_deref() != Some("OFFLINE"),
    })
}

fn unusable() -> SimulatedEvse {
    evse(&doc! { "status": "UNKNOWN" })
}

fn evse(document: &Document) -> SimulatedEvse {
    let connectors = document.get_array("connectors").map(Vec::as_slice).unwrap_or_default();
    let connectors: Vec<&Document> = connectors.iter().filter_map(Bson::as_document).collect();
    SimulatedEvse {
        uid: text(document, "uid").unwrap_or_default(),
        connector_id: connectors.first().and_then(|c| text(c, "id")).unwrap_or_else(|| "1".to_owned()),
        rated: connectors.iter().filter_map(|c| int(c, "max_electric_power")).max().filter(|w| *w > 0),
        direct_current: connectors.iter().any(|c| text(c, "power_type").as_deref() == Some("DC")),
        status: EvseStatus::from(text(document, "status").unwrap_or_else(|| "UNKNOWN".to_owned())),
        session: None,
    }
}

async fn drivers(db: &Database) -> Result<(Vec<Driver>, String)> {
    let clients = db.collection::<Document>(Collection::Clients.name());
    let wanted = doc! { "client_id": 1, "country_code": 1 };
    let found = clients.find(doc! { "status": "ACTIVE" }).projection(wanted).sort(doc! { "_id": 1 }).limit(MAX_DRIVERS);
    let documents: Vec<Document> = found.await?.try_collect().await?;
    let country = documents.iter().find_map(|d| text(d, "country_code")).unwrap_or_else(|| "GB".to_owned());
    let driver =
        |d: &Document| Some(Driver { id: d.get("_id")?.clone(), client_id: text(d, "client_id")?, busy: false });
    Ok((documents.iter().filter_map(driver).collect(), country))
}

/// The newest ACTIVE session of each EVSE is continued if it began within a day, or was invented. An older one of
/// real history stays as it is, and so does its EVSE. The second list holds the EVSEs in use without any session.
async fn running(
    db: &Database,
    stations: &[SimulatedStation],
    drivers: &[Driver],
    start: i64,
) -> Result<(Vec<Running>, Vec<EvseIndex>)> {
    let newest_first = doc! { "start_date_time": -1, "_id": 1 };
    let open = find(db, Collection::ChargingSessions, doc! { "status": "ACTIVE" }, newest_first).await?;
    let by_client: HashMap<&str, usize> = drivers.iter().enumerate().map(|(i, d)| (d.client_id.as_str(), i)).collect();
    let by_uid: HashMap<(String, String), EvseIndex> = places(stations);
    let mut taken = HashSet::new();
    let mut running = Vec::new();
    for session in &open {
        let Some((at, mut one)) = carried(session, &by_uid) else { continue };
        let first = taken.insert(at);
        let invented = session.get_document("source").ok().and_then(|s| text(s, "dataset"));
        let invented = invented.is_some_and(|dataset| INVENTED.contains(&dataset.as_str()));
        if first && (invented || one.start > start - DAY_MS) {
            one.driver = one.client_id.as_deref().and_then(|id| by_client.get(id).copied());
            running.push(one);
        }
    }
    let in_use = by_uid.into_values().filter(|at| stations[at.station].evses[at.evse].status == EvseStatus::Charging);
    let mut stale: Vec<EvseIndex> = in_use.filter(|at| !taken.contains(at)).collect();
    stale.sort_unstable();
    Ok((running, stale))
}

/// The position of each EVSE, by station id and EVSE uid.
pub fn places(stations: &[SimulatedStation]) -> HashMap<(String, String), EvseIndex> {
    let mut places = HashMap::new();
    for (station, s) in stations.iter().enumerate() {
        for (evse, e) in s.evses.iter().enumerate() {
            places.insert((s.station_id.clone(), e.uid.clone()), EvseIndex { station, evse });
        }
    }
    places
}

fn carried(session: &Document, places: &HashMap<(String, String), EvseIndex>) -> Option<(EvseIndex, Running)> {
    let at = *places.get(&(text(session, "station_id")?, text(session, "evse_uid")?))?;
    let running = Running {
        id: session.get("_id")?.clone(),
        session_id: text(session, "session_id")?,
        at,
        driver: None,
        client_id: text(session, "client_id"),
        start: millis(session, "start_date_time")?,
        meter_start_wh: int(session, "meter_start_wh").unwrap_or(0),
        base_wh: int(session, "energy_wh").unwrap_or(0),
        power_w: 0,
        from: 0,
        until: 0,
        battery: None,
    };
    Some((at, running))
}

async fn payments(db: &Database) -> Result<Vec<OpenPayment>> {
    let filter =
        doc! { "status": { "$in": ["PENDING", "AUTHORIZED"] }, "source.dataset": { "$in": INVENTED.to_vec() } };
    let documents = find(db, Collection::Payments, filter, doc! { "_id": 1 }).await?;
    let payment = |d: &Document| {
        Some(OpenPayment {
            id: d.get("_id")?.clone(),
            amount_minor: int(d, "amount_minor")?,
            status: PaymentStatus::from(text(d, "status")?),
            method: text(d, "method").unwrap_or_default(),
            attempts: int(d, "attempts").unwrap_or(1),
            history: d.get_array("status_history").cloned().unwrap_or_default(),
        })
    };
    Ok(documents.iter().filter_map(payment).collect())
}

async fn next_number(db: &Database, collection: Collection) -> Result<i64> {
    let documents = db.collection::<Document>(collection.name());
    let newest =
        documents.find_one(doc! { "source.dataset": { "$in": INVENTED.to_vec() } }).sort(doc! { "source.row": -1 });
    let newest = newest.projection(doc! { "source.row": 1 }).await?;
    Ok(newest.and_then(|d| int(d.get_document("source").ok()?, "row")).unwrap_or(0) + 1)
}

/// The ledger of the network whose bucket changed last; its factors and zone are kept.
pub async fn ledger(db: &Database, dataset: &str, stations: &[SimulatedStation], start: i64) -> Result<Ledger> {
    let buckets = db.collection::<Document>(Collection::EcoStats.name());
    let newest = buckets.find_one(doc! { "scope": "NETWORK" }).sort(doc! { "last_updated": -1, "_id": 1 }).await?;
    let zone_of_stations = || stations.first().map(|s| s.time_zone.clone());
    let time_zone = newest.as_ref().and_then(|d| text(d, "time_zone")).or_else(zone_of_stations).unwrap_or_default();
    let country = country_of_stations(db).await?;
    let factors = newest.as_ref().and_then(|d| deserialize_from_document(d.get_document("factors").ok()?.clone()).ok());
    let scope = Scope {
        dataset: dataset.to_owned(),
        id: newest.as_ref().and_then(|d| text(d, "scope_id")).unwrap_or_else(|| "Network".to_owned()),
        station: None,
        zone: TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC),
        time_zone,
        factors: factors.or_else(|| Factors::named("owid-2024", &country)).context("owid-2024 is shipped")?,
    };
    let month =
        Timestamp::from_millisecond(start)?.to_zoned_datetime(scope.zone.clone()).date().first_of_month().to_string();
    let touched = doc! {
        "scope": "NETWORK",
        "scope_id": &scope.id,
        "$or": [{ "granularity": "TOTAL" }, { "local_date": { "$gte": month } }],
    };
    let mut ledger = Ledger::new(scope);
    for document in find(db, Collection::EcoStats, touched, doc! { "_id": 1 }).await? {
        if let Some((key, bucket)) = bucket(&document) {
            ledger.know(key, bucket);
        }
    }
    Ok(ledger)
}

async fn country_of_stations(db: &Database) -> Result<String> {
    let stations = db.collection::<Document>(Collection::Stations.name());
    let one = stations.find_one(doc! { "country": { "$type": "string" } }).sort(doc! { "_id": 1 }).await?;
    Ok(one.and_then(|d| text(&d, "country")).unwrap_or_default())
}

fn bucket(document: &Document) -> Option<((Granularity, String), PeriodSums)> {
    let code = text(document, "granularity")?;
    let granularity = Granularity::ALL.into_iter().find(|g| g.code() == code)?;
    let number = |name| int(document, name).unwrap_or(0);
    let savings = Savings {
        session_count: number("session_count"),
        energy_wh: number("energy_wh"),
        co2_avoided_g: number("co2_avoided_g"),
        co2_grid_g: number("co2_grid_g"),
        co2_ice_g: number("co2_ice_g"),
        petrol_ml: number("petrol_ml"),
        km_electric_m: number("km_electric_m"),
    };
    let bucket = PeriodSums {
        id: Some(document.get("_id")?.clone()),
        savings,
        period_start: millis(document, "period_start")?,
        newest: millis(document, "last_updated")?,
    };
    Some(((granularity, text(document, "local_date")?), bucket))
}

pub fn text(document: &Document, name: &str) -> Option<String> {
    document.get_str(name).ok().map(str::to_owned)
}

pub fn millis(document: &Document, name: &str) -> Option<i64> {
    document.get_datetime(name).ok().map(|at| at.timestamp_millis())
}

/// A whole number of any BSON type.
pub fn int(document: &Document, name: &str) -> Option<i64> {
    match document.get(name)? {
        Bson::Int64(n) => Some(*n),
        Bson::Int32(n) => Some(i64::from(*n)),
        #[expect(clippy::cast_possible_truncation, reason = "whole numbers as the shell writes them")]
        Bson::Double(n) if n.fract() == 0.0 => Some(*n as i64),
        _ => None,
    }
}
