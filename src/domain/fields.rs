//! A document as it travels: its shown top-level fields in JSON, read leniently.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    money::{Watt, Wh},
    time::UtcMs,
};

/// Top-level fields by name. Dates are RFC 3339 texts, integers beyond 2^53 are texts.
pub type Fields = BTreeMap<String, Value>;

/// The most that one document's energy (Wh), power (W) or amount (minor units) can be, positive or negative. A larger
/// number is not a measurement. Nine million documents of this size still add up to less than 2^63.
pub const MOST: u64 = 1_000_000_000_000;

/// The field that carries those of an operator's own fields that shall be shown, as a document with their names.
pub const OTHER: &str = "other";

/// Finds a field by name, at the top level or in a nested document.
type Lookup<'a> = Box<dyn Fn(&str) -> Option<&'a Value> + 'a>;

/// Reads fields of an expected type. A field of another type reads as missing, and its name is remembered.
pub struct Reader<'a> {
    fields: Lookup<'a>,
    unreadable: Vec<String>,
    within: String,
}

impl<'a> Reader<'a> {
    pub fn new(fields: &'a Fields) -> Self {
        Self { fields: Box::new(|name| fields.get(name)), unreadable: Vec::new(), within: String::new() }
    }

    /// The names of the fields that could not be read.
    pub fn unreadable(self) -> Vec<String> {
        self.unreadable
    }

    fn read<T>(&mut self, name: &str, convert: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = (self.fields)(name).filter(|v| !v.is_null())?;
        let read = convert(value);
        if read.is_none() {
            self.unreadable.push(format!("{}{name}", self.within));
        }
        read
    }

    pub fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, |v| v.as_str().map(str::to_owned))
    }

    /// A whole number. A fraction is unreadable rather than cut.
    pub fn int(&mut self, name: &str) -> Option<i64> {
        self.read(name, whole)
    }

    pub fn float(&mut self, name: &str) -> Option<f64> {
        self.read(name, |v| v.as_f64().filter(|f| f.is_finite()))
    }

    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, Value::as_bool)
    }

    pub fn date(&mut self, name: &str) -> Option<UtcMs> {
        self.read(name, |v| v.as_str().and_then(UtcMs::parse))
    }

    /// A whole number that goes into sums. One beyond [`MOST`], positive or negative, is unreadable.
    fn summand(&mut self, name: &str) -> Option<i64> {
        self.read(name, |v| whole(v).filter(|n| n.unsigned_abs() <= MOST))
    }

    pub fn energy(&mut self, name: &str) -> Option<Wh> {
        self.summand(name).map(Wh)
    }

    pub fn power(&mut self, name: &str) -> Option<Watt> {
        self.summand(name).map(Watt)
    }

    /// An amount of money in minor units.
    pub fn minor(&mut self, name: &str) -> Option<i64> {
        self.summand(name)
    }

    /// Every element of a list that is a text.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        self.read(name, |v| v.as_array().map(|a| a.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect()))
            .unwrap_or_default()
    }

    /// Reads a nested document.
    pub fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Reader<'a>) -> T) -> Option<T> {
        let object = self.read(name, Value::as_object)?;
        Some(self.nested(&format!("{name}."), object, read))
    }

    /// Like [`Reader::list`], but a missing list reads as an empty one.
    pub fn objects<T>(&mut self, name: &str, read: impl FnMut(&mut Reader<'a>) -> T) -> Vec<T> {
        self.list(name, read).unwrap_or_default()
    }

    /// Reads every element of a list of documents. An element that is not a document is remembered and left out.
    pub fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Reader<'a>) -> T) -> Option<Vec<T>> {
        let list = self.read(name, Value::as_array)?;
        let mut all = Vec::with_capacity(list.len());
        for (i, element) in list.iter().enumerate() {
            match element.as_object() {
                Some(object) => all.push(self.nested(&format!("{name}.{i}."), object, &mut read)),
                None => self.unreadable.push(format!("{}{name}.{i}", self.within)),
            }
        }
        Some(all)
    }

    fn nested<T>(
        &mut self,
        path: &str,
        object: &'a serde_json::Map<String, Value>,
        read: impl FnOnce(&mut Reader<'a>) -> T,
    ) -> T {
        let mut inner = Reader {
            fields: Box::new(|name| object.get(name)),
            unreadable: std::mem::take(&mut self.unreadable),
            within: format!("{}{path}", self.within),
        };
        let value = read(&mut inner);
        self.unreadable = inner.unreadable;
        value
    }
}

/// A whole number, from a JSON number without fraction or from a text of digits (how integers beyond 2^53 travel).
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(n) => n.as_i64().or_else(|| {
            let f = n.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
            (f.fract() == 0.0 && f.abs() <= EXACT).then_some(f as i64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_measures_is_in_no_sum() {
        let fields: Fields = serde_json::from_value(json!({
            "a": 1_000_000_000_000_i64, "b": -1_000_000_000_001_i64, "c": "9223372036854775807", "d": i64::MIN
        }))
        .unwrap();
        let mut r = Reader::new(&fields);
        assert_eq!([r.minor("a"), r.minor("b")], [Some(1_000_000_000_000), None]);
        assert_eq!((r.energy("c"), r.power("d")), (None, None));
        assert_eq!(r.int("d"), Some(i64::MIN), "what is only shown has no bound");
        assert_eq!(r.unreadable(), ["b", "c", "d"]);
    }

    #[test]
    fn a_wrong_type_reads_as_missing_and_is_remembered() {
        let fields: Fields = serde_json::from_value(json!({
            "a": 1, "b": "9007199254740993", "c": 1.5, "d": null, "e": {"f": []}, "g": [{"h": "x"}, 3]
        }))
        .unwrap();
        let mut r = Reader::new(&fields);
        assert_eq!(r.int("a"), Some(1));
        assert_eq!(r.int("b"), Some(9_007_199_254_740_993));
        assert_eq!(r.int("c"), None);
        assert_eq!(r.int("d"), None, "null is missing, not wrong");
        assert_eq!(r.object("e", |e| e.text("f")), Some(None));
        assert_eq!(r.objects("g", |g| g.text("h")), [Some("x".to_owned())]);
        assert_eq!(r.unreadable(), ["c", "e.f", "g.1"]);
    }
}
