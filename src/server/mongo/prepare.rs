//! What ChargeDeck makes in the operator's database: change-stream images and indexes. In a database that it did not
//! fill, it makes them only when somebody has agreed. When a collection is made anew, it repeats what was agreed to.
//!
//! It makes no collection there, because MongoDB would then refuse the operator's own command to make it.
//!
//! Long, because what is planned, what was agreed to and what is repeated have to be the same.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Binary, Bson, DateTime, Document, RawDocumentBuf, doc, spec::BinarySubtype};
use mongodb::{Database, error::Result};

use super::{
    Mongo,
    collections::{Found, found, images_on},
    indexes::{self, Index},
};
use crate::domain::collections::Collection;

/// The collection of our own database with what was agreed to, by the name of the operator's database.
const AGREED: &str = "prepared";

/// What would be made and dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreparePlan {
    pub images: Vec<Collection>,
    pub indexes: Vec<New>,
    /// Indexes of earlier versions that are no longer used.
    pub drops: Vec<(Collection, Index)>,
    /// Collections that are not there yet. What they need is made when they come.
    pub absent: Vec<Collection>,
    /// Views and time series, which have neither images nor indexes of ours.
    pub unfollowed: Vec<(Collection, &'static str)>,
    /// Collections that have too many indexes for more of ours.
    pub full: Vec<Collection>,
}

/// An index to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    pub collection: Collection,
    pub keys: Document,
    /// Approximate bytes that it will take; `None` if that is unknown.
    pub bytes: Option<u64>,
}

impl PreparePlan {
    pub const fn is_empty(&self) -> bool {
        self.images.is_empty() && self.indexes.is_empty() && self.drops.is_empty()
    }

    /// The commands that carry out the plan. New things are made before old ones go.
    pub fn commands(&self) -> Vec<Document> {
        let images = self.images.iter().map(|collection| images_on(*collection));
        let made = Collection::ALL.into_iter().filter_map(|collection| {
            let keys = self.indexes.iter().filter(|new| new.collection == collection).map(|new| new.keys.clone());
            let keys: Vec<Document> = keys.collect();
            (!keys.is_empty()).then(|| indexes::create(collection, &keys))
        });
        let dropped = Collection::ALL.into_iter().filter_map(|collection| {
            let of = self.drops.iter().filter(|(of, _)| *of == collection);
            let names: Vec<&str> = of.map(|(_, index)| index.name.as_str()).collect();
            (!names.is_empty()).then(|| indexes::drop(collection, &names))
        });
        images.chain(made).chain(dropped).collect()
    }
}

/// What is missing, and what is left of earlier versions.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn plan(mongo: &Mongo) -> Result<PreparePlan> {
    let mut plan = PreparePlan::default();
    for (collection, found) in found(&mongo.operator).await? {
        match found {
            Found::Nothing => plan.absent.push(collection),
            Found::Stored { images, .. } => {
                plan.images.extend((!images).then_some(collection));
                plan_indexes(mongo, collection, &mut plan).await?;
            }
            Found::View | Found::TimeSeries => {
                plan.unfollowed.extend(found.unfollowed().map(|what| (collection, what)));
            }
        }
    }
    Ok(plan)
}

async fn plan_indexes(mongo: &Mongo, collection: Collection, plan: &mut PreparePlan) -> Result<()> {
    let have = indexes::existing(&mongo.operator, collection).await?;
    let wanted = indexes::wanted(&mongo.mapping, collection);
    let is_used = |index: &Index| wanted.iter().any(|keys| keys.len() == index.keys.len() && index.serves(keys));
    let (gone, stay): (Vec<Index>, Vec<Index>) =
        have.into_iter().partition(|index| index.is_earlier(&mongo.mapping, collection) && !is_used(index));
    let missing: Vec<Document> =
        wanted.into_iter().filter(|keys| !stay.iter().any(|index| index.serves(keys))).collect();
    // Old indexes are still there while the new ones are made.
    if indexes::has_room(stay.len().saturating_add(gone.len()), missing.len()) {
        let bytes = estimates(&mongo.operator, collection, &missing).await;
        plan.indexes.extend(missing.into_iter().zip(bytes).map(|(keys, bytes)| New { collection, keys, bytes }));
    } else if !missing.is_empty() {
        plan.full.push(collection);
    }
    plan.drops.extend(gone.into_iter().map(|index| (collection, index)));
    Ok(())
}

