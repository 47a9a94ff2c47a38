//! Takes out of events what earlier versions wrote and may not be shown.
//!
//! It goes from the newest to the oldest, so that all is done once the oldest is.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::error::Result;

use super::store::Events;
use crate::model::{
    fields::OTHER,
    ids::Collection,
    log::LOG_VERSION,
    shown::{Parts, Shown, travelling},
};

/// Events that are cleaned at a time, so that those that wait to be written do not wait long.
const SOME: i64 = 500;

impl Events {
    /// Whether the oldest was written or cleaned by this version.
    ///
    /// # Errors
    /// If MongoDB does not answer.
    pub async fn are_clean(&self) -> Result<bool> {
        let oldest = self.0.find_one(doc! {}).sort(doc! {"_id": 1}).projection(doc! {"version": 1}).await?;
        Ok(oldest.is_none_or(|event| is_clean(&event)))
    }

    /// Cleans some before the one of this `_id`, and gives that of the last; `None` if there are no more.
    ///
    /// # Errors
    /// If MongoDB does not answer, or refuses.
    pub async fn clean_some(&self, before: Option<Bson>) -> Result<Option<Bson>> {
        let query = before.map_or_else(Document::new, |id| doc! {"_id": {"$lt": id}});
        let found = self.0.find(query).sort(doc! {"_id": -1}).limit(SOME).projection(doc! {"version": 1}).await?;
        let found: Vec<Document> = found.try_collect().await?;
        let ids: Vec<&Bson> = found.iter().filter(|event| !is_clean(event)).filter_map(id_of).collect();
        if let Some((oldest, others)) = ids.split_last() {
            self.clean(others).await?;
            // Last, and by itself: that it is clean says that all are.
            self.clean(&[oldest]).await?;
        }
        Ok(found.last().and_then(id_of).cloned())
    }

    async fn clean(&self, ids: &[&Bson]) -> Result<()> {
        let version = doc! {"version": i64::from(LOG_VERSION)};
        for collection in Collection::ALL {
            let these = doc! {"_id": {"$in": ids}, "collection": collection.name()};
            let (from, to) = (row("from", collection), row("to", collection));
            let only = doc! {"$replaceWith": {"$mergeObjects": ["$$ROOT", from, to, &version]}};
            self.0.update_many(these, vec![only]).await?;
        }
        // Gaps are of no collection.
        self.0.update_many(doc! {"_id": {"$in": ids}, "collection": null}, doc! {"$set": version}).await?;
        Ok(())
    }
}

fn id_of(event: &Document) -> Option<&Bson> {
    event.get("_id")
}

fn is_clean(event: &Document) -> bool {
    event.get_i64("version").is_ok_and(|version| version >= LOG_VERSION.into())
}

/// A part of an event, with what travels of a row; not there, as before, where it is not there.
fn row(part: &str, collection: Collection) -> Document {
    let mut row = within(&format!("${part}"), collection.parts(), 0);
    row.insert(OTHER, format!("${part}.{OTHER}"));
    doc! {part: {"$cond": [{"$eq": [{"$type": format!("${part}")}, "object"]}, row, format!("${part}")]}}
}

fn within(at: &str, parts: Parts, depth: usize) -> Document {
    travelling(parts).map(|(name, shown)| (name.to_owned(), only(&format!("{at}.{name}"), shown, depth))).collect()
}

/// The expression of what may be shown of the value at a path; as `mongo::documents` reads it, which also says why.
fn only(at: &str, shown: Shown, depth: usize) -> Bson {
    let holds = |kinds: &[&str]| doc! {"$in": [{"$type": at}, kinds]};
    let item = format!("item{depth}");
    let each = |of: Bson| doc! {"$map": {"input": at, "as": &item, "in": of}};
    let value = || doc! {"$cond": [holds(&["object", "array"]), {"$literal": {}}, at]};
    match shown {
        Shown::Value | Shown::Nothing => value().into(),
        Shown::Values => {
            let of_each = each(only(&format!("$${item}"), Shown::Value, depth + 1));
            doc! {"$cond": [holds(&["array"]), of_each, value()]}.into()
        }
        Shown::Within(parts) => {
            let object = |at: &str| match parts {
                [] => doc! {"$literal": {}},
                parts => within(at, parts, depth + 1),
            };
            let inner = format!("$${item}");
            let of_each = each(doc! {"$cond": [{"$eq": [{"$type": &inner}, "object"]}, object(&inner), "…"]}.into());
            doc! {"$switch": {
                "branches": [
                    {"case": holds(&["array"]), "then": of_each},
                    {"case": holds(&["object"]), "then": object(at)},
                    {"case": holds(&["missing", "null"]), "then": at},
                ],
                "default": "…",
            }}
            .into()
        }
    }
}
