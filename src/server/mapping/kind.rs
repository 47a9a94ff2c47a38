//! The units in which an operator's fields may be measured, and the names and words that settings may map.

use crate::domain::{
    collections::{Collection, Kind, Shown},
    status::{ClientStatus, Connection, EvseStatus, PaymentStatus, SessionStatus},
};

impl Kind {
    /// The units in which a field of this kind may be measured; none where there is nothing to convert.
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
    /// So many of ours are one of theirs.
    Times(i64),
    /// So many of theirs are one of ours.
    Per(i64),
    /// A number since 1970, of which one is so many milliseconds.
    Epoch(i64),
    /// A date written out, in UTC where it has no offset, as OCPI has it.
    Text,
    /// A date written out, by the network's clocks where it has no offset.
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

/// The fields of ours that are read of a document of `collection`, and what of each travels.
pub fn fields(collection: Collection) -> impl Iterator<Item = (&'static str, Shown)> {
    let instead = collection.instead().iter().map(|field| (field.name, Shown::Value));
    collection.parts().iter().copied().chain(instead)
}

/// The names of ours that settings may map, read or not.
pub fn names(collection: Collection) -> impl Iterator<Item = &'static str> {
    collection.fields().iter().chain(collection.instead()).map(|field| field.name)
}

/// The status words of a collection. A station's are its EVSEs', and whether it is connected.
pub fn words(collection: Collection) -> Vec<&'static str> {
    match collection {
        Collection::Clients => ClientStatus::KNOWN.iter().map(ClientStatus::code).collect(),
        Collection::Payments => PaymentStatus::KNOWN.iter().map(PaymentStatus::code).collect(),
        Collection::ChargingSessions => SessionStatus::KNOWN.iter().map(SessionStatus::code).collect(),
        Collection::Stations => {
            let connected = Connection::KNOWN.iter().filter(|c| **c != Connection::Unknown).map(Connection::code);
            EvseStatus::KNOWN.iter().map(EvseStatus::code).chain(connected).collect()
        }
        Collection::EcoStats => Vec::new(),
    }
}
