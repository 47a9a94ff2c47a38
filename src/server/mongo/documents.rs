//! Reads BSON into fields: only what may be shown, whatever its shape, and bounded in size.
//!
//! Long, because more than half of it is tests. Each kind of BSON that is read in a surprising way has its own.

use bson::{
    Binary, Bson, RawArray, RawBinaryRef, RawBsonRef, RawDocument, RawDocumentBuf, Uuid,
    raw::RawElement,
    spec::{BinarySubtype, ElementType},
};
use serde_json::{Map, Number, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        collections::{Collection, Parts, Shown},
        fields::{Fields, OTHER},
        ids::DocId,
        time::UtcMs,
    },
    server::{
        hex::hex,
        mapping::{Mapping, To, Translation, integral},
    },
};

/// Longer texts are cut, so that no document fills a frame by itself.
const TEXT_MAX: usize = 2048;
/// Longer lists are cut.
const LIST_MAX: usize = 500;
/// Deeper documents are cut.
const DEPTH_MAX: usize = 8;
/// Maximum number of values within a row's lists and documents. A station of 500 EVSEs needs 12,000.
const VALUES_MAX: usize = 12_288;
/// Maximum number of elements of documents that are looked at for these values, and as many of the document itself.
/// What is not taken takes time, too. A station of 500 EVSEs with 200 fields each needs 100,000.
const VISITS_MAX: usize = 1 << 17;
/// An object counts as this many values at least, because the smallest map takes room for so many.
const OBJECT_MIN: usize = 11;
/// Maximum bytes of the texts and names of these values.
const BYTES_MAX: usize = 96 << 10;
/// Over all rows of a list, nested lists and documents may hold as much as this many of the largest rows.
const FULL_ROWS: usize = 32;
/// Replaces what was cut. No typed reader of a list or a document accepts it, so the row is marked.
const CUT: &str = "…";
/// The text of a longer `_id` is a hash, because it stands in every list, delta and event of its document.
const ID_MAX: usize = 1024;
/// The largest integer that every JSON reader keeps exactly.
const EXACT: i64 = 1 << 53;

/// The shown fields of a document. What cannot be read as BSON becomes a value that no typed reader accepts, so the
/// row is marked.
pub fn fields(mapping: &Mapping, collection: Collection, document: &RawDocument) -> Fields {
    let values = match mapping.of(collection) {
        Some(translation) => mapped(translation, collection, document),
        None => shown(collection, document),
    };
    mapping.row(collection, values)
}

/// The shown values of a document that has our names.
pub fn shown(collection: Collection, document: &RawDocument) -> Fields {
    let mut left = Left::default();
    let mut fields = Fields::new();
    for (visited, element) in document.iter_elements().enumerate() {
        // What follows a broken length cannot be found.
        let Ok(element) = element else { break };
        if visited == VISITS_MAX {
            mark_unfound(collection, &mut fields);
            break;
        }
        let name = element.key().as_str();
        if let Some(shown) = among(collection.parts(), name) {
            let value = element.value().map_or_else(|_| unread(), |v| only(v, shown, &mut left));
            // If a field stands twice the first counts, as it does for the stages of the change stream.
            fields.entry(name.to_owned()).or_insert(value);
        }
    }
    fields
}

/// The wanted values of a document with an operator's names, under our names.
fn mapped(translation: &Translation, collection: Collection, document: &RawDocument) -> Fields {
    let mut left = Left::default();
    let mut fields = Fields::new();
    let mut other = Map::new();
    for (visited, element) in document.iter_elements().enumerate() {
        let Ok(element) = element else { break };
        if visited == VISITS_MAX {
            mark_unfound(collection, &mut fields);
            break;
        }
        for wanted in translation.wanted(element.key().as_str()) {
            let found = element.value().map_err(|_| Unread).and_then(|found| within(found, &wanted.within, &mut left));
            let Some(found) = found.transpose() else { continue };
            match &wanted.to {
                To::Field(name, shown) => {
                    let value = found.map_or_else(|_| unread(), |v| only(v, *shown, &mut left));
                    fields.entry((*name).to_owned()).or_insert(value);
                }
                To::Other(name) => {
                    let value = found.map_or_else(|_| unread(), |v| whole(v, 0, &mut left));
                    other.entry(name.clone()).or_insert(value);
                }
            }
        }
    }
    if !other.is_empty() {
        fields.insert(OTHER.to_owned(), other.into());
    }
    fields
}

