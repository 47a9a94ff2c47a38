//! What is odd about a session: the flags of its `quality` field, and those that its times and energy raise when it
//! is read.
//!
//! Rows, figures and `check` all judge by [`Session::oddities`] and [`Session::delivered`], so that they agree.

use super::{
    collections::Session,
    money::{Watt, Wh},
    status::SessionStatus,
    time::{Bucket, UtcMs},
};

/// What is known of a session, in seconds, Wh and W.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub connected_s: Option<i64>,
    pub charging_s: Option<i64>,
    pub energy: Option<Wh>,
    pub rated: Option<Watt>,
    pub has_station: bool,
    /// Whether the meter ran backwards. The energy is not known then.
    pub negative: bool,
}

const DAY_S: i64 = 86_400;

/// 1 January 2000, UTC. Earlier dates are not believed: programs that know no date often write the year 1 or 1970.
pub const FIRST_DATE: UtcMs = UtcMs(946_684_800_000);

/// The most that a connector for cars delivers (CCS: 1,000 V and 500 A). It bounds the mean power of a session whose
/// connector is not known.
const STRONGEST: Watt = Watt(500_000);

/// The session ends before it starts.
pub const REVERSED: &str = "REVERSED";
/// A date is before the year 2000.
pub const NO_DATE: &str = "NO_DATE";
/// The session starts or has ended more than an hour after now.
pub const AHEAD: &str = "AHEAD";
/// The mean power is beyond that of every connector.
pub const TOO_FAST: &str = "TOO_FAST";

/// Flags of sessions whose energy is in the sums, with a remark.
const DOUBTFUL: [&str; 3] = ["EXCESS", "POWER_GT_RATING", TOO_FAST];

/// Whether a flag says that a session is impossible or unlikely as its document describes it. Other flags only
/// describe it.
pub fn is_implausible(flag: &str) -> bool {
    DOUBTFUL.contains(&flag) || ["NEGATIVE", "CHARGE_GT_SESSION", REVERSED, NO_DATE, AHEAD].contains(&flag)
}

/// What a completed session adds to sums of energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The energy is not known.
    Unknown,
    /// The energy is negative, or the times cannot be true. It is in no sum.
    Impossible,
    /// The energy is more than is likely. It is in the sum, with a remark.
    Doubtful(Wh),
    Likely(Wh),
}

/// Whether an instant is more than an hour after now, in whole buckets, because figures are counted in them.
pub const fn is_ahead(at: UtcMs, now: UtcMs) -> bool {
    Bucket::of(at).0 > Bucket::ahead(now).0
}

const fn is_date(at: UtcMs) -> bool {
    at.0 >= FIRST_DATE.0
}

impl Session {
    /// When it started; `None` if that is not known or before the year 2000.
    pub fn started_at(&self) -> Option<UtcMs> {
        self.start_date_time.filter(|at| is_date(*at))
    }

    /// When it ended; `None` if that is not known or before the year 2000.
    pub fn ended_at(&self) -> Option<UtcMs> {
        self.end_date_time.filter(|at| is_date(*at))
    }

    /// What is odd about it: first the flags of the document, then those that its own values raise.
    pub fn oddities(&self, now: UtcMs) -> Vec<String> {
        let mut all = self.quality.clone();
        let ahead = self.is_ahead(now).then_some(AHEAD);
        for flag in self.own_flags().into_iter().chain(ahead) {
            if !all.iter().any(|known| known == flag) {
                all.push(flag.to_owned());
            }
        }
        all
    }

    /// Whether it starts, or has ended, more than an hour after now.
    pub fn is_ahead(&self, now: UtcMs) -> bool {
        let end = self.end_date_time.filter(|_| self.status == Some(SessionStatus::Completed));
        self.start_date_time.into_iter().chain(end).any(|at| is_ahead(at, now))
    }

    /// What it adds to sums of energy once it is completed. The caller checks whether it lies ahead, because only the
    /// caller knows the time.
    pub fn delivered(&self) -> Delivered {
        let Some(energy) = self.energy_wh else { return Delivered::Unknown };
        if energy.0 < 0 || self.is_reversed() || self.end_date_time.is_some_and(|end| !is_date(end)) {
            return Delivered::Impossible;
        }
        let is = |flag: &str| DOUBTFUL.contains(&flag);
        if self.quality.iter().any(|flag| is(flag)) || self.own_flags().into_iter().any(is) {
            Delivered::Doubtful(energy)
        } else {
            Delivered::Likely(energy)
        }
    }

