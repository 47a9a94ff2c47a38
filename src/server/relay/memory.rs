//! What a relay remembers from one term to the next.

use super::{past::Past, rollout::Rollout, standing::Standing};

#[derive(Default)]
pub struct Memory {
    pub standing: Standing,
    pub past: Past,
    pub rollout: Rollout,
}
