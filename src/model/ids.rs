//! Names of what is watched and of what a socket can subscribe to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::board::Board;

/// One of the five watched collections. The names are public: database, socket, API and pages share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    Clients,
    Stations,
    Payments,
    ChargingSessions,
    EcoStats,
}

impl Collection {
    pub const ALL: [Self; 5] = [Self::Clients, Self::Stations, Self::Payments, Self::ChargingSessions, Self::EcoStats];

    /// The collection's name in MongoDB, which is also its topic's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Stations => "stations",
            Self::Payments => "payments",
            Self::ChargingSessions => "charging_sessions",
            Self::EcoStats => "eco_stats",
        }
    }

    /// Whether figures, charts and reports are counted of its documents; of eco statistics there is a list alone.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::EcoStats)
    }

    /// The event's public name.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Clients => "client_update",
            Self::Stations => "station_update",
            Self::Payments => "payment_update",
            Self::ChargingSessions => "charging_session_update",
            Self::EcoStats => "eco_stats_update",
        }
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no topic.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no topic is called “{0}”")]
pub struct UnknownTopic(pub String);

impl FromStr for Collection {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| UnknownTopic(name.to_owned()))
    }
}

/// What a socket subscribes to: a collection's changes, or a board.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Topic {
    Collection(Collection),
    Board(Board),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collection(c) => c.fmt(f),
            Self::Board(board) => board.fmt(f),
        }
    }
}

impl Topic {
    /// The public name of the event that a delta of this topic is.
    pub const fn event(&self) -> &'static str {
        match self {
            Self::Collection(c) => c.event(),
            Self::Board(board) => board.event(),
        }
    }
}

impl FromStr for Topic {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        if name.contains('?') { name.parse().map(Self::Board) } else { name.parse().map(Self::Collection) }
    }
}

impl TryFrom<String> for Topic {
    type Error = UnknownTopic;

    fn try_from(name: String) -> Result<Self, UnknownTopic> {
        name.parse()
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.to_string()
    }
}

/// A document's `_id` as text: an ObjectId's hex digits, any other value in canonical extended JSON,
/// so that two different `_id`s never read the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocId(pub String);

impl fmt::Display for DocId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_what_they_write() {
        for name in [
            "clients",
            "charging_sessions",
            "overview?zone=Europe/London",
            "activity?of=problems",
            "analytics?last=7d&by=day&against=before&zone=Europe/London",
            "reports?changed",
            "system?all",
        ] {
            assert_eq!(name.parse::<Topic>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "users",
            "overview",
            "overview?zone=",
            "activity?of=users",
            "analytics?last=7d",
            "reports?",
            "system?",
            "x?of=all",
        ] {
            assert!(name.parse::<Topic>().is_err(), "{name}");
        }
    }
}
