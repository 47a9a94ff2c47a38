//! What the log holds: every change event takes exactly one dense number, in the order of the change stream.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    change::{Change, Op},
    position::{ClusterTime, Epoch, Position, Seq},
};
use crate::domain::{cells::Cells, collections::Collection, fields::Fields, ids::DocId, time::UtcMs};

/// Some consecutive records, as appended to the log and published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub epoch: Epoch,
    /// Number of the first record; greater than `last` when the entry has none, as the one that opens an epoch.
    pub first: Seq,
    pub last: Seq,
    /// Cluster time of the last record, or at which the epoch begins.
    pub ct: ClusterTime,
    /// The last number up to which no transaction is cut in two. Pages stand only at such numbers.
    pub closed: Seq,
    /// Of the entry that opens an epoch: whether there may be changes before it that are in no epoch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// Of the entry that opens an epoch: whether the database was set back to an earlier state, so that what was shown of it
    /// is no longer true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
    /// Shared: the relay keeps them until they stand in the log.
    pub records: Vec<Arc<Record>>,
}

impl Entry {
    /// The entry that opens an epoch: no records, and the cluster time after which its numbers count.
    pub const fn opening(epoch: Epoch, from: ClusterTime, gap: bool) -> Self {
        let (first, last, closed) = (Seq(1), Seq(0), Seq(0));
        Self { epoch, first, last, ct: from, closed, gap, restored: false, records: Vec::new() }
    }

    pub const fn position(&self) -> Position {
        Position::new(self.epoch, self.last)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub collection: Collection,
    pub ct: ClusterTime,
    /// When MongoDB's server says it happened.
    pub at: UtcMs,
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    Row(RowChange),
    /// The rows of the collection can no longer be followed one by one (drop, rename, `$out`).
    /// `also`: a second collection that one event touched, as a rename does.
    Reset {
        reason: String,
        also: Option<Collection>,
    },
}

/// A document's change with the state after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowChange {
    pub id: DocId,
    /// `None`: deleted, or `unknown`.
    pub after: Option<Fields>,
    /// The shown fields that differ from before; `None` for an insert, or where the row before is not known.
    pub changed: Option<Vec<String>>,
    /// What was before: of a change the changed fields, of a deletion the whole row. Empty for an insert, and where it is not known.
    pub before: Fields,
    /// What the change adds to the figures; `None` where the row before is not known.
    pub cells: Option<Cells>,
    /// There are no images: only `read` tells of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// The row that pages are told in place of `after`, so that none goes back within a relay's term: a read for this change
    /// found it, or one for a change nearby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
}

/// A row as a read found it: at its change, or later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Read {
    Row(Fields),
    Gone,
}

impl Read {
    pub const fn row(&self) -> Option<&Fields> {
        match self {
            Self::Row(row) => Some(row),
            Self::Gone => None,
        }
    }
}

impl RowChange {
    /// The row that pages see after it; `None`: none any more.
    pub fn into_row(self) -> Option<Fields> {
        match self.read {
            Some(Read::Row(row)) => Some(row),
            Some(Read::Gone) => None,
            None => self.after,
        }
    }

    /// The change as it travels to pages, the smaller of patch and row.
    pub fn change(&self) -> Change {
        let op = match (&self.read, &self.after, &self.changed) {
            (Some(Read::Gone), ..) | (None, None, _) => Op::Delete,
            (Some(Read::Row(row)), ..) | (None, Some(row), None) => Op::Put(row.clone()),
            (None, Some(row), Some(changed)) => {
                let mut set = Fields::new();
                let mut unset = Vec::new();
                for name in changed {
                    match row.get(name) {
                        Some(value) => drop(set.insert(name.clone(), value.clone())),
                        None => unset.push(name.clone()),
                    }
                }
                Op::Patch(set, unset)
            }
        };
        Change { id: self.id.clone(), op }
    }
}

/// The names of the fields in which two rows differ.
pub fn changed_fields(before: &Fields, after: &Fields) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let new = after.iter().filter(|(name, value)| before.get(*name) != Some(value)).map(|(name, _)| name);
    gone.chain(new).cloned().collect()
}

#[cfg(test)]
mod tests;
