//! Maps an operator's names, status words and units to ours: `[chargedeck.fields.<collection>]`.
//!
//! [`Definition`] is what the settings say. [`Mapping`] is what every reader uses. [`mod@suggest`] makes a definition
//! from what was [`SeenValues`] in documents. No I/O; `mongo::documents` takes values out of BSON.
//!
//! A field that is neither ours, nor mapped to one of ours, nor named in `show` is never asked of MongoDB.

mod common;
mod convert;
mod definition;
mod kind;
mod seen;
mod suggest;
mod synonyms;
mod translate;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::tz::TimeZone;

pub use convert::integral;
pub use definition::{Definition, DefinitionFault};
pub use kind::words;
pub use seen::SeenValues;
pub use suggest::{Suggestion, suggest};

use crate::domain::{
    collections::{Collection, Shown},
    fields::Fields,
    money::Currency,
};
use kind::{Unit, fields, names};

/// How the documents of all collections are read; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Mapping(Arc<MappingTables>);

#[derive(Debug, Default)]
struct MappingTables {
    /// Translations of the collections whose documents are not as ours.
    translations: BTreeMap<Collection, Translation>,
    /// The currency of an amount without one, if it is known.
    currency: Option<Currency>,
}

/// How the documents of one collection are read.
#[derive(Clone, Debug)]
pub struct Translation {
    collection: Collection,
    definition: Definition,
    /// The wanted values of a document, by the top-level field that holds them.
    wanted: HashMap<String, Vec<FieldPath>>,
    units: Vec<(&'static str, Unit)>,
    /// The time zone of a date without an offset.
    zone: TimeZone,
}

/// A value that is wanted of a document: where it goes, and where it is within the top-level field.
#[derive(Clone, Debug)]
pub struct FieldPath {
    pub to: To,
    pub within: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum To {
    /// A field of ours, and what of it is sent.
    Field(&'static str, Shown),
    /// One of the other fields, under the operator's name.
    Other(String),
}

impl Mapping {
    /// The definitions must have nothing [`Definition::wrong`], because wrong parts are left out.
    pub fn new(definitions: BTreeMap<Collection, Definition>, currency: &Currency, zone: &TimeZone) -> Self {
        let translation =
            |(collection, definition)| (collection, Translation::new(collection, definition, zone.clone()));
        let translations = definitions.into_iter().filter(|(_, d)| !d.is_empty()).map(translation).collect();
        Self(Arc::new(MappingTables { translations, currency: Some(currency.clone()) }))
    }

    pub fn of(&self, collection: Collection) -> Option<&Translation> {
        self.0.translations.get(&collection)
    }

    /// The network's currency, in which amounts without one are read.
    pub fn currency(&self) -> Option<&Currency> {
        self.0.currency.as_ref()
    }

    /// Makes a row of ours from the values under our names.
    pub fn row(&self, collection: Collection, mut row: Fields) -> Fields {
        common::ids(collection, &mut row);
        let currency = common::currency(collection, self.currency(), &mut row);
        match (self.of(collection), currency) {
            (Some(translation), Some(currency)) => translation.translate(row, &currency),
            _ => row,
        }
    }

    /// The collections whose documents are mapped.
    pub fn collections(&self) -> impl Iterator<Item = Collection> {
        self.0.translations.keys().copied()
    }

    /// Where a field of ours is in the documents of MongoDB.
    pub fn path<'a>(&'a self, collection: Collection, ours: &'a str) -> &'a str {
        self.of(collection).map_or(ours, |translation| translation.definition.path(ours))
    }

    /// The operator's word for a status of ours. This is the inverse of reading it.
    ///
    /// # Errors
    /// A sentence, if the settings map status words but name none for this one, or several.
    pub fn word(&self, collection: Collection, ours: &str) -> Result<String, String> {
        let Some(translation) = self.of(collection).filter(|translation| !translation.definition.status.is_empty())
        else {
            return Ok(ours.to_owned());
        };
        let words = translation.definition.status.iter().filter(|(_, word)| *word == ours).map(|(theirs, _)| theirs);
        let words: Vec<&String> = words.collect();
        match words[..] {
            [word] => Ok(word.clone()),
            [] => Err(format!(
                "The settings name none of your status words for {ours}: add it under [chargedeck.fields.{collection}.status]."
            )),
            [first, second, ..] => Err(format!(
                "The settings read both “{first}” and “{second}” as {ours}, so it cannot be told which is to be written."
            )),
        }
    }

    /// All paths that are asked of MongoDB. None is within another, because MongoDB refuses to project both.
    pub fn paths(&self, collections: &[Collection]) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        for collection in collections {
            match self.of(*collection) {
                None => paths.extend(collection.shown_fields().map(str::to_owned)),
                Some(translation) => paths.extend(translation.definition.paths(*collection)),
            }
        }
        let is_outer = |path: &String| !path.match_indices('.').any(|(dot, _)| paths.contains(&path[..dot]));
        paths.iter().filter(|path| is_outer(path)).cloned().collect()
    }

    /// A text that is the same for the same mapping and currency. Rows read by another one cannot be continued.
    pub fn fingerprint(&self) -> String {
        let parts = self.0.translations.iter().map(|(collection, t)| {
            format!("{} {}\n", t.definition.to_toml(*collection), t.zone.iana_name().unwrap_or("UTC"))
        });
        parts.chain(self.currency().map(ToString::to_string)).collect()
    }
}

impl Translation {
    fn new(collection: Collection, definition: Definition, zone: TimeZone) -> Self {
        let mut wanted: HashMap<String, Vec<FieldPath>> = HashMap::new();
        let fields = fields(collection).map(|(name, shown)| (To::Field(name, shown), definition.path(name).to_owned()));
        let shown = definition.show.iter().map(|path| (To::Other(path.clone()), path.clone()));
        for (to, path) in fields.chain(shown) {
            let mut parts = path.split('.').map(str::to_owned);
            if let Some(first) = parts.next() {
                wanted.entry(first).or_default().push(FieldPath { to, within: parts.collect() });
            }
        }
        let unit = |name| Some((name, collection.kind(name).unit(definition.units.get(name)?)?));
        let units = names(collection).filter_map(unit).collect();
        Self { collection, definition, wanted, units, zone }
    }

    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Whether the operator's field is in another unit than ours.
    pub fn measures(&self, ours: &str) -> bool {
        self.definition.units.contains_key(ours)
    }

