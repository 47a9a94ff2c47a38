//! The server renders without a socket.

use super::LiveState;
use crate::domain::protocol::position::ClusterTime;

#[derive(Clone, Copy)]
pub struct Wire;

pub const fn hovers_nothing() -> bool {
    false
}

#[expect(clippy::unused_self, reason = "as in the browser")]
impl Wire {
    pub const fn new() -> Self {
        Self
    }

    pub const fn connect(self, _: LiveState, _: &str, _: ClusterTime) {}

    pub const fn retry(self) {}

    pub const fn lists_changed(self) {}
}