/// A value that is no BSON, or that takes too long to find.
struct Unread;

fn within<'a>(mut value: RawBsonRef<'a>, path: &[String], left: &mut Left) -> Result<Option<RawBsonRef<'a>>, Unread> {
    for part in path {
        let Some(document) = value.as_document() else { return Ok(None) };
        let mut found = None;
        for element in document.iter_elements().map_while(Result::ok) {
            if !left.visit() {
                return Err(Unread);
            }
            if element.key().as_str() == part {
                found = element.value().ok();
                break;
            }
        }
        let Some(inner) = found else { return Ok(None) };
        value = inner;
    }
    Ok(Some(value))
}

/// Marks the fields that were not found among the elements that were looked at. They may stand behind these.
fn mark_unfound(collection: Collection, fields: &mut Fields) {
    for (name, shown) in collection.parts() {
        let mark = || if matches!(shown, Shown::Within(_)) { CUT.into() } else { unread() };
        fields.entry((*name).to_owned()).or_insert_with(mark);
    }
}

/// A value that no typed reader accepts.
fn unread() -> Value {
    Value::Object(Map::new())
}

/// A document's top-level fields, whatever their names. They are for looking at, and never sent.
pub fn all(document: &RawDocument) -> impl Iterator<Item = (String, Value)> {
    let mut left = Left::default();
    let read = move |element: RawElement<'_>| {
        (clip(element.key().as_str()), element.value().map_or_else(|_| unread(), |v| whole(v, 0, &mut left)))
    };
    document.iter_elements().map_while(Result::ok).map(read)
}

/// A document's `_id`.
#[derive(Clone, Debug, PartialEq)]
pub struct Id {
    /// Two ids have the same text only if they are the same to MongoDB, whatever their bytes.
    pub text: DocId,
    /// The value to ask MongoDB with; `None` if the driver cannot write it as it was read.
    pub key: Option<Bson>,
}

/// The `_id` of a document or of a change's `documentKey`. Every stored document has one; `None` if it is missing.
pub fn id(document: &RawDocument) -> Option<Id> {
    let mut at = size_of::<i32>();
    for element in document.iter_elements() {
        let element = element.ok()?;
        let name = element.key().as_str();
        at = at.checked_add(name.len())?.checked_add(2)?;
        let bytes = document.as_bytes().get(at..)?.get(..element.size())?;
        if name == "_id" {
            return Some(id_of(&element, bytes));
        }
        at = at.checked_add(bytes.len())?;
    }
    None
}

fn id_of(element: &RawElement<'_>, bytes: &[u8]) -> Id {
    let key = element.value().ok().and_then(|value| Bson::try_from(value).ok()).filter(|key| is_as_read(key, bytes));
    let text = match &key {
        Some(Bson::ObjectId(id)) => id.to_hex(),
        Some(key) => key.clone().into_canonical_extjson().to_string(),
        // The bytes of a text, without its length and its terminator.
        None if element.element_type() == ElementType::String => {
            let text = bytes.get(size_of::<i32>()..bytes.len().saturating_sub(1)).unwrap_or_default();
            json!({ "$bytes": base64(text) }).to_string()
        }
        None => json!({ "$bytes": base64(bytes), "$type": element.element_type() as u8 }).to_string(),
    };
    if text.len() > ID_MAX {
        let hash = Sha256::new().chain_update([element.element_type() as u8]).chain_update(bytes).finalize();
        return Id { text: DocId(json!({ "$sha256": hex(&hash) }).to_string()), key };
    }
    Id { text: DocId(text), key }
}

/// Whether the key keeps its bytes. A document in which a name stands twice keeps only one of them.
fn is_as_read(key: &Bson, bytes: &[u8]) -> bool {
    let Bson::Document(key) = key else { return true };
    RawDocumentBuf::try_from(key).is_ok_and(|key| key.as_bytes() == bytes)
}

