//! The newest changes in a form from which a page makes a sentence.

use serde::{Deserialize, Serialize};

use super::{
    entities::{Client, EcoStat, Payment, Session, Station, see},
    fields::Fields,
    ids::{Collection, DocId},
    log::{Effect, Record},
    money::{Money, Wh},
    position::Position,
    status::{ClientStatus, Connection, EvseStatus, PaymentStatus, Role, SessionStatus},
    time::UtcMs,
};

/// How many the Overview shows.
pub const SHOWN: usize = 12;
/// How many the feed begins with, and how many older ones come at a time.
pub const PAGE: usize = 50;
/// The value of the feed's board that names the place from which on it holds every event.
pub const COMPLETE_FROM: &str = "complete_from";

/// The name of an event's value on the feed's board: its place, such that names sort as places do.
pub fn key(position: Position) -> String {
    format!("{:015}-{:015}", position.epoch.0, position.seq.0)
}

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
    /// Why a payment failed, a session's station, or the EVSE whose status changed.
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
    let Some(after) = &row.after else {
        // What it was called and what it was.
        return Some(describe(base, &row.before));
    };
    let described = describe(base, after);
    Some(if described.changed.iter().any(|name| name == "evses") {
        evse(described, &row.before, after)
    } else {
        described
    })
}

/// Whether someone may have to look after it.
pub fn is_problem(news: &Latest) -> bool {
    if news.kind == Kind::Delete {
        return false;
    }
    let status = || news.status.clone().unwrap_or_default();
    let role = match news.collection {
        Collection::Clients => ClientStatus::from(status()).role(),
        Collection::Stations => match &news.detail {
            Some(_) => EvseStatus::from(status()).role(),
            None => return matches!(Connection::from(status()), Connection::Offline),
        },
        Collection::Payments => PaymentStatus::from(status()).role(),
        Collection::ChargingSessions => SessionStatus::from(status()).role(),
        Collection::EcoStats => return false,
    };
    role == Role::Bad
}

/// Names the one EVSE whose status changed.
fn evse(news: Latest, before: &Fields, after: &Fields) -> Latest {
    let (before, after) = (see::<Station>(before).doc.evses, see::<Station>(after).doc.evses);
    let was = |uid: &Option<String>| before.iter().find(|e| e.uid == *uid).and_then(|e| e.status.clone());
    let mut turned = after.into_iter().filter(|e| e.status.is_some() && was(&e.uid) != e.status);
    match (turned.next(), turned.next()) {
        (Some(evse), None) if !news.changed.iter().any(|name| name == "connection") => {
            Latest { status: evse.status.map(String::from), detail: evse.uid, ..news }
        }
        _ => news,
    }
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
