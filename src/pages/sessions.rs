//! What is being charged, and what was.

use leptos::prelude::*;

use super::list::list;
use crate::{
    model::{
        entities::Session,
        ids::Collection,
        money::Money,
        status::{Role, SessionStatus},
    },
    ui::{Badge, Cell, Clock, Column, Look, words},
};

static COLUMNS: [Column<Session>; 10] = [
    Column { field: "session_id", class: "id lead", show: |s, _| Cell::id(s.session_id.clone()) },
    Column { field: "status", class: "state roomy end", show: |s, _| state(s) },
    Column {
        field: "station_id",
        class: "wide second",
        show: |s, _| {
            Cell::id(s.station_id.clone())
                .small(s.evse_uid.as_deref().map(|uid| words::evse(uid, s.station_id.as_deref())))
        },
    },
    Column { field: "client_id", class: "id spare", show: |s, _| Cell::id(s.client_id.clone()) },
    Column {
        field: "start_date_time",
        class: "time mid",
        show: |s, clock| Cell::instant(s.start_date_time, |at| clock.stamp(at)),
    },
    Column { field: "total_time_s", class: "number mid", show: |s, clock| Cell::text(duration(s, clock)) },
    Column { field: "power_w", class: "number mid", show: |s, _| power(s) },
    Column { field: "energy_wh", class: "number last", show: |s, _| Cell::amount(s.energy_wh.map(words::energy)) },
    Column { field: "cost_incl_vat_minor", class: "number low", show: |s, _| Cell::text(cost(s)) },
    Column { field: "quality", class: "notes", show: |s, _| notes(s) },
];

fn state(session: &Session) -> Cell {
    let look = session.status.as_ref().map(|s| Look::new(s.role(), words::session_status(s)));
    let charging = session.charging_state.as_ref().filter(|_| is_open(session));
    Cell::state(look).small(charging.map(words::charging_state))
}

fn is_open(session: &Session) -> bool {
    !matches!(session.status, Some(SessionStatus::Completed | SessionStatus::Invalid))
}

/// From the start to the end, or to now while the session runs.
fn duration(session: &Session, clock: &Clock) -> Option<String> {
    let start = session.start_date_time?;
    let end = match session.end_date_time {
        Some(end) => end,
        None if session.status == Some(SessionStatus::Active) => clock.now(),
        None => return None,
    };
    Some(words::duration(end.seconds().saturating_sub(start.seconds())))
}

/// A session that is over draws nothing, which is no missing value.
fn power(session: &Session) -> Cell {
    match session.power_w {
        None if !is_open(session) => Cell::nothing(),
        power => Cell::amount(power.map(words::power)),
    }
}

fn cost(session: &Session) -> Option<String> {
    let money = Money { minor: session.cost_incl_vat_minor?, currency: session.currency.clone()? };
    Some(words::money(&money))
}

fn notes(session: &Session) -> Cell {
    let error = session.error_code.as_deref().filter(|code| *code != "NoError").map(words::error_code);
    // A fault that stopped the session is not said twice.
    let stop = session.stop_reason.as_deref().map(words::stop_reason).filter(|stop| error.as_ref() != Some(stop));
    let flags = session.quality.iter().map(|flag| Badge::new(Role::Wait, words::quality(flag)));
    Cell::nothing().badges(error.map(|error| Badge::new(Role::Bad, error)).into_iter().chain(flags)).small(stop)
}

pub fn sessions() -> AnyView {
    list(Collection::ChargingSessions, &COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        entities::see,
        time::{UtcMs, Zone},
    };
    use serde_json::json;

    fn session(fields: serde_json::Value) -> Session {
        see(&serde_json::from_value(fields).unwrap()).doc
    }

    #[test]
    fn time_runs_while_a_session_does() {
        Owner::new().with(|| {
            let now = UtcMs::parse("2026-01-01T02:00:00Z").unwrap();
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(now));
            let time = |fields| duration(&session(fields), &clock);
            let start = "2026-01-01T00:00:00Z";
            assert_eq!(time(json!({"start_date_time": start, "status": "ACTIVE"})).as_deref(), Some("02:00"));
            let ended =
                json!({"start_date_time": start, "end_date_time": "2026-01-01T00:52:10Z", "status": "COMPLETED"});
            assert_eq!(time(ended).as_deref(), Some("00:52"));
            assert_eq!(time(json!({"start_date_time": start, "status": "COMPLETED"})), None, "not known is not now");
            assert_eq!(time(json!({"status": "ACTIVE"})), None);
        });
    }

    #[test]
    fn an_outlier_is_marked_in_words() {
        let cell = notes(&session(json!({"quality": ["EXCESS", "NEW_FLAG"], "error_code": "NoError"})));
        let marked = [Badge::new(Role::Wait, "over 250 kWh"), Badge::new(Role::Wait, "NEW_FLAG")];
        assert_eq!(cell, Cell::nothing().badges(marked));
    }
}
