//! Reports: what is asked for. Which figures of a period, grouped how, in which zone and order; and which changes of
//! documents can matter to the answer.

mod fold;
mod table;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use fold::{Folded, Group, Key, Money, Sums, captured_in, completed_in, method_of};
pub use table::{About, Report, Row, SHOWN, interval, report};

use super::{
    address::escaped,
    ids::Collection,
    log::{Effect, Record},
    money::Currency,
    range::{BadChoice, Day, Range},
    status::SessionStatus,
};

/// What the rows of a report are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum By {
    #[default]
    Day,
    /// From Monday.
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
            Self::Week => Day(day.0 - day.weekday()),
            Self::Month => Day(day.0 - i64::from(day.parts().2) + 1),
            _ => day,
        }
    }

    /// The first day of the piece after the one that begins with `first`.
    pub fn next(self, first: Day) -> Day {
        match self {
            Self::Week => Day(first.0 + 7),
            // No month is longer, and the next is no shorter than what is too much.
            Self::Month => self.first_day(Day(first.0 + 31)),
            _ => Day(first.0 + 1),
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
        Self::ALL
            .into_iter()
            .find(|by| by.name() == name)
            .ok_or_else(|| BadChoice(format!("Reports cannot be grouped by “{name}”.")))
    }
}

/// What is said of the money of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    Captured,
    Refunded,
    /// Captured less refunded.
    Revenue,
    Fees,
    /// Payments whose fee is not known.
    FeesMissing,
    /// Revenue less fees, of the payments whose fee is known.
    Net,
}

impl Measure {
    pub const ALL: [Self; 6] =
        [Self::Captured, Self::Refunded, Self::Revenue, Self::Fees, Self::FeesMissing, Self::Net];

    const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Refunded => "refunded",
            Self::Revenue => "revenue",
            Self::Fees => "fees",
            Self::FeesMissing => "fees_missing",
            Self::Net => "net",
        }
    }
}

/// A column of figures. Its values are integers: numbers, Wh, or minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Column {
    Sessions,
    Energy,
    /// Sessions that do not say what they delivered.
    WithoutEnergy,
    Payments,
    /// Payments computed from a tariff.
    Derived,
    /// Payments that do not say how much was captured, or in which currency.
    WithoutAmount,
    Money(Measure, Currency),
}

/// As in addresses: `energy`, `revenue.GBP`.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Energy => f.write_str("energy"),
            Self::WithoutEnergy => f.write_str("without_energy"),
            Self::Payments => f.write_str("payments"),
            Self::Derived => f.write_str("derived"),
            Self::WithoutAmount => f.write_str("without_amount"),
            Self::Money(measure, currency) => write!(f, "{}.{currency}", measure.name()),
        }
    }
}

impl FromStr for Column {
    type Err = BadChoice;

    fn from_str(name: &str) -> Result<Self, BadChoice> {
        let unknown = || BadChoice(format!("Reports cannot be sorted by “{name}”."));
        Ok(match name {
            "sessions" => Self::Sessions,
            "energy" => Self::Energy,
            "without_energy" => Self::WithoutEnergy,
            "payments" => Self::Payments,
            "derived" => Self::Derived,
            "without_amount" => Self::WithoutAmount,
            _ => {
                let (measure, currency) = name.split_once('.').ok_or_else(unknown)?;
                let measure = Measure::ALL.into_iter().find(|m| m.name() == measure).ok_or_else(unknown)?;
                Self::Money(measure, Currency(currency.to_owned()))
            }
        })
    }
}

impl From<Column> for String {
    fn from(column: Column) -> Self {
        column.to_string()
    }
}

impl TryFrom<String> for Column {
    type Error = BadChoice;

    fn try_from(name: String) -> Result<Self, BadChoice> {
        name.parse()
    }
}

/// The order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// `None`: what the rows are, in its own order.
    pub column: Option<Column>,
    pub descending: bool,
}

/// The name of the column that says what the rows are.
const GROUP: &str = "group";

impl Sort {
    /// Time as it goes; else what delivered most comes first.
    pub const fn usual(by: By) -> Self {
        if by.is_time() {
            Self { column: None, descending: false }
        } else {
            Self { column: Some(Column::Energy), descending: true }
        }
    }

    /// The order that a click on the column's head asks for: figures largest first, and the other way round then.
    #[must_use]
    pub fn toggled(&self, column: Option<Column>) -> Self {
        let descending = if self.column == column { !self.descending } else { column.is_some() };
        Self { column, descending }
    }

    fn read(text: &str) -> Result<Self, BadChoice> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let column = if name == GROUP { None } else { Some(name.parse()?) };
        Ok(Self { column, descending })
    }
}

/// As in addresses: `group`, `-revenue.GBP`.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.descending {
            f.write_str("-")?;
        }
        match &self.column {
            None => f.write_str(GROUP),
            Some(column) => column.fmt(f),
        }
    }
}

/// Which figures, of which period, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    pub range: Range,
    pub by: By,
    /// IANA name, checked by the server.
    pub zone: String,
    pub sort: Sort,
}

/// The longest name of a zone that is looked up.
const ZONE_MAX: usize = 64;

