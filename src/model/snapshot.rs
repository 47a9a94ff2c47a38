//! A list as MongoDB had it at one cluster time, with the place in the log from which to go on.

use serde::{Deserialize, Serialize};

use super::{
    fields::Fields,
    ids::{Collection, DocId},
    position::{ClusterTime, Position},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: DocId,
    pub fields: Fields,
}

/// Rows read at `ct`. The changes after `position` whose cluster time is later than `ct` lead on from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub topic: Collection,
    pub position: Position,
    pub ct: ClusterTime,
    pub rows: Vec<Row>,
    /// Whether these are all documents of the collection, not only the first of the list.
    pub complete: bool,
}
