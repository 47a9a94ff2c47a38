//! Checks whether MongoDB reports the changes of all collections. It does not report those of a view or a time
//! series, and no event says that one was made or dropped.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    domain::collections::Collection,
    server::{
        hub::Hub,
        mongo::{Mongo, collections},
    },
};

/// How often the collections are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How many times in a row the same must be found before a collection counts as followed again. By then the relay has
/// looked, too, and has begun a new epoch, so that nothing is left of what was read before.
const AGAIN: u32 = 5;

/// Looks until `stop`. While MongoDB is away the last known state stays.
pub async fn run(hub: Hub, mongo: Mongo, stop: CancellationToken) {
    let (mut warned_of, mut fine) = (Vec::new(), 0_u32);
    while !stop.is_cancelled() {
        match collections::found(&mongo.operator).await {
            Ok(found) => {
                let unfollowed = collections::unfollowed(&found);
                if !unfollowed.is_empty() && unfollowed != warned_of {
                    tracing::warn!(?unfollowed, "views or time series, whose changes MongoDB tells nobody");
                }
                fine = if unfollowed == warned_of { fine.saturating_add(1) } else { 0 };
                let known = if fine >= AGAIN { Vec::new() } else { hub.unfollowed() };
                let either = |collection: &Collection| unfollowed.contains(collection) || known.contains(collection);
                hub.set_unfollowed(Collection::ALL.into_iter().filter(either).collect());
                warned_of = unfollowed;
            }
            Err(error) => tracing::debug!(%error, "whether the collections can be followed is not known"),
        }
        stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
    }
}
