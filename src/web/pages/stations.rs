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
        ui::{Cell, Clock, Column, Look},
    },
};

static COLUMNS: [Column<Station>; 8] = [
    Column::of("name", "wide lead", |s, _| Cell::text(s.name.clone()).small(s.address.clone())),
    Column::of("station_id", "id second", |s, _| Cell::id(s.station_id.clone())),
    Column::of("evses", "state roomy end", |s, clock| Cell::state(Some(state(s, clock)))),
    Column::of("connection", "state mid", |s, _| {
        Cell::state(s.connection.as_ref().map(|c| Look::new(c.role(), text::connection(c))))
    }),
    Column::of("last_heartbeat_at", "time last", |s, clock| Cell::instant(s.last_heartbeat_at, |at| clock.age(at))),
    Column::of("max_electric_power", "number", power),
    Column::of("city", "word low", |s, _| Cell::text(s.city.clone())),
    Column::of("model", "word low", |s, _| Cell::text(s.model.clone())),
];

/// The sum of each EVSE's strongest connector, in W. Missing if no EVSE has one known; empty if the station is
/// removed.
fn power(station: &Station, clock: &Clock) -> Cell {
    if station.removed_at.is_some() && station.is_removed(clock.now()) {
        return Cell::nothing();
    }
    let in_service = station.evses.iter().filter(|evse| evse.status != Some(EvseStatus::Removed));
    let power = in_service.filter_map(|evse| evse.max_electric_power).reduce(|a, b| Watt(a.0.saturating_add(b.0)));
    Cell::amount(power.map(text::rated))
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
    let Some(first) = statuses.first() else { return Look::new(Role::Off, text::NO_EVSE) };
    let worst = |role| statuses.iter().filter(|s| s.role() == role).min();
    let count = |status: &EvseStatus| statuses.iter().filter(|s| *s == status).count();
    if statuses.iter().all(|s| *s == EvseStatus::Unknown) {
        return Look::new(Role::Off, text::unknown_since(heard));
    }
    let shown = [Role::Bad, Role::Busy, Role::Wait].into_iter().find_map(worst);
    let shown = shown.or_else(|| statuses.iter().find(|s| s.role() == Role::Ok)).unwrap_or(first);
    Look::new(shown.role(), text::some_of(shown, count(shown), statuses.len()))
}

pub fn stations() -> AnyView {
    list(Collection::Stations, &COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

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
