//! What was seen in the documents of a collection: which fields they have, and of what kind the values are. Of values
//! themselves only status words are kept.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{
    Translation,
    convert::{self, Decimal},
    synonyms::plain,
};
use crate::domain::{collections::Collection, fields::Fields, time::UtcMs};

/// Distinct words of one field, at most: what has more is no status.
const WORDS_MAX: usize = 24;

#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub documents: u64,
    /// Our fields that have a value.
    pub ours: BTreeMap<String, Values>,
    /// Our fields that have a value which cannot be read.
    pub unread: BTreeMap<String, Values>,
    /// Fields of theirs that nothing reads, and those one level within them.
    pub theirs: BTreeMap<String, Values>,
}

/// The values of one field.
#[derive(Clone, Debug, Default)]
pub struct Values {
    pub documents: u64,
    pub numbers: u64,
    /// Numbers with a fraction.
    pub fractions: u64,
    /// Numbers from 1000 on, and from 10^11 on.
    pub thousands: u64,
    pub epoch_ms: u64,
    pub dates: u64,
    /// Dates written as RFC 3339 is not, such as without an offset.
    pub local_dates: u64,
    /// Texts that are neither numbers nor dates.
    pub texts: u64,
    /// Short texts and how often each stands, of a field that is called as a status is.
    pub words: BTreeMap<String, u64>,
}

impl Seen {
    /// Looks at a document: `all` its top-level fields, and the `row` that is read of it with what of that is `unreadable`.
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
        // A currency that is the network's is not the document's.
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

    /// The field with the status words that are read; a station's are its EVSEs'.
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
        if let Some(number) = Decimal::of(value) {
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

    /// Whether most documents have what is counted in `some`.
    pub const fn mostly(&self, some: u64) -> bool {
        some * 2 > self.documents
    }
}
