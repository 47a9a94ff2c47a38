//! Instants and zones without a zone database: the server sends the browser the few offsets that it needs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since 1970-01-01T00:00:00Z, as MongoDB's Date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMs(pub i64);

/// A date and time of day as a clock on the wall shows it. Proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    pub year: i64,
    /// 1 to 12
    pub month: u8,
    /// 1 to 31
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// 0 is Monday
    pub weekday: u8,
}

pub const DAY_S: i64 = 86_400;

impl UtcMs {
    /// The beginning of the year 1. It stands for the beginning of all time where a period has no other.
    pub const FIRST: Self = Self::from_seconds(-62_135_596_800);

    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The instant so many milliseconds later, or earlier if negative.
    #[must_use]
    pub const fn after(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The number of milliseconds from another instant to this one.
    pub const fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// The local date and time at an offset of `offset_s` seconds east of Greenwich.
    pub fn civil(self, offset_s: i32) -> Civil {
        let local = self.seconds().saturating_add(offset_s.into());
        let (days, rest) = (local.div_euclid(DAY_S), local.rem_euclid(DAY_S));
        let (year, month, day) = civil_from_days(days);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "all are below 60")]
        Civil {
            year,
            month,
            day,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            weekday: days.saturating_add(3).rem_euclid(7) as u8,
        }
    }

    /// Reads the form in which dates travel: RFC 3339, and years outside its range with a sign and six to nine
    /// digits. `None` for anything else.
    #[expect(clippy::arithmetic_side_effects, reason = "numbers of at most nine digits, and places in a text")]
    pub fn parse(text: &str) -> Option<Self> {
        let whole = |digits: &str| -> Option<i64> {
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
        };
        let (year, text) = match text.strip_prefix(['+', '-']) {
            Some(signed) => {
                let (digits, _) = signed.split_once('-').filter(|(digits, _)| (6..=9).contains(&digits.len()))?;
                let year = whole(digits)?;
                (if text.starts_with('-') { -year } else { year }, signed.get(digits.len()..)?)
            }
            None => (whole(text.get(..4)?)?, text.get(4..)?),
        };
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| whole(text.get(from..to)?);
        let is = |at: usize, c: u8| bytes.get(at) == Some(&c);
        if !(is(0, b'-') && is(3, b'-') && is(6, b'T') && is(9, b':') && is(12, b':')) {
            return None;
        }
        let (month, day) = (number(1, 3)?, number(4, 6)?);
        let (hour, minute, second) = (number(7, 9)?, number(10, 12)?, number(13, 15)?);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut end = 15;
        let mut ms: i64 = 0;
        if is(end, b'.') {
            end = 16 + bytes.get(16..)?.iter().take_while(|b| b.is_ascii_digit()).count();
            let digits: String = text.get(16..end)?.chars().chain("000".chars()).take(3).collect();
            ms = digits.parse().ok()?;
        }
        let offset_s = match bytes.get(end)? {
            b'Z' if bytes.len() == end + 1 => 0,
            sign @ (b'+' | b'-') if bytes.len() == end + 6 && is(end + 3, b':') => {
                let s = number(end + 1, end + 3)? * 3600 + number(end + 4, end + 6)? * 60;
                if *sign == b'-' { -s } else { s }
            }
            _ => return None,
        };
        let s = days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second - offset_s;
        // Of the earliest second, only the end fits into milliseconds, so compute from the next second.
        let (s, ms) = if s < 0 { (s + 1, ms - 1000) } else { (s, ms) };
        s.checked_mul(1000)?.checked_add(ms).map(Self)
    }
}

/// RFC 3339, UTC, with milliseconds only where there are some. Years outside 0 to 9999 are written as ECMAScript does, with
/// a sign and at least six digits.
impl fmt::Display for UtcMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = self.civil(0);
        if (0..=9999).contains(&c.year) {
            write!(f, "{:04}", c.year)?;
        } else {
            write!(f, "{:+07}", c.year)?;
        }
        write!(f, "-{:02}-{:02}T{:02}:{:02}:{:02}", c.month, c.day, c.hour, c.minute, c.second)?;
        match self.0.rem_euclid(1000) {
            0 => f.write_str("Z"),
            ms => write!(f, ".{ms:03}Z"),
        }
    }
}

/// Days since 1970-01-01 (Howard Hinnant, “chrono-compatible low-level date algorithms”).
#[expect(clippy::arithmetic_side_effects, reason = "years are of four digits, or those of an instant in milliseconds")]
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[expect(clippy::arithmetic_side_effects, reason = "all but the first is of a few hundred years")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "month and day are below 32")]
pub(super) fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month as u8, (doy - (153 * mp + 2) / 5 + 1) as u8)
}

