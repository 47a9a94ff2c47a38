//! Which day is replayed, and how far it is moved: by whole weeks, so that a Friday stays a Friday.

use std::str::FromStr;

use jiff::{Span, Timestamp, ZonedDateTime, civil::Date, tz::TimeZone};

/// The value of `--replay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayDay {
    On(Date),
    /// The newest whole day that has today's weekday.
    Weekday,
}

impl FromStr for ReplayDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "weekday" => Ok(Self::Weekday),
            date => date
                .parse()
                .map(Self::On)
                .map_err(|_| format!("`{date}` is neither a date such as 2018-06-15 nor the word `weekday`")),
        }
    }
}

impl ReplayDay {
    /// The day itself. Imported history ends on `last`, a day that may not be whole.
    pub fn date(self, last: Date, now: &ZonedDateTime) -> Date {
        match self {
            Self::On(date) => date,
            Self::Weekday => last.nth_weekday(-1, now.weekday()).unwrap_or(last),
        }
    }
}

/// How far a day is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The day on which the sessions began.
    pub from: Date,
    /// The day on which their copies begin.
    pub to: Date,
}

impl Shift {
    /// Moves the day to the latest day of the same weekday that has begun at `now`; `None` if that is the day itself,
    /// or before it.
    pub fn latest(from: Date, now: &ZonedDateTime) -> Option<Self> {
        let weeks = from.duration_until(now.date()).as_hours().div_euclid(7 * 24);
        let to = from.checked_add(Span::new().try_weeks(weeks).ok()?).ok()?;
        (weeks > 0).then_some(Self { from, to })
    }

    /// How far a session that began at `start` is moved, ms.
    ///
    /// Its start keeps the time of day that local clocks showed, so that the morning's rush stays in the morning on
    /// both sides of a daylight-saving change. A time of day that the new day skips is read by the offset before the
    /// change. The rest of the session moves as far as its start, so that it lasts as long as it did.
    pub fn offset(self, start: i64, zone: &TimeZone) -> i64 {
        let local = Timestamp::from_millisecond(start).unwrap_or_default().to_zoned_datetime(zone.clone()).datetime();
        let days = self.from.duration_until(self.to).as_hours() / 24;
        let moved =
            Span::new().try_days(days).and_then(|days| local.checked_add(days)?.to_zoned_datetime(zone.clone()));
        // A date beyond the calendar has no daylight saving either.
        moved.map_or(days * 86_400_000, |moved| moved.timestamp().as_millisecond() - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    fn utc(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn at(text: &str) -> ZonedDateTime {
        text.parse::<Timestamp>().unwrap().to_zoned_datetime(london())
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_moves_to_the_latest_of_its_weekday_that_has_begun() {
        let friday = date("2018-06-15");
        let to = |now: &str| Shift::latest(friday, &at(now)).map(|shift| shift.to.to_string());
        assert_eq!(to("2026-11-24T12:00Z").as_deref(), Some("2026-11-20"));
        assert_eq!(to("2026-11-27T00:00Z").as_deref(), Some("2026-11-27"), "today, from its first instant");
        assert_eq!(to("2026-11-26T23:59Z").as_deref(), Some("2026-11-20"));
        assert_eq!(to("2026-06-25T23:30Z").as_deref(), Some("2026-06-26"), "in summer that is Friday already");
        for too_soon in ["2018-06-15T12:00Z", "2018-06-21T12:00Z", "2017-01-01T00:00Z"] {
            assert_eq!(to(too_soon), None, "{too_soon}");
        }
    }

    #[test]
    fn the_time_of_day_stays_across_daylight_saving() {
        let shift = Shift { from: date("2018-06-15"), to: date("2026-11-20") };
        let eight = utc("2018-06-15T07:00Z");
        assert_eq!(eight + shift.offset(eight, &london()), utc("2026-11-20T08:00Z"));
        let spring = Shift { from: date("2018-06-17"), to: date("2026-03-29") };
        let skipped = utc("2018-06-17T00:30Z");
        assert_eq!(skipped + spring.offset(skipped, &london()), utc("2026-03-29T01:30Z"), "01:30 is not on this day");
    }

    #[test]
    fn days_are_dates_or_the_word() {
        assert_eq!("2018-06-15".parse(), Ok(ReplayDay::On(date("2018-06-15"))));
        assert_eq!("weekday".parse(), Ok(ReplayDay::Weekday));
        // The export ends on a Sunday, today is a Sunday or a Tuesday.
        let newest = |now: &str| ReplayDay::Weekday.date(date("2018-09-30"), &at(now)).to_string();
        assert_eq!(newest("2026-11-22T12:00Z"), "2018-09-23");
        assert_eq!(newest("2026-11-24T12:00Z"), "2018-09-25");
        assert!("15/06/2018".parse::<ReplayDay>().unwrap_err().contains("15/06/2018"));
    }
}
