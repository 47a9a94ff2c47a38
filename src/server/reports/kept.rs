//! The groups of a period as they were read.

use serde::{Deserialize, Serialize};

use crate::domain::{
    protocol::position::{ClusterTime, Position},
    report::Group,
    time::UtcMs,
};

/// The groups of a period as they were read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    pub position: Position,
    pub ct: ClusterTime,
    pub at: UtcMs,
    pub took_ms: u32,
    pub groups: Vec<Group>,
}
