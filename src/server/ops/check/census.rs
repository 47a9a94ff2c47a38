//! What was seen in one collection's documents: what cannot be read, what is missing, and what is odd. No I/O.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    domain::{
        collections::{Collection, FieldKind, Session, see, unreadable},
        fields::Fields,
        ids::DocId,
        status::PaymentStatus,
        time::UtcMs,
    },
    server::mapping::{SeenValues, Translation},
};

pub struct Census {
    collection: Collection,
    /// MongoDB's operation time.
    now: UtcMs,
    pub seen: SeenValues,
    /// Documents that cannot be fully read.
    pub partly: u64,
    /// Unreadable values, by field.
    pub unread: BTreeMap<String, UnreadableField>,
    /// Missing values, by field and kind of documents.
    pub gaps: BTreeMap<(&'static str, &'static str), Gap>,
    /// Odd sessions by what is odd about them: how many, and an example.
    pub oddities: BTreeMap<String, (u64, DocId)>,
}

/// A field that cannot be read in some documents.
pub struct UnreadableField {
    pub documents: u64,
    pub example: DocId,
    /// What the example has there: its type, and its value if that is a state, a date or a number.
    pub value: String,
}

/// A field that some of `of` documents lack, though the figures need it.
#[derive(Default)]
pub struct Gap {
    pub of: u64,
    pub missing: u64,
    pub example: Option<DocId>,
}

impl Census {
    pub fn new(collection: Collection, now: UtcMs) -> Self {
        Self {
            collection,
            now,
            seen: SeenValues::default(),
            partly: 0,
            unread: BTreeMap::new(),
            gaps: BTreeMap::new(),
            oddities: BTreeMap::new(),
        }
    }

    /// Adds a document: `all` are its top-level fields, and `row` is what was read of it.
    pub fn add(
        &mut self,
        translation: Option<&Translation>,
        id: &DocId,
        all: impl Iterator<Item = (String, Value)>,
        row: &Fields,
    ) {
        let unreadable = unreadable(self.collection, row);
        self.seen.add(self.collection, translation, all, row, &unreadable);
        self.partly += u64::from(!unreadable.is_empty());
        for path in &unreadable {
            let unread = self.unread.entry(anywhere(path)).or_insert_with(|| UnreadableField {
                documents: 0,
                example: id.clone(),
                value: find(row, path).map_or_else(String::new, |value| describe(path, value)),
            });
            unread.documents += 1;
        }
        for (field, of, applies) in
            NEEDED.iter().filter(|needed| needed.0 == self.collection).map(|(_, f, o, a)| (f, o, a))
        {
            if applies(row.get("status").and_then(Value::as_str).unwrap_or_default()) {
                let gap = self.gaps.entry((field, of)).or_default();
                gap.of += 1;
                if row.get(*field).is_none_or(Value::is_null) {
                    gap.missing += 1;
                    gap.example.get_or_insert_with(|| id.clone());
                }
            }
        }
        if self.collection == Collection::ChargingSessions {
            for flag in see::<Session>(row).doc.oddities(self.now) {
                self.oddities.entry(flag).or_insert_with(|| (0, id.clone())).0 += 1;
            }
        }
    }
}

type Needed = (Collection, &'static str, &'static str, fn(&str) -> bool);

/// The fields that figures and lists need, and in which documents, by their status.
const NEEDED: [Needed; 13] = [
    (Collection::Clients, "client_id", "", any),
    (Collection::Clients, "status", "", any),
    (Collection::Stations, "station_id", "", any),
    (Collection::Stations, "evses", "", any),
    (Collection::Payments, "status", "", any),
    (Collection::Payments, "amount_minor", "", any),
    (Collection::Payments, "currency", "", any),
    (Collection::Payments, "captured_minor", "captured ", captured),
    (Collection::Payments, "captured_at", "captured ", captured),
    (Collection::ChargingSessions, "status", "", any),
    (Collection::ChargingSessions, "start_date_time", "", any),
    (Collection::ChargingSessions, "end_date_time", "completed ", completed),
    (Collection::ChargingSessions, "energy_wh", "completed ", completed),
];

const fn any(_status: &str) -> bool {
    true
}

fn captured(status: &str) -> bool {
    PaymentStatus::from(status.to_owned()).is_revenue()
}

fn completed(status: &str) -> bool {
    status == "COMPLETED"
}

