//! Names of what is watched, and documents' ids.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

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
