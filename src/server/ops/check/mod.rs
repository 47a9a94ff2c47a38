//! `chargedeck check`: examines everything that the dashboard depends on, and every document. Reports what is wrong
//! and what would fix it. It writes nothing.

mod answers;
mod census;
mod cluster;
mod collections;
mod documents;
mod own;
mod report;
mod rights;
mod store;
mod version;

use anyhow::Result;

pub use report::{CheckReport, Item, Level};

use crate::server::{config::Settings, http::open_files, mongo::Mongo, redis::Redis};

/// Runs all checks.
///
/// # Errors
/// A URI is malformed.
pub async fn run(settings: &Settings) -> Result<CheckReport> {
    let mongo = Mongo::connect(&settings.mongo).await?;
    let redis = Redis::connect(&settings.redis.url, &settings.mongo.own_db)?;
    let mut report = CheckReport::default();
    match open_files::raise(settings.server.max_connections) {
        Ok(()) => report.ok("Open files", "as many as connections need"),
        Err(why) => report.warning("Open files", why),
    }
    if let Some(why) = settings.server.trusted_proxies.too_wide() {
        report.warning("Proxies", why);
    }
    let there = cluster::check(&mongo, &settings.mongo, &mut report).await;
    if there {
        rights::check(&mongo, settings.mongo.keep_audit, &mut report).await;
        collections::check(&mongo, &mut report).await;
        own::check(&mongo, &mut report).await;
    }
    store::check(&redis, there.then_some(&mongo), &mut report).await;
    if there {
        documents::check(&mongo, &mut report).await;
    }
    Ok(report)
}