/// Half-open period `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    pub from: UtcMs,
    pub to: UtcMs,
}

impl Period {
    /// Reads the form used in addresses, such as `2018-06-14T23:00:00Z/2018-06-15T23:00:00Z`; `None` unless the first
    /// date is the earlier one.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once('/')?;
        let period = Self { from: UtcMs::parse(from)?, to: UtcMs::parse(to)? };
        (period.from < period.to).then_some(period)
    }
}

/// Number of a quarter of an hour since 1970, UTC. The offset of every zone in use is a whole number of quarters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bucket(pub i64);

impl Bucket {
    pub const SECONDS: i64 = 900;

    pub const fn of(at: UtcMs) -> Self {
        Self(at.seconds().div_euclid(Self::SECONDS))
    }

    pub const fn start(self) -> UtcMs {
        UtcMs::from_seconds(self.0.saturating_mul(Self::SECONDS))
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The last bucket that is not more than an hour after `now`. What counts in a later one cannot have happened.
    pub const fn ahead(now: UtcMs) -> Self {
        Self::of(now.after(3_600_000))
    }

    /// Whether both ends of the period are bucket ends.
    pub const fn fill(period: Period) -> bool {
        Self::of(period.from).start().0 == period.from.0 && Self::of(period.to).start().0 == period.to.0
    }

    /// The buckets of a period whose ends are bucket ends.
    pub const fn range(period: Period) -> std::ops::Range<Self> {
        Self::of(period.from)..Self::of(period.to)
    }
}

/// An IANA zone with those of its offsets that are needed. The server makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    pub name: String,
    /// UTC seconds since which an offset holds, and the offset in seconds east of Greenwich; ascending. Before the
    /// first, the first holds.
    pub offsets: Vec<(i64, i32)>,
}

impl Zone {
    /// The offset in force at `at`, seconds east of Greenwich; 0 where no offset is known.
    pub fn offset_s(&self, at: UtcMs) -> i32 {
        let after = self.offsets.partition_point(|(since, _)| *since <= at.seconds());
        self.offsets.get(after.saturating_sub(1)).map_or(0, |(_, offset)| *offset)
    }

    pub fn civil(&self, at: UtcMs) -> Civil {
        at.civil(self.offset_s(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(UtcMs(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(UtcMs::parse("2018-09-06T23:55:00+01:00").unwrap().to_string(), "2018-09-06T22:55:00Z");
        assert_eq!(UtcMs::parse("2024-02-29T12:00:00.25Z").unwrap().0 % 1000, 250);
        assert_eq!(UtcMs::parse("1969-12-31T23:59:59.999Z"), Some(UtcMs(-1)));
        assert_eq!(UtcMs(327_428_438_400_000).to_string(), "+012345-10-18T00:00:00Z");
        assert_eq!(UtcMs(-62_167_219_200_001).to_string(), "-000001-12-31T23:59:59.999Z");
        assert_eq!(UtcMs(0).civil(0).weekday, 3, "1970-01-01 was a Thursday");
        for bad in [
            "",
            "2018",
            "2018-13-01T00:00:00Z",
            "2018-01-01T00:00:00",
            "2018-01-01T0x:00:00Z",
            "2018-01-01T00:00:00Zz",
            "é018-01-01T00:00:00Z",
            "+2018-01-01T00:00:00Z",
            "12018-01-01T00:00:00Z",
            "+999999999-01-01T00:00:00Z",
            "+0é2018-01-01T00:00:00Z",
        ] {
            assert_eq!(UtcMs::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn zones_follow_daylight_saving() {
        let london =
            Zone { name: "Europe/London".into(), offsets: vec![(0, 0), (1_521_939_600, 3600), (1_540_688_400, 0)] };
        assert_eq!(london.civil(UtcMs::parse("2018-06-01T12:00:00Z").unwrap()).hour, 13);
        assert_eq!(london.civil(UtcMs::parse("2018-10-28T00:59:59Z").unwrap()).hour, 1);
        assert_eq!(london.civil(UtcMs::parse("2018-10-28T01:00:00Z").unwrap()).hour, 1);
    }

    proptest! {
        #[test]
        fn written_instants_read_back(far: i64, near in -62_167_219_200_000_i64..253_402_300_800_000) {
            for ms in [far, near, i64::MIN, i64::MAX] {
                prop_assert_eq!(UtcMs::parse(&UtcMs(ms).to_string()), Some(UtcMs(ms)));
            }
        }
    }
}
