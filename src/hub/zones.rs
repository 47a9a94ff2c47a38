//! Zones and days, from the zone database.

use jiff::{Timestamp, ToSpan, Zoned, tz::TimeZone};

use crate::model::{
    figures::Viewpoint,
    time::{Period, UtcMs, Zone},
};

/// From where the browser is told a zone's offsets.
const SINCE: &str = "2000-01-01T00:00:00Z";

/// The zone with its offsets from 2000 to two years after `now`, for the browser.
pub fn zone(tz: &TimeZone, name: &str, now: UtcMs) -> Zone {
    let start: Timestamp = SINCE.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let end = now.seconds() + 2 * 366 * 86_400;
    let mut offsets = vec![(start.as_second(), tz.to_offset(start).seconds())];
    let changes = tz.following(start).take_while(|t| t.timestamp().as_second() < end);
    offsets.extend(changes.map(|t| (t.timestamp().as_second(), t.offset().seconds())));
    Zone { name: name.to_owned(), offsets }
}

/// A zone by its name, as [`zone`]. `None` if there is no such zone, or it is written otherwise.
pub fn named(name: &str, now: UtcMs) -> Option<Zone> {
    let tz = TimeZone::get(name).ok()?;
    (tz.iana_name() == Some(name)).then(|| zone(&tz, name, now))
}

/// The day of `tz` that holds `now`, and the same day a week earlier. `None` outside the calendar's years.
pub fn viewpoint(tz: &TimeZone, now: UtcMs, silent_after_s: i64) -> Option<Viewpoint> {
    let local = Timestamp::from_millisecond(now.0).ok()?.to_zoned(tz.clone());
    let today = local.start_of_day().ok()?;
    let week_before = today.checked_sub(7.days()).ok()?;
    Some(Viewpoint { now, day: day(&today)?, week_before: day(&week_before)?, silent_after_s })
}

fn day(start: &Zoned) -> Option<Period> {
    let start = start.start_of_day().ok()?;
    let end = start.tomorrow().ok()?.start_of_day().ok()?;
    Some(Period { from: UtcMs(start.timestamp().as_millisecond()), to: UtcMs(end.timestamp().as_millisecond()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_23_and_25_hours_where_the_clock_is_set() {
        let tz = TimeZone::get("Europe/London").unwrap();
        let hours = |at: &str| {
            let v = viewpoint(&tz, UtcMs::parse(at).unwrap(), 900).unwrap();
            (v.day.to.0 - v.day.from.0) / 3_600_000
        };
        assert_eq!(hours("2018-03-25T12:00:00Z"), 23);
        assert_eq!(hours("2018-10-28T12:00:00Z"), 25);
        assert_eq!(hours("2018-06-01T12:00:00Z"), 24);
    }

    #[test]
    fn the_browser_is_told_the_same_offsets() {
        let tz = TimeZone::get("America/Denver").unwrap();
        let now = UtcMs::parse("2026-01-01T00:00:00Z").unwrap();
        let zone = zone(&tz, "America/Denver", now);
        for at in ["2001-05-05T05:05:05Z", "2018-03-11T08:59:59Z", "2018-03-11T09:00:00Z", "2027-07-01T00:00:00Z"] {
            let at = UtcMs::parse(at).unwrap();
            let truth = tz.to_offset(Timestamp::from_millisecond(at.0).unwrap()).seconds();
            assert_eq!(zone.offset_s(at), truth, "{at}");
        }
    }
}
