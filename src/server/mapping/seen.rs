//! What was seen in the documents of a collection: which fields they have, and of what kind the values are. Only
//! status words are kept of the values themselves.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "counts of what was looked at"))]

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{
    Translation,
    convert::{self, DecimalNumber},
    synonyms::plain,
};
use crate::domain::{collections::Collection, fields::Fields, time::UtcMs};

/// Maximum number of distinct words of one field. A field with more is no status.
const WORDS_MAX: usize = 24;

#[derive(Clone, Debug, Default)]
pub struct SeenValues {
    pub documents: u64,
    /// Our fields that have a value.
    pub ours: BTreeMap<String, Values>,
    /// Our fields that have a value which cannot be read.
    pub unread: BTreeMap<String, Values>,
    /// The operator's fields that nothing reads, and those one level within them.
    pub theirs: BTreeMap<String, Values>,
}

/// The values of one field.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub documents: u64,
    pub numbers: u64,
    /// Numbers with a fraction.
    pub fractions: u64,
    /// Numbers from 1000 on; `epoch_ms` counts those from 10^11 on.
    pub thousands: u64,
    pub epoch_ms: u64,
    pub dates: u64,
    /// Dates that are not as in RFC 3339, for example because they have no offset.
    pub local_dates: u64,
    /// Texts that are neither numbers nor dates.
    pub texts: u64,
    /// Short texts of a field that is named like a status, and how often each occurs.
    pub words: BTreeMap<String, u64>,
}

impl SeenValues {
    /// Looks at a document: `all` its top-level fields, the `row` that is read of it, and the fields of that which
    /// are `unreadable`.
    pub fn add(
        &mut self,
        collection: Collection,
        translation: Option<&Translation>,
        all: impl Iterator<Item = (String, Value)>,
        row: &Fields,
        unreadable: &[String],
    ) {
        self.documents += 1;
        let all: Vec<(String, Value)> = all.filter(|(_, value)| !value.is_null()).collect();
        // The row's currency counts only if the document has one, because it is the network's otherwise.
        let currency = translation.map_or("currency", |translation| translation.definition().path("currency"));
        let own = all.iter().any(|(name, _)| Some(name.as_str()) == currency.split('.').next());
        for (name, value) in row.iter().filter(|(name, value)| !value.is_null() && (own || *name != "currency")) {
            let of = if unreadable.contains(name) { &mut self.unread } else { &mut self.ours };
            of.entry(name.clone()).or_default().add(name, value);
        }
        if let Some(Value::Array(evses)) = row.get("evses") {
            let statuses = evses.iter().filter_map(|evse| evse.get("status")?.as_str());
            let of = self.ours.entry("evses".to_owned()).or_default();
            statuses.for_each(|status| of.word(status));
        }
        let is_read = |name: &str| match translation {
            Some(translation) => !translation.wanted(name).is_empty(),
            None => collection.shown_fields().any(|shown| shown == name),
        };
        for (name, value) in all.into_iter().filter(|(name, _)| !is_read(name)) {
            if let Value::Object(inner) = &value {
                for (part, value) in inner.iter().filter(|(_, value)| !value.is_null()) {
                    let path = format!("{name}.{part}");
                    self.theirs.entry(path.clone()).or_default().add(&path, value);
                }
            }
            self.theirs.entry(name.clone()).or_default().add(&name, &value);
        }
    }

    /// The values with the status words that are read. A station's are those of its EVSEs.
    pub fn status(&self, collection: Collection) -> Option<&Values> {
        self.ours.get(if collection == Collection::Stations { "evses" } else { "status" })
    }

    /// How many documents have a field of ours, readable or not.
    pub fn count(&self, ours: &str) -> u64 {
        [&self.ours, &self.unread].into_iter().filter_map(|of| of.get(ours)).map(|values| values.documents).sum()
    }
}

impl Values {
    fn add(&mut self, name: &str, value: &Value) {
        self.documents += 1;
        if let Some(number) = DecimalNumber::of(value) {
            self.numbers += 1;
            self.fractions += u64::from(!number.is_whole());
            self.thousands += u64::from(number.reaches(3));
            self.epoch_ms += u64::from(number.reaches(11));
        } else if let Some(text) = value.as_str() {
            if UtcMs::parse(text).is_some() {
                self.dates += 1;
            } else if convert::date(text, &TimeZone::UTC).is_some() {
                self.local_dates += 1;
            } else {
                self.texts += 1;
            }
            if ["status", "state"].iter().any(|end| plain(name).ends_with(end)) {
                self.word(text);
            }
        }
    }

    fn word(&mut self, text: &str) {
        if text.len() <= 32 && (self.words.len() < WORDS_MAX || self.words.contains_key(text)) {
            *self.words.entry(text.to_owned()).or_default() += 1;
        }
    }

    /// Whether more than half of the documents with this field have what is counted in `some`.
    pub const fn mostly(&self, some: u64) -> bool {
        some * 2 > self.documents
    }
}
