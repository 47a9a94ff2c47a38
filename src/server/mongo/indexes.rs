//! The indexes that the pages' queries use, and those that earlier versions made.
//!
//! They stand in an operator's collections, so none may make MongoDB refuse a write, whatever is written. So each is
//! of one field, alone or before `_id`. None is unique, and none is of two fields, because a document could have
//! lists in both.

use bson::{Bson, Document, doc};
use mongodb::{Database, error::Result};

use super::error_code;
use crate::{domain::collections::Collection, server::mapping::Mapping};

/// MongoDB allows 64 indexes in a collection. This many of them stay free for those that the operator will make.
const FREE: usize = 12;
const MOST: usize = 64;
/// Prefix of the names of our indexes.
const OURS: &str = "chargedeck_";

/// An index that stands in a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub name: String,
    pub keys: Document,
    pub unique: bool,
    pub partial: Option<Document>,
    /// Sparse, hidden, or with a collation.
    special: bool,
    /// Whether it removes documents after a time.
    expires: bool,
}

impl Index {
    fn read(mut listed: Document) -> Option<Self> {
        let is = |name: &str| listed.get_bool(name).unwrap_or(false);
        let (unique, special) = (is("unique"), is("sparse") || is("hidden") || listed.contains_key("collation"));
        Some(Self {
            name: listed.get_str("name").ok()?.to_owned(),
            partial: listed.get_document("partialFilterExpression").ok().cloned(),
            expires: listed.contains_key("expireAfterSeconds"),
            keys: match listed.remove("key")? {
                Bson::Document(keys) => keys,
                _ => return None,
            },
            unique,
            special,
        })
    }

    /// Whether it finds and sorts what an index of these keys would.
    pub fn serves(&self, keys: &Document) -> bool {
        let directions = |keys: &Document| -> Option<Vec<f64>> { keys.values().map(direction).collect() };
        let (Some(theirs), Some(ours)) = (directions(&self.keys), directions(keys)) else { return false };
        let same_fields = self.keys.keys().zip(keys.keys()).all(|(a, b)| a == b);
        let same_turn = || theirs.iter().zip(&ours).map(|(a, b)| a * b).collect::<Vec<_>>();
        self.partial.is_none()
            && !self.special
            && theirs.len() >= ours.len()
            && same_fields
            && same_turn().windows(2).all(|two| two[0].signum() == two[1].signum())
    }

    /// Whether its name says that we made it.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with(OURS)
    }

    /// Whether an earlier version made it, under the present mapping.
    pub fn is_earlier(&self, mapping: &Mapping, collection: Collection) -> bool {
        let is = |keys: &Document, unique: bool, partial: Option<Document>| {
            self.name == name(keys) && same(&self.keys, keys) && self.unique == unique && self.partial == partial
        };
        let Some(earlier) = earlier(mapping, collection) else { return false };
        let other = earlier.iter().any(|keys| is(keys, false, None));
        let unique = public_id(mapping, collection).is_some_and(|f| is(&doc! {f: 1}, true, Some(texts(f))));
        (other || unique) && !self.special && !self.expires
    }

    /// Whether it looks like an index that an earlier version made under another mapping.
    pub fn may_be_earlier(&self) -> bool {
        let field = self.keys.keys().next().map_or("", String::as_str);
        self.unique && self.keys.len() == 1 && self.partial == Some(texts(field))
    }
}

/// The indexes of a collection; empty if the collection does not exist.
///
/// # Errors
/// If MongoDB does not answer or refuses.
pub async fn existing(db: &Database, collection: Collection) -> Result<Vec<Index>> {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    let mut cursor = match db.run_cursor_command(doc! {"listIndexes": collection.name()}).await {
        Err(error) if error_code(&error) == Some(NAMESPACE_NOT_FOUND) => return Ok(Vec::new()),
        other => other?,
    };
    let mut all = Vec::new();
    while cursor.advance().await? {
        all.extend(Index::read(cursor.deserialize_current()?));
    }
    Ok(all)
}

/// The keys of the indexes that a collection should have, by the fields' names in MongoDB. What begins with `_id` has
/// its index already.
pub fn wanted(mapping: &Mapping, collection: Collection) -> Vec<Document> {
    // The field that the list is sorted by comes first, then the public id, then what figures, links and reports look
    // for.
    let sorted = collection.order().field();
    let found: &[&str] = match collection {
        Collection::Clients => &["status"],
        Collection::Payments => &["session_id", "client_id", "status", "captured_at"],
        Collection::ChargingSessions => &["station_id", "client_id", "status", "end_date_time"],
        _ => &[],
    };
    let mut fields: Vec<&str> = Vec::new();
    let ours = std::iter::once(sorted).chain(collection.public_id()).chain(found.iter().copied());
    let paths = ours.map(|ours| mapping.path(collection, ours));
    for path in paths.filter(|path| may_be_indexed(path)) {
        if !fields.contains(&path) {
            fields.push(path);
        }
    }
    let sorted = mapping.path(collection, sorted);
    fields
        .into_iter()
        .map(|path| {
            if path == sorted {
                doc! {path: 1, "_id": 1}
            } else {
                doc! {path: 1}
            }
        })
        .collect()
}

