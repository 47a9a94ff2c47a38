//! ChargeDeck: the live control room of an EV-charging network.
//!
//! Three rooms: what is true of the data stands in `domain`, what people see in `web`, and what only the server does in
//! `server`. An import goes to an earlier room or folder, never to a later one: `end2end/rooms.mjs` has their order.
#![recursion_limit = "512"]

pub mod domain;
pub mod guards;
#[cfg(feature = "ssr")]
pub mod server;
pub mod web;
