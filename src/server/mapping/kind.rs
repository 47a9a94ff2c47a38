//! The units in which an operator's fields may be measured, and the names and words that settings may map.

use crate::domain::{
    collections::{Collection, FieldKind, Shown},
    status::Connection,
};

impl FieldKind {
    /// The units in which a field of this kind may be measured; empty if there is nothing to convert.
    pub const fn units(self) -> &'static [Unit] {
        match self {
            Self::Money => &[Unit("minor", How::Times(1)), Unit("major", How::Major)],
            Self::Energy => {
                &[Unit("Wh", How::Times(1)), Unit("kWh", How::Times(1000)), Unit("MWh", How::Times(1_000_000))]
            }
            Self::Power => &[Unit("W", How::Times(1)), Unit("kW", How::Times(1000))],
            Self::Duration => &[
                Unit("s", How::Times(1)),
                Unit("min", How::Times(60)),
                Unit("h", How::Times(3600)),
                Unit("ms", How::Per(1000)),
            ],
            Self::Mass => &[Unit("g", How::Times(1)), Unit("kg", How::Times(1000)), Unit("t", How::Times(1_000_000))],
            Self::Volume => &[Unit("ml", How::Times(1)), Unit("l", How::Times(1000))],
            Self::Distance => &[Unit("m", How::Times(1)), Unit("km", How::Times(1000))],
            Self::Date => &[
                Unit("epoch_s", How::Epoch(1000)),
                Unit("epoch_ms", How::Epoch(1)),
                Unit("text", How::Text),
                Unit("text_local", How::LocalText),
            ],
            Self::Number | Self::Status | Self::Id | Self::Other => &[],
        }
    }

    pub fn unit(self, name: &str) -> Option<Unit> {
        self.units().iter().find(|unit| unit.name() == name).copied()
    }
}

/// A unit by the name that the settings give it, and how it becomes ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit(&'static str, How);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The currency's major unit.
    Major,
    /// One of theirs is this many of ours.
    Times(i64),
    /// One of ours is this many of theirs.
    Per(i64),
    /// A number since 1970, in units of this many milliseconds.
    Epoch(i64),
    /// A date as text. Without an offset it is in UTC, as in OCPI.
    Text,
    /// A date as text. Without an offset it is in the network's time zone.
    LocalText,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        self.0
    }

    pub const fn how(self) -> How {
        self.1
    }
}

/// The fields of ours that are read of a document of `collection`, and what of each is sent.
pub fn fields(collection: Collection) -> impl Iterator<Item = (&'static str, Shown)> {
    let instead = collection.instead().iter().map(|field| (field.name, Shown::Value));
    collection.parts().iter().copied().chain(instead)
}

/// The names of ours that settings may map, read or not.
pub fn names(collection: Collection) -> impl Iterator<Item = &'static str> {
    collection.fields().iter().chain(collection.instead()).map(|field| field.name)
}

/// The status words of a collection. A station's are those of its EVSEs and those of its connection.
pub fn words(collection: Collection) -> Vec<&'static str> {
    let mut words = collection.codes();
    if collection == Collection::Stations {
        words.extend(Connection::KNOWN.iter().filter(|c| **c != Connection::Unknown).map(Connection::code));
    }
    words
}
