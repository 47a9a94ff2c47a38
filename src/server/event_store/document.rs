//! An event as MongoDB keeps it.

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use serde_json::Value;

use crate::domain::{
    fields::Fields,
    latest::{self, ActivityEvent},
    protocol::{
        log::{Effect, Read, Record},
        position::{ClusterTime, Epoch, Position, Seq},
    },
};

/// Version of what an event may hold. Raise it when you remove what may not be shown from the tables. Events of lower
/// versions are then cleaned. It is no hash, because two builds beside each other would clean in turns.
pub const VERSION: i64 = 7;

/// The `_id` of the event at a position. It sorts as positions do.
pub fn id(position: Position) -> Bson {
    let int = |n: u64| Bson::Int64(i64::try_from(n).unwrap_or(i64::MAX));
    doc! {"e": int(position.epoch.0), "s": int(position.seq.0)}.into()
}

/// The position that an `_id` stands for.
pub fn position(event: &Document) -> Option<Position> {
    let id = event.get_document("_id").ok()?;
    let int = |name: &str| id.get_i64(name).ok().and_then(|n| u64::try_from(n).ok());
    Some(Position::new(Epoch(int("e")?), Seq(int("s")?)))
}

/// The cluster time of a change.
pub fn ct(event: &Document) -> Option<ClusterTime> {
    event.get_timestamp("ct").ok().map(|ct| ClusterTime::new(ct.time, ct.increment))
}

/// A change of the log as an event. `from` and `to` hold the fields that changed. They hold whole rows if a document
/// came, went or could only be read afterwards, and nothing if it was gone by then.
pub fn event(at: Position, record: &Record) -> Document {
    let mut event = doc! {
        "_id": id(at),
        "at": DateTime::from_millis(record.at.0),
        "version": VERSION,
        "ct": record.ct.timestamp(),
        "collection": record.collection.name(),
    };
    match &record.effect {
        Effect::Reset { reason, also } => {
            event.insert("op", "reset");
            event.insert("reason", reason);
            event.insert("also", also.map(|collection| collection.name().to_owned()));
        }
        Effect::Row(row) => {
            let now = if row.unknown { row.read.as_ref().and_then(Read::row) } else { row.after.as_ref() };
            let (op, to) = match (now, &row.changed) {
                _ if row.unknown => ("read", now.cloned().unwrap_or_default()),
                (None, _) => ("delete", Fields::new()),
                (Some(after), None) => ("insert", after.clone()),
                (Some(after), Some(changed)) => {
                    let to = changed.iter().filter_map(|name| Some((name.clone(), after.get(name)?.clone())));
                    ("update", to.collect())
                }
            };
            event.extend(doc! {"op": op, "id": &row.id.0, "from": fields(&row.before), "to": fields(&to)});
            let whole = now.unwrap_or(&row.before);
            for name in ["client_id", "station_id", "session_id", "payment_id"] {
                if let Some(Value::String(reference)) = whole.get(name) {
                    event.insert(name, reference);
                }
            }
        }
    }
    if let Some(activity) = latest::activity(record) {
        event.insert("problem", latest::is_problem(&activity));
        // This cannot fail, because news hold only texts, numbers and lists of texts.
        event.insert("news", bson::serialize_to_bson(&activity).unwrap_or(Bson::Null));
    }
    event
}

/// Maximum bytes of an event as it is written; MongoDB accepts 16 MB.
const BYTES_MAX: usize = 15 << 20;

/// The event as it is written. While it does not fit, the largest of `from`, `to` and `news` is removed. `cut` names
/// what was removed.
///
/// # Errors
/// If a name cannot be written as BSON. A name that was read from BSON always can.
pub fn fitting(mut event: Document) -> bson::error::Result<RawDocumentBuf> {
    let mut cut = Vec::new();
    loop {
        let raw = RawDocumentBuf::try_from(&event)?;
        let size = |part: &&str| raw.get_document(part).map_or(0, |part| part.as_bytes().len());
        let parts = ["from", "to", "news"].into_iter().filter(|part| event.contains_key(part));
        let largest = parts.max_by_key(size).filter(|_| raw.as_bytes().len() > BYTES_MAX);
        let Some(largest) = largest else { return Ok(raw) };
        event.remove(largest);
        cut.push(largest);
        event.insert("cut", &cut);
    }
}

/// The `op` of an event that is no change, but says that changes are missing.
pub const GAP: &str = "gap";

/// An event that says that changes are missing: those after `last` and before the entry at `first`.
pub fn gap(last: Position, first: Position, at: DateTime) -> Document {
    let before = Position::new(first.epoch, Seq(first.seq.0.saturating_sub(1)));
    doc! {"_id": id(before), "at": at, "version": VERSION, "op": GAP, "after": last.to_string()}
}

pub fn fields(fields: &Fields) -> Document {
    fields.iter().map(|(name, value)| (name.clone(), bson::serialize_to_bson(value).unwrap_or(Bson::Null))).collect()
}

/// The event as Activity shows it; `None` if Activity leaves it out.
pub fn activity(event: &Document) -> Option<ActivityEvent> {
    bson::deserialize_from_bson(event.get("news")?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_without_what_does_not_fit() {
        let row = |megabytes: usize| doc! {"name": "x".repeat(megabytes << 20)};
        let written = |from: usize, to: usize| {
            let event = doc! {"_id": 1, "op": "update", "from": row(from), "to": row(to)};
            let written = fitting(event).unwrap();
            assert!(written.as_bytes().len() <= BYTES_MAX);
            let cut = |name: &str| {
                written
                    .get_array("cut")
                    .is_ok_and(|cut| cut.into_iter().any(|part| part.is_ok_and(|part| part.as_str() == Some(name))))
            };
            [cut("from"), written.get("from").unwrap().is_none(), cut("to"), written.get("to").unwrap().is_none()]
        };
        assert_eq!(written(1, 1), [false; 4]);
        assert_eq!(written(7, 9), [false, false, true, true], "the larger goes");
        assert_eq!(written(9, 7), [true, true, false, false]);
        assert_eq!(written(16, 16), [true; 4]);
    }
}
