//! Ways in which data reaches the collections other than from the operator's own systems: `import` of real
//! history, `seed` of a small invented network, `simulate` of a running one or of an imported day once more.
//!
//! Every document made here carries `source.dataset`. Its `_id` is a text made of the dataset and the source's own id
//! ("dundee:7751157"), so the same row always becomes the same document, two datasets never meet, and a document says
//! where it comes from.

mod decimal;
mod derived;
mod documents;
mod export;
mod gone;
pub mod import;
mod ledger;
mod preset;
mod replay;
mod report;
mod rows;
mod seal;
pub mod seed;
pub mod simulate;
mod sorter;
mod store;
mod tariff;
mod world;

pub use preset::shipped;
pub use report::{DocumentCounts, ImportReport, Remark, Remarks};

use anyhow::{Context, Result, bail};
use mongodb::{
    Database,
    bson::{Bson, DateTime, Document},
};

use crate::{
    domain::collections::Collection,
    server::{
        mapping::Mapping,
        mongo::{Mongo, prepare},
    },
};

/// Makes indexes and change-stream images in a database that we have filled. If there are documents of others, it
/// makes nothing, because they need consent: `chargedeck prepare` asks.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn prepare(mongo: &Mongo) -> Result<()> {
    let db = &mongo.operator;
    if prepare::holds_our_documents(db).await? && !prepare::holds_foreign_documents(db).await? {
        prepare::make_for_ours(mongo).await.context("making indexes and images")?;
    }
    Ok(())
}

/// Refuses to write documents with our field names into collections whose documents have other names.
///
/// # Errors
/// A collection is mapped.
pub fn only_unmapped(mapping: &Mapping) -> Result<()> {
    let mapped: Vec<_> = mapping.collections().map(Collection::name).collect();
    if !mapped.is_empty() {
        bail!(
            "`[chargedeck.fields]` maps the fields of {}: nothing was written, for what is written here has ChargeDeck's own \
             names. Use settings without it, and another database.",
            mapped.join(", ")
        );
    }
    Ok(())
}

/// Refuses to write invented data beside an operator's data, unless `anyway` is set.
async fn only_ours(db: &Database, anyway: bool) -> Result<()> {
    if !anyway && prepare::holds_foreign_documents(db).await? {
        bail!(
            "the database `{}` holds documents that ChargeDeck did not make: nothing was written. \
             Name another database with MONGODB_DB, or say --demo-anyway.",
            db.name()
        );
    }
    Ok(())
}

/// Milliseconds since 1970 as MongoDB's Date.
const fn date(ms: i64) -> Bson {
    Bson::DateTime(DateTime::from_millis(ms))
}

/// Sets a field that has a value. A missing one is left out, because missing is not zero.
fn put(document: &mut Document, name: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(name, value);
    }
}