/// Approximate bytes that indexes of these keys will take, by a sample of the documents.
async fn estimates(db: &Database, collection: Collection, wanted: &[Document]) -> Vec<Option<u64>> {
    /// Bytes beside a key's value, with the document's place.
    const BESIDE: f64 = 9.0;
    const SAMPLE: i32 = 500;
    let unknown = vec![None; wanted.len()];
    let size = |keys: &Document| {
        let fields: Vec<String> = keys.keys().map(|field| format!("${field}")).collect();
        doc! {"$avg": {"$bsonSize": {"v": fields}}}
    };
    let mut group = doc! {"_id": null};
    group.extend(wanted.iter().enumerate().map(|(n, keys)| (n.to_string(), size(keys).into())));
    let sampled = async {
        let documents = db.collection::<Document>(collection.name());
        let count = documents.estimated_document_count().await?;
        let mut cursor = documents.aggregate([doc! {"$sample": {"size": SAMPLE}}, doc! {"$group": group}]).await?;
        let sizes = if cursor.advance().await? { cursor.deserialize_current()? } else { Document::new() };
        Result::Ok((count, sizes))
    };
    if wanted.is_empty() {
        return unknown;
    }
    let Ok((count, sizes)) = sampled.await else { return unknown };
    // A document with a list: 5 bytes for each of the two, 3 for its name, and 3 for each part's.
    let around = |keys: &Document| 13.0 + 3.0 * f64::from(u32::try_from(keys.len()).unwrap_or(0));
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    let bytes = |n: usize, keys: &Document| {
        let value = sizes.get_f64(n.to_string()).map_or(0.0, |size| (size - around(keys)).max(0.0));
        Some((count as f64 * (value + BESIDE)) as u64)
    };
    wanted.iter().enumerate().map(|(n, keys)| bytes(n, keys)).collect()
}

/// Carries out the plan, and notes that it was agreed to.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn carry_out(mongo: &Mongo, plan: &PreparePlan) -> Result<()> {
    for command in plan.commands() {
        mongo.operator.run_command(command).await?;
    }
    agree(mongo, Consent::Given).await
}

/// Makes all that is missing without asking, for somebody who has agreed to all of it.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn make(mongo: &Mongo) -> Result<()> {
    carry_out(mongo, &plan(mongo).await?).await
}

/// Makes all that is missing in a database that holds our documents alone. Nobody has agreed to anything for others.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn make_for_ours(mongo: &Mongo) -> Result<()> {
    for command in plan(mongo).await?.commands() {
        mongo.operator.run_command(command).await?;
    }
    agree(mongo, Consent::ForOurs).await
}

/// Whether it holds documents that `import`, `seed` or `simulate` made, or such that they did not make.
async fn holds(db: &Database, collection: Collection, ours: bool) -> Result<bool> {
    let documents = db.collection::<RawDocumentBuf>(collection.name());
    Ok(documents.find_one(doc! {"source.dataset": {"$exists": ours}}).await?.is_some())
}

