//! One write of the simulated network: what an operator's system would send to MongoDB.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document};

use crate::domain::collections::Collection;

#[derive(Clone, Debug, PartialEq)]
pub struct DocumentWrite {
    pub collection: Collection,
    pub id: Bson,
    pub change: WriteOperation,
}

#[derive(Clone, Debug, PartialEq)]
pub enum WriteOperation {
    Insert(Document),
    /// `$set` of dotted paths to values that do not depend on the old ones, so that a repeated write changes nothing.
    Set(Document),
}

/// Documents in memory, by collection and `_id`: the same writes without a database.
#[derive(Debug, Default)]
pub struct InMemoryDatabase(pub BTreeMap<Collection, BTreeMap<String, Document>>);

impl InMemoryDatabase {
    /// A `Set` of a document that is not there changes nothing, as in MongoDB.
    pub fn apply(&mut self, write: DocumentWrite) {
        let documents = self.0.entry(write.collection).or_default();
        let key = write.id.to_string();
        match write.change {
            WriteOperation::Insert(document) => drop(documents.insert(key, document)),
            WriteOperation::Set(fields) => {
                if let Some(document) = documents.get_mut(&key) {
                    for (path, value) in fields {
                        set(document, &path, value);
                    }
                }
            }
        }
    }
}

fn set(document: &mut Document, path: &str, value: Bson) {
    let Some((head, rest)) = path.split_once('.') else {
        document.insert(path, value);
        return;
    };
    match document.get_mut(head) {
        Some(Bson::Document(inner)) => set(inner, rest, value),
        Some(Bson::Array(list)) => {
            let (index, rest) = rest.split_once('.').unwrap_or((rest, ""));
            if let Some(Bson::Document(inner)) = index.parse().ok().and_then(|i: usize| list.get_mut(i)) {
                set(inner, rest, value);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn memory_sets_what_mongodb_would_set() {
        let mut memory = InMemoryDatabase::default();
        let write = |change| DocumentWrite { collection: Collection::Stations, id: "a".into(), change };
        memory.apply(write(WriteOperation::Set(doc! { "x": 1 })));
        memory.apply(write(WriteOperation::Insert(
            doc! { "evses": [{ "status": "A" }, { "status": "A" }], "b": { "c": 1 } },
        )));
        memory.apply(write(WriteOperation::Set(doc! { "evses.1.status": "C", "b.c": 2, "d": 3 })));
        let documents = &memory.0[&Collection::Stations];
        assert_eq!(documents.len(), 1);
        let expected = doc! { "evses": [{ "status": "A" }, { "status": "C" }], "b": { "c": 2 }, "d": 3 };
        assert_eq!(documents.values().next(), Some(&expected));
    }
}
