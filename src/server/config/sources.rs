//! Where a setting's text comes from (environment, file, default), and the list of errors in the settings.

use std::collections::BTreeMap;

use super::{
    DEFAULT_FILE,
    error::{SettingsError, SettingsErrors},
    fields,
    parse::mask,
};
use crate::{
    domain::collections::Collection,
    server::{config::error::file_source, mapping::Definition},
};

/// One setting: its environment variable, its place in the file, and its default (`None`: it must be given).
#[derive(Clone, Copy)]
pub(super) struct SettingKey {
    env: &'static str,
    table: &'static str,
    name: &'static str,
    default: Option<&'static str>,
}

impl SettingKey {
    pub(super) const fn new(
        env: &'static str,
        table: &'static str,
        name: &'static str,
        default: Option<&'static str>,
    ) -> Self {
        Self { env, table, name, default }
    }
}

pub(super) struct Sources<'a> {
    env: &'a BTreeMap<String, String>,
    chargedeck: toml::Table,
    /// `[chargedeck.fields]`, whose keys are the operator's.
    fields: Option<toml::Value>,
    errors: Vec<SettingsError>,
}

impl<'a> Sources<'a> {
    /// Parses the file and notes every key in `[chargedeck]` that is not among `known`, because a misspelt key would
    /// leave its default in force silently.
    pub(super) fn new(
        toml_text: &str,
        env: &'a BTreeMap<String, String>,
        known: &[SettingKey],
    ) -> Result<Self, SettingsErrors> {
        let mut file: toml::Table = toml_text.parse().map_err(|error: toml::de::Error| SettingsError {
            key: DEFAULT_FILE.into(),
            source: "file".into(),
            value: None,
            reason: format!("is not TOML: {}", error.message()),
        })?;
        let mut chargedeck = match file.remove("chargedeck") {
            Some(toml::Value::Table(table)) => table,
            Some(other) => return Err(unknown("chargedeck", "", Some(&other)).into()),
            None => toml::Table::new(),
        };
        let fields = chargedeck.remove(fields::TABLE);
        let errors = unknown_keys(&chargedeck, known);
        Ok(Self { env, chargedeck, fields, errors })
    }

    /// How documents are mapped. Wrong parts are noted and left out.
    pub(super) fn definitions(&mut self) -> BTreeMap<Collection, Definition> {
        self.fields.take().map(|fields| fields::read(fields, &mut self.errors)).unwrap_or_default()
    }

    pub(super) fn read<T>(&mut self, key: &SettingKey, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let found = self.find(key).or_else(|| Some(("default".into(), key.default?.to_owned())));
        self.parse(key, found, parse)
    }

    /// As [`read`](Self::read), with a default that depends on another setting.
    pub(super) fn read_or<T>(
        &mut self,
        key: &SettingKey,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let found = self.find(key).unwrap_or_else(|| ("default".into(), default.to_owned()));
        self.parse(key, Some(found), parse)
    }

    /// Notes that a setting, valid by itself, conflicts with another.
    pub(super) fn refuse(&mut self, key: &SettingKey, reason: &str) {
        let (source, value) =
            self.find(key).unwrap_or_else(|| ("default".into(), key.default.unwrap_or_default().to_owned()));
        self.note(key, source, Some(&value), reason.to_owned());
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, SettingsErrors> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(SettingsErrors(self.errors)),
        }
    }

    fn parse<T>(
        &mut self,
        key: &SettingKey,
        found: Option<(String, String)>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some((source, text)) = found else {
            let reason = format!("is missing: set it there, or {} in the environment", key.env);
            self.note(key, file_source(key.table), None, reason);
            return None;
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.note(key, source, Some(&text), reason);
                None
            }
        }
    }

    /// Source and text. An empty variable counts as unset, because compose files and shells write unset ones so.
    fn find(&self, key: &SettingKey) -> Option<(String, String)> {
        if let Some(text) = self.env.get(key.env).filter(|text| !text.is_empty()) {
            return Some((ENVIRONMENT.into(), text.clone()));
        }
        let text = match self.chargedeck.get(key.table)?.get(key.name)? {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((file_source(key.table), text))
    }

    fn note(&mut self, key: &SettingKey, source: String, value: Option<&str>, reason: String) {
        let name = if source.starts_with(DEFAULT_FILE) { key.name } else { key.env };
        self.errors.push(SettingsError { key: name.into(), source, value: value.map(mask), reason });
    }
}

const ENVIRONMENT: &str = "environment";

fn unknown_keys(chargedeck: &toml::Table, known: &[SettingKey]) -> Vec<SettingsError> {
    let mut errors = Vec::new();
    for (table, content) in chargedeck {
        match content {
            toml::Value::Table(keys) if known.iter().any(|key| key.table == table) => {
                let strange =
                    keys.iter().filter(|(name, _)| !known.iter().any(|k| k.table == table && k.name == *name));
                errors.extend(strange.map(|(name, value)| unknown(name, table, Some(value))));
            }
            toml::Value::Table(_) => errors.push(unknown(table, "", None)),
            other => errors.push(unknown(table, "", Some(other))),
        }
    }
    errors
}

fn unknown(name: &str, table: &str, value: Option<&toml::Value>) -> SettingsError {
    let source = if table.is_empty() { format!("{DEFAULT_FILE} [chargedeck]") } else { file_source(table) };
    // A misspelt key may hold a secret that no mask recognises.
    let value = value.map(|_| "…".to_owned());
    SettingsError { key: name.into(), source, value, reason: "is not a setting of ChargeDeck: is it misspelt?".into() }
}
