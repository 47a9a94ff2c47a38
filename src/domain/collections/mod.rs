//! The collections: their names, and for each a table of all its fields.

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
    table::{FieldKind, Mark, Order, Parts, Seen, Shown, see},
};

use self::table::{Entity, Field, Listed, Shape, Theirs};
use super::{
    fields::Fields,
    ids::UnknownTopic,
    status::{EvseStatus, States},
};

/// Makes [`Collection`] of lines such as `Collection "name in MongoDB" of Entity, event "public name", page "/address";`.
macro_rules! collections {
    ($($collection:ident $name:literal of $entity:ident, event $event:literal, page $page:literal;)+) => {
        /// A watched collection. The names are public: database, socket, API and pages share them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Collection {
            $($collection,)+
        }

        impl Collection {
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$collection),+];

            /// The collection's name in MongoDB, which is also the name of its topic.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$collection => $name,)+ }
            }

            /// The public name of the collection's event.
            pub const fn event(self) -> &'static str {
                match self { $(Self::$collection => $event,)+ }
            }

            /// The address of the collection's page.
            pub const fn page(self) -> &'static str {
                match self { $(Self::$collection => $page,)+ }
            }

            /// All fields of its data model, read or not.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Self::$collection => $entity::FIELDS,)+ }
            }

            /// Fields that a document may have at its top level instead of within another document.
            pub const fn instead(self) -> &'static [Field] {
                match self { $(Self::$collection => $entity::INSTEAD,)+ }
            }

            /// The parts of its documents that travel.
            pub const fn parts(self) -> Parts {
                match self { $(Self::$collection => $entity::PARTS,)+ }
            }

            /// The parts of its documents from which the log's schema is made.
            pub const fn shape(self) -> &'static [Shape] {
                match self { $(Self::$collection => $entity::SHAPE,)+ }
            }

            /// How its list is ordered.
            pub const fn order(self) -> Order {
                match self { $(Self::$collection => $entity::ORDER,)+ }
            }

            const fn own_states(self) -> States {
                match self { $(Self::$collection => $entity::STATES,)+ }
            }

            const fn names_of_others(self) -> Theirs {
                match self { $(Self::$collection => $entity::THEIRS,)+ }
            }
        }

        /// The names of the fields of `collection`'s document that cannot be read.
        pub fn unreadable(collection: Collection, fields: &Fields) -> Vec<String> {
            match collection { $(Collection::$collection => see::<$entity>(fields).unreadable,)+ }
        }

        /// All that is read of `collection`'s document.
        #[cfg(test)]
        fn read(collection: Collection, fields: &Fields) -> String {
            match collection { $(Collection::$collection => format!("{:?}", see::<$entity>(fields)),)+ }
        }
    };
}

collections! {
    Clients "clients" of Client, event "client_update", page "/clients";
    Stations "stations" of Station, event "station_update", page "/stations";
    Payments "payments" of Payment, event "payment_update", page "/payments";
    ChargingSessions "charging_sessions" of Session, event "charging_session_update", page "/sessions";
    EcoStats "eco_stats" of EcoStat, event "eco_stats_update", page "/eco";
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

impl Collection {
    /// Whether figures, charts and reports count its documents. Others have only a list.
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Clients | Self::Stations | Self::Payments | Self::ChargingSessions)
    }

    /// The standard's statuses of its documents; for stations, those of their EVSEs.
    pub const fn states(self) -> States {
        match self {
            Self::Stations => EvseStatus::STATES,
            _ => self.own_states(),
        }
    }

    /// The codes of these statuses.
    pub fn codes(self) -> Vec<&'static str> {
        self.states().iter().map(|(code, _)| *code).collect()
    }

    /// The field with the public id of its documents, which then is the table's first.
    pub const fn public_id(self) -> Option<&'static str> {
        match self.fields() {
            [Field { name, kind: FieldKind::Id, .. }, ..] => Some(*name),
            _ => None,
        }
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
    pub fn kind(self, name: &str) -> FieldKind {
        self.field(name).map_or(FieldKind::Other, |field| field.kind)
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
        self.names_of_others().iter().find(|(name, _)| *name == ours).map_or(&[], |(_, theirs)| theirs)
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::{Shown::Within, *};
    use crate::domain::selection::FilterField;

    /// A document with a value in every field that is read, of the kind that the table has for it.
    fn filled(shapes: &[Shape]) -> Map<String, serde_json::Value> {
        let value = |shape: &Shape| match shape.holds {
            ["Id" | "Text" | "Currency" | "Status", ..] => json!("1"),
            ["Texts"] => json!(["1"]),
            ["Date"] => json!("2026-01-01T00:00:00Z"),
            ["Money" | "Energy" | "Power" | "Mass" | "Volume" | "Distance" | "Number" | "Float"] => json!(7),
            ["Count"] => json!([{}]),
            ["Each", _] => json!([filled(shape.within)]),
            ["Strongest", _, ",", power] => json!([{*power: 7}]),
            ["Flag", _, ",", inner] => json!({*inner: true}),
            ["Within", _, ",", inner] => json!({*inner: "1"}),
            other => panic!("no value for {other:?}, which {} holds", shape.name),
        };
        shapes.iter().map(|shape| (shape.name.to_owned(), value(shape))).collect()
    }

    fn read(collection: Collection, fields: Map<String, serde_json::Value>) -> String {
        super::read(collection, &fields.into_iter().collect())
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
    fn a_table_begins_with_the_public_id() {
        assert_eq!(Collection::Payments.public_id(), Some("payment_id"));
        assert_eq!(Collection::EcoStats.public_id(), None, "others' ids may stand further down");
    }

    #[test]
    fn a_collection_has_one_name() {
        for collection in Collection::ALL {
            assert_eq!(serde_json::to_value(collection).unwrap(), collection.name());
            assert_eq!(collection.name().parse::<Collection>(), Ok(collection));
        }
    }

    #[test]
    fn what_travels_is_what_is_read() {
        for collection in Collection::ALL {
            let all = filled(collection.shape());
            let whole = read(collection, all.clone());
            assert!(!whole.contains("None") && whole.contains("unreadable: []"), "{collection} reads more: {whole}");
            for (path, without) in each_without(collection.parts(), &all) {
                let selects = FilterField::ALL.iter().any(|part| part.field(collection) == Some(path.as_str()));
                assert!(selects || read(collection, without) != whole, "nothing reads {path} of {collection}");
            }
        }
    }
}
