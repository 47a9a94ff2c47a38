//! Looks whether MongoDB tells the changes of all five collections. Of a view or a time series it does not, and no event says
//! that one was made or dropped.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    hub::Hub,
    mongo::{Mongo, collections},
};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);
/// So many times a collection must be found to be one again: until then the relay has looked, too, and begun a new epoch, so
/// that nothing is left of what was read before.
const AGAIN: u32 = 5;

/// Looks until `stop`. While MongoDB is away what was known stays known.
pub async fn run(hub: Hub, mongo: Mongo, stop: CancellationToken) {
    let (mut told, mut fine) = (None, 0);
    while !stop.is_cancelled() {
        match collections::found(&mongo.operator).await {
            Ok(found) => {
                let why = collections::unfollowed(&found);
                if let Some(why) = why.as_ref().filter(|_| why != told) {
                    tracing::warn!(why, "not ready");
                }
                fine = if why.is_some() { 0 } else { fine + 1 };
                if why.is_some() || fine >= AGAIN {
                    hub.set_unfollowed(why.clone());
                }
                told = why;
            }
            Err(error) => tracing::debug!(%error, "whether the collections can be followed is not known"),
        }
        stop.run_until_cancelled(tokio::time::sleep(EVERY)).await;
    }
}
