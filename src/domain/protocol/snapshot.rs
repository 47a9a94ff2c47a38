//! A list as MongoDB had it at one cluster time, with the position in the log from which to go on.

use serde::{Deserialize, Serialize};

use super::position::{ClusterTime, Position};
use crate::{
    domain::{
        address::BadChoice,
        collections::Collection,
        fields::Fields,
        ids::DocId,
        selection::{EvalContext, Selection},
    },
    guards::guarded,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: DocId,
    pub fields: Fields,
}

/// Whether rows read at `ct` hold all that the log has up to a position whose cluster time is `reached`. If they do
/// not, the changes between the two times would be lost.
pub fn is_current(ct: ClusterTime, reached: ClusterTime) -> bool {
    guarded!(SnapshotTime: ct >= reached, else true)
}

/// Rows read at `ct`. To go on from there, apply the changes after `position` whose cluster time is later than `ct`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub topic: Collection,
    pub position: Position,
    pub ct: ClusterTime,
    pub rows: Vec<Row>,
    /// Whether the rows are all documents that match, not only the first of the list.
    pub complete: bool,
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// The number of documents that match. The whole list is counted by the figure `documents` instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<usize>,
    /// The context in which the selection was evaluated.
    #[serde(default, skip_serializing_if = "EvalContext::is_empty", rename = "sight")]
    pub context: EvalContext,
    /// The documents that match at other times, if the selection follows the clock. `None` if they are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Vec<Row>>,
    /// A requested status that is not known: neither a document of the collection nor the standard has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

impl Snapshot {
    /// All documents of a collection that has none.
    #[cfg(any(test, feature = "guards"))]
    pub fn blank(topic: Collection, position: Position, ct: ClusterTime) -> Self {
        Self {
            topic,
            position,
            ct,
            rows: Vec::new(),
            complete: true,
            selection: Selection::default(),
            total: None,
            context: EvalContext::default(),
            others: None,
            unknown: None,
        }
    }

    /// Why the list is refused, if a status is requested that is not known.
    pub fn unknown_status(&self) -> Option<BadChoice> {
        let status = self.unknown.as_deref()?;
        let known = self.topic.codes().join(", ");
        Some(BadChoice(format!("No status here is “{status}”: nothing has it, and the known ones are {known}.")))
    }
}