fn base64(bytes: &[u8]) -> String {
    let binary = Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() };
    Bson::Binary(binary).into_canonical_extjson()["$binary"]["base64"].as_str().unwrap_or_default().to_owned()
}

/// What a row may still hold beside the values of its own fields.
struct Left {
    values: usize,
    bytes: usize,
    /// How many elements may still be looked at, taken or not.
    visits: usize,
}

impl Default for Left {
    fn default() -> Self {
        Self { values: VALUES_MAX, bytes: BYTES_MAX, visits: VISITS_MAX }
    }
}

impl Left {
    const fn is_spent(&self) -> bool {
        self.values == 0 || self.bytes == 0 || self.visits == 0
    }

    /// Counts an element that is looked at. Returns whether it may be.
    const fn visit(&mut self) -> bool {
        let may = self.visits > 0;
        self.visits = self.visits.saturating_sub(1);
        may
    }

    const fn spend(&mut self, bytes: usize) {
        self.values = self.values.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Counts the room that an object with so few parts leaves empty.
    const fn spend_empty(&mut self, parts: usize) {
        self.values = self.values.saturating_sub(OBJECT_MIN.saturating_sub(parts));
    }
}

/// What the lists and documents within the rows of one list may still hold. Texts that stand by themselves are not
/// counted, because each has a bound of its own.
pub struct ListLimit(Left);

impl Default for ListLimit {
    fn default() -> Self {
        Self(Left { values: FULL_ROWS * VALUES_MAX, bytes: FULL_ROWS * BYTES_MAX, ..Left::default() })
    }
}

impl ListLimit {
    /// Makes a row fit that comes into the list. Its lists and documents that do not fit are cut, so that it is marked.
    /// Returns whether all of it fitted.
    pub fn take(&mut self, row: &mut Fields) -> bool {
        let Self(left) = self;
        let mut whole = true;
        for (name, value) in row.iter_mut().filter(|(_, value)| value.is_array() || value.is_object()) {
            let (values, bytes) = size(value);
            let rest = left.values.checked_sub(values).zip(left.bytes.checked_sub(bytes));
            if let Some((values, bytes)) = rest {
                (left.values, left.bytes) = (values, bytes);
            } else {
                whole = false;
                // Nothing reads the operator's own fields by type, so they keep their shape.
                *value = if name == OTHER { json!({ CUT: CUT }) } else { CUT.into() };
            }
        }
        whole
    }
}

/// How many values there are in a value, itself included, and the bytes of their texts and names. An object counts as
/// at least [`OBJECT_MIN`] parts.
fn size(value: &Value) -> (usize, usize) {
    let sum = |all: &mut dyn Iterator<Item = (usize, usize)>| {
        all.fold((1, 0), |(values, bytes): (usize, usize), (more, long)| {
            (values.saturating_add(more), bytes.saturating_add(long))
        })
    };
    match value {
        Value::Array(items) => sum(&mut items.iter().map(size)),
        Value::Object(parts) => {
            let (values, bytes) = sum(&mut parts.iter().map(|(name, part)| {
                let (values, bytes) = size(part);
                (values, bytes.saturating_add(name.len()))
            }));
            (values.saturating_add(OBJECT_MIN.saturating_sub(parts.len())), bytes)
        }
        value => (1, text_of(value)),
    }
}

fn among(parts: Parts, name: &str) -> Option<Shown> {
    parts.iter().find(|(part, _)| *part == name).map(|(_, shown)| *shown)
}

/// What may be shown of a value. A value of another shape becomes one that no typed reader accepts, and nothing of it
/// is sent.
fn only(value: RawBsonRef<'_>, shown: Shown, left: &mut Left) -> Value {
    match (value, shown) {
        (RawBsonRef::Null | RawBsonRef::Undefined, _) => Value::Null,
        (RawBsonRef::Document(inner), Shown::Within(parts)) => {
            let mut object = Map::new();
            for element in inner.iter_elements().map_while(Result::ok) {
                if !left.visit() {
                    return CUT.into();
                }
                let name = element.key().as_str();
                let Some(shown) = among(parts, name) else { continue };
                let value = element.value().map_or_else(|_| unread(), |v| only(v, shown, left));
                left.spend(name.len().saturating_add(text_of(&value)));
                object.entry(name.to_owned()).or_insert(value);
            }
            left.spend_empty(object.len());
            object.into()
        }
        (RawBsonRef::Array(items), Shown::Within(_)) => list(items, left, |item, left| match item {
            RawBsonRef::Document(_) => only(item, shown, left),
            _ => CUT.into(),
        }),
        (RawBsonRef::Array(items), Shown::Values) => list(items, left, |item, left| only(item, Shown::Value, left)),
        (_, Shown::Within(_)) => CUT.into(),
        (RawBsonRef::Document(_) | RawBsonRef::Array(_), _) | (_, Shown::Values) => unread(),
        (value, Shown::Value) => match scalar(value) {
            Value::Object(_) => unread(),
            value => value,
        },
    }
}

/// The elements up to a bound, with a mark for those that are cut.
fn list<'a>(items: &'a RawArray, left: &mut Left, mut item: impl FnMut(RawBsonRef<'a>, &mut Left) -> Value) -> Value {
    let mut all = Vec::new();
    for found in items.into_iter().map_while(Result::ok) {
        if all.len() == LIST_MAX || left.is_spent() {
            all.push(CUT.into());
            break;
        }
        let value = item(found, left);
        left.spend(text_of(&value));
        all.push(value);
    }
    all.into()
}

/// The whole of a value, up to a bound.
fn whole(value: RawBsonRef<'_>, depth: usize, left: &mut Left) -> Value {
    match value {
        RawBsonRef::Document(_) | RawBsonRef::Array(_) if depth >= DEPTH_MAX => CUT.into(),
        RawBsonRef::Document(inner) => {
            let mut object = Map::new();
            for (name, found) in inner.iter().map_while(Result::ok) {
                if object.len() == LIST_MAX || left.is_spent() {
                    object.insert(CUT.to_owned(), CUT.into());
                    break;
                }
                let (name, value) = (clip(name.as_str()), whole(found, depth.saturating_add(1), left));
                left.spend(name.len().saturating_add(text_of(&value)));
                object.insert(name, value);
            }
            left.spend_empty(object.len());
            object.into()
        }
        RawBsonRef::Array(items) => list(items, left, |item, left| whole(item, depth.saturating_add(1), left)),
        value => scalar(value),
    }
}

const fn text_of(value: &Value) -> usize {
    if let Value::String(text) = value { text.len() } else { 0 }
}

/// A value without parts, as JSON. If JSON has no form for it, it becomes a document of one field.
fn scalar(value: RawBsonRef<'_>) -> Value {
    match value {
        RawBsonRef::Boolean(b) => Value::Bool(b),
        RawBsonRef::Int32(n) => n.into(),
        RawBsonRef::Int64(n) if n.abs_diff(0) <= EXACT.unsigned_abs() => n.into(),
        RawBsonRef::Int64(n) => n.to_string().into(),
        RawBsonRef::Double(f) => double(f),
        RawBsonRef::Decimal128(d) => integral(&d.to_string()).unwrap_or_else(|| d.to_string().into()),
        RawBsonRef::String(text) | RawBsonRef::Symbol(text) => clip(text).into(),
        RawBsonRef::ObjectId(id) => id.to_hex().into(),
        RawBsonRef::DateTime(at) => UtcMs(at.timestamp_millis()).to_string().into(),
        RawBsonRef::Timestamp(_) | RawBsonRef::MinKey | RawBsonRef::MaxKey => extended(value),
        RawBsonRef::Binary(binary) if binary.bytes.len() <= TEXT_MAX => {
            uuid(binary).map_or_else(|| extended(value), Value::String)
        }
        // Bytes, code and patterns may have any length, so they are cut.
        RawBsonRef::Binary(_)
        | RawBsonRef::JavaScriptCode(_)
        | RawBsonRef::JavaScriptCodeWithScope(_)
        | RawBsonRef::RegularExpression(_)
        | RawBsonRef::DbPointer(_) => json!({ CUT: CUT }),
        RawBsonRef::Null | RawBsonRef::Undefined | RawBsonRef::Document(_) | RawBsonRef::Array(_) => Value::Null,
    }
}

/// A whole number is an integer, whichever of BSON's types holds it.
fn double(f: f64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let exact = EXACT as f64;
    if f.fract() == 0.0 && f.abs() <= exact {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
        return (f as i64).into();
    }
    Number::from_f64(f).map_or_else(|| no_number(f).into(), Value::Number)
}

/// A number that JSON has no form for, written as a decimal is.
const fn no_number(f: f64) -> &'static str {
    if f.is_nan() {
        "NaN"
    } else if f.is_sign_positive() {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A UUID as people write it. Only its driver knows the byte order of an old one, so its bytes are written as they
/// are, without hyphens.
fn uuid(binary: RawBinaryRef<'_>) -> Option<String> {
    let uuid = Uuid::from_bytes(binary.bytes.try_into().ok()?);
    match binary.subtype {
        BinarySubtype::Uuid => Some(uuid.to_string()),
        BinarySubtype::UuidOld => Some(uuid.to_string().replace('-', "")),
        _ => None,
    }
}

fn extended(value: RawBsonRef<'_>) -> Value {
    let bson: Result<Bson, _> = value.try_into();
    bson.map_or(Value::Null, Bson::into_canonical_extjson)
}

fn clip(text: &str) -> String {
    if text.len() <= TEXT_MAX {
        return text.to_owned();
    }
    let end = (0..=TEXT_MAX).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{RawDocumentBuf, doc, oid::ObjectId};
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "made in place, with `doc!`")]
    fn raw(document: bson::Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(&document).unwrap()
    }

