//! What the watched collections must have: pre- and post-images, and the indexes that the pages' queries use.

use std::time::Duration;

use bson::{Bson, Document, doc};
use mongodb::{Database, IndexModel, error::Result, options::IndexOptions};

use super::Mongo;
use crate::{fields::Mapping, model::ids::Collection};

/// Creates missing collections with images, switches images on where they are off, and makes missing indexes.
/// Safe to repeat, and by several instances at once.
///
/// # Errors
/// If MongoDB refuses; the message says which collection.
pub async fn prepare(mongo: &Mongo) -> Result<()> {
    let db = &mongo.operator;
    images(db).await?;
    for collection in Collection::ALL {
        let wanted = indexes(&mongo.mapping, collection);
        let indexes = wanted.into_iter().map(|keys| IndexModel::builder().keys(keys).build());
        db.collection::<Document>(collection.name()).create_indexes(indexes).await?;
        if let Some(field) = unique(&mongo.mapping, collection) {
            unique_index(db, collection, field).await;
        }
    }
    Ok(())
}

/// Switches on pre- and post-images, creating the collections that do not exist.
///
/// # Errors
/// If MongoDB refuses.
pub async fn images(db: &Database) -> Result<()> {
    for (collection, state) in images_of(db).await? {
        let Some(command) = images_on(collection, state) else { continue };
        match db.run_command(command).await {
            // Another instance, or a writer, was faster; the next look finds it.
            Err(e) if super::error_code(&e) == Some(NAMESPACE_EXISTS) => {
                if let Some(command) = images_on(collection, Some(false)) {
                    db.run_command(command).await?;
                }
            }
            other => drop(other?),
        }
    }
    Ok(())
}

/// Whether each collection has images; `None` where there is no such collection.
///
/// # Errors
/// If MongoDB refuses.
pub async fn images_of(db: &Database) -> Result<Vec<(Collection, Option<bool>)>> {
    let mut have = std::collections::HashMap::new();
    let mut cursor = db.list_collections().await?;
    while cursor.advance().await? {
        let found = cursor.deserialize_current()?;
        have.insert(found.name, found.options.change_stream_pre_and_post_images.is_some_and(|i| i.enabled));
    }
    Ok(Collection::ALL.into_iter().map(|collection| (collection, have.get(collection.name()).copied())).collect())
}

/// The command that gives a collection images, where it has none.
pub fn images_on(collection: Collection, state: Option<bool>) -> Option<Document> {
    let verb = match state {
        Some(true) => return None,
        Some(false) => "collMod",
        None => "create",
    };
    Some(doc! {verb: collection.name(), "changeStreamPreAndPostImages": {"enabled": true}})
}

/// How long the cluster keeps images, where it may be asked and they end before the oplog does.
pub async fn image_retention(mongo: &Mongo) -> Option<Duration> {
    let answer =
        mongo.client.database("admin").run_command(doc! {"getClusterParameter": "changeStreamOptions"}).await.ok()?;
    let options = answer.get_array("clusterParameters").ok()?.first()?.as_document()?;
    match options.get_document("preAndPostImages").ok()?.get("expireAfterSeconds")? {
        Bson::Int32(seconds) => u64::try_from(*seconds).ok(),
        Bson::Int64(seconds) => u64::try_from(*seconds).ok(),
        // "off": as long as the oplog.
        _ => None,
    }
    .map(Duration::from_secs)
}

const NAMESPACE_EXISTS: i32 = 48;

/// Where the public id is, which no two documents share; none where it is `_id`.
pub fn unique(mapping: &Mapping, collection: Collection) -> Option<&str> {
    let ours = match collection {
        Collection::Clients => "client_id",
        Collection::Stations => "station_id",
        Collection::Payments => "payment_id",
        Collection::ChargingSessions => "session_id",
        Collection::EcoStats => return None,
    };
    Some(mapping.path(collection, ours)).filter(|path| *path != "_id")
}

/// A duplicate in an operator's data must not keep the dashboard from starting.
async fn unique_index(db: &Database, collection: Collection, field: &str) {
    let options =
        IndexOptions::builder().unique(true).partial_filter_expression(doc! {field: {"$type": "string"}}).build();
    let index = IndexModel::builder().keys(doc! {field: 1}).options(options).build();
    if let Err(error) = db.collection::<Document>(collection.name()).create_index(index).await {
        tracing::warn!(%collection, field, %error, "no unique index; public ids of this collection may stand twice");
    }
}

/// The indexes that the pages' queries use, by the names that the fields have in MongoDB. What begins with `_id` is there.
pub fn indexes(mapping: &Mapping, collection: Collection) -> Vec<Document> {
    let theirs = |keys: Document| -> Document {
        keys.into_iter().map(|(ours, direction)| (mapping.path(collection, &ours).to_owned(), direction)).collect()
    };
    let mut wanted = Vec::new();
    for keys in ours(collection).into_iter().map(theirs) {
        if keys.keys().next().is_some_and(|first| first != "_id") && !wanted.contains(&keys) {
            wanted.push(keys);
        }
    }
    wanted
}

fn ours(collection: Collection) -> Vec<Document> {
    match collection {
        Collection::Clients => vec![
            doc! {"created_at": -1, "_id": -1},
            doc! {"status": 1, "created_at": -1, "_id": -1},
            doc! {"last_updated": -1, "_id": -1},
        ],
        Collection::Stations => vec![
            doc! {"name": 1, "_id": 1},
            doc! {"connection": 1, "last_heartbeat_at": 1},
            doc! {"city": 1},
            doc! {"evses.status": 1},
        ],
        Collection::Payments => vec![
            doc! {"created_at": -1, "_id": -1},
            doc! {"status": 1, "created_at": -1, "_id": -1},
            doc! {"currency": 1, "captured_at": 1},
            doc! {"captured_at": -1},
            doc! {"method": 1, "created_at": -1},
            doc! {"client_id": 1, "created_at": -1},
            doc! {"session_id": 1},
            doc! {"last_updated": -1, "_id": -1},
        ],
        Collection::ChargingSessions => vec![
            doc! {"start_date_time": -1, "_id": -1},
            doc! {"status": 1, "start_date_time": -1, "_id": -1},
            doc! {"end_date_time": -1, "station_id": 1},
            doc! {"station_id": 1, "start_date_time": -1},
            doc! {"client_id": 1, "start_date_time": -1},
        ],
        Collection::EcoStats => vec![
            doc! {"period_start": -1, "_id": -1},
            doc! {"granularity": 1, "scope": 1, "scope_id": 1, "local_date": 1},
        ],
    }
}
