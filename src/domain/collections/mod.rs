//! The five collections: their names, and for each a table of all its fields.

mod client;
mod eco_stat;
mod payment;
pub mod schema;
mod session;
mod station;
pub mod table;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

pub use self::{
    client::Client,
    eco_stat::EcoStat,
    payment::Payment,
    session::Session,
    station::{Contact, Evse, Station, evse_number},
    table::{Kind, Mark, Order, Parts, Seen, Shown, see},
};

use self::table::{Entity, Field, Listed, Shape};
use super::{fields::Fields, ids::UnknownTopic};

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

    /// The collection's name in MongoDB, which is also the name of its topic.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Stations => "stations",
            Self::Payments => "payments",
            Self::ChargingSessions => "charging_sessions",
            Self::EcoStats => "eco_stats",
        }
    }

    /// Whether figures, charts and reports count its documents. Eco statistics have only a list.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::EcoStats)
    }

    /// The public name of the collection's event.
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

impl FromStr for Collection {
    type Err = UnknownTopic;

    fn from_str(name: &str) -> Result<Self, UnknownTopic> {
        Self::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| UnknownTopic(name.to_owned()))
    }
}

/// Evaluates an expression for a collection's entity.
macro_rules! each {
    ($collection:expr, $entity:ident => $says:expr) => {
        match $collection {
            Collection::Clients => {
                type $entity = Client;
                $says
            }
            Collection::Stations => {
                type $entity = Station;
                $says
            }
            Collection::Payments => {
                type $entity = Payment;
                $says
            }
            Collection::ChargingSessions => {
                type $entity = Session;
                $says
            }
            Collection::EcoStats => {
                type $entity = EcoStat;
                $says
            }
        }
    };
}

impl Collection {
    /// All fields of its data model, read or not.
    pub const fn fields(self) -> &'static [Field] {
        each!(self, E => E::FIELDS)
    }

    /// Fields that a document may have at its top level instead of within another document.
    pub const fn instead(self) -> &'static [Field] {
        each!(self, E => E::INSTEAD)
    }

    /// The parts of its documents that travel.
    pub const fn parts(self) -> Parts {
        each!(self, E => E::PARTS)
    }

    /// The parts of its documents from which the log's schema is made.
    pub const fn shape(self) -> &'static [Shape] {
        each!(self, E => E::SHAPE)
    }

    /// The names of the fields that travel.
    pub fn shown_fields(self) -> impl Iterator<Item = &'static str> {
        self.parts().iter().map(|(name, _)| *name)
    }

    /// A field of its data model, or one that a document may have instead.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().chain(self.instead()).find(|field| field.name == name)
    }

    /// What a field holds.
    pub fn kind(self, name: &str) -> Kind {
        self.field(name).map_or(Kind::Other, |field| field.kind)
    }

    pub fn is_marked(self, name: &str, mark: Mark) -> bool {
        self.field(name).is_some_and(|field| field.marks.contains(&mark))
    }

    /// The names of the fields that have a mark.
    pub fn marked(self, mark: Mark) -> impl Iterator<Item = &'static str> {
        self.fields().iter().filter(move |field| field.marks.contains(&mark)).map(|field| field.name)
    }

    /// Other systems' names of a field, the likeliest first.
    pub fn theirs(self, ours: &str) -> &'static [&'static str] {
        each!(self, E => E::THEIRS).iter().find(|(name, _)| *name == ours).map_or(&[], |(_, theirs)| theirs)
    }

    /// How its list is ordered.
    pub const fn order(self) -> Order {
        each!(self, E => E::ORDER)
    }

    /// How many rows its list shows.
    pub const fn shown(self) -> usize {
        match self {
            Self::Stations => 500,
            _ => 50,
        }
    }

    /// How many rows a snapshot holds: those shown and a reserve, so that a deletion does not cause a fetch at once.
    pub const fn fetched(self) -> usize {
        self.shown().saturating_add(25)
    }
}

/// The names of the fields of `collection`'s document that cannot be read.
pub fn unreadable(collection: Collection, fields: &Fields) -> Vec<String> {
    each!(collection, E => see::<E>(fields).unreadable)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{
        Shown::{Value, Values, Within},
        *,
    };
    use crate::domain::selection::FilterField;

    /// A document with a value in every field that is read.
    fn filled(parts: Parts) -> Map<String, serde_json::Value> {
        let of = |name: &str| match name.rsplit('_').next() {
            Some("at" | "time" | "since" | "updated" | "start") => json!("2026-01-01T00:00:00Z"),
            Some("minor" | "wh" | "w" | "end" | "attempts" | "count" | "g" | "ml" | "m" | "10y" | "power") => json!(7),
            Some("derived") => json!(true),
            _ => json!("1"),
        };
        let value = |(name, shown): (&str, Shown)| {
            let value = match shown {
                Value => of(name),
                Values => json!(["1"]),
                Within(parts) if ["source", "factors"].contains(&name) => filled(parts).into(),
                Within(parts) => json!([filled(parts)]),
            };
            (name.to_owned(), value)
        };
        parts.iter().copied().map(value).collect()
    }

    fn read(collection: Collection, fields: Map<String, serde_json::Value>) -> String {
        let fields: Fields = fields.into_iter().collect();
        each!(collection, E => format!("{:?}", see::<E>(&fields)))
    }

    /// The document without each of its fields in turn, with the path of the missing one.
    fn each_without(
        parts: Parts,
        of: &Map<String, serde_json::Value>,
    ) -> Vec<(String, Map<String, serde_json::Value>)> {
        let mut all = Vec::new();
        for (name, shown) in parts.iter().copied() {
            let mut without = of.clone();
            let value = without.remove(name).unwrap();
            all.push((name.to_owned(), without));
            let Within(parts) = shown else { continue };
            let (inner, is_list) = match &value {
                serde_json::Value::Array(items) => (items[0].as_object().unwrap(), true),
                value => (value.as_object().unwrap(), false),
            };
            for (path, inner) in each_without(parts, inner) {
                let mut without = of.clone();
                without.insert(name.to_owned(), if is_list { json!([inner]) } else { inner.into() });
                all.push((format!("{name}.{path}"), without));
            }
        }
        all
    }

    #[test]
    fn what_travels_is_what_is_read() {
        for collection in Collection::ALL {
            let parts = collection.parts();
            let all = filled(parts);
            let whole = read(collection, all.clone());
            assert!(!whole.contains("None") && whole.contains("unreadable: []"), "{collection} reads more: {whole}");
            for (path, without) in each_without(parts, &all) {
                let selects = FilterField::ALL.iter().any(|part| part.field(collection) == Some(path.as_str()));
                assert!(selects || read(collection, without) != whole, "nothing reads {path} of {collection}");
            }
        }
    }
}