    #[test]
    fn only_shown_fields_travel_and_values_keep_their_meaning() {
        let document = raw(doc! {
            "_id": 1, "status": "ACTIVE", "password": "secret", "energy_wh": 9_007_199_254_740_993_i64, "power_w": f64::NAN,
            "start_date_time": bson::DateTime::from_millis(1500), "quality": ["EXCESS", {"of": "mine"}], "source": {"row": 3, "at": null}, "currency": {"secret": "s"}, "stop_reason": null,
        });
        assert_eq!(
            serde_json::to_value(fields(&Mapping::default(), Collection::ChargingSessions, &document)).unwrap(),
            json!({
                "status": "ACTIVE", "energy_wh": "9007199254740993", "power_w": "NaN", "start_date_time": "1970-01-01T00:00:01.500Z",
                "quality": ["EXCESS", {}], "currency": {}, "stop_reason": null,
            })
        );
    }

    #[test]
    fn numbers_and_ids_read_alike_whichever_type_holds_them() {
        let uuid = Uuid::parse_str("0E2C3B54-8C0B-4A7E-9C39-3C4C9B8E2F10").unwrap();
        let old = bson::Binary { subtype: BinarySubtype::UuidOld, bytes: uuid.bytes().to_vec() };
        let document = raw(doc! {
            "payment_id": uuid, "session_id": 1234.0, "client_id": old, "currency": "gbp",
            "amount_minor": "1234.00".parse::<bson::Decimal128>().unwrap(), "captured_minor": 1234.0, "fee_minor": 0.5,
        });
        let read = fields(&Mapping::default(), Collection::Payments, &document);
        assert_eq!(
            serde_json::to_value(&read).unwrap(),
            json!({
                "payment_id": "0e2c3b54-8c0b-4a7e-9c39-3c4c9b8e2f10", "session_id": "1234",
                "client_id": "0e2c3b548c0b4a7e9c393c4c9b8e2f10", "currency": "GBP",
                "amount_minor": 1234, "captured_minor": 1234, "fee_minor": 0.5,
            })
        );
        assert_eq!(crate::domain::collections::unreadable(Collection::Payments, &read), ["fee_minor"]);
    }

