//! Writes documents in bulk, but only those that the database does not hold in exactly this form.
//!
//! Each batch is read by `_id` and compared byte by byte, so a repeated import costs one read and makes no change
//! event. A document that differs is replaced through the `update` command: many statements in one round trip on
//! every server since 3.6.

use std::collections::HashMap;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use mongodb::{
    Database,
    bson::{RawArrayBuf, RawBson, RawDocumentBuf, doc, rawdoc},
};

use super::{
    report::{DocumentCounts, Remark},
    seal::is_sealed,
};
use crate::domain::collections::Collection;

/// A document that the database should hold, and its line in the source.
#[derive(Clone, Debug)]
pub struct NewDocument {
    pub line: Option<u64>,
    /// Its `_id` is a text.
    pub document: RawDocumentBuf,
}

#[derive(Debug, Default)]
pub struct Outcome {
    pub counts: DocumentCounts,
    pub refused: Vec<Remark>,
}

/// A message to MongoDB may have 48 MB; smaller ones keep the progress bar moving and the memory low.
const MAX_BYTES: usize = 8 << 20;
const MAX_DOCUMENTS: usize = 1000;

/// Makes `collection` hold `wanted`. A document that the database refuses (validator, index) is reported, not fatal.
pub async fn write(db: &Database, collection: Collection, wanted: &[NewDocument]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for batch in batches(wanted) {
        let there = existing(db, collection, batch).await?;
        let (mut adding, mut correcting) = (Vec::new(), Vec::new());
        for one in batch {
            match there.get(id(&one.document)?) {
                None => adding.push(one),
                Some(old) if old.as_bytes() == one.document.as_bytes() => outcome.counts.unchanged += 1,
                Some(old) if !of_one_dataset(old, &one.document) => outcome.counts.kept += 1,
                Some(old) if is_newer(old, &one.document) && !is_sealed(old)? => outcome.counts.kept += 1,
                Some(_) => correcting.push(one),
            }
        }
        for (documents, count) in [(adding, &mut outcome.counts.added), (correcting, &mut outcome.counts.corrected)] {
            let refused = replace(db, collection, &documents).await?;
            *count += (documents.len() - refused.len()) as u64;
            outcome.refused.extend(refused);
        }
    }
    Ok(outcome)
}

fn batches(mut wanted: &[NewDocument]) -> impl Iterator<Item = &[NewDocument]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = wanted.iter().take(MAX_DOCUMENTS).take_while(|one| {
            bytes += one.document.as_bytes().len();
            bytes <= MAX_BYTES
        });
        let length = fitting.count().max(1).min(wanted.len());
        let (batch, rest) = wanted.split_at(length);
        wanted = rest;
        (!batch.is_empty()).then_some(batch)
    })
}

async fn existing(
    db: &Database,
    collection: Collection,
    batch: &[NewDocument],
) -> Result<HashMap<String, RawDocumentBuf>> {
    let ids = batch.iter().map(|one| id(&one.document)).collect::<Result<Vec<_>>>()?;
    let mut found = db.collection::<RawDocumentBuf>(collection.name()).find(doc! { "_id": { "$in": ids } }).await?;
    let mut there = HashMap::with_capacity(batch.len());
    while let Some(document) = found.try_next().await? {
        there.insert(id(&document)?.to_owned(), document);
    }
    Ok(there)
}

async fn replace(db: &Database, collection: Collection, documents: &[&NewDocument]) -> Result<Vec<Remark>> {
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let mut updates = RawArrayBuf::new();
    for one in documents {
        let filter = rawdoc! { "_id": id(&one.document)? };
        updates.push(rawdoc! { "q": filter, "u": one.document.clone(), "upsert": true });
    }
    let command = rawdoc! { "update": collection.name(), "updates": RawBson::Array(updates), "ordered": false };
    let answer = db.run_raw_command(command).await?;
    if let Ok(concern) = answer.get_document("writeConcernError") {
        anyhow::bail!("MongoDB could not make the write durable: {concern}");
    }
    let Ok(errors) = answer.get_array("writeErrors") else { return Ok(Vec::new()) };
    errors
        .iter()
        .map(|error| {
            let error = error.as_document().context("an unreadable write error")?;
            let index = usize::try_from(error.get_i32("index")?)?;
            let line = documents.get(index).and_then(|one| one.line);
            let reason = format!("{}: {}", collection.name(), error.get_str("errmsg")?);
            Ok(Remark { line, column: None, kind: "a document that MongoDB refuses", reason })
        })
        .collect()
}

fn id(document: &RawDocumentBuf) -> Result<&str> {
    document.get_str("_id").context("a document of an import has a text as _id")
}

/// A document of another dataset, or of none, is not ours to change.
fn of_one_dataset(old: &RawDocumentBuf, new: &RawDocumentBuf) -> bool {
    let dataset = |d: &RawDocumentBuf| Some(d.get_document("source").ok()?.get_str("dataset").ok()?.to_owned());
    dataset(old) == dataset(new)
}

fn is_newer(old: &RawDocumentBuf, new: &RawDocumentBuf) -> bool {
    let updated = |d: &RawDocumentBuf| d.get_datetime("last_updated").ok();
    updated(old) > updated(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_everything_once_and_stay_small() {
        let one = |bytes: usize| NewDocument { line: None, document: rawdoc! { "_id": "x".repeat(bytes) } };
        let wanted: Vec<_> =
            (0..2500).map(|_| one(10)).chain((0..3).map(|_| one(5 << 20))).chain([one(9 << 20)]).collect();
        let lengths: Vec<_> = batches(&wanted).map(<[_]>::len).collect();
        assert_eq!(lengths, [1000, 1000, 501, 1, 1, 1]);
        assert_eq!(batches(&[]).count(), 0);
    }
}
