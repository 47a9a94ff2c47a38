//! Boards: values by name that are sent whole once, and afterwards only where they differ. Their names are topics of
//! the socket.

use std::{fmt, str::FromStr};

use super::{
    address::{BadChoice, clip},
    analytics::Query,
    collections::Collection,
    ids::UnknownTopic,
};

/// What a board shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Board {
    /// The Overview's figures, for the zone of an IANA name that the server checks.
    Overview(String),
    /// The newest events.
    Activity(Filter),
    /// The charts of a period.
    Analytics(Query),
    /// The last change that a report may show.
    Reported,
    /// The health of the pipeline itself.
    System,
}

/// The name of the value of [`Board::Reported`]: the position of that change.
pub const CHANGED: &str = "changed";
const ALL: &str = "all";
/// The name in addresses of the choice of events.
pub const OF: &str = "of";

impl Board {
    /// Whether it shows what the documents of a collection are now. Past events stay true, whatever happens later.
    pub fn reads(&self, collection: Collection) -> bool {
        match self {
            Self::Overview(_) | Self::Analytics(_) | Self::Reported => collection.is_counted(),
            Self::Activity(filter) => *filter == Filter::Of(collection),
            Self::System => false,
        }
    }

    /// The public name of the event that this board's deltas are.
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
    /// Events that a person may have to look into.
    Problems,
}

impl Filter {
    /// The filters on offer. The collections that people look at most come first.
    pub fn all() -> impl Iterator<Item = Self> {
        const FIRST: [Collection; 4] =
            [Collection::ChargingSessions, Collection::Payments, Collection::Stations, Collection::Clients];
        let others = Collection::ALL.into_iter().filter(|collection| !FIRST.contains(collection));
        [Self::All, Self::Problems].into_iter().chain(FIRST.into_iter().chain(others).map(Self::Of))
    }

    /// Its name in addresses and topics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Of(collection) => collection.name(),
            Self::Problems => "problems",
        }
    }

    /// Reads the choice from an address's names and values. Without one it is every event.
    ///
    /// # Errors
    /// The reason, in words for the person who wrote the address.
    pub fn read(pairs: &mut dyn Iterator<Item = (String, String)>) -> Result<Self, BadChoice> {
        let mut filter = Self::All;
        for (name, value) in pairs {
            if name != OF {
                return Err(BadChoice::unknown(&name));
            }
            let known = || Self::all().map(Self::name).collect::<Vec<_>>().join(", ");
            let unknown = || BadChoice(format!("No events are called “{}”: choose one of {}.", clip(&value), known()));
            filter = Self::of_name(&value).ok_or_else(unknown)?;
        }
        Ok(filter)
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::all().find(|filter| filter.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_events_is_read_or_said_why_not() {
        let read = |pairs: &[(&str, &str)]| {
            Filter::read(&mut pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        };
        assert_eq!(read(&[]), Ok(Filter::All));
        assert_eq!(read(&[("of", "payments")]), Ok(Filter::Of(Collection::Payments)));
        assert!(read(&[("of", "users")]).unwrap_err().0.contains("“users”"));
        assert!(
            read(&[("status", "FAILED")]).unwrap_err().0.contains("“status”"),
            "no filter is passed over in silence"
        );
    }
}
