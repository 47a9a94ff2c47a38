//! What travels between MongoDB and a screen, and how it is followed: positions, changes, the log, frames and snapshots.

pub mod change;
pub mod follow;
pub mod frame;
pub mod log;
pub mod position;
pub mod snapshot;
pub mod topic;
pub mod window;
