//! The doors, driven through the whole list of layers, with a real MongoDB and a real Redis behind them.

mod support;

#[path = "support/http.rs"]
mod http;

#[path = "doors/actions.rs"]
mod actions;
#[path = "doors/app.rs"]
mod app;
#[path = "doors/audit_log.rs"]
mod audit_log;
#[path = "doors/audit_page.rs"]
mod audit_page;
#[path = "doors/clocks.rs"]
mod clocks;
#[path = "doors/confirm.rs"]
mod confirm;
#[path = "doors/disk.rs"]
mod disk;
#[path = "doors/example.rs"]
mod example;
#[path = "doors/exports.rs"]
mod exports;
#[path = "doors/fuzz.rs"]
mod fuzz;
#[path = "doors/guard.rs"]
mod guard;
#[path = "doors/headers.rs"]
mod headers;
#[path = "doors/limits.rs"]
mod limits;
#[path = "doors/login.rs"]
mod login;
#[path = "support/mallory.rs"]
mod mallory;
#[path = "doors/origin.rs"]
mod origin;
#[path = "doors/outage.rs"]
mod outage;
#[path = "doors/own_account.rs"]
mod own_account;
#[path = "doors/program.rs"]
mod program;
#[path = "doors/proxies.rs"]
mod proxies;
#[path = "doors/queries.rs"]
mod queries;
#[path = "doors/revocation.rs"]
mod revocation;
#[path = "doors/role.rs"]
mod role;
#[path = "doors/sessions.rs"]
mod sessions;
#[path = "doors/setup.rs"]
mod setup;
#[path = "doors/throttle.rs"]
mod throttle;
#[path = "doors/unfollowed.rs"]
mod unfollowed;
#[path = "doors/users.rs"]
mod users;
