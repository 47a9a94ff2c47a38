//! What only the server does, from the settings to the site.
//!
//! Arithmetic that could overflow is denied, because documents and requests may hold any number. A room that reckons with
//! nothing of theirs says so in its own first lines.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod accounts;
pub mod actions;
pub mod audit;
pub mod auth;
pub mod budget;
pub mod cli;
pub mod config;
pub mod csp;
pub mod csv;
mod engine;
pub mod event_store;
pub mod files;
mod followed;
mod hex;
pub mod http;
pub mod hub;
pub mod mapping;
pub mod mongo;
pub mod net;
pub mod ops;
mod pace;
pub mod paths;
pub mod problem;
pub mod queries;
pub mod redis;
pub mod relay;
pub mod reports;
pub mod serve;
pub mod site;
pub mod snapshots;
pub mod socket;
pub mod system;
pub mod telemetry;
