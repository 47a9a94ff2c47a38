//! What every answer has in common: headers, errors, cross-site protection, health; and the list of layers.

pub mod csrf;
pub mod headers;
pub mod health;
pub mod problem;
pub mod router;
