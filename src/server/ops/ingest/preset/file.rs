//! What a preset says about the file itself: the delimiter of its columns, and how much of the source it holds.

use serde::{Deserialize, Deserializer, de::Error};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    /// The delimiter between two columns; found from the header unless it is given.
    pub delimiter: Option<Delimiter>,
    pub holds: Holds,
    /// What happens to sessions of the dataset that a full export lacks.
    pub gone: WhenGone,
}

/// How much of the source a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Some sessions; what it lacks stays.
    #[default]
    Addition,
    /// All sessions of the dataset.
    Full,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenGone {
    /// They stay, are marked as no longer in the source, and count in no figure.
    #[default]
    Mark,
    Remove,
}

/// One ASCII character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiter(pub u8);

impl Delimiter {
    /// The delimiters that are tried in this order if the preset names none.
    pub const USUAL: [Self; 4] = [Self(b','), Self(b';'), Self(b'\t'), Self(b'|')];
}

impl<'de> Deserialize<'de> for Delimiter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(Self(*byte)),
            _ => Err(D::Error::custom(format!("`{text}` is not one character: write \";\" or \"\\t\""))),
        }
    }
}
