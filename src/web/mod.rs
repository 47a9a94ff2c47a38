//! The user interface: rendered on the server, run in the browser.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::disallowed_methods, clippy::indexing_slicing))]

pub mod api;
pub mod app;
pub mod charts;
#[cfg(feature = "hydrate")]
mod hydrate;
pub mod live;
pub mod pages;
pub mod text;
pub mod ui;