    fn is_reversed(&self) -> bool {
        self.started_at().zip(self.ended_at()).is_some_and(|(start, end)| end < start)
    }

    /// The flags that need neither a clock nor the station's document.
    fn own_flags(&self) -> Vec<&'static str> {
        let seconds = |end: Option<UtcMs>| Some(end?.seconds().saturating_sub(self.started_at()?.seconds()));
        let connected_s = seconds(self.ended_at()).filter(|s| *s >= 0);
        let charging_s = seconds(self.charging_ended_at.filter(|at| is_date(*at))).filter(|s| *s >= 0);
        let completed = self.status == Some(SessionStatus::Completed);
        let energy = self.energy_wh;
        let mut all = flags(&Facts {
            connected_s: connected_s.filter(|_| completed),
            charging_s: charging_s.filter(|_| completed),
            // A running session may have delivered little so far, so only an excess counts.
            energy: energy.filter(|wh| completed && wh.0 >= 0 || wh.0 > 250_000),
            rated: None,
            has_station: self.station_id.is_some(),
            negative: energy.is_some_and(|wh| wh.0 < 0),
        });
        all.extend(self.is_reversed().then_some(REVERSED));
        let dates = [self.start_date_time, self.end_date_time];
        all.extend(dates.iter().flatten().any(|at| !is_date(*at)).then_some(NO_DATE));
        all.extend(exceeds_rating(connected_s, energy, Some(STRONGEST)).then_some(TOO_FAST));
        all
    }
}

/// The flags in the order of the specification, then NEGATIVE, which real exports have and the specification does
/// not. What is not known raises no flag. A session without energy is both ZERO and LOW.
pub fn flags(facts: &Facts) -> Vec<&'static str> {
    let Facts { connected_s, charging_s, energy, rated, has_station, negative } = *facts;
    let connected = |test: fn(i64) -> bool| connected_s.is_some_and(test);
    let energy_is = |test: fn(i64) -> bool| energy.is_some_and(|e| test(e.0));
    [
        ("SHORT", connected(|s| s < 60)),
        ("LONG", connected(|s| s > 2 * DAY_S) || charging_s.is_some_and(|s| s > DAY_S)),
        ("LOW", energy_is(|wh| wh < 500)),
        ("EXCESS", is_excess(energy)),
        ("CHARGE_GT_SESSION", charging_s.zip(connected_s).is_some_and(|(charging, connected)| charging > connected)),
        ("POWER_GT_RATING", exceeds_rating(charging_s.or(connected_s), energy, rated)),
        ("ZERO", energy_is(|wh| wh == 0)),
        ("NO_STATION", !has_station),
        ("NEGATIVE", negative),
    ]
    .into_iter()
    .filter_map(|(flag, raised)| raised.then_some(flag))
    .collect()
}

/// Whether the energy is more than a car takes.
pub fn is_excess(energy: Option<Wh>) -> bool {
    energy.is_some_and(|energy| energy > Wh(250_000))
}

