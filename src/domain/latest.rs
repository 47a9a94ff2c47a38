//! The newest changes, in a form from which a page makes a sentence.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    collections::{Collection, EcoStat, Mark, Payment, Session, Station, evse_number, see},
    fields::Fields,
    ids::DocId,
    money::{Money, Wh},
    protocol::{
        log::{Effect, Record},
        position::{Position, Seq},
    },
    status::{Connection, Role},
    time::UtcMs,
    value,
};

/// How many events the Overview shows.
pub const SHOWN: usize = 12;
/// How many events the feed begins with, and how many older ones come at a time.
pub const PAGE: usize = 50;
/// The name of the feed board's value that holds the position from which on the board has every event.
pub const COMPLETE_FROM: &str = "complete_from";
/// The name of a page's feed value that holds whether older events can be asked for.
pub const OLDER: &str = "older";

/// The name of a page's feed value that holds the position before which the page dropped its events.
pub const CUT: &str = "cut";

/// Whether all events before `place` are written, if all up to the position of the key `upto` are.
pub fn is_written_before(place: Position, upto: &str) -> bool {
    key(Position::new(place.epoch, Seq(place.seq.0.saturating_sub(1)))).as_str() <= upto
}

/// The name of an event's value on the feed's board: its position, written so that names sort as positions do.
pub fn key(position: Position) -> String {
    format!("{:015}-{:015}", position.epoch.0, position.seq.0)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    Put,
    Patch,
    Delete,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivityEvent {
    pub collection: Collection,
    pub id: DocId,
    pub kind: ActivityKind,
    pub at: UtcMs,
    /// Name or public id.
    pub label: Option<String>,
    /// The status after the change. If only an EVSE's status or the charging state changed, it is that one.
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

/// A line of the feed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FeedEntry {
    Event(ActivityEvent),
    /// Events after the line below and before this moment may be missing.
    Gap {
        gap: UtcMs,
    },
}

impl FeedEntry {
    /// Reads what was written; `None` for anything else.
    pub fn read(value: &Value) -> Option<Self> {
        value::read(value).map(Self::Event).or_else(|| Some(Self::Gap { gap: value::read(value.get("gap")?)? }))
    }

    pub const fn at(&self) -> UtcMs {
        match self {
            Self::Event(event) => event.at,
            Self::Gap { gap } => *gap,
        }
    }

    /// Whether a person may have to look into it.
    pub fn is_problem(&self) -> bool {
        match self {
            Self::Event(event) => is_problem(event),
            Self::Gap { .. } => true,
        }
    }
}

/// The record as an event. `None` if it is routine, such as a heartbeat or a meter value, or if it is not known what
/// changed.
pub fn activity(record: &Record) -> Option<ActivityEvent> {
    let Effect::Row(row) = &record.effect else { return None };
    let (kind, changed) = match (&row.after, &row.changed) {
        _ if row.unknown => return None,
        (None, _) => (ActivityKind::Delete, Vec::new()),
        (Some(_), None) => (ActivityKind::Put, Vec::new()),
        (Some(_), Some(changed)) => (ActivityKind::Patch, changed.clone()),
    };
    if kind == ActivityKind::Patch && changed.iter().all(|name| record.collection.is_marked(name, Mark::Routine)) {
        return None;
    }
    let base = ActivityEvent {
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
        // A deletion shows the document's name and status from before.
        return Some(describe(base, &row.before));
    };
    let described = describe(base, after);
    let has_changed = |field: &str| described.changed.iter().any(|name| name == field);
    if has_changed("evses") {
        return evse(described, &row.before, after);
    }
    if has_changed("charging_state") && !has_changed("status") {
        let state = see::<Session>(after).doc.charging_state;
        return Some(ActivityEvent { status: state.map(String::from), ..described });
    }
    Some(described)
}

/// Whether a person may have to look into it.
pub fn is_problem(event: &ActivityEvent) -> bool {
    if event.kind == ActivityKind::Delete {
        return false;
    }
    let states = match (event.collection, &event.detail) {
        // Without an EVSE the status is that of the station's connection.
        (Collection::Stations, None) => Connection::STATES,
        (collection, _) => collection.states(),
    };
    states.iter().any(|(code, role)| event.status.as_deref() == Some(*code) && *role == Role::Bad)
}

/// Names the EVSE if exactly one changed its status. If none did, what the station reports in its own protocol's
/// words is routine.
fn evse(event: ActivityEvent, before: &Fields, after: &Fields) -> Option<ActivityEvent> {
    let before = see::<Station>(before).doc.evses;
    let Station { evses, station_id, .. } = see::<Station>(after).doc;
    let same = before.len() == evses.len();
    let was = |uid: &Option<String>| before.iter().find(|e| e.uid == *uid).and_then(|e| e.status.clone());
    let mut turned = evses.into_iter().filter(|e| e.status.is_some() && was(&e.uid) != e.status);
    let alone = event.changed.iter().all(|name| name == "evses" || event.collection.is_marked(name, Mark::Routine));
    match (turned.next(), turned.next()) {
        (None, _) if alone && same => None,
        (Some(evse), None) if !event.changed.iter().any(|name| name == "connection") => {
            let detail = evse.uid.map(|uid| evse_number(&uid, station_id.as_deref()).to_owned());
            Some(ActivityEvent { status: evse.status.map(String::from), detail, ..event })
        }
        _ => Some(event),
    }
}

/// Adds what the document is called, its status, and what else events of its collection tell.
fn describe(base: ActivityEvent, after: &Fields) -> ActivityEvent {
    let text = |name: &str| after.get(name)?.as_str().map(str::to_owned);
    let label = text("name").or_else(|| text(base.collection.public_id()?));
    let base = ActivityEvent { label, status: text("status"), ..base };
    match base.collection {
        Collection::Stations => ActivityEvent { status: text("connection"), ..base },
        Collection::Payments => {
            let p = see::<Payment>(after).doc;
            ActivityEvent { money: p.amount(), detail: p.failure_code, ..base }
        }
        Collection::ChargingSessions => {
            let s = see::<Session>(after).doc;
            ActivityEvent { energy: s.energy_wh, detail: s.station_id, ..base }
        }
        Collection::EcoStats => {
            let e = see::<EcoStat>(after).doc;
            ActivityEvent { label: e.local_date, status: e.granularity, energy: e.energy_wh, ..base }
        }
        Collection::Clients => base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        cells::Cells,
        protocol::{
            log::{RowChange, changed_fields},
            position::{ClusterTime, Epoch},
        },
    };
    use serde_json::json;

    fn updated(collection: Collection, before: Value, after: Value) -> Option<ActivityEvent> {
        let (before, after): (Fields, Fields) =
            (serde_json::from_value(before).unwrap(), serde_json::from_value(after).unwrap());
        let changed = changed_fields(&before, &after);
        let before = before.into_iter().filter(|(name, _)| changed.contains(name)).collect();
        let row = RowChange {
            id: DocId("1".into()),
            after: Some(after),
            changed: Some(changed),
            before,
            cells: Some(Cells::default()),
            unknown: false,
            read: None,
        };
        activity(&Record { collection, ct: ClusterTime(1), at: UtcMs(0), effect: Effect::Row(row) })
    }

    #[test]
    fn what_was_before_a_place_is_written_up_to_the_one_before_it() {
        let at = |epoch, seq| Position::new(Epoch(epoch), Seq(seq));
        assert!(is_written_before(at(1, 8), &key(at(1, 7))));
        assert!(!is_written_before(at(1, 8), &key(at(1, 6))));
        assert!(!is_written_before(at(2, 3), &key(at(1, 9))));
        assert!(!is_written_before(at(2, 1), &key(at(1, 9))), "nobody knows whether that was the last of its epoch");
        assert!(is_written_before(at(2, 1), &key(at(2, 0))));
    }

    fn station(status: &str, ocpp: &str) -> Value {
        json!({"station_id": "ST-1", "name": "Quay", "evses": [{"uid": "ST-1-2", "status": status, "ocpp_status": ocpp}]})
    }

    #[test]
    fn what_is_routine_is_no_news() {
        use Collection::{ChargingSessions, Clients, Stations};
        assert_eq!(updated(Clients, json!({"last_session_at": "a"}), json!({"last_session_at": "b"})), None);
        assert_eq!(updated(ChargingSessions, json!({"power_w": 1}), json!({"power_w": 2})), None);
        assert_eq!(updated(Stations, station("CHARGING", "Preparing"), station("CHARGING", "Charging")), None);
        assert!(updated(Clients, json!({"name": "a"}), json!({"name": "b"})).is_some());
    }

    #[test]
    fn the_one_evse_is_named_by_its_number() {
        let event = updated(Collection::Stations, station("CHARGING", "x"), station("OUTOFORDER", "Faulted")).unwrap();
        assert_eq!((event.status.as_deref(), event.detail.as_deref()), (Some("OUTOFORDER"), Some("2")));
        assert!(is_problem(&event));
    }

    #[test]
    fn lines_are_read_as_they_are_written() {
        let event = updated(Collection::Clients, json!({"name": "a"}), json!({"name": "b"})).unwrap();
        for line in [FeedEntry::Event(event), FeedEntry::Gap { gap: UtcMs(7) }] {
            assert_eq!(FeedEntry::read(&serde_json::to_value(&line).unwrap()), Some(line));
        }
        assert_eq!(FeedEntry::read(&json!(true)), None);
    }

    #[test]
    fn a_state_of_charging_is_told() {
        let session = |state: &str| json!({"status": "ACTIVE", "charging_state": state});
        let event = updated(Collection::ChargingSessions, session("Charging"), session("SuspendedEV")).unwrap();
        assert_eq!(event.status.as_deref(), Some("SuspendedEV"));
        assert!(!is_problem(&event));
    }
}
