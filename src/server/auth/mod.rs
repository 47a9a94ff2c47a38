//! Access: accounts, passwords, sessions, and the guard in front of everything else.
//!
//! Deny by default. A request passes only while its session is in Redis and its user's document in MongoDB is an
//! active admin's with the session's version. If either database is away, the answer is 503 and never the page.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts and clocks"))]

pub mod administration;
pub mod audit_log;
mod current;
pub mod email;
pub mod guard;
pub mod local_path;
pub mod login;
mod lookup;
pub mod one_time;
pub mod own_account;
pub mod password;
pub mod place;
pub mod proof;
mod refused_links;
pub mod revocation;
pub mod rights;
mod service;
pub mod session;
pub mod setup;
pub mod throttle;
mod unavailable;
pub mod user;
pub mod users;

pub use current::CurrentAdmin;
pub use service::AuthService;
pub use session::{ConfirmedAdmin, PasswordPrompt};
pub use unavailable::Unavailable;