impl Query {
    /// Reads the parts by name; without a zone the network's is meant.
    ///
    /// # Errors
    /// In words for whoever chose it.
    pub fn read(get: impl Fn(&str) -> Option<String>, network: &str) -> Result<Self, BadChoice> {
        let given = |name: &str| get(name).filter(|text| !text.is_empty());
        let by = given("by").map_or(Ok(By::default()), By::try_from)?;
        let zone = given("zone").unwrap_or_else(|| network.to_owned());
        if zone.len() > ZONE_MAX {
            return Err(BadChoice("No time zone has such a long name.".to_owned()));
        }
        Ok(Self {
            range: Range::read(&get)?,
            by,
            zone,
            sort: given("sort").map_or_else(|| Ok(Sort::usual(by)), |text| Sort::read(&text))?,
        })
    }
}

/// As in addresses; equal choices read the same.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { range, by, zone, sort } = self;
        write!(f, "{range}&by={}&zone={}", by.name(), escaped(zone))?;
        if *sort == Sort::usual(*by) { Ok(()) } else { write!(f, "&sort={}", escaped(&sort.to_string())) }
    }
}

/// The fields that reports read.
pub const fn reported_fields(collection: Collection) -> &'static [&'static str] {
    match collection {
        Collection::Clients => &["client_id", "name"],
        Collection::Stations => &["station_id", "name", "city"],
        Collection::Payments => &[
            "payment_id",
            "client_id",
            "session_id",
            "captured_minor",
            "refunded_minor",
            "fee_minor",
            "currency",
            "method",
            "status",
            "captured_at",
            "source",
        ],
        Collection::ChargingSessions => {
            &["session_id", "client_id", "station_id", "payment_id", "status", "end_date_time", "energy_wh"]
        }
        Collection::EcoStats => &[],
    }
}

/// Whether a report may read otherwise after this change. Heartbeats, and the meters of running sessions, never matter;
/// where MongoDB keeps no images, nobody knows what changed, so every change does.
pub fn matters(record: &Record) -> bool {
    let fields = reported_fields(record.collection);
    let row = match &record.effect {
        Effect::Reset { also, .. } => {
            return !fields.is_empty() || also.is_some_and(|also| !reported_fields(also).is_empty());
        }
        Effect::Row(row) => row,
    };
    let Some(changed) = &row.changed else { return !fields.is_empty() };
    let status = row.after.as_ref().and_then(|row| row.get("status")).and_then(|status| status.as_str());
    let completed = status == Some(SessionStatus::Completed.code());
    let counts = |name: &str| {
        let of_running = record.collection == Collection::ChargingSessions && name == "energy_wh" && !completed;
        fields.contains(&name) && !of_running
    };
    changed.iter().any(|name| counts(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{fields::Fields, ids::DocId, log::RowChange, position::ClusterTime, time::UtcMs};
    use serde_json::json;
    use std::collections::HashMap;

    fn read(query: &[(&str, &str)]) -> Result<String, String> {
        let query: HashMap<_, _> = query.iter().copied().collect();
        let query = Query::read(|name| query.get(name).map(|&text| text.to_owned()), "Europe/London");
        query.map(|query| query.to_string()).map_err(|error| error.0)
    }

    #[test]
    fn equal_choices_read_the_same() {
        assert_eq!(read(&[]).unwrap(), "last=7d&by=day&zone=Europe/London");
        assert_eq!(
            read(&[("from", "2018-06-01"), ("last", "7d"), ("by", ""), ("sort", "group")]).unwrap(),
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
    fn columns_read_what_they_write() {
        let plain = ["sessions", "energy", "without_energy", "payments", "derived", "without_amount"];
        let money = Measure::ALL.map(|measure| format!("{}.GBP", measure.name()));
        for name in plain.into_iter().map(str::to_owned).chain(money) {
            assert_eq!(name.parse::<Column>().unwrap().to_string(), name);
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

    #[test]
    fn heartbeats_and_running_meters_do_not_matter() {
        let change = |collection, after: serde_json::Value, changed: Option<&[&str]>| {
            matters(&Record {
                collection,
                ct: ClusterTime(1),
                at: UtcMs(0),
                effect: Effect::Row(RowChange {
                    id: DocId("1".into()),
                    after: serde_json::from_value(after).unwrap(),
                    changed: changed.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
                    before: Fields::new(),
                    cells: None,
                }),
            })
        };
        use Collection::{ChargingSessions, Clients, EcoStats, Payments, Stations};
        assert!(!change(Stations, json!({}), Some(&["last_heartbeat_at", "evses"])));
        assert!(change(Stations, json!({}), Some(&["city"])));
        assert!(!change(ChargingSessions, json!({"status": "ACTIVE"}), Some(&["energy_wh", "power_w"])));
        assert!(change(ChargingSessions, json!({"status": "COMPLETED"}), Some(&["energy_wh"])));
        assert!(change(ChargingSessions, json!({"status": "INVALID"}), Some(&["status"])));
        assert!(change(Payments, json!({}), Some(&["refunded_minor"])));
        assert!(!change(Payments, json!({}), Some(&["attempts"])));
        assert!(change(Clients, json!(null), None), "deleted");
        assert!(!change(EcoStats, json!({}), None));
    }
}
