//! What a list can be filtered by: the name in addresses, the field in documents, and the values it takes.

use std::fmt;

use crate::domain::{
    address::{BadChoice, clip},
    cells::Bucket,
    collections::Collection,
    time::{Period, UtcMs},
};

/// The longest text that may be asked for, in bytes. Texts in documents may be longer.
const TEXT_MAX: usize = 128;
/// How many statuses may be asked for at once.
const STATUSES_MAX: usize = 16;

/// A field that a list can be filtered by. Addresses and pages show them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FilterField {
    Status,
    /// Stations with an EVSE whose believed status is this one.
    Evse,
    Started,
    Ended,
    /// Sessions that started at least so many hours ago.
    Running,
    Created,
    Captured,
    Currency,
    Method,
    Station,
    Client,
    City,
    /// The hour of the week in which a session started.
    Slot,
}

impl FilterField {
    pub const ALL: [Self; 13] = [
        Self::Status,
        Self::Evse,
        Self::Started,
        Self::Ended,
        Self::Running,
        Self::Created,
        Self::Captured,
        Self::Currency,
        Self::Method,
        Self::Station,
        Self::Client,
        Self::City,
        Self::Slot,
    ];

    /// Its name in addresses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Evse => "evse",
            Self::Started => "started",
            Self::Ended => "ended",
            Self::Running => "running",
            Self::Created => "created",
            Self::Captured => "captured",
            Self::Currency => "currency",
            Self::Method => "method",
            Self::Station => "station",
            Self::Client => "client",
            Self::City => "city",
            Self::Slot => "slot",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    /// The document field that it filters; `None` if the collection's documents have no such field.
    pub const fn field(self, collection: Collection) -> Option<&'static str> {
        use Collection::{ChargingSessions, Clients, Payments, Stations};
        Some(match (self, collection) {
            (Self::Status, Clients | Payments | ChargingSessions) => "status",
            (Self::Evse, Stations) => "evses",
            (Self::Started | Self::Running | Self::Slot, ChargingSessions) => "start_date_time",
            (Self::Ended, ChargingSessions) => "end_date_time",
            (Self::Created, Clients | Stations | Payments) => "created_at",
            (Self::Captured, Payments) => "captured_at",
            (Self::Currency, Clients | Payments | ChargingSessions) => "currency",
            (Self::Method, Payments) => "method",
            (Self::Station, Stations | ChargingSessions) => "station_id",
            (Self::Client, Clients | Payments | ChargingSessions) => "client_id",
            (Self::City, Stations) => "city",
            _ => return None,
        })
    }

    /// Whether documents come to meet it or cease to meet it as time passes, without any change to them.
    pub const fn follows_clock(self) -> bool {
        matches!(self, Self::Evse | Self::Running)
    }

    /// Reads a value as it stands in an address.
    ///
    /// # Errors
    /// The reason, in words for the person who wrote the address.
    pub fn read(self, text: &str) -> Result<Criterion, BadChoice> {
        let read = match self {
            Self::Status => statuses(text),
            Self::Started | Self::Ended | Self::Created | Self::Captured => period(text).map(Criterion::Within),
            Self::Running => text.strip_suffix('h').and_then(number).filter(|hours| *hours > 0).map(Criterion::For),
            Self::Currency => is_currency(text).then(|| Criterion::one_of([text])),
            Self::Slot => slot(text).map(Criterion::In),
            Self::Evse | Self::Method | Self::Station | Self::Client | Self::City => {
                is_text(text).then(|| Criterion::one_of([text]))
            }
        };
        read.ok_or_else(|| BadChoice(format!("“{}” cannot be “{}”: {}", self.name(), clip(text), self.form())))
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Status => "give a status, or several with commas between them.",
            Self::Started | Self::Ended | Self::Created | Self::Captured => {
                "give two dates such as 2018-06-14T23:00:00Z/2018-06-15T23:00:00Z, the earlier one first."
            }
            Self::Running => "give hours such as 8h.",
            Self::Currency => "give a code such as GBP.",
            Self::Slot => "give day (Monday is 0), hour and zone such as 4.14@Europe/London.",
            _ => "give a text of at most 128 bytes.",
        }
    }
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Criterion {
    /// One of these texts, in ascending order.
    OneOf(Vec<String>),
    /// A date in this period.
    Within(Period),
    /// A date at least so many hours ago: see [`hours_ago`].
    For(u8),
    /// A date in this hour of any week.
    In(Slot),
}

impl Criterion {
    pub fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Vec::<String>::new();
        for text in texts {
            if let Err(place) = all.binary_search_by(|one| one.as_str().cmp(text)) {
                all.insert(place, text.to_owned());
            }
        }
        Self::OneOf(all)
    }
}

/// An hour of the week as clocks of a zone show it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// 0 is Monday
    pub weekday: u8,
    pub hour: u8,
    pub zone: String,
}

/// Writes the form used in addresses, but not escaped. Equal values write equal texts.
impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(texts) => f.write_str(&texts.join(",")),
            Self::Within(Period { from, to }) => write!(f, "{from}/{to}"),
            Self::For(hours) => write!(f, "{hours}h"),
            Self::In(Slot { weekday, hour, zone }) => write!(f, "{weekday}.{hour}@{zone}"),
        }
    }
}

/// The instant so many hours ago, rounded down to the quarter of an hour in which figures are counted. So a figure
/// and the list behind it agree.
pub fn hours_ago(now: UtcMs, hours: u8) -> UtcMs {
    Bucket::of(now.after(i64::from(hours).saturating_mul(-3_600_000))).start()
}

/// Whether a text has the form of a currency code.
pub fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control)
}

fn statuses(text: &str) -> Option<Criterion> {
    let codes: Vec<&str> = text.split(',').collect();
    (codes.len() <= STATUSES_MAX && codes.iter().all(|code| is_text(code))).then(|| Criterion::one_of(codes))
}

fn period(text: &str) -> Option<Period> {
    let (from, to) = text.split_once('/')?;
    let period = Period { from: UtcMs::parse(from)?, to: UtcMs::parse(to)? };
    (period.from < period.to).then_some(period)
}

fn slot(text: &str) -> Option<Slot> {
    let (at, zone) = text.split_once('@')?;
    let (weekday, hour) = at.split_once('.')?;
    let slot = Slot { weekday: number(weekday)?, hour: number(hour)?, zone: zone.to_owned() };
    let named = is_text(zone) && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    (slot.weekday < 7 && slot.hour < 24 && named).then_some(slot)
}

fn number(text: &str) -> Option<u8> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