    /// The forms are those of `docs/live.md`.
    #[test]
    fn what_json_has_no_form_for_has_one_of_ours() {
        let decimal = |text: &str| Bson::Decimal128(text.parse().unwrap());
        let written = |value: Bson| all(&raw(doc! {"any": value})).next().unwrap().1;
        for (value, form) in [
            (f64::INFINITY.into(), "Infinity"),
            (f64::NEG_INFINITY.into(), "-Infinity"),
            (f64::NAN.into(), "NaN"),
            ((-f64::NAN).into(), "NaN"),
            (decimal("Infinity"), "Infinity"),
            (decimal("-Infinity"), "-Infinity"),
            (decimal("NaN"), "NaN"),
            (decimal("0.1"), "0.1"),
            (bson::DateTime::from_millis(253_402_300_800_000).into(), "+010000-01-01T00:00:00Z"),
            (bson::DateTime::from_millis(-62_167_219_200_001).into(), "-000001-12-31T23:59:59.999Z"),
            (bson::DateTime::MIN.into(), "-292275055-05-16T16:47:04.192Z"),
        ] {
            assert_eq!(written(value.clone()), form, "{value}");
        }
    }

    #[test]
    fn doubles_arrive_as_they_are_stored() {
        let stored = [51.507_351_2, -0.127_758_3, 56.462_018, -2.970_721, 0.1 + 0.2, f64::MIN_POSITIVE, f64::MAX];
        let many = (0..2000).map(|i| -180.0 + f64::from(i) * 0.180_123_456_789);
        for f in stored.into_iter().chain(many) {
            let row: Fields = all(&raw(doc! {"any": f})).collect();
            let travelled: Fields = serde_json::from_str(&serde_json::to_string(&row).unwrap()).unwrap();
            assert_eq!(travelled["any"].as_f64(), Some(f));
        }
    }

