//! Periods as people choose them: local days, divided into steps, beside an earlier period. The server, which knows
//! the zone, translates them to UTC.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    address::{BadChoice, Refused, clip},
    ids::travels_as_text,
    time::{Civil, civil_from_days, days_from_civil},
};

/// A local date: days since 1970-01-01. Written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Day(pub i64);

impl Day {
    /// The date of a wall-clock time.
    pub fn of(civil: Civil) -> Self {
        Self(days_from_civil(civil.year, i64::from(civil.month), i64::from(civil.day)))
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn parts(self) -> (i64, u8, u8) {
        civil_from_days(self.0)
    }

    /// 0 is Monday.
    pub const fn weekday(self) -> i64 {
        self.0.saturating_add(3).rem_euclid(7)
    }

    /// The day so many days later, or earlier if negative.
    #[must_use]
    pub const fn after(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// The number of days from another day to this one.
    pub const fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// The same day of an earlier year. If that year has no 29 February, it is the 28th.
    #[must_use]
    pub fn years_before(self, years: i64) -> Self {
        let (year, month, day) = self.parts();
        let moved = Self(days_from_civil(year.saturating_sub(years), i64::from(month), i64::from(day)));
        if moved.parts().1 == month { moved } else { moved.after(-1) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = BadChoice;

    fn from_str(text: &str) -> Result<Self, BadChoice> {
        let bad = || BadChoice(format!("“{}” is no date such as 2026-06-15", clip(text)));
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| -> Option<i64> {
            let part = parts.next().filter(|p| p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()))?;
            part.parse().ok()
        };
        let (year, month, day) = (part(4), part(2), part(2));
        let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(bad()) };
        let date = Self(days_from_civil(year, month, day));
        // A day that the month does not have comes out as another date.
        if year > 0 && date.to_string() == text { Ok(date) } else { Err(bad()) }
    }
}

travels_as_text!(Day);

/// The longest period, in days: ten years.
const DAYS_MAX: i64 = 3660;

/// The days of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Range {
    /// So many days up to today. It moves on with the time.
    Last(i64),
    /// From one day to another, both included.
    Days(Day, Day),
}

impl Range {
    /// The ranges on offer.
    pub const OFFERED: [Self; 5] = [Self::Last(1), Self::Last(7), Self::Last(28), Self::Last(90), Self::Last(365)];

    /// Reads `from` and `to`, or `last` (`7d`), by name. Without any of them it is the last seven days.
    ///
    /// # Errors
    /// The reason, in words for the person who chose it.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, Refused> {
        let get = |name| get(name).filter(|text| !text.is_empty());
        match (get("from"), get("to"), get("last")) {
            (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
                Err(Refused::new("last", "Give either “last”, or “from” and “to”."))
            }
            (Some(from), to, None) => {
                let from: Day = from.parse().map_err(Refused::of("from"))?;
                let to = to.map_or(Ok(from), |to| to.parse::<Day>()).map_err(Refused::of("to"))?;
                if to < from {
                    return Err(Refused::new("to", format!("The period ends ({to}) before it begins ({from}).")));
                }
                if to.since(from) >= DAYS_MAX {
                    return Err(Refused::new("from", "Choose a period of at most ten years."));
                }
                Ok(Self::Days(from, to))
            }
            (None, Some(to), None) => {
                Err(Refused::new("to", format!("The period ends on {}, but where does it begin?", clip(&to))))
            }
            (None, None, Some(last)) => {
                let days = last.strip_suffix('d').and_then(|days| days.parse().ok());
                let days = days.filter(|days| (1..=DAYS_MAX).contains(days));
                days.map(Self::Last)
                    .ok_or_else(|| Refused::value("last", &last, "give a number of days such as 7d, at most 3660d."))
            }
            (None, None, None) => Ok(Self::Last(7)),
        }
    }

    /// First and last day, given today's date.
    pub const fn days(self, today: Day) -> (Day, Day) {
        match self {
            Self::Last(days) => (today.after(1_i64.saturating_sub(days)), today),
            Self::Days(from, to) => (from, to),
        }
    }

    /// The number of days.
    pub const fn len(self) -> i64 {
        match self {
            Self::Last(days) => days,
            Self::Days(from, to) => to.since(from).saturating_add(1),
        }
    }

    /// Always false, because a range has at least one day.
    pub const fn is_empty(self) -> bool {
        false
    }
}

/// Writes the form used in addresses: `last=7d`, `from=2018-06-01&to=2018-06-30`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(days) => write!(f, "last={days}d"),
            Self::Days(from, to) => write!(f, "from={from}&to={to}"),
        }
    }
}

/// The length of the pieces into which a period is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RangeStep {
    Hour,
    Day,
    /// Weeks begin on Monday.
    Week,
    Month,
}

impl RangeStep {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// Whether the pieces of so many days can still be told apart on a screen.
    pub const fn fits(self, days: i64) -> bool {
        match self {
            Self::Hour => days <= 31,
            Self::Day => days <= 732,
            Self::Week | Self::Month => true,
        }
    }

    /// The step that shows so many days best.
    pub const fn fitting(days: i64) -> Self {
        match days {
            ..=2 => Self::Hour,
            3..=92 => Self::Day,
            93..=370 => Self::Week,
            _ => Self::Month,
        }
    }

    /// Reads `by`. Without it, the step that fits the period is used.
    ///
    /// # Errors
    /// The reason, in words for the person who chose it, if the step is unknown or too short for the period.
    pub fn read(name: Option<&str>, range: Range) -> Result<Self, Refused> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::fitting(range.len())) };
        let step = Self::of_name(name)
            .ok_or_else(|| Refused::value("by", name, "give hour, day, week or month, or leave it out."))?;
        if step.fits(range.len()) {
            return Ok(step);
        }
        let (name, days) = (step.name(), range.len());
        Err(Refused::new("by", format!("A {name} is too short a step for {days} days. Give a longer one in “by”.")))
    }
}

/// The earlier period to compare with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Against {
    /// Equally long, and so many whole weeks earlier that the two do not meet. So weekdays stand over weekdays.
    #[default]
    Before,
    /// The same dates a year earlier.
    YearBefore,
    Nothing,
}

impl Against {
    pub const ALL: [Self; 3] = [Self::Before, Self::YearBefore, Self::Nothing];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::YearBefore => "year",
            Self::Nothing => "nothing",
        }
    }

    /// Reads `against`. Without it, [`Against::Before`] is used.
    ///
    /// # Errors
    /// The reason, in words for the person who chose it, if the choice is unknown.
    pub fn read(name: Option<&str>) -> Result<Self, Refused> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        let known = Self::ALL.into_iter().find(|against| against.name() == name);
        known.ok_or_else(|| Refused::value("against", name, "give before, year or nothing."))
    }

    /// First and last day of the earlier period, if there is one.
    pub fn days(self, (from, to): (Day, Day)) -> Option<(Day, Day)> {
        match self {
            Self::Before => {
                let weeks = to.since(from).saturating_add(7) / 7;
                let back = weeks.saturating_mul(-7);
                Some((from.after(back), to.after(back)))
            }
            Self::YearBefore => Some((from.years_before(1), to.years_before(1))),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests;
