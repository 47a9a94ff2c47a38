//! Boards: values by name that are sent whole once, and then as what differs. Their names are topics of the socket.

use std::{fmt, str::FromStr};

use super::{
    analytics::Query,
    ids::{Collection, UnknownTopic},
};

/// What a board shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Board {
    /// The Overview's figures. With an IANA zone name, checked by the server.
    Overview(String),
    /// The newest events.
    Activity(Filter),
    /// A period's course.
    Analytics(Query),
    /// When something last changed that a report may show.
    Reported,
    /// The road's own health.
    System,
}

/// The value of [`Board::Reported`]: the position of that change.
pub const CHANGED: &str = "changed";
const ALL: &str = "all";

impl Board {
    /// The public name of the event that a delta of this board is.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Overview(_) => "overview",
            Self::Activity(_) => "activity",
            Self::Analytics(_) => "analytics",
            Self::Reported => "reports",
            Self::System => "system",
        }
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overview(zone) => write!(f, "overview?zone={zone}"),
            Self::Activity(filter) => write!(f, "activity?of={}", filter.name()),
            Self::Analytics(query) => write!(f, "analytics?{query}"),
            Self::Reported => write!(f, "reports?{CHANGED}"),
            Self::System => write!(f, "system?{ALL}"),
        }
    }
}

impl FromStr for Board {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        let unknown = || UnknownTopic(name.to_owned());
        match name.split_once('?').ok_or_else(unknown)? {
            ("overview", query) => {
                let zone = query.strip_prefix("zone=").filter(|zone| !zone.is_empty() && zone.len() <= 64);
                zone.map(|zone| Self::Overview(zone.to_owned())).ok_or_else(unknown)
            }
            ("activity", query) => {
                let filter = query.strip_prefix("of=").and_then(Filter::of_name);
                filter.map(Self::Activity).ok_or_else(unknown)
            }
            ("analytics", query) => query.parse().map(Self::Analytics),
            ("reports", CHANGED) => Ok(Self::Reported),
            ("system", ALL) => Ok(Self::System),
            _ => Err(unknown()),
        }
    }
}

/// Which events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Filter {
    #[default]
    All,
    Of(Collection),
    /// What someone may have to look after.
    Problems,
}

impl Filter {
    /// The filters on offer.
    pub const ALL: [Self; 7] = [
        Self::All,
        Self::Problems,
        Self::Of(Collection::ChargingSessions),
        Self::Of(Collection::Payments),
        Self::Of(Collection::Stations),
        Self::Of(Collection::Clients),
        Self::Of(Collection::EcoStats),
    ];

    /// Its name in addresses and topics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Of(collection) => collection.name(),
            Self::Problems => "problems",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }
}
