//! `[chargedeck.fields.<collection>]` -> definitions, and everything that is wrong in them.

use std::collections::BTreeMap;

use super::error::{SettingsError, file_source};
use crate::{
    domain::collections::Collection,
    server::mapping::{Definition, DefinitionFault},
};

/// The table's name within `[chargedeck]`.
pub(super) const TABLE: &str = "fields";

const SHAPE: &str = "must be a table of texts, such as { start_date_time = \"started_at\" }";

/// Reads every collection's table and notes what is wrong.
pub(super) fn read(fields: toml::Value, errors: &mut Vec<SettingsError>) -> BTreeMap<Collection, Definition> {
    let mut definitions = BTreeMap::new();
    let toml::Value::Table(collections) = fields else {
        errors.push(error(TABLE, TABLE, None, "must be tables, one for each collection"));
        return definitions;
    };
    for (name, content) in collections {
        let Ok(collection) = name.parse::<Collection>() else {
            let names = Collection::ALL.map(Collection::name).join(", ");
            errors.push(error(&name, TABLE, None, &format!("is no collection of ours: {names}")));
            continue;
        };
        let place = format!("{TABLE}.{collection}");
        let toml::Value::Table(parts) = content else {
            errors.push(error(&name, TABLE, None, "must be a table"));
            continue;
        };
        let definition = definition(parts, &place, errors);
        errors.extend(definition.wrong(collection).into_iter().map(|DefinitionFault { part, key, value, reason }| {
            error(&key, &format!("{place}.{part}"), Some(value), &reason)
        }));
        definitions.insert(collection, definition);
    }
    definitions
}

fn definition(parts: toml::Table, place: &str, errors: &mut Vec<SettingsError>) -> Definition {
    let mut definition = Definition::default();
    for (part, content) in parts {
        let table = match part.as_str() {
            "names" => &mut definition.names,
            "status" => &mut definition.status,
            "units" => &mut definition.units,
            "show" => {
                match texts(&content) {
                    Some(names) => definition.show = names,
                    None => errors.push(error("show", place, None, "must be a list of names")),
                }
                continue;
            }
            _ => {
                errors.push(error(&part, place, None, "must be names, status, units or show"));
                continue;
            }
        };
        match pairs(content) {
            Some(pairs) => *table = pairs,
            None => errors.push(error(&part, place, None, SHAPE)),
        }
    }
    definition
}

fn pairs(content: toml::Value) -> Option<BTreeMap<String, String>> {
    let toml::Value::Table(table) = content else { return None };
    table.into_iter().map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
}

fn texts(content: &toml::Value) -> Option<Vec<String>> {
    content.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

fn error(key: &str, table: &str, value: Option<String>, reason: &str) -> SettingsError {
    SettingsError { key: key.to_owned(), source: file_source(table), value, reason: reason.to_owned() }
}
