//! The relay: reads the change stream, numbers its events and appends them to the log. One instance works, any takes over.
//!
//! ```text
//! change stream --(bounded channel)--> sequencer --(compare-and-set)--> log
//! ```
//! When Redis is slow the channel fills, no more is asked of MongoDB, and the oplog waits.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts, sizes and positions"))]

#[cfg(all(test, feature = "guards"))]
mod controls;
#[cfg(test)]
mod histories;
mod lead;
mod memory;
mod missing;
mod queue;
mod rollout;
mod sequencer;
mod standing;

use std::time::Duration;

pub use lead::Relay;

use self::{
    memory::Memory,
    rollout::{Claim, Rollout},
};

use tokio_util::sync::CancellationToken;

use crate::server::{
    redis::lease::{Lease, RENEW},
    relay::lead::{Moved, Stands, pause},
    telemetry::{
        causes,
        metrics::{metrics, now},
    },
};

impl Relay {
    /// Works whenever the lease is free, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let lease = Lease::new(self.redis.clone(), "relay");
        let (mut pace, mut memory) = (Backoff::default(), Memory::default());
        while !stop.is_cancelled() {
            match self.claim(&lease, &mut memory.rollout).await {
                Ok(true) => {}
                Ok(false) => {
                    pause(&stop, RENEW).await;
                    continue;
                }
                Err(error) => {
                    tracing::debug!(error = causes(&error), "the lease cannot be asked for");
                    memory.rollout.unknown();
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
            let led = loop {
                match lead::lead(&self, &term, &mut memory).await {
                    // Whoever the lease was taken from appends until its next renewal.
                    Err(error) if error.is::<Moved>() && !term.is_cancelled() => {
                        pause(&term, pace.next()).await;
                        // Another build may have taken over, to whom the log is left.
                        match self.log.is_ours().await {
                            Ok(is_ours) if memory.rollout.was_left(is_ours) => break Ok(()),
                            Ok(_) => {}
                            Err(error) => break Err(error.into()),
                        }
                    }
                    // This process has counted how often the stream failed there, so it goes on as the relay.
                    Err(error) if error.is::<Stands>() && !term.is_cancelled() => {
                        tracing::warn!(error = causes(&error), "the change stream begins again");
                        pause(&term, pace.next()).await;
                    }
                    led => break led,
                }
            };
            metrics().relay_since.set(0);
            term.cancel();
            let _ended = keeper.await;
            match led {
                Ok(()) => pace = Backoff::default(),
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

    /// Whether the lease is ours now.
    async fn claim(&self, lease: &Lease, rollout: &mut Rollout) -> anyhow::Result<bool> {
        let is_ours = self.log.is_ours().await?;
        let is_held = is_ours == Some(false) && lease.is_held().await?;
        Ok(match rollout.claim(is_ours, is_held) {
            Claim::Take => lease.take().await?,
            Claim::TakeOver => lease.take_over().await?,
            Claim::Wait => false,
        })
    }
}

/// From 100 ms to 5 s, doubling, with jitter.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let now = self.0.mul_f64(rand::random_range(0.5..1.0));
        self.0 = (self.0 * 2).min(Duration::from_secs(5));
        now
    }
}
