//! Removes from events what earlier versions wrote and may not be shown.
//!
//! It goes from the newest event to the oldest, so that all are clean once the oldest is. No request waits for it, so its
//! reads have no time limit.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::error::Result;

use super::{
    document::{VERSION, fields},
    store::Events,
};
use crate::{
    domain::{collections::Collection, fields::OTHER},
    server::mongo::documents::shown,
};

/// Events that are cleaned at a time, so that those that wait to be written do not wait long.
const SOME: i64 = 100;

impl Events {
    /// Whether this version, or a later one, wrote or cleaned the oldest event.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn are_clean(&self) -> Result<bool> {
        let oldest = self.0.find_one(doc! {}).sort(doc! {"_id": 1}).projection(doc! {"version": 1}).await?;
        let is_clean = |event: Document| event.get_i64("version").is_ok_and(|version| version >= VERSION);
        Ok(oldest.is_none_or(is_clean))
    }

    /// Cleans some events before the one with this `_id`. Returns the `_id` of the last; `None` if there are no more.
    ///
    /// # Errors
    /// If MongoDB does not answer, or refuses.
    pub async fn clean_some(&self, before: Option<Bson>) -> Result<Option<Bson>> {
        let mut query = doc! {"version": {"$not": {"$gte": VERSION}}};
        query.extend(before.map(|id| ("_id".to_owned(), doc! {"$lt": id}.into())));
        let mut found = self.0.find(query).sort(doc! {"_id": -1}).limit(SOME).await?;
        let mut last = None;
        while let Some(event) = found.try_next().await? {
            let id = event.get("_id").cloned();
            self.0.update_one(doc! {"_id": &id}, doc! {"$set": clean(&event)?}).await?;
            last = id;
        }
        Ok(last)
    }
}

/// What replaces an event's parts, by the rule by which documents are read.
fn clean(event: &Document) -> Result<Document> {
    let mut clean = doc! {"version": VERSION};
    // Gaps belong to no collection.
    let of = event.get_str("collection").ok().and_then(|name| name.parse::<Collection>().ok());
    for part in ["from", "to"] {
        let (Some(collection), Ok(row)) = (of, event.get_document(part)) else { continue };
        let mut left = fields(&shown(collection, &RawDocumentBuf::try_from(row)?));
        left.extend(row.get(OTHER).map(|other| (OTHER.to_owned(), other.clone())));
        clean.insert(part, left);
    }
    Ok(clean)
}
