//! An instant from a row's cells: given exactly, or as a local clock shows it.

use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::strtime::BrokenDownTime,
    tz::{AmbiguousOffset, AmbiguousTimestamp, TimeZone},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CivilTime {
    /// The cell has an offset, a zone or seconds since 1970.
    Exact(Timestamp),
    Local(DateTime),
}

/// A cell and the format in which it is written.
pub type FormattedCell<'a> = (&'a str, &'a str);

/// Which of the two cells does not match its format.
pub enum ClockFault {
    Date,
    Time,
}

impl CivilTime {
    /// If there is a `time`, the day is `date`'s and the time of day is `time`'s.
    pub fn read(date: FormattedCell<'_>, time: Option<FormattedCell<'_>>) -> Result<Self, ClockFault> {
        let day = parse(date).ok_or(ClockFault::Date)?;
        let Some(time) = time else { return Self::of(&day, &day).map_err(|_| ClockFault::Date) };
        Self::of(&day, &parse(time).ok_or(ClockFault::Time)?)
    }

    fn of(date: &BrokenDownTime, time: &BrokenDownTime) -> Result<Self, ClockFault> {
        if let Some(exact) = date.timestamp() {
            return Ok(Self::Exact(exact));
        }
        let day = date.to_date().map_err(|_| ClockFault::Date)?;
        let local = day.to_datetime(time.to_time().map_err(|_| ClockFault::Time)?);
        let zone = time.iana_time_zone().or_else(|| date.iana_time_zone()).map(TimeZone::get);
        let exact = match (time.offset().or_else(|| date.offset()), zone) {
            (Some(offset), _) => offset.to_timestamp(local),
            (None, Some(zone)) => zone.and_then(|zone| zone.to_timestamp(local)),
            (None, None) => return Ok(Self::Local(local)),
        };
        exact.map(Self::Exact).map_err(|_| ClockFault::Time)
    }

    pub fn on(self, clock: &TimeZone) -> Instants {
        match self {
            Self::Exact(at) => Instants::Exact(at.as_millisecond()),
            Self::Local(local) => Instants::Local(local, clock.to_ambiguous_timestamp(local)),
        }
    }
}

/// Parses a cell. `Z` counts as an offset, too.
fn parse((text, format): FormattedCell<'_>) -> Option<BrokenDownTime> {
    let parsed = BrokenDownTime::parse(format, text).ok();
    parsed.or_else(|| {
        let zero = match format {
            _ if format.ends_with("%:z") => "+00:00",
            _ if format.ends_with("%z") => "+0000",
            _ => return None,
        };
        BrokenDownTime::parse(format, format!("{}{zero}", text.strip_suffix(['Z', 'z'])?)).ok()
    })
}

/// The instants that a moment can be.
pub enum Instants {
    Exact(i64),
    Local(DateTime, AmbiguousTimestamp),
}

impl Instants {
    /// A time of day that spring's change skips is read by the offset before it (as RFC 5545 does). Of a time of day
    /// that autumn's change repeats this is the first.
    pub fn earlier(&self) -> Result<i64, String> {
        match self {
            Self::Exact(at) => Ok(*at),
            Self::Local(_, at) => at.compatible().map(Timestamp::as_millisecond).map_err(|e| e.to_string()),
        }
    }

    pub fn later(&self) -> Result<i64, String> {
        match self {
            Self::Exact(at) => Ok(*at),
            Self::Local(_, at) => at.later().map(Timestamp::as_millisecond).map_err(|e| e.to_string()),
        }
    }

    /// Why the local clock does not determine the instant.
    pub fn doubt(&self) -> Option<String> {
        let Self::Local(local, at) = self else { return None };
        match at.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => {
                Some(format!("{local} does not exist, because daylight saving begins; it is read by the offset before"))
            }
            AmbiguousOffset::Fold { .. } => {
                Some(format!("{local} exists twice, because daylight saving ends; the first is taken"))
            }
        }
    }
}
