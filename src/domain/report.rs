//! A report's query: the period, the grouping, the zone and the order. Also which changes of documents can matter to
//! the result.

mod attribution;
mod changes;
mod columns;
mod fold;
mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use attribution::{
    captured, captured_in, completed, completed_in, first_of, first_place, is_revenue, method_of, within,
};
pub use changes::matters;
pub use columns::{Column, Measure, Sort};
pub use fold::{Folded, Group, Key, MoneySums, NO_PAYMENT, ReportRoom, ReportSums, TooManyGroups};
pub use table::{About, NoReport, Report, ReportRow, interval, report};

use super::{
    address::{BadChoice, Refused, clip, escaped, zone},
    range::{Day, Range},
};

/// What the rows of a report are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum By {
    #[default]
    Day,
    /// Weeks begin on Monday.
    Week,
    Month,
    Station,
    City,
    Client,
    Method,
}

impl By {
    pub const ALL: [Self; 7] =
        [Self::Day, Self::Week, Self::Month, Self::Station, Self::City, Self::Client, Self::Method];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Station => "station",
            Self::City => "city",
            Self::Client => "client",
            Self::Method => "method",
        }
    }

    /// Whether the rows are pieces of time.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Day | Self::Week | Self::Month)
    }

    /// The first day of the piece of time that holds the day.
    pub fn first_day(self, day: Day) -> Day {
        match self {
            Self::Week => Day(day.0.saturating_sub(day.weekday())),
            Self::Month => day.after(1_i64.saturating_sub(day.parts().2.into())),
            _ => day,
        }
    }

    /// The first day of the piece after the one that begins with `first`.
    pub fn next(self, first: Day) -> Day {
        match self {
            Self::Week => first.after(7),
            // 31 days after the first of a month always lead into the next month, because months have 28 to 31 days.
            Self::Month => self.first_day(first.after(31)),
            _ => first.after(1),
        }
    }
}

impl From<By> for String {
    fn from(by: By) -> Self {
        by.name().to_owned()
    }
}

impl TryFrom<String> for By {
    type Error = BadChoice;

    fn try_from(name: String) -> Result<Self, BadChoice> {
        Self::ALL.into_iter().find(|by| by.name() == name).ok_or_else(|| {
            BadChoice(format!(
                "Reports cannot be grouped by “{}”: give day, week, month, station, city, client or method.",
                clip(&name)
            ))
        })
    }
}

/// The period of a report, and how its figures are grouped and sorted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReportParameters {
    pub range: Range,
    pub by: By,
    /// IANA name, checked by the server.
    pub zone: String,
    pub sort: Sort,
}

impl ReportParameters {
    /// The names of its parts in addresses.
    pub const NAMES: [&'static str; 6] = ["last", "from", "to", "zone", "by", "sort"];

    /// Reads the parts by name. Without a zone, the network's is used.
    ///
    /// # Errors
    /// The reason, in words for the person who chose it.
    pub fn read(get: impl Fn(&str) -> Option<String>, network: &str) -> Result<Self, Refused> {
        let given = |name: &str| get(name).filter(|text| !text.is_empty());
        let by = given("by").map_or(Ok(By::default()), By::try_from).map_err(Refused::of("by"))?;
        let zone = zone(&get, network)?;
        let sort = given("sort").map_or_else(|| Ok(Sort::usual(by)), |text| Sort::read(&text));
        Ok(Self { range: Range::read(&get)?, by, zone, sort: sort.map_err(Refused::of("sort"))? })
    }
}

/// Writes the form used in addresses. Equal choices read the same.
impl fmt::Display for ReportParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, by, zone, sort } = self;
        write!(f, "{range}&by={}&zone={}", by.name(), escaped(zone))?;
        if *sort == Sort::usual(*by) { Ok(()) } else { write!(f, "&sort={}", escaped(&sort.to_string())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn read(query: &[(&str, &str)]) -> Result<String, String> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        let query = ReportParameters::read(|name| query.get(name).map(|&text| text.to_owned()), "Europe/London");
        query.map(|query| query.to_string()).map_err(|error| error.why)
    }

    #[test]
    fn equal_choices_read_the_same() {
        assert_eq!(read(&[]).unwrap(), "last=7d&by=day&zone=Europe/London");
        assert_eq!(
            read(&[("from", "2018-06-01"), ("last", ""), ("by", ""), ("sort", "group")]).unwrap(),
            "from=2018-06-01&to=2018-06-01&by=day&zone=Europe/London"
        );
        assert_eq!(
            read(&[("by", "client"), ("sort", "-energy"), ("zone", "Etc/GMT+1")]).unwrap(),
            "last=7d&by=client&zone=Etc/GMT%2B1"
        );
        let sorted = read(&[("by", "station"), ("sort", "-revenue.GBP")]).unwrap();
        assert_eq!(sorted, "last=7d&by=station&zone=Europe/London&sort=-revenue.GBP");
        for bad in
            [("by", "colour"), ("sort", "colour"), ("sort", "colour.GBP"), ("last", "x"), ("zone", &"x".repeat(65))]
        {
            assert!(read(&[bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn pieces_of_time_follow_each_other() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert_eq!(By::Week.first_day(day("2018-06-15")), day("2018-06-11"));
        assert_eq!(By::Week.next(day("2018-06-11")), day("2018-06-18"));
        assert_eq!(By::Month.first_day(day("2018-02-28")), day("2018-02-01"));
        for (first, next) in [
            ("2018-01-01", "2018-02-01"),
            ("2018-02-01", "2018-03-01"),
            ("2018-04-01", "2018-05-01"),
            ("2018-12-01", "2019-01-01"),
        ] {
            assert_eq!(By::Month.next(day(first)), day(next));
        }
    }
}