    #[test]
    fn huge_values_are_cut() {
        let document = raw(doc! {"name": "é".repeat(5_000_000)});
        let fields = fields(&Mapping::default(), Collection::Stations, &document);
        assert!(fields["name"].as_str().unwrap().len() <= TEXT_MAX + 3);
    }

    /// Whatever a document holds, its row stays within the bound, and is marked where something was cut.
    #[test]
    fn a_row_has_a_bound_whatever_its_document_holds() {
        let nested = |of: Bson, n: usize| Bson::Array(vec![of; n]);
        let connectors = nested(doc! {"max_electric_power": 7}.into(), 400);
        let long = doc! {"uid": "x".repeat(2000), "status": "y".repeat(2000)};
        let stations = [
            doc! {"name": "Quay", "evses": nested(doc! {"uid": "1", "connectors": connectors}.into(), 400), "city": "Dundee"},
            doc! {"name": "Quay", "evses": nested(long.into(), 400), "city": "Dundee"},
            doc! {"name": "Quay", "evses": nested(doc! {"uid": "1"}.into(), 501), "city": "Dundee"},
        ];
        for document in stations {
            let fields = fields(&Mapping::default(), Collection::Stations, &raw(document));
            let (values, bytes) = size(&serde_json::to_value(&fields).unwrap());
            assert!(values <= VALUES_MAX + 500 && bytes <= BYTES_MAX + 2 * TEXT_MAX, "{values}, {bytes}");
            assert_eq!(fields["city"], "Dundee", "what stands by itself is never cut for the rest");
            let marked = crate::domain::collections::unreadable(Collection::Stations, &fields);
            assert!(!marked.is_empty() && marked.iter().all(|name| name.starts_with("evses.")), "{marked:?}");
        }
        // 6.2 MB of small values, in a field that an operator has asked to see.
        let names = crate::server::mapping::Definition { show: vec!["tariffs".to_owned()], ..Default::default() };
        let euros = crate::domain::money::Currency("EUR".into());
        let mapping = Mapping::new([(Collection::Clients, names)].into(), &euros, &jiff::tz::TimeZone::UTC);
        let small = nested(nested(nested(doc! {"a": 1}.into(), 70), 70), 70);
        let row = fields(&mapping, Collection::Clients, &raw(doc! {"name": "Ada", "tariffs": small}));
        let (values, _) = size(&serde_json::to_value(&row).unwrap());
        assert!((VALUES_MAX..VALUES_MAX + 500).contains(&values), "{values}");
        assert!(row[OTHER].to_string().contains(CUT));
    }

