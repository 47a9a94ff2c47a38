//! The list of stations, with their states.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{
        collections::{Collection, Station},
        money::Watt,
        status::{EvseStatus, Role},
    },
    web::{
        text,
        ui::{Clock, ListColumn, Look, TableCell},
    },
};

static COLUMNS: [ListColumn<Station>; 8] = [
    ListColumn::of("name", "wide lead", |s, _| TableCell::text(s.name.clone()).small(s.address.clone())),
    ListColumn::of("station_id", "id second", |s, _| TableCell::id(s.station_id.clone())),
    ListColumn::of("evses", "state roomy end", |s, clock| TableCell::state(Some(state(s, clock)))),
    ListColumn::of("connection", "state mid", |s, _| {
        TableCell::state(s.connection.as_ref().map(|c| Look::new(c.role(), text::connection(c))))
    }),
    ListColumn::of("last_heartbeat_at", "time last", |s, clock| {
        TableCell::instant(s.last_heartbeat_at, |at| clock.age(at))
    }),
    ListColumn::of("max_electric_power", "number", power),
    ListColumn::of("city", "word low", |s, _| TableCell::text(s.city.clone())),
    ListColumn::of("model", "word low", |s, _| TableCell::text(s.model.clone())),
];

/// The sum of each EVSE's strongest connector, in W: missing if no EVSE says it, a least value if some do not. Empty if
/// the station is removed.
fn power(station: &Station, clock: &Clock) -> TableCell {
    if station.removed_at.is_some() && station.is_removed(clock.now()) {
        return TableCell::nothing();
    }
    let in_service = station.evses.iter().filter(|evse| evse.status != Some(EvseStatus::Removed));
    let mut all = true;
    let known = in_service.filter_map(|evse| {
        all &= evse.max_electric_power.is_some();
        evse.max_electric_power
    });
    let power = known.reduce(|a, b| Watt(a.0.saturating_add(b.0))).map(text::rated);
    TableCell::amount(if all { power } else { power.map(text::at_least) })
}

/// Sums up a station in one state. What needs someone comes first, then what is in use, waiting, and free. It is
/// unknown only if all EVSEs are.
fn state(station: &Station, clock: &Clock) -> Look {
    let now = clock.now();
    let statuses: Vec<EvseStatus> =
        station.evses.iter().map(|e| station.evse_status(e, now, clock.silent_after_s())).collect();
    let since = station.last_heartbeat_at.map(|at| clock.stamp(at));
    summary(&statuses, station.is_removed(now), since.as_deref())
}

fn summary(statuses: &[EvseStatus], removed: bool, heard: Option<&str>) -> Look {
    if removed {
        return Look::new(Role::Off, text::evse_status(&EvseStatus::Removed));
    }
    let urgency = |status: &EvseStatus| match status.role() {
        Role::Bad => 0,
        Role::Busy => 1,
        Role::Wait => 2,
        Role::Ok => 3,
        Role::Off => 4,
    };
    let shown = statuses.iter().min_by_key(|status| (urgency(status), *status));
    let Some(shown) = shown else { return Look::new(Role::Off, text::NO_EVSE) };
    if statuses.iter().all(|s| *s == EvseStatus::Unknown) {
        return Look::new(Role::Off, text::unknown_since(heard));
    }
    let count = statuses.iter().filter(|status| *status == shown).count();
    Look::new(shown.role(), text::some_of(shown, count, statuses.len()))
}

pub fn stations() -> AnyView {
    list(Collection::Stations, &COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        collections::see,
        time::{UtcMs, Zone},
    };
    use serde_json::json;

    #[test]
    fn a_power_that_is_known_in_part_is_a_least_value() {
        Owner::new().with(|| {
            let now = UtcMs::parse("2026-01-01T00:00:00Z").unwrap();
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(now));
            let evse = |watts: serde_json::Value| json!({"connectors": [{"max_electric_power": watts}]});
            let of = |fields: serde_json::Value| power(&see(&serde_json::from_value(fields).unwrap()).doc, &clock);
            let rated = |text: &str| TableCell::amount(Some(text::Quantity { value: text.to_owned(), unit: text::KW }));
            assert_eq!(of(json!({"evses": [evse(json!(50_000)), evse(json!(7400))]})), rated("57.4"));
            assert_eq!(of(json!({"evses": [evse(json!(50_000)), evse(json!(null))]})), rated("≥\u{a0}50"));
            assert_eq!(of(json!({"evses": [evse(json!(null))]})), TableCell::amount(None), "not known is not zero");
            let removed = json!({"evses": [evse(json!(50_000))], "removed_at": "2025-12-31T00:00:00Z"});
            assert_eq!(of(removed), TableCell::nothing(), "what is gone has no power, and none is missing");
            let evses = json!([evse(json!(50_000)), {"status": "REMOVED"}]);
            assert_eq!(of(json!({"evses": evses})), rated("50"), "what is gone is not missing either");
        });
    }

    #[test]
    fn a_station_shows_what_needs_someone_first() {
        use EvseStatus::{Available, Charging, Inoperative, OutOfOrder, Reserved, Unknown};
        let word = |statuses: &[EvseStatus]| {
            let look = summary(statuses, false, Some("13:21"));
            (look.role, look.word.into_owned())
        };
        assert_eq!(word(&[Available, Available]), (Role::Ok, "Available".into()));
        assert_eq!(word(&[Charging, Available]), (Role::Busy, "1 of 2 charging".into()));
        assert_eq!(word(&[Charging]), (Role::Busy, "Charging".into()));
        assert_eq!(word(&[Charging, OutOfOrder]), (Role::Bad, "1 of 2 out of order".into()));
        assert_eq!(word(&[Reserved, Available]), (Role::Wait, "1 of 2 reserved".into()));
        assert_eq!(word(&[Unknown, Unknown]), (Role::Off, "Unknown since 13:21".into()));
        assert_eq!(word(&[Unknown, Available]), (Role::Ok, "1 of 2 available".into()));
        assert_eq!(word(&[Inoperative]), (Role::Off, "Inoperative".into()));
        assert_eq!(word(&[]), (Role::Off, "No EVSEs".into()));
        assert_eq!(summary(&[Available], true, None).word, "Removed");
    }
}
