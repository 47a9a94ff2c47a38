//! What every answer has in common: headers, errors, cross-site protection, health; the list of layers, and all routes.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts and clocks"))]

pub mod client;
pub mod csrf;
pub mod exports;
pub mod headers;
pub mod health;
pub mod limiter;
pub mod open_files;
pub mod router;
pub mod server;
pub mod snapshot;
pub mod unparsed;
