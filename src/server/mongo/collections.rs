//! What the collections are in the operator's database: whether they are there, of which kind, and with images.

use std::{collections::HashMap, time::Duration};

use bson::{Bson, Document, doc};
use mongodb::{Database, error::Result};

use super::Mongo;
use crate::domain::collections::Collection;

/// What stands under a collection's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Nothing,
    /// `identity` changes when the collection is made anew.
    Stored {
        images: bool,
        identity: Vec<u8>,
    },
    View,
    TimeSeries,
}

impl Found {
    /// Why its changes cannot be followed, in words; `None` if they can.
    pub const fn unfollowed(&self) -> Option<&'static str> {
        match self {
            Self::Nothing | Self::Stored { .. } => None,
            Self::View => Some("a view"),
            Self::TimeSeries => Some("a time series"),
        }
    }
}

/// What each collection is now.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn found(db: &Database) -> Result<Vec<(Collection, Found)>> {
    let names: Vec<&str> = Collection::ALL.iter().map(|collection| collection.name()).collect();
    let list = doc! {"listCollections": 1, "filter": {"name": {"$in": names}}};
    let mut cursor = db.run_cursor_command(list).await?;
    let mut all = HashMap::new();
    while cursor.advance().await? {
        let one: Document = cursor.deserialize_current()?;
        all.insert(one.get_str("name").unwrap_or_default().to_owned(), read(&one));
    }
    let of = |collection: Collection| (collection, all.remove(collection.name()).unwrap_or(Found::Nothing));
    Ok(Collection::ALL.into_iter().map(of).collect())
}

fn read(listed: &Document) -> Found {
    match listed.get_str("type") {
        Ok("view") => return Found::View,
        Ok("timeseries") => return Found::TimeSeries,
        _ => {}
    }
    let options = listed.get_document("options").ok();
    let images = options.and_then(|options| options.get_document("changeStreamPreAndPostImages").ok());
    let identity = match listed.get_document("info").ok().and_then(|info| info.get("uuid")) {
        Some(Bson::Binary(uuid)) => uuid.bytes.clone(),
        _ => Vec::new(),
    };
    Found::Stored { images: images.is_some_and(|images| images.get_bool("enabled").unwrap_or(false)), identity }
}

/// The collections whose changes MongoDB does not report, in the order of [`Collection::ALL`].
pub fn unfollowed(found: &[(Collection, Found)]) -> Vec<Collection> {
    found.iter().filter(|(_, found)| found.unfollowed().is_some()).map(|(collection, _)| *collection).collect()
}

/// The command that switches a collection's images on.
pub fn images_on(collection: Collection) -> Document {
    doc! {"collMod": collection.name(), "changeStreamPreAndPostImages": {"enabled": true}}
}

/// How long the cluster keeps images. `None` if it may not be asked, or if images last as long as the oplog.
pub async fn image_retention(mongo: &Mongo) -> Option<Duration> {
    let answer =
        mongo.client.database("admin").run_command(doc! {"getClusterParameter": "changeStreamOptions"}).await.ok()?;
    let options = answer.get_array("clusterParameters").ok()?.first()?.as_document()?;
    match options.get_document("preAndPostImages").ok()?.get("expireAfterSeconds")? {
        Bson::Int32(seconds) => u64::try_from(*seconds).ok(),
        Bson::Int64(seconds) => u64::try_from(*seconds).ok(),
        // "off" means as long as the oplog.
        _ => None,
    }
    .map(Duration::from_secs)
}