    /// However large the rows of a list are, together they stay within its bound. Each row is there, whole or marked.
    #[test]
    fn a_list_has_a_bound_whatever_its_rows_hold() {
        let evses = |uid: &str| Bson::Array(vec![doc! {"uid": uid, "status": "AVAILABLE"}.into(); 500]);
        // The first exceeds the number of values, the second the bytes of texts.
        for uid in ["1", &"x".repeat(150)] {
            let document = raw(doc! {"name": "Quay", "evses": evses(uid)});
            let row = fields(&Mapping::default(), Collection::Stations, &document);
            let rows = Collection::Stations.fetched();
            let (mut limit, mut whole, mut values, mut bytes) = (ListLimit::default(), 0, 0, 0);
            for _ in 0..rows {
                let mut row = row.clone();
                let fits = limit.take(&mut row);
                let marked = crate::domain::collections::unreadable(Collection::Stations, &row);
                assert_eq!(marked, if fits { vec![] } else { vec!["evses"] });
                assert_eq!(row["name"], "Quay");
                whole += usize::from(fits);
                for size in row.values().map(size) {
                    values += size.0;
                    bytes += size.1;
                }
            }
            assert!((FULL_ROWS..rows).contains(&whole), "{whole} rows are whole");
            assert!(values <= FULL_ROWS * VALUES_MAX + 2 * rows, "{values} values");
            assert!(bytes <= FULL_ROWS * BYTES_MAX + 16 * rows, "{bytes} bytes");
        }
        let mut row: Fields = [(OTHER.to_owned(), json!({"note": "x".repeat(FULL_ROWS * BYTES_MAX)}))].into();
        assert!(!ListLimit::default().take(&mut row));
        assert_eq!(row[OTHER], json!({ CUT: CUT }), "an operator's own field says that it is cut");
    }

    /// What is not taken is not looked at without end either. A row is marked where something may be missing.
    #[test]
    fn what_is_looked_at_in_a_document_has_a_bound_as_well() {
        use crate::domain::collections::unreadable;
        let many = |names: usize, last: (&str, Bson)| {
            let fill = (0..names).map(|n| (format!("{n:x}"), Bson::Null));
            fill.chain([(last.0.to_owned(), last.1)]).collect::<bson::Document>()
        };
        let read = |document| fields(&Mapping::default(), Collection::Stations, &raw(document));
        let station = |fill: usize| doc! {"evses": [many(fill, ("uid", "E1".into()))], "city": "Dundee"};
        assert_eq!(unreadable(Collection::Stations, &read(station(VISITS_MAX - 1))), [""; 0]);
        let long = read(station(VISITS_MAX));
        assert_eq!(long["city"], "Dundee", "what stands by itself is never cut for the rest");
        assert_eq!(long["evses"], json!([CUT]));
        assert_eq!(unreadable(Collection::Stations, &long), ["evses.0"]);

        assert_eq!(read(many(VISITS_MAX - 1, ("city", "Dundee".into())))["city"], "Dundee");
        let long = unreadable(Collection::Stations, &read(many(VISITS_MAX, ("city", "Dundee".into()))));
        assert!(["city", "evses"].map(str::to_owned).iter().all(|name| long.contains(name)), "{long:?}");

        let ours = [("city".to_owned(), "place.city".to_owned())].into();
        let names = crate::server::mapping::Definition { names: ours, ..Default::default() };
        let euros = crate::domain::money::Currency("EUR".into());
        let mapping = Mapping::new([(Collection::Stations, names)].into(), &euros, &jiff::tz::TimeZone::UTC);
        let mapped = |fill: usize| {
            let place = many(fill, ("city", "Dundee".into()));
            unreadable(Collection::Stations, &fields(&mapping, Collection::Stations, &raw(doc! {"place": place})))
        };
        assert_eq!(mapped(VISITS_MAX - 1), [""; 0]);
        assert_eq!(mapped(VISITS_MAX), ["city"]);
    }

