//! The entries of the log. Every change event takes exactly one number, without gaps, in change stream order.

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
    /// Number of the first record. It is greater than `last` if there are no records, as at the start of an epoch.
    pub first: Seq,
    pub last: Seq,
    /// Cluster time of the last record; without records, the one at which the epoch begins.
    pub ct: ClusterTime,
    /// The last number up to which no transaction is cut in two. Pages stop only at such numbers.
    pub closed: Seq,
    /// In the entry that opens an epoch: whether changes before it may be missing from every epoch.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gap: bool,
    /// In the entry that opens an epoch: whether the database was set back to an earlier state, so that what was
    /// shown of it is no longer true.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restored: bool,
    /// Shared, because the relay keeps them until they are in the log.
    pub records: Vec<Arc<Record>>,
}

impl Entry {
    /// The entry that opens an epoch. It has no records, and the epoch's numbers count after the cluster time `from`.
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
    /// When it happened, by the clock of MongoDB's server.
    pub at: UtcMs,
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    Row(RowChange),
    /// The rows of the collection can no longer be followed one by one (drop, rename, `$out`). `also` is a second
    /// collection that the same event touched, as a rename does.
    Reset {
        reason: String,
        also: Option<Collection>,
    },
}

/// A change to a document, with the state after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RowChange {
    pub id: DocId,
    /// `None` if the document was deleted, or if the change is `unknown`.
    pub after: Option<Fields>,
    /// The shown fields that differ from before. `None` for an insert, and if the row before is not known.
    pub changed: Option<Vec<String>>,
    /// The state before: the changed fields of a change, the whole row of a deletion. Empty for an insert, and if it
    /// is not known.
    pub before: Fields,
    /// What the change adds to the figures; `None` if the row before is not known.
    pub cells: Option<Cells>,
    /// The change came without images, so only `read` shows its row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// The row that pages get in place of `after`, as a read for this change or one nearby found it. With it no row
    /// goes back within a relay's term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Read>,
}

/// A row as a read found it, at its change or later.
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
    /// The row that pages show after the change; `None` if it is gone.
    pub fn into_row(self) -> Option<Fields> {
        match self.read {
            Some(Read::Row(row)) => Some(row),
            Some(Read::Gone) => None,
            None => self.after,
        }
    }

    /// The change as it travels to pages: a deletion, a patch if the changed fields are known and no read replaces
    /// the row, or the whole row.
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
