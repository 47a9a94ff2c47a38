//! ChargeDeck: the live control room of an EV-charging network.
//!
//! The modules stand in the order the data flows: a write in MongoDB is read by the relay, numbered in the log,
//! fanned out by the hub, sent by the socket, kept by the browser's store and drawn by a page.
//! A module knows those before it and nothing after it.
#![recursion_limit = "512"]

#[cfg(feature = "ssr")]
pub mod csp;
pub mod guards;
pub mod model;
#[cfg(feature = "ssr")]
pub mod net;
#[cfg(feature = "ssr")]
pub mod paths;

pub mod charts;

#[cfg(feature = "ssr")]
pub mod audit;
#[cfg(feature = "ssr")]
pub mod auth;
#[cfg(feature = "ssr")]
pub mod budget;
#[cfg(feature = "ssr")]
pub mod cache;
#[cfg(feature = "ssr")]
pub mod check;
#[cfg(feature = "ssr")]
pub mod cli;
#[cfg(feature = "ssr")]
pub mod config;
#[cfg(feature = "ssr")]
pub mod events;
#[cfg(feature = "ssr")]
pub mod fields;
#[cfg(feature = "ssr")]
mod followed;
#[cfg(feature = "ssr")]
pub mod http;
#[cfg(feature = "ssr")]
pub mod hub;
#[cfg(feature = "ssr")]
pub mod ingest;
#[cfg(feature = "ssr")]
pub mod mongo;
#[cfg(feature = "ssr")]
mod pace;
#[cfg(feature = "ssr")]
pub mod prepare;
#[cfg(feature = "ssr")]
pub mod relay;
#[cfg(feature = "ssr")]
pub mod reports;
#[cfg(feature = "ssr")]
pub mod serve;
#[cfg(feature = "ssr")]
pub mod snapshots;
#[cfg(feature = "ssr")]
pub mod socket;
#[cfg(feature = "ssr")]
pub mod system;
#[cfg(feature = "ssr")]
pub mod telemetry;

pub mod api;
pub mod live;

pub mod ui;

pub mod pages;

pub mod app;

#[cfg(feature = "hydrate")]
mod hydrate;
