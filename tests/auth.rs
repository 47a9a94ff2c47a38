//! Authentication and access, tested through all layers with a real MongoDB and a real Redis behind them.

mod support;

#[path = "support/http.rs"]
mod http;

#[path = "auth/actions.rs"]
mod actions;
#[path = "auth/app.rs"]
mod app;
#[path = "auth/audit_log.rs"]
mod audit_log;
#[path = "auth/audit_page.rs"]
mod audit_page;
#[path = "auth/clocks.rs"]
mod clocks;
#[path = "auth/confirm.rs"]
mod confirm;
#[path = "auth/disk.rs"]
mod disk;
#[path = "auth/example.rs"]
mod example;
#[path = "auth/exports.rs"]
mod exports;
#[path = "auth/fuzz.rs"]
mod fuzz;
#[path = "auth/guard.rs"]
mod guard;
#[path = "auth/headers.rs"]
mod headers;
#[path = "auth/limits.rs"]
mod limits;
#[path = "auth/login.rs"]
mod login;
#[path = "support/mallory.rs"]
mod mallory;
#[path = "auth/origin.rs"]
mod origin;
#[path = "auth/outage.rs"]
mod outage;
#[path = "auth/own_account.rs"]
mod own_account;
#[path = "auth/panics.rs"]
mod panics;
#[path = "auth/program.rs"]
mod program;
#[path = "auth/proxies.rs"]
mod proxies;
#[path = "auth/queries.rs"]
mod queries;
#[path = "auth/revocation.rs"]
mod revocation;
#[path = "auth/role.rs"]
mod role;
#[path = "auth/sessions.rs"]
mod sessions;
#[path = "auth/setup.rs"]
mod setup;
#[path = "auth/throttle.rs"]
mod throttle;
#[path = "auth/unfollowed.rs"]
mod unfollowed;
#[path = "auth/users.rs"]
mod users;
