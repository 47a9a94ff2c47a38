//! Turns a selection into queries of MongoDB: for documents that surely match, and for those that the predicate must
//! check.
//!
//! MongoDB and rows differ. A row has a date where MongoDB may have a text, and a text for an id that MongoDB may have
//! as an ObjectId. MongoDB finds a status inside a list, which a row does not take for a status. Whether a station is
//! silent depends on the clock. User input is only ever a value, never an operator.

use bson::{Binary, Bson, DateTime, Decimal128, Document, Uuid, doc, oid::ObjectId, spec::BinarySubtype};

use crate::{
    domain::{
        collections::Collection,
        money::Currency,
        quality::FIRST_DATE,
        selection::{Criterion, EvalContext, FilterField, Selection, Slot, hours_ago},
        status::EvseStatus,
        time::{Period, UtcMs},
    },
    server::mapping::{Mapping, Translation},
};

/// A zone's offsets are known at least this far ahead.
const AHEAD_MS: i64 = 366 * 86_400_000;

/// The queries of a selection.
pub struct MongoQuery {
    /// All that match, and perhaps some that do not.
    pub all: Document,
    /// Documents that surely match, or `None`.
    pub sure: Option<Document>,
    /// Documents in `all` that are not in `sure`; `None` if there can be none.
    pub odd: Option<Document>,
}

/// The queries for one field. No document matches both.
struct FieldQuery {
    sure: Option<Document>,
    /// To be looked at by the predicate.
    odd: Option<Document>,
}

/// The queries for a selection that can be asked of the collection.
pub fn query(mapping: &Mapping, collection: Collection, selection: &Selection, at: &EvalContext) -> MongoQuery {
    let ask = |part: FilterField, wanted| {
        let field = part.field(collection)?;
        Some(match mapping.of(collection) {
            None => ask(part, field, wanted, at, mapping.currency()),
            Some(translation) => ask_theirs(mapping, translation, part, field, wanted, at),
        })
    };
    let asked: Vec<FieldQuery> = selection.parts().filter_map(|(part, wanted)| ask(part, wanted)).collect();
    let all = and(asked.iter().map(|asked| or(asked.sure.iter().chain(&asked.odd))));
    let odd: Vec<&Document> = asked.iter().filter_map(|asked| asked.odd.as_ref()).collect();
    MongoQuery {
        sure: asked.iter().map(|asked| asked.sure.clone()).collect::<Option<Vec<_>>>().map(and),
        odd: (!odd.is_empty()).then(|| and([all.clone(), or(odd)])),
        all,
    }
}

fn and(all: impl IntoIterator<Item = Document>) -> Document {
    let all: Vec<Document> = all.into_iter().collect();
    if all.is_empty() {
        doc! {}
    } else {
        doc! {"$and": all}
    }
}

fn or<'a>(any: impl IntoIterator<Item = &'a Document>) -> Document {
    let mut any: Vec<Document> = any.into_iter().cloned().collect();
    if any.len() == 1 {
        any.remove(0)
    } else {
        doc! {"$or": any}
    }
}

fn ask(part: FilterField, field: &str, wanted: &Criterion, at: &EvalContext, network: Option<&Currency>) -> FieldQuery {
    match wanted {
        Criterion::OneOf(codes) if part == FilterField::Currency => currency(field, codes, network),
        Criterion::OneOf(statuses) if part == FilterField::Evse => {
            // The EVSEs of a silent station are all UNKNOWN, those of a removed station all REMOVED.
            let by_itself = [EvseStatus::Unknown, EvseStatus::Removed];
            let any = statuses.iter().any(|status| by_itself.iter().any(|own| own.code() == status));
            let stored: Vec<Bson> = statuses.iter().flat_map(|status| alike(status)).collect();
            let odd = if any {
                doc! {}
            } else {
                doc! {format!("{field}.status"): {"$in": stored}}
            };
            FieldQuery { sure: None, odd: Some(odd) }
        }
        Criterion::OneOf(texts) => {
            let odd: Vec<Bson> = texts.iter().flat_map(|text| alike(text).skip(1)).collect();
            FieldQuery {
                sure: Some(doc! {field: {"$in": texts, "$not": {"$type": "array"}}}),
                odd: (!odd.is_empty()).then(|| doc! {field: {"$in": odd}}),
            }
        }
        Criterion::Within(Period { from, to }) => FieldQuery {
            sure: Some(doc! {field: {"$gte": date(*from), "$lt": date(*to), "$not": {"$type": "array"}}}),
            odd: Some(doc! {field: {"$type": TEXTS.as_slice()}}),
        },
        // The predicate also checks documents that match later.
        Criterion::For(hours) => {
            let (first, since) = (date(FIRST_DATE), date(hours_ago(at.now, *hours)));
            let later = [doc! {field: {"$type": TEXTS.as_slice()}}, doc! {field: {"$gte": since}}];
            FieldQuery {
                sure: Some(doc! {field: {"$gte": first, "$lt": since, "$not": {"$type": "array"}}}),
                odd: Some(or(&later)),
            }
        }
        Criterion::In(slot) => hour_of_week(field, slot, at),
    }
}