    /// Their status words that read as one of ours. A word of ours may stand in their documents, too.
    pub fn theirs(&self, ours: &[String]) -> Vec<String> {
        let mapped = self.definition.status.iter().filter(|(_, word)| ours.contains(word)).map(|(theirs, _)| theirs);
        mapped.chain(ours).cloned().collect()
    }

    /// What is wanted of a top-level field.
    pub fn wanted(&self, field: &str) -> &[FieldPath] {
        self.wanted.get(field).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(names: &[(&str, &str)], show: &[&str]) -> Mapping {
        let definition = Definition {
            names: names.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect(),
            show: show.iter().map(|s| (*s).to_owned()).collect(),
            ..Definition::default()
        };
        Mapping::new([(Collection::Payments, definition)].into(), &Currency("GBP".into()), &TimeZone::UTC)
    }

    #[test]
    fn only_what_is_ours_mapped_or_shown_is_asked_for() {
        let mapped = mapping(&[("client_id", "user.id"), ("amount_minor", "amount")], &["user.nick"]);
        let paths = mapped.paths(&[Collection::Payments]);
        for path in ["user.id", "user.nick", "amount", "status"] {
            assert!(paths.contains(path), "{path}");
        }
        for path in ["client_id", "amount_minor", "user", "password"] {
            assert!(!paths.contains(path), "{path}");
        }
        assert_eq!(mapped.path(Collection::Payments, "amount_minor"), "amount");
        assert_eq!(mapped.path(Collection::Clients, "client_id"), "client_id");
    }

    #[test]
    fn a_path_within_another_is_asked_for_once() {
        let paths = mapping(&[("client_id", "source.user.id")], &["source"]).paths(&Collection::ALL);
        assert!(paths.contains("source") && !paths.contains("source.user.id"));
    }

    #[test]
    fn without_a_definition_names_are_ours() {
        let none = Mapping::new(
            [(Collection::Clients, Definition::default())].into(),
            &Currency("GBP".into()),
            &TimeZone::UTC,
        );
        assert!(none.of(Collection::Clients).is_none());
        let euros = Mapping::new(BTreeMap::new(), &Currency("EUR".into()), &TimeZone::UTC);
        assert_ne!(none.fingerprint(), euros.fingerprint(), "amounts without a currency read otherwise");
        let ours: BTreeSet<String> = Collection::Clients.shown_fields().map(str::to_owned).collect();
        assert_eq!(none.paths(&[Collection::Clients]), ours);
    }
}
