//! Zones and days, from the zone database.

use jiff::{Timestamp, ToSpan, ZonedDateTime, civil::Date, tz::TimeZone};

use crate::domain::{
    analytics::{Plan, Query},
    figures::Viewpoint,
    range::{Day, RangeStep},
    time::{Period, UtcMs, Zone},
};

/// The moment from which the browser gets a zone's offsets.
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

/// A zone by its name, as [`zone`]. `None` if there is no such zone, or if `name` is another spelling of it.
pub fn named(name: &str, now: UtcMs) -> Option<Zone> {
    let tz = TimeZone::get(name).ok()?;
    (tz.iana_name() == Some(name)).then(|| zone(&tz, name, now))
}

/// The day of `tz` that holds `now`, and the same day a week earlier. `None` outside the calendar's years.
pub fn viewpoint(tz: &TimeZone, now: UtcMs, silent_after_s: i64) -> Option<Viewpoint> {
    let local = Timestamp::from_millisecond(now.0).ok()?.to_zoned_datetime(tz.clone());
    let today = local.start_of_day().ok()?;
    let week_before = today.checked_sub(7.days()).ok()?;
    Some(Viewpoint { now, day: day(&today)?, week_before: day(&week_before)?, silent_after_s })
}

fn day(start: &ZonedDateTime) -> Option<Period> {
    let start = start.start_of_day().ok()?;
    let end = start.tomorrow().ok()?.start_of_day().ok()?;
    Some(Period { from: UtcMs(start.timestamp().as_millisecond()), to: UtcMs(end.timestamp().as_millisecond()) })
}

/// The day that a wall clock shows at `now`.
pub fn today(tz: &TimeZone, now: UtcMs) -> Option<Day> {
    let offset = tz.to_offset(Timestamp::from_millisecond(now.0).ok()?).seconds();
    Some(Day::of(now.civil(offset)))
}

/// What a query means at `now`. `None` for a zone that does not exist, and outside the calendar's years.
pub fn plan(query: &Query, now: UtcMs) -> Option<Plan> {
    let tz = TimeZone::get(&query.zone).ok()?;
    let days = query.range.days(today(&tz, now)?);
    let earlier = query.against.days(days).map_or(Some(Vec::new()), |days| pieces(&tz, days, query.step))?;
    Some(Plan { pieces: pieces(&tz, days, query.step)?, earlier, zone: zone(&tz, &query.zone, now) })
}

/// Splits the days from the first to the last into steps. Weeks and months are cut where the days begin and end.
fn pieces(tz: &TimeZone, (from, to): (Day, Day), step: RangeStep) -> Option<Vec<Period>> {
    const HOUR_MS: i64 = 3_600_000;
    let end = start(tz, Day(to.0 + 1))?;
    let mut cuts = Vec::new();
    if step == RangeStep::Hour {
        let mut at = start(tz, from)?;
        while at < end {
            cuts.push(at);
            at = UtcMs(at.0 + HOUR_MS);
        }
    } else {
        for day in (from.0..=to.0).map(Day) {
            let cut = match step {
                RangeStep::Week => day.weekday() == 0,
                RangeStep::Month => day.parts().2 == 1,
                RangeStep::Hour | RangeStep::Day => true,
            };
            if cut || day == from {
                cuts.push(start(tz, day)?);
            }
        }
    }
    let ends = cuts.iter().skip(1).copied().chain([end]);
    Some(cuts.iter().copied().zip(ends).map(|(from, to)| Period { from, to }).collect())
}

/// When a local day begins. That is not midnight if the clock is set then.
pub fn start(tz: &TimeZone, day: Day) -> Option<UtcMs> {
    let (year, month, day) = day.parts();
    let month = i8::try_from(month).ok()?;
    let date = Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()?;
    let start = date.to_zoned_datetime(tz.clone()).ok()?.start_of_day().ok()?;
    Some(UtcMs(start.timestamp().as_millisecond()))
}

/// The zone with exactly the offsets that hold in the period.
pub fn within(tz: &TimeZone, name: &str, period: Period) -> Option<Zone> {
    let start = Timestamp::from_millisecond(period.from.0).ok()?;
    let mut offsets = vec![(start.as_second(), tz.to_offset(start).seconds())];
    let changes = tz.following(start).take_while(|t| t.timestamp().as_millisecond() < period.to.0);
    offsets.extend(changes.map(|t| (t.timestamp().as_second(), t.offset().seconds())));
    Some(Zone { name: name.to_owned(), offsets })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        analytics::whole,
        range::{Against, Range},
    };

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

    #[test]
    fn pieces_fill_the_period_whatever_the_clock_does() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let plan = |from, to, step| {
            let query = Query {
                range: Range::Days(day(from), day(to)),
                step,
                against: Against::Before,
                zone: "Europe/London".into(),
            };
            plan(&query, UtcMs(0)).unwrap()
        };
        for step in RangeStep::ALL {
            let plan = plan("2018-03-20", "2018-04-20", step);
            assert!(plan.pieces.windows(2).all(|two| two[0].to == two[1].from), "{step:?}");
            let period = whole(&plan.pieces).unwrap();
            assert_eq!(period.from.to_string(), "2018-03-20T00:00:00Z", "{step:?}");
            assert_eq!(period.to.to_string(), "2018-04-20T23:00:00Z", "{step:?}");
            assert_eq!(whole(&plan.earlier).unwrap().from.to_string(), "2018-02-13T00:00:00Z", "five weeks before");
        }
        assert_eq!(plan("2018-03-25", "2018-03-25", RangeStep::Hour).pieces.len(), 23);
        assert_eq!(plan("2018-10-28", "2018-10-28", RangeStep::Hour).pieces.len(), 25);
        assert_eq!(plan("2018-03-20", "2018-04-20", RangeStep::Month).pieces.len(), 2);
        let weeks = plan("2018-03-20", "2018-04-20", RangeStep::Week).pieces;
        assert_eq!((weeks.len(), weeks[1].from.to_string().as_str()), (5, "2018-03-25T23:00:00Z"));
        let none =
            Query { range: Range::Last(1), step: RangeStep::Day, against: Against::Nothing, zone: "Mars/Base".into() };
        assert_eq!(super::plan(&none, UtcMs(0)), None);
    }
}