/// Whether the mean power is above 1.1 times the rated power. A duration of zero has no mean.
fn exceeds_rating(seconds: Option<i64>, energy: Option<Wh>, rated: Option<Watt>) -> bool {
    let (Some(seconds @ 1..), Some(energy), Some(rated)) = (seconds, energy, rated) else { return false };
    let wide = |n: i64, times: i64, more: i64| i128::from(n).saturating_mul(times.into()).saturating_mul(more.into());
    wide(energy.0, 3600, 10) > wide(rated.0, 11, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(connected_s: i64, wh: i64) -> Vec<&'static str> {
        let (connected_s, energy, rated) = (Some(connected_s), Some(Wh(wh)), Some(Watt(7000)));
        flags(&Facts { connected_s, energy, rated, has_station: true, ..Facts::default() })
    }

    #[test]
    fn thresholds() {
        assert!(of(3600, 5000).is_empty());
        assert_eq!(of(59, 500), ["SHORT", "POWER_GT_RATING"]);
        assert!(of(3600, 7700).is_empty(), "1.1 times the rated power is allowed");
        assert_eq!(of(3600, 7701), ["POWER_GT_RATING"]);
        assert_eq!(of(600, 0), ["LOW", "ZERO"]);
        assert_eq!(of(0, 0), ["SHORT", "LOW", "ZERO"]);
        assert_eq!(of(2 * DAY_S + 1, 9000), ["LONG"]);
        assert_eq!(of(17 * 3600, 1_430_170), ["EXCESS", "POWER_GT_RATING"]);
    }

    fn session(fields: serde_json::Value) -> Session {
        crate::domain::collections::see(&serde_json::from_value(fields).unwrap()).doc
    }

    /// Each kind of implausible session, with the flags it gets and how it counts; see `AHEAD`.
    #[test]
    fn a_session_is_judged_by_what_it_says_itself() {
        let at = |text| UtcMs::parse(text).unwrap();
        let judged = |status: &str, start: &str, end: &str, wh: i64| {
            let session = session(serde_json::json!({
                "station_id": "S", "status": status, "start_date_time": start, "end_date_time": end, "energy_wh": wh
            }));
            (session.oddities(at("2026-06-01T12:00:00Z")).join(" "), session.delivered())
        };
        let ended = |start: &str, end: &str, wh| judged("COMPLETED", start, end, wh);
        let is = |flags: &str, delivered| (flags.to_owned(), delivered);
        use Delivered::{Doubtful, Impossible, Likely, Unknown};
        let (nine, eleven) = ("2026-06-01T09:00:00Z", "2026-06-01T11:00:00Z");
        assert_eq!(ended(nine, eleven, 20_000), is("", Likely(Wh(20_000))));
        assert_eq!(ended(nine, eleven, -1), is("NEGATIVE", Impossible));
        assert_eq!(ended(nine, eleven, 250_001), is("EXCESS", Doubtful(Wh(250_001))));
        assert_eq!(ended(eleven, "2026-06-01T11:03:00Z", 36_900), is("TOO_FAST", Doubtful(Wh(36_900))));
        assert_eq!(ended(eleven, nine, 5000), is("REVERSED", Impossible));
        assert_eq!(ended(nine, "0001-01-01T00:00:00Z", 5000), is("NO_DATE", Impossible));
        assert_eq!(ended("1970-01-01T00:00:00Z", eleven, 5000), is("NO_DATE", Likely(Wh(5000))));
        let most = 1_000_000_000_000;
        assert_eq!(ended(nine, eleven, most), is("EXCESS TOO_FAST", Doubtful(Wh(most))));
        assert_eq!(ended(nine, eleven, most + 1), is("", Unknown));
        assert_eq!(ended("2026-06-01T13:15:00Z", "2026-06-01T14:00:00Z", 5000), is("AHEAD", Likely(Wh(5000))));
        assert_eq!(
            ended(eleven, "2026-06-01T12:59:59Z", 5000),
            is("", Likely(Wh(5000))),
            "clocks may differ by an hour"
        );
        assert_eq!(judged("ACTIVE", nine, "0001-01-01T00:00:00Z", 100), is("NO_DATE", Impossible));
        let active = |wh| judged("ACTIVE", eleven, "", wh).0;
        assert_eq!(
            [active(0), active(250_001)],
            ["", "EXCESS"],
            "a session that runs may have delivered little as yet"
        );
    }

    #[test]
    fn flags_of_the_document_stand_first_and_once() {
        let session = session(serde_json::json!({"quality": ["POWER_GT_RATING", "EXCESS"], "energy_wh": 300_000}));
        assert_eq!(session.oddities(UtcMs(0)), ["POWER_GT_RATING", "EXCESS", "NO_STATION"]);
        assert_eq!(session.delivered(), Delivered::Doubtful(Wh(300_000)));
        assert!(is_implausible("EXCESS") && !is_implausible("LOW"));
    }

    #[test]
    fn the_unknown_is_not_judged() {
        assert!(flags(&Facts { has_station: true, ..Facts::default() }).is_empty());
        assert_eq!(flags(&Facts::default()), ["NO_STATION"]);
        let facts = Facts { connected_s: Some(600), charging_s: Some(601), has_station: true, ..Facts::default() };
        assert_eq!(flags(&facts), ["CHARGE_GT_SESSION"]);
    }
}