/// The path with `*` for a position in a list: `evses.3.status` becomes `evses.*.status`.
fn anywhere(path: &str) -> String {
    let part = |part: &str| if part.bytes().all(|b| b.is_ascii_digit()) { "*".to_owned() } else { part.to_owned() };
    path.split('.').map(part).collect::<Vec<_>>().join(".")
}

fn find<'a>(row: &'a Fields, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let top = row.get(parts.next()?)?;
    parts.try_fold(top, |value, part| match value {
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        other => other.get(part),
    })
}

/// The type, and the value if it cannot be personal.
fn describe(path: &str, value: &Value) -> String {
    const LONG: usize = 40;
    let kind = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a document",
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    let impersonal =
        Collection::ALL.iter().any(|collection| !matches!(collection.kind(name), FieldKind::Id | FieldKind::Other));
    match value {
        Value::Number(_) | Value::String(_) if impersonal => {
            let text: String = value.to_string().chars().take(LONG).collect();
            format!("{kind}, {text}")
        }
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn census(collection: Collection, rows: &[Value]) -> Census {
        let now = UtcMs::parse("2026-06-01T12:00:00Z").unwrap();
        let mut census = Census::new(collection, now);
        for (n, row) in rows.iter().enumerate() {
            let row: Fields = serde_json::from_value(row.clone()).unwrap();
            census.add(None, &DocId(n.to_string()), std::iter::empty(), &row);
        }
        census
    }

    #[test]
    fn what_cannot_be_read_is_told_by_field_with_an_example() {
        let census = census(
            Collection::Stations,
            &[
                json!({"name": "a", "evses": []}),
                json!({"name": 7, "evses": [{"status": "AVAILABLE"}, {"status": 3}]}),
                json!({"name": "b", "evses": [{"status": 4}, {"status": 5}]}),
            ],
        );
        assert_eq!(census.partly, 2);
        let status = &census.unread["evses.*.status"];
        assert_eq!((status.documents, status.example.0.as_str(), status.value.as_str()), (3, "1", "a number, 3"));
        assert_eq!(census.unread["name"].value, "a number", "a name's value may be personal");
    }

    #[test]
    fn each_kind_of_what_is_odd_is_counted() {
        let session = |status: &str, start: &str, end: &str, wh: i64| json!({"station_id": "S", "status": status, "start_date_time": start, "end_date_time": end, "energy_wh": wh});
        let ended = |start, end, wh| session("COMPLETED", start, end, wh);
        let census = census(
            Collection::ChargingSessions,
            &[
                ended("2026-06-01T09:00:00Z", "2026-06-01T11:59:00Z", -4_076_287),
                ended("2026-06-01T09:00:00Z", "2026-06-01T11:59:00Z", 910_031),
                ended("2026-06-01T11:56:00Z", "2026-06-01T11:59:00Z", 36_900),
                ended("2026-06-01T11:59:00Z", "2026-06-01T10:59:00Z", 5000),
                ended("2026-06-02T18:00:00Z", "2026-06-02T19:00:00Z", 5000),
                session("ACTIVE", "2026-06-01T10:00:00Z", "0001-01-01T00:00:00Z", 100),
                ended("2026-06-01T10:00:00Z", "2026-06-01T11:59:00Z", 20_000),
                ended("2026-06-01T10:00:00Z", "2026-06-01T11:59:00Z", -1),
            ],
        );
        let counted: Vec<_> =
            census.oddities.iter().map(|(flag, (n, id))| (flag.as_str(), *n, id.0.as_str())).collect();
        assert_eq!(
            counted,
            [
                ("AHEAD", 1, "4"),
                ("EXCESS", 1, "1"),
                ("NEGATIVE", 2, "0"),
                ("NO_DATE", 1, "5"),
                ("REVERSED", 1, "3"),
                ("TOO_FAST", 1, "2"),
            ]
        );
    }

    #[test]
    fn what_figures_need_is_missed_where_it_applies() {
        let census = census(
            Collection::Payments,
            &[
                json!({"status": "CAPTURED", "amount_minor": 1, "currency": "GBP", "captured_at": null}),
                json!({"status": "PENDING", "amount_minor": 1, "currency": "GBP"}),
            ],
        );
        let gap = |field, of| (census.gaps[&(field, of)].missing, census.gaps[&(field, of)].of);
        assert_eq!((gap("captured_at", "captured "), gap("amount_minor", "")), ((1, 1), (0, 2)));
    }
}
