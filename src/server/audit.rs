//! The running audit counts all documents at one cluster time, and compares the count with what the hub has summed up
//! by then, bit for bit. If they differ it logs an error, and the count replaces the sum.
//!
//! Every instance audits its own figures, one instance at a time, and all of them together for at most a twentieth of the
//! time.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::server::{
    hub::{Hub, Verdict},
    mongo::{self, Mongo},
    redis::{
        Redis,
        lease::{Lease, RENEW},
    },
    telemetry::metrics::{metrics, now},
};

/// Time from the start to the first audit.
const FIRST: Duration = Duration::from_secs(10);
/// Time between audits.
const EVERY: Duration = Duration::from_secs(300);
/// Time after which an audit that could not be made is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// Counts take at most one part in this many of the time.
const SHARE: u32 = 20;
/// How long the changes up to a count's time may take to arrive.
const ARRIVE: Duration = Duration::from_secs(60);
/// How many of the cells that differ are logged by name.
const NAMED: usize = 10;

/// Audits again and again until `stop`.
pub async fn run(hub: Hub, mongo: Mongo, redis: Redis, stop: CancellationToken) {
    let lease = Lease::new(redis, "audit");
    let work = async {
        let mut pause = FIRST;
        loop {
            sleep(pause).await;
            // Others audit, or Redis is away.
            while !lease.take().await.unwrap_or(false) {
                sleep(RENEW).await;
            }
            let held = CancellationToken::new();
            let audited = async {
                let (verdict, took) = audit(&hub, &mongo).await;
                // The lease is kept meanwhile, so nobody else counts.
                sleep(took.saturating_mul(SHARE.saturating_sub(1))).await;
                held.cancel();
                verdict
            };
            let (verdict, ()) = tokio::join!(audited, lease.keep(&held));
            if let Err(error) = lease.release().await {
                tracing::debug!(%error, "the lease ends by itself");
            }
            pause = if matches!(verdict, Ok(Verdict::Equal | Verdict::Different(_))) { EVERY } else { AGAIN };
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Makes one audit, and reports it in the log and the metrics.
///
/// # Errors
/// MongoDB is away.
pub async fn once(hub: &Hub, mongo: &Mongo) -> mongodb::error::Result<Verdict> {
    audit(hub, mongo).await.0
}

/// As [`once`], also with how long the count took.
async fn audit(hub: &Hub, mongo: &Mongo) -> (mongodb::error::Result<Verdict>, Duration) {
    let mut took = Duration::ZERO;
    let verdict = compare(hub, mongo, &mut took).await;
    let outcome = match &verdict {
        Ok(Verdict::Equal) => "equal",
        Ok(Verdict::Different(cells)) => {
            let named: Vec<String> = cells
                .iter()
                .take(NAMED)
                .map(|(cell, ours, counted)| format!("{cell:?}: {ours}, counted {counted}"))
                .collect();
            tracing::error!(
                cells = cells.len(),
                named = named.join("; "),
                "the figures were wrong and are counted anew"
            );
            "different"
        }
        Ok(Verdict::Skipped) => "skipped",
        Err(error) => {
            tracing::warn!(%error, "the figures cannot be audited; trying again");
            "failed"
        }
    };
    metrics().audits.add([("outcome", outcome)]);
    if matches!(verdict, Ok(Verdict::Equal | Verdict::Different(_))) {
        metrics().audit_last.set(now().seconds());
    }
    (verdict, took)
}

async fn compare(hub: &Hub, mongo: &Mongo, took: &mut Duration) -> mongodb::error::Result<Verdict> {
    if !hub.begin_audit() {
        return Ok(Verdict::Skipped);
    }
    let began = Instant::now();
    let counted = mongo::snapshot::cells(mongo, |_, _, _| ()).await;
    *took = began.elapsed();
    let (ct, cells) = counted?;
    let arrived = async {
        let mut look = interval(Duration::from_millis(100));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !hub.may_end_audit(ct) {
            look.tick().await;
        }
    };
    Ok(match timeout(ARRIVE, arrived).await {
        Ok(()) => hub.end_audit(ct, &cells),
        // The changes up to the count's time did not arrive, so there is nothing to compare it with.
        Err(_) => Verdict::Skipped,
    })
}
