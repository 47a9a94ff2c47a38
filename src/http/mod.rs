//! What every answer has in common: headers, errors, cross-site protection, health; the list of layers, and all routes.

pub mod app;
pub mod csrf;
pub mod headers;
pub mod health;
pub mod listener;
pub mod problem;
pub mod router;
pub mod site;
mod snapshot;
