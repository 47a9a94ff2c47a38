//! What every answer has in common: headers, errors, cross-site protection, health; the list of layers, and all routes.

pub mod app;
mod audit_page;
mod charts_csv;
pub mod client;
pub mod csrf;
pub mod csv;
pub mod documents;
pub mod exports;
pub mod headers;
pub mod health;
pub mod open_files;
mod people;
pub mod problem;
mod report;
pub mod router;
pub mod seats;
pub mod server;
pub mod site;
mod snapshot;
pub mod unparsed;