/// Codes may be in lower case, and what has none is in the network's.
fn currency(field: &str, codes: &[String], network: Option<&Currency>) -> FieldQuery {
    let alphabetic = |code: &&String| code.bytes().all(|b| b.is_ascii_alphabetic());
    let any_case = codes
        .iter()
        .filter(alphabetic)
        .map(|code| doc! {field: {"$regex": format!("^\\s*{code}\\s*$"), "$options": "i"}});
    let mut odd: Vec<Document> = any_case.collect();
    if network.is_some_and(|network| codes.contains(&network.0)) {
        odd.extend([doc! {field: Bson::Null}, doc! {field: {"$regex": "^\\s*$"}}]);
    }
    FieldQuery {
        sure: Some(doc! {field: {"$in": codes, "$not": {"$type": "array"}}}),
        odd: (!odd.is_empty()).then(|| doc! {"$or": odd, field: {"$nin": codes}}),
    }
}

/// The same for documents with an operator's names and words. Only the predicate sees converted values, so it checks
/// all documents that may match.
fn ask_theirs(
    mapping: &Mapping,
    translation: &Translation,
    part: FilterField,
    field: &str,
    wanted: &Criterion,
    at: &EvalContext,
) -> FieldQuery {
    let path = translation.definition().path(field);
    let ask = |wanted: &Criterion| ask(part, path, wanted, at, mapping.currency());
    let asked = match wanted {
        _ if translation.measures(field) || part == FilterField::Evse => None,
        Criterion::OneOf(words) if part == FilterField::Status => {
            Some(ask(&Criterion::OneOf(translation.theirs(words))))
        }
        _ => Some(ask(wanted)),
    };
    let any = asked.map_or_else(Document::new, |asked| or(asked.sure.iter().chain(&asked.odd)));
    FieldQuery { sure: None, odd: Some(any) }
}

const TEXTS: [&str; 2] = ["string", "symbol"];

/// MongoDB and we agree on a zone's hours where we know its offsets.
fn hour_of_week(field: &str, slot: &Slot, EvalContext { now, zone, .. }: &EvalContext) -> FieldQuery {
    let known = zone.offsets.first().map_or(*now, |(since, _)| UtcMs::from_seconds(*since));
    let (from, to) = (date(known), date(UtcMs(now.0.saturating_add(AHEAD_MS))));
    let value = format!("${field}");
    let local = doc! {"date": &value, "timezone": {"$literal": &slot.zone}};
    let is = doc! {"$and": [
        {"$eq": [{"$isoDayOfWeek": local.clone()}, i32::from(slot.weekday).saturating_add(1)]},
        {"$eq": [{"$hour": local}, i32::from(slot.hour)]},
    ]};
    // On anything but a date these operators would fail.
    let is = doc! {"$cond": [{"$eq": [{"$type": &value}, "date"]}, is, false]};
    FieldQuery {
        sure: Some(doc! {field: {"$gte": from, "$lt": to}, "$expr": is}),
        odd: Some(doc! {"$or": [{field: {"$type": TEXTS.as_slice()}}, {field: {"$lt": from}}, {field: {"$gte": to}}]}),
    }
}

const fn date(at: UtcMs) -> DateTime {
    DateTime::from_millis(at.0)
}

/// The values that read as this text in a row: the text first, then of other types; see `documents`.
pub(super) fn alike(text: &str) -> impl Iterator<Item = Bson> + use<> {
    let id = (text.len() == 24).then(|| ObjectId::parse_str(text).ok()).flatten().map(Bson::ObjectId);
    let date = UtcMs::parse(text).map(|at| Bson::DateTime(date(at)));
    let uuid = Uuid::parse_str(text).ok().map(|uuid| {
        let subtype = if text.contains('-') { BinarySubtype::Uuid } else { BinarySubtype::UuidOld };
        Bson::Binary(Binary { subtype, bytes: uuid.bytes().to_vec() })
    });
    // MongoDB compares numbers by their value, whatever their types.
    let long = text.parse::<i64>().ok().map(Bson::Int64);
    let broken = long.is_none();
    let decimal = text.parse::<Decimal128>().ok().filter(|_| broken).map(Bson::Decimal128);
    let double = text.parse::<f64>().ok().filter(|_| broken).map(Bson::Double);
    [Some(Bson::String(text.to_owned())), id, date, uuid, long, decimal, double].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_give_is_a_value_and_never_an_operator() {
        let given = [("status", "$ne"), ("client", "{\"$gt\":\"\"}")];
        let mut given = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let selection = Selection::read(&mut given).unwrap();
        let MongoQuery { all, sure, odd } =
            query(&Mapping::default(), Collection::ChargingSessions, &selection, &EvalContext::default());
        let is = doc! {"$and": [
            {"status": {"$in": ["$ne"], "$not": {"$type": "array"}}},
            {"client_id": {"$in": ["{\"$gt\":\"\"}"], "$not": {"$type": "array"}}},
        ]};
        assert_eq!((all, sure, odd), (is.clone(), Some(is), None));
    }

    #[test]
    fn everything_is_no_condition() {
        let none = Mapping::default();
        let MongoQuery { all, sure, odd } =
            query(&none, Collection::Stations, &Selection::default(), &EvalContext::default());
        assert_eq!((all, sure, odd), (doc! {}, Some(doc! {}), None));
    }
}