    /// 500 EVSEs, which is more than the largest station has.
    #[test]
    fn the_largest_station_is_whole() {
        let evse = |n: usize| {
            Bson::from(doc! {
                "uid": format!("GB*CPO*E{n:06}"), "evse_id": format!("GB*CPO*E{n:06}*1"), "status": "AVAILABLE",
                "ocpp_status": "Available", "error_code": "NoError", "status_since": bson::DateTime::MAX,
                "connectors": [{"id": "1", "max_electric_power": 350_000}],
            })
        };
        let document = raw(doc! {"evses": (0..500).map(evse).collect::<Vec<_>>()});
        let row = fields(&Mapping::default(), Collection::Stations, &document);
        assert_eq!(crate::domain::collections::unreadable(Collection::Stations, &row), [""; 0]);
        let station = crate::domain::collections::see::<crate::domain::collections::Station>(&row).doc;
        assert_eq!(station.evses.iter().filter(|evse| evse.max_electric_power.is_some()).count(), 500);
    }

    #[test]
    fn invalid_text_is_marked_and_hides_nothing_else() {
        let mut bytes = raw(doc! {"name": "abc", "city": "Dundee"}).into_bytes();
        let at = bytes.windows(3).position(|w| w == b"abc").unwrap();
        bytes[at] = 0xff;
        let fields = fields(&Mapping::default(), Collection::Stations, RawDocument::from_bytes(&bytes).unwrap());
        assert_eq!(crate::domain::collections::unreadable(Collection::Stations, &fields), ["name"]);
        assert_eq!(fields["city"], "Dundee");
    }

    #[test]
    fn ids_never_collide() {
        let oid = ObjectId::new();
        let text = |id: Bson| super::id(&raw(doc! {"name": 1, "_id": id})).unwrap().text.0;
        assert_eq!(text(oid.into()), oid.to_hex());
        assert_ne!(text(oid.to_hex().into()), oid.to_hex());
        assert_eq!(text(Bson::Int32(7)), r#"{"$numberInt":"7"}"#);
    }

    #[test]
    fn ids_are_the_same_only_where_their_bytes_are() {
        // A document with one element: a type, the name, the value's bytes.
        let of = |kind: u8, value: &[u8]| {
            let length = 4 + 1 + 4 + value.len() + 1;
            let mut bytes = i32::try_from(length).unwrap().to_le_bytes().to_vec();
            bytes.push(kind);
            bytes.extend(b"_id\0");
            bytes.extend(value);
            bytes.push(0);
            id(&RawDocumentBuf::from_bytes(bytes).unwrap()).unwrap()
        };
        let text = |value: &[u8]| {
            let length = i32::try_from(value.len() + 1).unwrap().to_le_bytes();
            [&length, value, &[0]].concat()
        };
        let pair = |first: i32, second: i32| {
            let mut bytes = 19_i32.to_le_bytes().to_vec();
            for n in [first, second] {
                bytes.extend([&[0x10], &b"a\0"[..], &n.to_le_bytes()].concat());
            }
            bytes.push(0);
            bytes
        };
        let latin = of(0x02, &text(b"\xe9\xe8"));
        assert_eq!((latin.text.0.as_str(), latin.key), (r#"{"$bytes":"6eg="}"#, None));
        let ids = [
            of(0x02, &text(b"\xe9\xe8")),
            of(0x02, &text(b"\xe9\xe9")),
            of(0x0e, &text(b"\xe9\xe8")),
            of(0x03, &pair(1, 2)),
            of(0x03, &pair(2, 2)),
            of(0x02, &text(&[b'x'; 2000])),
            of(0x02, &text(&[b'x'; 2001])),
            of(0x02, &text(&[0xe9; 2000])),
        ];
        let texts: std::collections::HashSet<&str> = ids.iter().map(|id| id.text.0.as_str()).collect();
        assert_eq!(texts.len(), ids.len(), "{texts:?}");
        assert!(texts.iter().all(|text| text.len() <= ID_MAX));
        let asked = [false, false, false, false, false, true, true, false];
        assert_eq!(ids.map(|id| id.key.is_some()), asked, "what cannot be written as it was read is not asked for");
    }
}