async fn any_holds(db: &Database, ours: bool) -> Result<bool> {
    for collection in Collection::ALL {
        if holds(db, collection, ours).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether one of the collections holds a document that neither `import`, `seed` nor `simulate` made.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn holds_foreign_documents(db: &Database) -> Result<bool> {
    any_holds(db, false).await
}

/// Whether one of the collections holds a document that `import`, `seed` or `simulate` made.
///
/// # Errors
/// If MongoDB does not answer.
pub async fn holds_our_documents(db: &Database) -> Result<bool> {
    any_holds(db, true).await
}

/// Who agreed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    /// Somebody, to what `prepare` listed.
    Given,
    /// Nobody. We filled the database ourselves.
    ForOurs,
}

/// What was agreed to.
struct Agreed {
    consent: Consent,
    /// The indexes, by our names for them.
    indexes: BTreeSet<String>,
    /// The identity of each collection for which it was done.
    done: BTreeMap<String, Vec<u8>>,
}

fn agreements(mongo: &Mongo) -> mongodb::Collection<Document> {
    mongo.own.collection(AGREED)
}

fn full_name(collection: Collection, keys: &Document) -> String {
    format!("{collection}.{}", indexes::our_name(keys))
}

/// Notes what was agreed to, and for which collections it is done.
async fn agree(mongo: &Mongo, consent: Consent) -> Result<()> {
    let all = Collection::ALL.into_iter();
    let names = all.flat_map(|c| indexes::wanted(&mongo.mapping, c).into_iter().map(move |keys| full_name(c, &keys)));
    let ours = consent == Consent::ForOurs;
    let mut set = doc! {"at": DateTime::now(), "for_ours": ours, "indexes": names.collect::<Vec<_>>(), "done": {}};
    let stored = found(&mongo.operator).await?.into_iter().filter_map(|(collection, found)| match found {
        Found::Stored { identity, .. } => Some((collection.name().to_owned(), binary(identity))),
        _ => None,
    });
    set.insert("done", stored.collect::<Document>());
    agreements(mongo).update_one(doc! {"_id": mongo.operator.name()}, doc! {"$set": set}).upsert(true).await?;
    Ok(())
}

fn binary(bytes: Vec<u8>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })
}

async fn agreed(mongo: &Mongo) -> Result<Option<Agreed>> {
    let Some(found) = agreements(mongo).find_one(doc! {"_id": mongo.operator.name()}).await? else { return Ok(None) };
    let names = found.get_array("indexes").map(Vec::as_slice).unwrap_or_default();
    let done = found.get_document("done").cloned().unwrap_or_default();
    Ok(Some(Agreed {
        consent: if found.get_bool("for_ours").unwrap_or(false) { Consent::ForOurs } else { Consent::Given },
        indexes: names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        done: done
            .into_iter()
            .filter_map(|(name, identity)| match identity {
                Bson::Binary(identity) => Some((name, identity.bytes)),
                _ => None,
            })
            .collect(),
    }))
}

/// Collections that were made anew since somebody agreed on what they should have.
pub struct Anew {
    collections: Vec<(Collection, Vec<u8>)>,
    agreed: BTreeSet<String>,
}

/// Switches images on in collections that were made anew, if that was agreed to. Without an agreement nothing is made, nor
/// for an operator's documents in a database that we had filled, and what an operator changed by hand stays as it is.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn keep_images(mongo: &Mongo) -> Result<Option<Anew>> {
    let Some(agreed) = agreed(mongo).await? else { return Ok(None) };
    let (mut collections, mut refused) = (Vec::new(), Ok(()));
    for (collection, found) in found(&mongo.operator).await? {
        let Found::Stored { images, identity } = found else { continue };
        if agreed.done.get(collection.name()) == Some(&identity) {
            continue;
        }
        let operator = &mongo.operator;
        if agreed.consent == Consent::ForOurs
            && (holds(operator, collection, false).await? || !holds(operator, collection, true).await?)
        {
            continue;
        }
        // A collection that is dropped at this moment must not leave the others without images.
        let made = if images { Ok(()) } else { mongo.operator.run_command(images_on(collection)).await.map(drop) };
        refused = refused.and(made);
        collections.push((collection, identity));
    }
    refused?;
    Ok((!collections.is_empty()).then_some(Anew { collections, agreed: agreed.indexes }))
}

/// Makes the agreed indexes of these collections. This takes long if they are large already.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn keep_indexes(mongo: &Mongo, anew: Anew) -> Result<()> {
    for (collection, identity) in anew.collections {
        let mut plan = PreparePlan::default();
        plan_indexes(mongo, collection, &mut plan).await?;
        plan.drops.clear();
        plan.indexes.retain(|new| anew.agreed.contains(&full_name(collection, &new.keys)));
        for command in plan.commands() {
            mongo.operator.run_command(command).await?;
        }
        let done = doc! {"$set": {format!("done.{collection}"): binary(identity)}};
        agreements(mongo).update_one(doc! {"_id": mongo.operator.name()}, done).await?;
    }
    Ok(())
}
