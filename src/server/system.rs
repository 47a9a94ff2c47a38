//! What each instance reports to the others about itself, once a second, and what the System page shows of all.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own counts and clocks"))]

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{
        cells::Cell,
        collections::Collection,
        system::{Observation, Stage, Status, health},
    },
    server::{
        hub::Hub,
        mongo::{Mongo, oplog},
        redis::{Redis, instances, log::Log},
        socket::Sockets,
        telemetry::metrics::{metrics, now},
    },
};

/// How often an instance reports on itself.
const TELL: Duration = Duration::from_secs(1);
/// How often the relay measures what all instances share.
const MEASURE: Duration = Duration::from_secs(10);

/// Reports and shows until `stop`.
pub async fn run(hub: Hub, mongo: Mongo, redis: Redis, sockets: Sockets, stop: CancellationToken) {
    let id = format!("{:08x}", rand::random::<u32>());
    let (started, log) = (Instant::now(), Log::new(redis.clone()));
    let work = async {
        let mut seen = Observation::default();
        let mut before = (metrics().changes.get(), metrics().frames.get(), Instant::now());
        let mut ticks = interval(TELL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            metrics().sockets.set(i64::try_from(sockets.len()).unwrap_or(i64::MAX));
            let counted = (metrics().changes.get(), metrics().frames.get(), Instant::now());
            let s = counted.2.duration_since(before.2).as_secs().max(1);
            seen.own = Status {
                id: id.clone(),
                up_s: i64::try_from(started.elapsed().as_secs()).unwrap_or(i64::MAX),
                changes_per_s: (counted.0 - before.0) / s,
                frames_per_s: (counted.1 - before.1) / s,
                ..status(&hub)
            };
            before = counted;
            let stands_s = i64::try_from(hub.stands_for().as_secs()).unwrap_or(i64::MAX);
            metrics().stream_moved.set(now().seconds().saturating_sub(stands_s));
            seen.documents = documents(&hub);
            publish(&redis, &mut seen).await;
            hub.show_system(health::fields(&seen));
        }
    };
    let measuring = async {
        let mut ticks = interval(MEASURE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            measure(&mongo, &log).await;
        }
    };
    stop.run_until_cancelled(async { tokio::join!(work, measuring) }).await;
    if let Err(error) = instances::forget(&redis, &id).await {
        tracing::debug!(%error, "the others forget this instance later");
    }
}

fn status(hub: &Hub) -> Status {
    let metrics = metrics();
    let since = |at: i64| Some(now().seconds() - at).filter(|_| at != 0);
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sockets: metrics.sockets.get(),
        relay_s: since(metrics.relay_since.get()),
        checked_ms: hub.freshness().checked.and_then(|ago| u64::try_from(ago.as_millis()).ok()),
        lags: Stage::ALL.map(|stage| metrics.last_lag(stage)),
        resyncs: metrics.resyncs.read(),
        audits: metrics.audits.read().into_iter().map(|([outcome], n)| (outcome, n)).collect(),
        audited_s: since(metrics.audit_last.get()),
        log: [metrics.log_entries.get(), metrics.log_bytes.get(), metrics.log_window.get()],
        oplog_s: metrics.oplog_window.get(),
        ..Status::default()
    }
}

fn documents(hub: &Hub) -> Vec<(Collection, i64, i64)> {
    let count = |c| Some((c, hub.cell(&Cell::Documents(c))?, hub.cell(&Cell::Unreadable(c))?));
    let all: Vec<_> = Collection::ALL.into_iter().filter_map(count).collect();
    for (collection, _, unreadable) in &all {
        metrics().unreadable.get_or_create(&[("collection", collection.name())]).set(*unreadable);
    }
    all
}

/// Reports on this instance and reads the reports of the others. While Redis is away, their last reports grow old.
async fn publish(redis: &Redis, seen: &mut Observation) {
    let asked = Instant::now();
    let published = match serde_json::to_string(&seen.own) {
        Ok(body) => instances::exchange(redis, &seen.own.id, &body).await,
        Err(_) => return,
    };
    seen.redis = published.is_ok();
    match published {
        Ok(all) => {
            // An instance of another version may report in another form, which is left out.
            let read = |(age, body): (u64, String)| Some((age, serde_json::from_str(&body).ok()?));
            seen.instances = all.into_iter().filter_map(read).collect();
            seen.instances.sort_by(|(_, a), (_, b): &(_, Status)| a.id.cmp(&b.id));
        }
        Err(error) => {
            tracing::debug!(%error, "no word of the other instances");
            let passed = u64::try_from(asked.elapsed().max(TELL).as_millis()).unwrap_or(u64::MAX);
            seen.instances.iter_mut().for_each(|(age, _)| *age += passed);
        }
    }
}

/// The relay measures what all instances share. Elsewhere it is set to zero.
async fn measure(mongo: &Mongo, log: &Log) {
    let relays = metrics().relay_since.get() != 0;
    let ([entries, bytes, window], oplog_s) = if relays {
        let log = log.extent().await.unwrap_or_else(|error| {
            tracing::debug!(%error, "the log is not measured");
            (0, 0, 0)
        });
        // Without the right to ask it stays unknown; `chargedeck check` reports that.
        let oplog_s = timeout(MEASURE, oplog::window(mongo)).await.ok().and_then(Result::ok).flatten();
        (log.into(), oplog_s.unwrap_or(0))
    } else {
        ([0; 3], 0)
    };
    metrics().log_entries.set(entries);
    metrics().log_bytes.set(bytes);
    metrics().log_window.set(window);
    metrics().oplog_window.set(oplog_s);
}
