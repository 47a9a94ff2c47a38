//! A list as MongoDB had it at one cluster time, with the place in the log from which to go on.

use serde::{Deserialize, Serialize};

use super::position::{ClusterTime, Position};
use crate::{
    domain::{
        address::BadChoice,
        collections::Collection,
        fields::Fields,
        ids::DocId,
        selection::{EvalContext, Selection},
        status::codes,
    },
    guards::{self, Guard},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: DocId,
    pub fields: Fields,
}

/// Whether rows read at `ct` hold all that the log has up to a position, whose cluster time is `reached`; else what lies
/// between the two would be lost.
pub fn is_current(ct: ClusterTime, reached: ClusterTime) -> bool {
    ct >= reached || !guards::on(Guard::SnapshotTime)
}

/// Rows read at `ct`. The changes after `position` whose cluster time is later than `ct` lead on from there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub topic: Collection,
    pub position: Position,
    pub ct: ClusterTime,
    pub rows: Vec<Row>,
    /// Whether these are all documents of the collection that match, not only the first of the list.
    pub complete: bool,
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// How many documents match; the whole list is counted by the figure `documents`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// How the selection looked at the rows.
    #[serde(default, skip_serializing_if = "EvalContext::is_empty")]
    pub sight: EvalContext,
    /// Of a selection that follows the clock: the documents that match at other times. `None` where they are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Vec<Row>>,
    /// A status that is asked for, and that nobody knows: no document of the collection has it, and the standard neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Snapshot {
    /// Why the list is refused, where a status is asked for that nobody knows.
    pub fn unknown_status(&self) -> Option<BadChoice> {
        let status = self.unknown.as_deref()?;
        let known = codes(self.topic).join(", ");
        Some(BadChoice(format!("No status here is “{status}”: nothing has it, and the known ones are {known}.")))
    }
}
