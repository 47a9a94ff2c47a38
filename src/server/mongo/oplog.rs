//! How far back MongoDB remembers.

use bson::{Document, doc};

use super::Mongo;

/// Seconds from the oplog's first entry to its last; `None` if no entry can be seen.
///
/// # Errors
/// MongoDB is away, or gives no right to read `local`.
pub async fn window(mongo: &Mongo) -> mongodb::error::Result<Option<i64>> {
    let oplog = mongo.client.database("local").collection::<Document>("oplog.rs");
    let at = async |direction: i32| {
        let entry = oplog.find_one(doc! {}).sort(doc! {"$natural": direction}).projection(doc! {"ts": 1}).await?;
        mongodb::error::Result::Ok(entry.and_then(|entry| entry.get_timestamp("ts").ok().map(|ts| i64::from(ts.time))))
    };
    Ok(at(1).await?.zip(at(-1).await?).map(|(first, last)| last.saturating_sub(first)))
}
