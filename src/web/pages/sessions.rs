//! The list of charging sessions, running and past.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{
        collections::{Collection, Session},
        money::Money,
        quality::is_ahead,
        status::{Role, SessionStatus},
    },
    web::{
        text,
        ui::{Badge, Clock, ListColumn, Look, TableCell},
    },
};

static COLUMNS: [ListColumn<Session>; 10] = [
    ListColumn::of("session_id", "id lead", |s, _| TableCell::id(s.session_id.clone())),
    ListColumn::of("status", "state roomy end", |s, _| state(s)),
    ListColumn::of("station_id", "wide second", |s, _| {
        TableCell::id(s.station_id.clone())
            .small(s.evse_uid.as_deref().map(|uid| text::evse(uid, s.station_id.as_deref())))
    }),
    ListColumn::of("client_id", "id further", |s, _| TableCell::id(s.client_id.clone())),
    ListColumn::of("start_date_time", "time mid", |s, clock| {
        TableCell::instant(s.start_date_time, |at| clock.stamp(at))
    }),
    ListColumn::of("end_date_time", "number short mid", |s, clock| TableCell::text(duration(s, clock))),
    ListColumn::of("power_w", "number short mid", |s, _| power(s)),
    ListColumn::of("energy_wh", "number last", |s, _| TableCell::amount(s.energy_wh.map(text::energy))),
    ListColumn::of("cost_incl_vat_minor", "number low", |s, _| TableCell::text(cost(s))),
    ListColumn::of("quality", "notes", notes),
];

fn state(session: &Session) -> TableCell {
    let look = session.status.as_ref().map(|s| Look::new(s.role(), text::session_status(s)));
    let charging = session.charging_state.as_ref().filter(|_| is_open(session));
    TableCell::state(look).small(charging.map(text::charging_state))
}

fn is_open(session: &Session) -> bool {
    !matches!(session.status, Some(SessionStatus::Completed | SessionStatus::Invalid))
}

/// The time from the start to the end, or to now while the session runs. `None` if the dates are missing or in the
/// wrong order.
fn duration(session: &Session, clock: &Clock) -> Option<String> {
    let start = session.started_at()?;
    let seconds = match session.ended_at() {
        Some(end) => end.seconds().saturating_sub(start.seconds()),
        None if session.status == Some(SessionStatus::Active) => {
            let now = clock.now();
            // Clocks may differ a little, so a start slightly ahead counts as now.
            let start = if is_ahead(start, now) { start } else { start.min(now) };
            now.seconds().saturating_sub(start.seconds())
        }
        None => return None,
    };
    (seconds >= 0).then(|| text::duration(seconds))
}

/// A session that is over draws no power, so an absent value is not missing.
fn power(session: &Session) -> TableCell {
    match session.power_w {
        None if !is_open(session) => TableCell::nothing(),
        power => TableCell::amount(power.map(text::power)),
    }
}

fn cost(session: &Session) -> Option<String> {
    let money = Money { minor: session.cost_incl_vat_minor?, currency: session.currency.clone()? };
    Some(text::money(&money))
}

fn notes(session: &Session, clock: &Clock) -> TableCell {
    let error = session.error_code.as_deref().filter(|code| *code != "NoError").map(text::error_code);
    // A fault that stopped the session is not shown twice.
    let stop = session.stop_reason.as_deref().map(text::stop_reason).filter(|stop| error.as_ref() != Some(stop));
    // A session that is not in the future never will be, so most rows need not follow the time.
    let now = if session.is_ahead(clock.past()) { clock.now() } else { clock.past() };
    let flags = session.oddities(now);
    let flags = flags.iter().map(|flag| Badge::new(Role::Wait, text::quality(flag)));
    TableCell::nothing().badges(error.map(|error| Badge::new(Role::Bad, error)).into_iter().chain(flags)).small(stop)
}

pub fn sessions() -> AnyView {
    list(Collection::ChargingSessions, &COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        collections::see,
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
            let back =
                json!({"start_date_time": start, "end_date_time": "2025-12-31T23:00:00Z", "status": "COMPLETED"});
            assert_eq!(time(back), None, "who ends before the start did not take 0 s");
            let zero = json!({"start_date_time": start, "end_date_time": "0001-01-01T00:00:00Z", "status": "ACTIVE"});
            assert_eq!(time(zero).as_deref(), Some("02:00"), "a zero date is no end");
            let of_1970 =
                json!({"start_date_time": "1970-01-01T00:00:00Z", "end_date_time": start, "status": "COMPLETED"});
            assert_eq!(time(of_1970), None, "and no start");
            let active = |start: &str| time(json!({"start_date_time": start, "status": "ACTIVE"}));
            assert_eq!(active("2026-01-01T02:00:30Z").as_deref(), Some("0\u{a0}s"), "clocks may differ");
            assert_eq!(active("2026-01-02T02:00:00Z"), None);
        });
    }

    #[test]
    fn an_outlier_is_marked_in_words() {
        Owner::new().with(|| {
            let now = UtcMs::parse("2026-01-01T02:00:00Z").unwrap();
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(now));
            let marks = |fields, words: &[&'static str]| {
                let marks = words.iter().map(|word| Badge::new(Role::Wait, *word));
                assert_eq!(notes(&session(fields), &clock), TableCell::nothing().badges(marks));
            };
            marks(
                json!({"station_id": "S", "quality": ["EXCESS", "NEW_FLAG"], "error_code": "NoError"}),
                &["over 250 kWh", "NEW_FLAG"],
            );
            let ended = |start: &str, end: &str, wh: i64| {
                json!({"station_id": "S", "status": "COMPLETED", "start_date_time": start, "end_date_time": end, "energy_wh": wh})
            };
            marks(ended("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", -4_076_287), &["negative energy"]);
            marks(ended("2026-01-02T08:00:00Z", "2026-01-02T09:00:00Z", 5000), &["in the future"]);
            marks(ended("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z", 5000), &[]);
        });
    }
}
