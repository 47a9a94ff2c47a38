//! What a relay remembers from one term to the next.

use super::{rollout::Rollout, standing::Standing};
use crate::domain::protocol::position::Position;

#[derive(Default)]
pub struct Memory {
    pub standing: Standing,
    /// The newest event that was seen, in case Redis loses what it noted.
    pub past: Option<Position>,
    pub rollout: Rollout,
}
