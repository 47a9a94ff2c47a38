//! What a socket can subscribe to.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::{
    board::Board,
    collections::Collection,
    ids::{UnknownTopic, travels_as_text},
};

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
    /// The public name of the event that this topic's deltas are.
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

travels_as_text!(Topic);

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
