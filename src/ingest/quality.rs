//! What is odd about a session: the flags of its `quality` field.

use crate::model::money::{Watt, Wh};

/// What is known of a session, seconds and Wh.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts {
    pub connected_s: Option<i64>,
    pub charging_s: Option<i64>,
    pub energy: Option<Wh>,
    pub rated: Option<Watt>,
    pub has_station: bool,
    /// A meter that ran backwards; the energy is not known then.
    pub negative: bool,
}

const DAY_S: i64 = 86_400;

/// In the order of the specification, and NEGATIVE, which it does not know and real exports have. What is not known raises no flag; a session without energy is both ZERO and LOW.
pub fn flags(facts: &Facts) -> Vec<&'static str> {
    let Facts { connected_s, charging_s, energy, rated, has_station, negative } = *facts;
    let connected = |test: fn(i64) -> bool| connected_s.is_some_and(test);
    let energy_is = |test: fn(i64) -> bool| energy.is_some_and(|e| test(e.0));
    [
        ("SHORT", connected(|s| s < 60)),
        ("LONG", connected(|s| s > 2 * DAY_S) || charging_s.is_some_and(|s| s > DAY_S)),
        ("LOW", energy_is(|wh| wh < 500)),
        ("EXCESS", energy_is(|wh| wh > 250_000)),
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

/// Mean power above 1.1 times the rated. A duration of zero has no mean.
fn exceeds_rating(seconds: Option<i64>, energy: Option<Wh>, rated: Option<Watt>) -> bool {
    let (Some(seconds @ 1..), Some(energy), Some(rated)) = (seconds, energy, rated) else { return false };
    i128::from(energy.0) * 3600 * 10 > i128::from(rated.0) * 11 * i128::from(seconds)
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

    #[test]
    fn the_unknown_is_not_judged() {
        assert!(flags(&Facts { has_station: true, ..Facts::default() }).is_empty());
        assert_eq!(flags(&Facts::default()), ["NO_STATION"]);
        let facts = Facts { connected_s: Some(600), charging_s: Some(601), has_station: true, ..Facts::default() };
        assert_eq!(flags(&facts), ["CHARGE_GT_SESSION"]);
    }
}
