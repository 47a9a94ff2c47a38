//! The relay: reads the change stream, numbers its events and appends them to the log. One instance works, any takes over.
//!
//! ```text
//! change stream --(bounded channel)--> sequencer --(compare-and-set)--> log
//! ```
//! When Redis is slow the channel fills, no more is asked of MongoDB, and the oplog waits.

#[cfg(all(test, feature = "guards"))]
mod controls;
#[cfg(test)]
mod histories;
mod lead;
mod missing;
mod past;
mod sequencer;
mod standing;

use std::time::Duration;

pub use lead::Relay;

use tokio_util::sync::CancellationToken;

use crate::server::{
    redis::{
        lease::{Lease, RENEW},
        log::Log,
    },
    relay::lead::pause,
    telemetry::{
        causes,
        metrics::{metrics, now},
    },
};

impl Relay {
    /// Works whenever the lease is free, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let lease = Lease::new(self.redis.clone(), "relay");
        let (mut pace, mut standing) = (Pace::default(), standing::Standing::default());
        let mut past = past::Past::default();
        while !stop.is_cancelled() {
            match lease.take().await {
                Ok(true) => {}
                Ok(false) => {
                    pause(&stop, RENEW).await;
                    continue;
                }
                Err(error) => {
                    tracing::debug!(%error, "the lease cannot be asked for");
                    pause(&stop, pace.next()).await;
                    continue;
                }
            }
            tracing::info!("this instance is the relay");
            let term = stop.child_token();
            let keeper = tokio::spawn({
                let (lease, term) = (lease.clone(), term.clone());
                async move { lease.keep(&term).await }
            });
            metrics().relay_since.set(now().seconds());
            let led = lead::lead(&self, &Log::new(self.redis.clone()), &term, &mut standing, &mut past).await;
            metrics().relay_since.set(0);
            term.cancel();
            let _ended = keeper.await;
            match led {
                Ok(()) => pace = Pace::default(),
                Err(error) => {
                    tracing::warn!(error = causes(&error), "the relay begins again");
                    pause(&stop, pace.next()).await;
                }
            }
            if let Err(error) = lease.release().await {
                tracing::debug!(%error, "the lease ends by itself");
            }
        }
    }
}

/// From 100 ms to 5 s, doubling, with jitter.
struct Pace(Duration);

impl Default for Pace {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Pace {
    fn next(&mut self) -> Duration {
        let now = self.0.mul_f64(rand::random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(Duration::from_secs(5));
        now
    }
}
