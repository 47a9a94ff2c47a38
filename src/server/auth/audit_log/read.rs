//! Reading entries, newest first.

use std::{fmt, future::ready, str::FromStr, time::Duration};

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::{Stream, TryStreamExt};
use mongodb::error::Result;

use super::{Action, Actor, AuditLog, Reason, Subject};
use crate::server::mongo::READ_WITHIN;

/// Entries on one page.
pub const PAGE: usize = 50;

/// Entries per batch of an export; they wait in memory until they are sent.
const BATCH: u32 = 500;

/// How long MongoDB may take for an export, all batches together. An export breaks off after the same time.
const EXPORT_WITHIN: Duration = Duration::from_mins(10);

/// Which entries to read. A field that is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub action: Option<Action>,
    /// An e-mail address, of the actor or of the subject.
    pub who: Option<String>,
    /// Entries of this time and later.
    pub from: Option<DateTime>,
    /// Entries before this time.
    pub before: Option<DateTime>,
    pub refused: Option<bool>,
}

/// A place in the shown order, directly after the entry that has this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    at: DateTime,
    id: ObjectId,
}

/// An entry as it is read. Another version of ChargeDeck may have written a name that this one does not know; such a
/// name stays as text.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    pub id: ObjectId,
    pub at: DateTime,
    pub action: std::result::Result<Action, String>,
    pub refused: bool,
    pub reason: Option<std::result::Result<Reason, String>>,
    pub actor: Option<Actor>,
    pub subject: Option<Subject>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<String>,
    pub before: Option<Document>,
    pub after: Option<Document>,
}

/// One page of entries, and where the next page begins if there is one.
pub struct EntriesPage {
    pub records: Vec<AuditRecord>,
    pub next: Option<Cursor>,
}

impl AuditLog {
    /// Returns how many entries MongoDB may have to scan for a page. The newest page without a filter is the beginning
    /// of an index. For any other page MongoDB may scan entries first that do not belong to it.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn looks_at(&self, filter: &AuditFilter, after: Option<Cursor>) -> Result<u64> {
        match after {
            None if *filter == AuditFilter::default() => Ok(u64::try_from(PAGE).unwrap_or(u64::MAX)),
            _ => self.size().await,
        }
    }

    /// About how many entries there are.
    ///
    /// # Errors
    /// MongoDB is away.
    pub async fn size(&self) -> Result<u64> {
        self.entries.estimated_document_count().max_time(READ_WITHIN).await
    }

    /// # Errors
    /// MongoDB is away, or takes too long.
    pub async fn page(&self, filter: &AuditFilter, after: Option<Cursor>) -> Result<EntriesPage> {
        let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
        let found = self.entries.find(filter.query(after)).sort(order()).limit(limit).max_time(READ_WITHIN).await?;
        let found: Vec<Document> = found.try_collect().await?;
        let more = found.len() > PAGE;
        let records: Vec<AuditRecord> = found.iter().take(PAGE).filter_map(AuditRecord::read).collect();
        let next = records.last().filter(|_| more).map(AuditRecord::cursor);
        Ok(EntriesPage { records, next })
    }

    /// Streams all matching entries, newest first.
    ///
    /// # Errors
    /// MongoDB is away, or takes too long.
    pub async fn all(&self, filter: &AuditFilter) -> Result<impl Stream<Item = Result<AuditRecord>> + Send + 'static> {
        let all = self.entries.find(filter.query(None)).sort(order()).batch_size(BATCH);
        let found = all.max_time(EXPORT_WITHIN).await?;
        Ok(found.try_filter_map(|document| ready(Ok(AuditRecord::read(&document)))))
    }
}

/// Newest first; entries of the same millisecond keep one fixed order.
fn order() -> Document {
    doc! {"at": -1, "_id": -1}
}

impl AuditFilter {
    fn query(&self, after: Option<Cursor>) -> Document {
        // A client that may only insert could otherwise fill a page with documents that are not entries.
        let mut all = vec![doc! {"at": {"$type": "date"}, "action": {"$type": "string"}}];
        if let Some(action) = self.action {
            all.push(doc! {"action": action.name()});
        }
        if let Some(who) = &self.who {
            all.push(doc! {"$or": [{"actor.email": who}, {"subject.email": who}]});
        }
        if let Some(from) = self.from {
            all.push(doc! {"at": {"$gte": from}});
        }
        if let Some(before) = self.before {
            all.push(doc! {"at": {"$lt": before}});
        }
        if let Some(refused) = self.refused {
            all.push(doc! {"result": if refused { "refused" } else { "ok" }});
        }
        if let Some(Cursor { at, id }) = after {
            all.push(doc! {"$or": [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": id}}]});
        }
        doc! {"$and": all}
    }
}

impl AuditRecord {
    /// Returns `None` only for a document that is not an entry.
    fn read(document: &Document) -> Option<Self> {
        let text = |name: &str| document.get_str(name).ok().map(str::to_owned);
        let part = |name: &str| document.get_document(name).ok().cloned();
        let action = text("action")?;
        let reason = text("reason").map(|reason| Reason::of_name(&reason).ok_or(reason));
        Some(Self {
            id: document.get_object_id("_id").ok()?,
            at: *document.get_datetime("at").ok()?,
            action: Action::of_name(&action).ok_or(action),
            refused: document.get_str("result").is_ok_and(|result| result == "refused"),
            reason,
            actor: part("actor").and_then(|actor| bson::deserialize_from_document(actor).ok()),
            subject: part("subject").and_then(|subject| bson::deserialize_from_document(subject).ok()),
            address: text("address"),
            user_agent: text("user_agent"),
            request_id: text("request_id"),
            before: part("before"),
            after: part("after"),
        })
    }

    const fn cursor(&self) -> Cursor {
        Cursor { at: self.at, id: self.id }
    }
}

/// As it appears in the URL of the next page.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.at.timestamp_millis(), self.id.to_hex())
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> std::result::Result<Self, NoCursor> {
        let (at, id) = text.rsplit_once('-').ok_or(NoCursor)?;
        let at = DateTime::from_millis(at.parse().map_err(|_| NoCursor)?);
        Ok(Self { at, id: ObjectId::parse_str(id).map_err(|_| NoCursor)? })
    }
}

/// The cursor in a URL is malformed, because someone changed it by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the audit log")]
pub struct NoCursor;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor { at: DateTime::from_millis(1_764_163_000_123), id: ObjectId::new() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        let before_1970 = Cursor { at: DateTime::from_millis(-5), id: ObjectId::new() };
        assert_eq!(before_1970.to_string().parse(), Ok(before_1970));
        for wrong in ["", "-", "1-2", "x-0123456789abcdef01234567", "1764163000123", "1-{\"$gt\":1}"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
        }
    }
}
