//! Removes from events what earlier versions wrote and may not be shown.
//!
//! Each event says which version wrote or cleaned it, and an index finds those of earlier versions. They may stand
//! anywhere, because an operator may have gone back to an older build for a while. No request waits for this, so its
//! reads have no time limit.

use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc};
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
/// How often it is looked for more. An older build that has just lost the lease may still write for a moment.
pub const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The pause after a failure.
pub const LOOK_AGAIN: Duration = Duration::from_secs(60 * 60);

impl Events {
    /// Cleans some events of earlier versions. Returns whether there may be more.
    ///
    /// # Errors
    /// If MongoDB does not answer, or refuses.
    pub async fn clean_some(&self) -> Result<bool> {
        let mut found = self.0.find(doc! {"version": {"$not": {"$gte": VERSION}}}).limit(SOME).await?;
        let mut more = false;
        while let Some(event) = found.try_next().await? {
            self.0.update_one(doc! {"_id": event.get("_id")}, doc! {"$set": clean(&event)?}).await?;
            more = true;
        }
        Ok(more)
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
