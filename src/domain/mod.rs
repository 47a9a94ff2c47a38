//! Plain types and pure functions, the same on the server and in the browser. Nothing here reads a clock, a file or a socket,
//! and nothing panics, whatever a document says: in the browser a panic ends the program.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::disallowed_methods, clippy::indexing_slicing))]

pub mod actions;
pub mod address;
pub mod analytics;
pub mod board;
pub mod cells;
pub mod collections;
pub mod credentials;
#[cfg(test)]
mod data_model;
#[cfg(test)]
mod documented;
pub mod eco;
pub mod fields;
pub mod figures;
pub mod ids;
pub mod latest;
pub mod money;
pub mod protocol;
pub mod quality;
pub mod range;
pub mod report;
pub mod selection;
pub mod status;
pub mod system;
pub mod text;
pub mod time;
pub mod value;
