//! The newest changes in a form from which a page makes a sentence.

use serde::{Deserialize, Serialize};

use super::{
    entities::{Client, EcoStat, Payment, Session, Station, see},
    fields::Fields,
    ids::{Collection, DocId},
    log::{Effect, Record},
    money::{Money, Wh},
    time::UtcMs,
};

/// How many the Overview shows.
pub const SHOWN: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    pub collection: Collection,
    pub id: DocId,
    pub kind: Kind,
    pub at: UtcMs,
    /// Name or public id.
    pub label: Option<String>,
    /// The status after the change.
    pub status: Option<String>,
    /// The names of the shown fields that changed.
    pub changed: Vec<String>,
    /// A payment's amount.
    pub money: Option<Money>,
    /// A session's energy.
    pub energy: Option<Wh>,
    /// Why a payment failed, or a session's station.
    pub detail: Option<String>,
}

/// Fields whose change alone is routine, not news.
const ROUTINE: &[&str] = &[
    "last_updated",
    "last_heartbeat_at",
    "power_w",
    "energy_wh",
    "meter_stop_wh",
    "soc_end",
    "total_time_s",
    "computed_at",
    "max_power_w",
    "cost_excl_vat_minor",
    "cost_incl_vat_minor",
];

/// The record as news; `None` when it is routine, such as a heartbeat or a meter value, or when nobody knows what changed.
pub fn news(record: &Record) -> Option<Latest> {
    let Effect::Row(row) = &record.effect else { return None };
    let (kind, changed) = match (&row.after, &row.changed) {
        (None, _) => (Kind::Delete, Vec::new()),
        (Some(_), None) if row.cells.is_none() => return None,
        (Some(_), None) => (Kind::Put, Vec::new()),
        (Some(_), Some(changed)) => (Kind::Patch, changed.clone()),
    };
    // The figures of the environment follow every finished session; each would say the same thing twice.
    let derived =
        record.collection == Collection::EcoStats && changed.iter().all(|name| DERIVED.contains(&name.as_str()));
    if kind == Kind::Patch && (derived || changed.iter().all(|name| ROUTINE.contains(&name.as_str()))) {
        return None;
    }
    let base = Latest {
        collection: record.collection,
        id: row.id.clone(),
        kind,
        at: record.at,
        label: None,
        status: None,
        changed,
        money: None,
        energy: None,
        detail: None,
    };
    Some(row.after.as_ref().map_or(base.clone(), |after| describe(base, after)))
}

const DERIVED: &[&str] = &[
    "session_count",
    "energy_wh",
    "co2_avoided_g",
    "co2_grid_g",
    "co2_ice_g",
    "petrol_ml",
    "km_electric_m",
    "trees_10y",
    "computed_at",
    "last_updated",
];

fn describe(base: Latest, after: &Fields) -> Latest {
    match base.collection {
        Collection::Clients => {
            let c = see::<Client>(after).doc;
            Latest { label: c.name.or(c.client_id), status: c.status.map(String::from), ..base }
        }
        Collection::Stations => {
            let s = see::<Station>(after).doc;
            Latest { label: s.name.or(s.station_id), status: s.connection.map(String::from), ..base }
        }
        Collection::Payments => {
            let p = see::<Payment>(after).doc;
            let money = p.amount();
            Latest { label: p.payment_id, status: p.status.map(String::from), money, detail: p.failure_code, ..base }
        }
        Collection::ChargingSessions => {
            let s = see::<Session>(after).doc;
            Latest {
                label: s.session_id,
                status: s.status.map(String::from),
                energy: s.energy_wh,
                detail: s.station_id,
                ..base
            }
        }
        Collection::EcoStats => {
            let e = see::<EcoStat>(after).doc;
            Latest { label: e.local_date, status: e.granularity, energy: e.energy_wh, ..base }
        }
    }
}
