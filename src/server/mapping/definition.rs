//! What the settings say of one collection, what is wrong with it, and how it is written.

use std::{collections::BTreeMap, fmt::Write};

use super::kind::{fields, names, words};
use crate::domain::collections::Collection;

/// `[chargedeck.fields.<collection>]`, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// Our field = where it is in theirs: a name, or a path with dots.
    pub names: BTreeMap<String, String>,
    /// Their status word = ours.
    pub status: BTreeMap<String, String>,
    /// Our field = the unit in which theirs is.
    pub units: BTreeMap<String, String>,
    /// The operator's own fields that shall be shown, for which we have no name.
    pub show: Vec<String>,
}

/// Something wrong in a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionFault {
    /// `names`, `status`, `units` or `show`.
    pub part: &'static str,
    pub key: String,
    pub value: String,
    pub reason: String,
}

impl Definition {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.status.is_empty() && self.units.is_empty() && self.show.is_empty()
    }

    /// The path of a field of ours in the operator's documents.
    pub fn path<'a>(&'a self, ours: &'a str) -> &'a str {
        self.names.get(ours).map_or(ours, String::as_str)
    }

    /// The paths of everything that may be read.
    pub fn paths(&self, collection: Collection) -> impl Iterator<Item = String> {
        fields(collection).map(|(name, _)| self.path(name).to_owned()).chain(self.show.iter().cloned())
    }

    /// All that is wrong.
    pub fn wrong(&self, collection: Collection) -> Vec<DefinitionFault> {
        let mut all = Vec::new();
        let mut note = |part, key: &str, value: &str, reason: String| {
            all.push(DefinitionFault { part, key: key.to_owned(), value: value.to_owned(), reason });
        };
        let is_ours = |name: &str| names(collection).any(|ours| ours == name);
        for (ours, theirs) in &self.names {
            if !is_ours(ours) {
                note("names", ours, theirs, format!("is no field of ours in {collection}: ours = theirs"));
            } else if !is_path(theirs) {
                note("names", ours, theirs, NO_PATH.to_owned());
            }
        }
        let words = words(collection);
        for (theirs, ours) in &self.status {
            if words.is_empty() {
                note("status", theirs, ours, format!("{collection} have no status"));
            } else if !words.contains(&ours.as_str()) {
                note("status", theirs, ours, format!("must be one of {}: theirs = ours", words.join(", ")));
            }
        }
        for (ours, unit) in &self.units {
            let units: Vec<_> = collection.kind(ours).units().iter().map(|unit| unit.name()).collect();
            if !is_ours(ours) {
                note("units", ours, unit, format!("is no field of ours in {collection}"));
            } else if units.is_empty() {
                note("units", ours, unit, "has no unit".to_owned());
            } else if !units.contains(&unit.as_str()) {
                note("units", ours, unit, format!("must be one of {}", units.join(", ")));
            }
        }
        for path in self.show.iter().filter(|path| !is_path(path)) {
            note("show", path, path, NO_PATH.to_owned());
        }
        all
    }

    /// The definition as the settings have it. Read again, it is the same.
    pub fn to_toml(&self, collection: Collection) -> String {
        let mut text = format!("[chargedeck.fields.{collection}]\n");
        if !self.show.is_empty() {
            let names: Vec<_> = self.show.iter().map(|name| quoted(name)).collect();
            let _infallible = writeln!(text, "show = [{}]", names.join(", "));
        }
        for (part, lines) in [("names", &self.names), ("units", &self.units), ("status", &self.status)] {
            if lines.is_empty() {
                continue;
            }
            let _infallible = writeln!(text, "[chargedeck.fields.{collection}.{part}]");
            for (key, value) in lines {
                let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                let key = if bare { key.clone() } else { quoted(key) };
                let _infallible = writeln!(text, "{key} = {}", quoted(value));
            }
        }
        text
    }
}

const NO_PATH: &str = "must be a field's name, or names with dots between them for one within another";

fn is_path(text: &str) -> bool {
    text.len() <= 256 && text.split('.').all(|part| !part.is_empty() && !part.starts_with('$') && !part.contains('\0'))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
