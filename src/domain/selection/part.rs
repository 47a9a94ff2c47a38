//! What a list can be filtered by: the name in addresses, the field in documents, and the values it takes.

use std::fmt;

use crate::domain::{
    address::{BadChoice, clip},
    collections::Collection,
    money::is_currency,
    time::{Bucket, Period, UtcMs},
};

/// The longest text that may be asked for, in bytes. Texts in documents may be longer.
const TEXT_MAX: usize = 128;
/// How many statuses may be asked for at once.
const STATUSES_MAX: usize = 16;

/// The values that a filter takes.
#[derive(Clone, Copy)]
enum Takes {
    Statuses,
    Period,
    Hours,
    Currency,
    HourOfWeek,
    Text,
}

/// Whether documents come to meet a filter or cease to meet it as time passes, without any change to them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClockUse {
    Ignored,
    Followed,
}

/// Makes [`FilterField`] of lines such as `Name "name" takes Text of Collection.field | …, clock Ignored;`. What a filter
/// asks for may be worked out from further fields: `ever by` names those that decide whether a document meets it at any
/// time, `now by` those that decide whether it meets it now. A heartbeat is in neither, because the next minute of the
/// clock settles what it changes.
macro_rules! filters {
    ($($(#[$doc:meta])* $field:ident $name:literal takes $takes:ident of $($of:ident.$path:ident)|+, clock $clock:ident
        $(, ever by $($ever:ident)|+)? $(, now by $($now:ident)|+)?;)*) => {
        /// A field that a list can be filtered by. Addresses and pages show them in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FilterField {
            $($(#[$doc])* $field,)*
        }

        impl FilterField {
            pub const ALL: &[Self] = &[$(Self::$field,)*];

            /// Its row in the table.
            pub const fn place(self) -> usize {
                self as usize
            }

            /// Its name in addresses.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$field => $name,)* }
            }

            const fn takes(self) -> Takes {
                match self { $(Self::$field => Takes::$takes,)* }
            }

            /// The document fields that it filters, by collection.
            const fn fields(self) -> &'static [(Collection, &'static str)] {
                match self { $(Self::$field => &[$((Collection::$of, stringify!($path)),)+],)* }
            }

            const fn clock(self) -> ClockUse {
                match self { $(Self::$field => ClockUse::$clock,)* }
            }

            /// Further fields that decide whether a document meets it at any time.
            pub const fn ever_by(self) -> &'static [&'static str] {
                match self { $(Self::$field => &[$($(stringify!($ever)),+)?],)* }
            }

            /// Further fields that decide whether a document which may meet it meets it now.
            pub const fn now_by(self) -> &'static [&'static str] {
                match self { $(Self::$field => &[$($(stringify!($now)),+)?],)* }
            }
        }
    };
}

filters! {
    Status "status" takes Statuses of Clients.status | Payments.status | ChargingSessions.status, clock Ignored;
    /// Stations with an EVSE whose believed status is this one.
    Evse "evse" takes Text of Stations.evses, clock Followed, ever by removed_at, now by connection;
    Started "started" takes Period of ChargingSessions.start_date_time, clock Ignored;
    Ended "ended" takes Period of ChargingSessions.end_date_time, clock Ignored;
    /// Sessions that started at least so many hours ago.
    Running "running" takes Hours of ChargingSessions.start_date_time, clock Followed;
    Created "created" takes Period of Clients.created_at | Stations.created_at | Payments.created_at, clock Ignored;
    Captured "captured" takes Period of Payments.captured_at, clock Ignored;
    Currency "currency" takes Currency of Clients.currency | Payments.currency | ChargingSessions.currency, clock Ignored;
    Method "method" takes Text of Payments.method, clock Ignored;
    Station "station" takes Text of Stations.station_id | ChargingSessions.station_id, clock Ignored;
    Client "client" takes Text of Clients.client_id | Payments.client_id | ChargingSessions.client_id, clock Ignored;
    City "city" takes Text of Stations.city, clock Ignored;
    /// The hour of the week in which a session started.
    Slot "slot" takes HourOfWeek of ChargingSessions.start_date_time, clock Ignored;
}

impl FilterField {
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|part| part.name() == name)
    }

    /// The document field that it filters; `None` if the collection's documents have no such field.
    pub fn field(self, collection: Collection) -> Option<&'static str> {
        self.fields().iter().find(|(of, _)| *of == collection).map(|(_, field)| *field)
    }

    pub fn follows_clock(self) -> bool {
        self.clock() == ClockUse::Followed
    }

    /// Reads a value as it stands in an address.
    ///
    /// # Errors
    /// The reason, in words for the person who wrote the address.
    pub fn read(self, text: &str) -> Result<Criterion, BadChoice> {
        let takes = self.takes();
        let read = match takes {
            Takes::Statuses => statuses(text),
            Takes::Period => Period::parse(text).map(Criterion::Within),
            Takes::Hours => text.strip_suffix('h').and_then(number).filter(|hours| *hours > 0).map(Criterion::For),
            Takes::Currency => is_currency(text).then(|| Criterion::one_of([text])),
            Takes::HourOfWeek => slot(text).map(Criterion::In),
            Takes::Text => is_text(text).then(|| Criterion::one_of([text])),
        };
        read.ok_or_else(|| BadChoice(format!("“{}” cannot be “{}”: {}", self.name(), clip(text), takes.form())))
    }
}

impl Takes {
    const fn form(self) -> &'static str {
        match self {
            Self::Statuses => "give a status, or several with commas between them.",
            Self::Period => "give two dates such as 2018-06-14T23:00:00Z/2018-06-15T23:00:00Z, the earlier one first.",
            Self::Hours => "give hours such as 8h.",
            Self::Currency => "give a code such as GBP.",
            Self::HourOfWeek => "give day (Monday is 0), hour and zone such as 4.14@Europe/London.",
            Self::Text => "give a text of at most 128 bytes.",
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

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_MAX && !text.chars().any(char::is_control)
}

fn statuses(text: &str) -> Option<Criterion> {
    let codes: Vec<&str> = text.split(',').collect();
    (codes.len() <= STATUSES_MAX && codes.iter().all(|code| is_text(code))).then(|| Criterion::one_of(codes))
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
