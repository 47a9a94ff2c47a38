//! Errors in the settings, worded so that the reader knows where to look and what to write there.

use std::{fmt, io, path::Path};

/// The file that is read if no other is named.
pub const DEFAULT_FILE: &str = "Leptos.toml";

pub(super) fn file_source(table: &str) -> String {
    format!("{DEFAULT_FILE} [chargedeck.{table}]")
}

/// One wrong setting. Its value is masked before it gets here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// The setting, by the name that its source gives it.
    pub key: String,
    /// Where the value came from: `environment`, `Leptos.toml [chargedeck.network]` or `default`.
    pub source: String,
    /// The value as given, without its passwords; `None` if it is missing.
    pub value: Option<String>,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl SettingsError {
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self {
            key: path.display().to_string(),
            source: "file".into(),
            value: None,
            reason: format!("cannot be read: {error}"),
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.key, self.source)?;
        if let Some(value) = &self.value {
            write!(f, " = {value:?}")?;
        }
        write!(f, "\n    {}", self.reason)
    }
}

/// All wrong settings; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsErrors(pub Vec<SettingsError>);

impl std::error::Error for SettingsErrors {}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "ChargeDeck cannot start: one setting is wrong.")?,
            n => write!(f, "ChargeDeck cannot start: {n} settings are wrong.")?,
        }
        for error in &self.0 {
            write!(f, "\n\n  {error}")?;
        }
        Ok(())
    }
}
