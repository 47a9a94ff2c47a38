//! There is no socket where pages are rendered.

use super::Live;

pub const fn connect(_: Live) {}
