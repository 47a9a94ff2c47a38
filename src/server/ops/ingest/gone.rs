//! Documents that the source no longer holds: marked or removed, unless someone has changed them since the import.

use std::pin::pin;

use anyhow::Result;
use futures_util::{Stream, TryStreamExt, stream};
use mongodb::{
    Database,
    bson::{Document, RawDocumentBuf, doc},
};

use super::{
    date,
    preset::{Preset, WhenGone},
    report::DocumentCounts,
    seal::{is_sealed, seal},
    store::{self, NewDocument},
    world::text,
};
use crate::domain::{
    collections::Collection,
    status::{PaymentStatus, SessionStatus},
};

/// The quality flag of a session that the source no longer holds.
pub const NOT_IN_SOURCE: &str = "NOT_IN_SOURCE";

/// Documents per step.
const BATCH: usize = 1000;

/// A dataset's documents whose row or session is gone.
pub struct Reaper<'a> {
    pub db: &'a Database,
    pub preset: &'a Preset,
    /// The instant of the import.
    pub now: i64,
}

/// The filter for documents of a dataset, by `_id`, which begins with its name.
pub fn of_dataset(dataset: &str) -> Document {
    // `;` follows `:` in ASCII.
    doc! { "_id": { "$gte": format!("{dataset}:"), "$lt": format!("{dataset};") }, "source.dataset": dataset }
}

impl Reaper<'_> {
    /// Reaps the sessions that `named` (ids of sessions, ascending) lacks, and their payments.
    pub async fn sessions(
        &self,
        named: impl Iterator<Item = Result<String>>,
    ) -> Result<[(Collection, DocumentCounts); 2]> {
        let mut counts = [DocumentCounts::default(); 2];
        let dataset = &self.preset.dataset;
        let named = stream::iter(named.map(|id| id.map(|id| format!("{dataset}:{id}"))));
        let mut absent = pin!(absent(self.ids(Collection::ChargingSessions).await?, named));
        while let Some(ids) = absent.try_next().await? {
            let own = |id: &String| id.strip_prefix(&format!("{dataset}:")).map(|id| format!("{dataset}:P-{id}"));
            let payments: Vec<_> = ids.iter().filter_map(own).collect();
            counts[0] += self.reap(Collection::ChargingSessions, &ids, self.preset.file.gone).await?;
            counts[1] += self.reap(Collection::Payments, &payments, self.preset.file.gone).await?;
        }
        let [sessions, payments] = counts;
        Ok([(Collection::ChargingSessions, sessions), (Collection::Payments, payments)])
    }

    /// Removes documents that were derived from sessions and have none left, because they hold nothing of their own.
    pub async fn derived(
        &self,
        collection: Collection,
        named: impl Stream<Item = Result<String>>,
    ) -> Result<DocumentCounts> {
        let mut counts = DocumentCounts::default();
        let mut absent = pin!(absent(self.ids(collection).await?, named));
        while let Some(ids) = absent.try_next().await? {
            counts += self.reap(collection, &ids, WhenGone::Remove).await?;
        }
        Ok(counts)
    }

    /// Marks or removes those of the documents with these `_id`s that exist.
    pub async fn reap(&self, collection: Collection, ids: &[String], how: WhenGone) -> Result<DocumentCounts> {
        let mut counts = DocumentCounts::default();
        let documents = self.db.collection::<RawDocumentBuf>(collection.name());
        let filter = doc! { "_id": { "$in": ids }, "source.dataset": &self.preset.dataset, "source.gone": null };
        let mut found = documents.find(filter).await?;
        let (mut marked, mut removed) = (Vec::new(), Vec::new());
        while let Some(raw) = found.try_next().await? {
            if !is_sealed(&raw)? {
                counts.kept += 1;
                continue;
            }
            let document = Document::try_from(raw)?;
            match how {
                WhenGone::Mark => {
                    marked.push(NewDocument { line: None, document: seal(self.marked(collection, document))? });
                }
                WhenGone::Remove => removed.extend(document.get("_id").cloned()),
            }
        }
        if !removed.is_empty() {
            // Someone may have moved one to another dataset since it was found.
            let still = doc! { "_id": { "$in": removed }, "source.dataset": &self.preset.dataset };
            counts.gone += documents.delete_many(still).await?.deleted_count;
        }
        let outcome = store::write(self.db, collection, &marked).await?;
        if let Some(refused) = outcome.refused.first() {
            anyhow::bail!("what is gone cannot be marked: {}", refused.reason);
        }
        counts.gone += outcome.counts.corrected;
        Ok(counts)
    }

    /// The document with its mark. It counts in no figure, because its session is not billed and its payment took
    /// nothing.
    fn marked(&self, collection: Collection, mut document: Document) -> Document {
        match collection {
            Collection::ChargingSessions => {
                document.insert("status", SessionStatus::Invalid.code());
                if let Ok(quality) = document.get_array_mut("quality") {
                    quality.push(NOT_IN_SOURCE.into());
                }
            }
            Collection::Payments => {
                let status = PaymentStatus::Cancelled.code();
                document.extend(doc! { "status": status, "captured_minor": 0_i64 });
                document.remove("captured_at");
                if let Ok(history) = document.get_array_mut("status_history") {
                    history.push(doc! { "status": status, "at": date(self.now), "by": "import" }.into());
                }
            }
            _ => {}
        }
        if let Ok(source) = document.get_document_mut("source") {
            source.insert("gone", true);
        }
        document.insert("last_updated", date(self.now));
        document
    }

    /// The dataset's `_id`s, ascending.
    async fn ids(&self, collection: Collection) -> Result<impl Stream<Item = Result<String>> + use<>> {
        let mut filter = of_dataset(&self.preset.dataset);
        filter.insert("source.gone", doc! { "$exists": false });
        let documents = self.db.collection::<Document>(collection.name());
        let found = documents.find(filter).projection(doc! { "_id": 1 }).sort(doc! { "_id": 1 }).await?;
        Ok(found.map_err(Into::into).try_filter_map(async |document| Ok(text(&document, "_id"))))
    }
}

/// Batches of the ids in `there` that `named` lacks; both are ascending.
fn absent(
    there: impl Stream<Item = Result<String>>,
    named: impl Stream<Item = Result<String>>,
) -> impl Stream<Item = Result<Vec<String>>> {
    stream::try_unfold(
        (Box::pin(there), Box::pin(named), Some(String::new())),
        async |(mut there, mut named, mut name)| {
            let mut batch = Vec::new();
            while batch.len() < BATCH
                && let Some(id) = there.try_next().await?
            {
                while name.as_ref().is_some_and(|name| *name < id) {
                    name = named.try_next().await?;
                }
                if name.as_ref() != Some(&id) {
                    batch.push(id);
                }
            }
            Ok((!batch.is_empty()).then_some((batch, (there, named, name))))
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn of(there: &[&str], named: &[&str]) -> Vec<String> {
        let texts = |texts: &[&str]| stream::iter(texts.iter().map(|text| Ok((*text).to_owned())).collect::<Vec<_>>());
        absent(texts(there), texts(named)).try_concat().await.unwrap()
    }

    #[tokio::test]
    async fn absent_is_what_one_has_and_the_other_does_not() {
        assert_eq!(of(&["a", "b", "d", "e"], &["b", "b", "c", "e", "f"]).await, ["a", "d"]);
        assert_eq!(of(&["a", "b"], &[]).await, ["a", "b"]);
        assert!(of(&[], &["a"]).await.is_empty());
        let many: Vec<_> = (0..2500).map(|n| format!("{n:05}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&many, &["00007"]).await.len(), 2499);
    }
}
