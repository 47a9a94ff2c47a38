//! What our fields measure, told by their names, and the units in which an operator's may be measured instead.

use crate::domain::{
    ids::Collection,
    shown::{Shown, travelling},
    status::{ClientStatus, Connection, EvseStatus, PaymentStatus, SessionStatus},
};

/// What a field of ours holds, where that decides how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Money,
    Energy,
    Power,
    Duration,
    Mass,
    Volume,
    Distance,
    Date,
    Number,
    Status,
    /// A public id: a text, which others write as a number.
    Id,
    /// A text, or a document of its own shape.
    Other,
}

impl Kind {
    pub fn of(field: &str) -> Self {
        match field {
            "max_electric_power" => Self::Power,
            "period_start" | "last_updated" => Self::Date,
            "status" | "connection" | "charging_state" => Self::Status,
            "soc_start" | "soc_end" | "attempts" | "session_count" | "trees_10y" => Self::Number,
            "evse_uid" => Self::Id,
            _ => match field.rsplit_once('_').map(|(_, last)| last) {
                Some("minor") => Self::Money,
                Some("wh") => Self::Energy,
                Some("w") => Self::Power,
                Some("s") => Self::Duration,
                Some("g") => Self::Mass,
                Some("ml") => Self::Volume,
                Some("m") => Self::Distance,
                Some("at" | "time") => Self::Date,
                Some("id") => Self::Id,
                _ => Self::Other,
            },
        }
    }

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

/// Fields that a station of one outlet has itself where ours have them in `evses`.
pub const STATION_AS_EVSE: [&str; 2] = ["status", "max_electric_power"];

/// The fields of ours that are read of a document of `collection`, and what of each travels.
pub fn fields(collection: Collection) -> impl Iterator<Item = (&'static str, Shown)> {
    travelling(collection.parts()).chain(more(collection).iter().map(|name| (*name, Shown::Value)))
}

/// The names of ours that settings may map, read or not.
pub fn names(collection: Collection) -> impl Iterator<Item = &'static str> {
    collection.parts().iter().map(|(name, _)| *name).chain(more(collection).iter().copied())
}

fn more(collection: Collection) -> &'static [&'static str] {
    if collection == Collection::Stations { &STATION_AS_EVSE } else { &[] }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that is added to a collection shows here what it is taken for.
    #[test]
    fn names_tell_what_is_measured() {
        let kinds = |kind| -> Vec<&str> {
            let mut all: Vec<_> = Collection::ALL.into_iter().flat_map(names).filter(|n| Kind::of(n) == kind).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        assert_eq!(kinds(Kind::Energy), ["energy_wh", "meter_start_wh", "meter_stop_wh"]);
        assert_eq!(kinds(Kind::Power), ["max_electric_power", "max_power_w", "power_w"]);
        assert_eq!(kinds(Kind::Duration), ["total_parking_time_s", "total_time_s"]);
        assert_eq!(kinds(Kind::Mass), ["co2_avoided_g", "co2_grid_g", "co2_ice_g"]);
        assert_eq!((kinds(Kind::Volume), kinds(Kind::Distance)), (vec!["petrol_ml"], vec!["km_electric_m"]));
        assert_eq!(kinds(Kind::Money).len(), 7);
        assert_eq!(kinds(Kind::Date).len(), 12);
        assert_eq!(kinds(Kind::Id).len(), 8);
        assert_eq!(kinds(Kind::Status), ["charging_state", "connection", "status"]);
    }
}