/// With an index on a place in a list, MongoDB refuses documents whose list elements have a field of that name.
fn may_be_indexed(path: &str) -> bool {
    path != "_id" && !path.split('.').any(|part| part.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether a collection with so many indexes has room for more of ours.
pub const fn has_room(have: usize, more: usize) -> bool {
    have.saturating_add(more).saturating_add(FREE) <= MOST
}

/// The name of an index of ours, which shows everybody whose it is.
pub fn our_name(keys: &Document) -> String {
    format!("{OURS}{}", name(keys))
}

/// The command that makes indexes.
pub fn create(collection: Collection, keys: &[Document]) -> Document {
    let one = |keys: &Document| doc! {"name": our_name(keys), "key": keys.clone()};
    doc! {"createIndexes": collection.name(), "indexes": keys.iter().map(one).collect::<Vec<_>>()}
}

/// The command that drops indexes.
pub fn drop(collection: Collection, names: &[&str]) -> Document {
    doc! {"dropIndexes": collection.name(), "index": names}
}

/// The name that MongoDB would give to such an index.
pub fn name(keys: &Document) -> String {
    keys.iter().map(|(field, direction)| format!("{field}_{direction}")).collect::<Vec<_>>().join("_")
}

/// Reads a direction, which may be a number of any type.
fn direction(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(n) => Some(f64::from(*n)),
        Bson::Int64(n) => i32::try_from(*n).ok().map(f64::from),
        Bson::Double(n) => Some(*n),
        _ => None,
    }
}

fn same(a: &Document, b: &Document) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| a == b && direction(x) == direction(y))
}

/// The partial filter of an earlier version's unique index.
fn texts(field: &str) -> Document {
    doc! {field: {"$type": "string"}}
}

/// The path of the public id, on which earlier versions made a unique index; `None` if it is `_id`.
pub fn public_id(mapping: &Mapping, collection: Collection) -> Option<&str> {
    Some(mapping.path(collection, collection.public_id()?)).filter(|path| *path != "_id")
}

/// The other indexes of earlier versions; `None` if these did not know the collection.
fn earlier(mapping: &Mapping, collection: Collection) -> Option<Vec<Document>> {
    let known = [
        (
            Collection::Clients,
            vec![
                doc! {"created_at": -1, "_id": -1},
                doc! {"status": 1, "created_at": -1, "_id": -1},
                doc! {"last_updated": -1, "_id": -1},
            ],
        ),
        (
            Collection::Stations,
            vec![
                doc! {"name": 1, "_id": 1},
                doc! {"connection": 1, "last_heartbeat_at": 1},
                doc! {"city": 1},
                doc! {"evses.status": 1},
            ],
        ),
        (
            Collection::Payments,
            vec![
                doc! {"created_at": -1, "_id": -1},
                doc! {"status": 1, "created_at": -1, "_id": -1},
                doc! {"currency": 1, "captured_at": 1},
                doc! {"captured_at": -1},
                doc! {"method": 1, "created_at": -1},
                doc! {"client_id": 1, "created_at": -1},
                doc! {"session_id": 1},
                doc! {"last_updated": -1, "_id": -1},
            ],
        ),
        (
            Collection::ChargingSessions,
            vec![
                doc! {"start_date_time": -1, "_id": -1},
                doc! {"status": 1, "start_date_time": -1, "_id": -1},
                doc! {"end_date_time": -1, "station_id": 1},
                doc! {"station_id": 1, "start_date_time": -1},
                doc! {"client_id": 1, "start_date_time": -1},
            ],
        ),
        (
            Collection::EcoStats,
            vec![
                doc! {"period_start": -1, "_id": -1},
                doc! {"granularity": 1, "scope": 1, "scope_id": 1, "local_date": 1},
            ],
        ),
    ];
    let (_, ours) = known.into_iter().find(|(of, _)| *of == collection)?;
    let theirs = |keys: Document| {
        keys.into_iter().map(|(ours, direction)| (mapping.path(collection, &ours).to_owned(), direction)).collect()
    };
    Some(ours.into_iter().map(theirs).collect())
}

#[cfg(test)]
mod tests;
