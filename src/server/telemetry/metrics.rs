//! What this process counts and measures, by Prometheus' conventions; `docs/metrics.md` has the table.
//!
//! A lag is the difference between MongoDB's clock, which gives a change its time, and this machine's. A negative lag
//! counts as zero. A browser measures its painting by its own clock alone. The way to the browser counts as half of a
//! ping's, by our clock.

use std::{
    collections::BTreeSet,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::domain::{
    collections::Collection,
    protocol::log::Entry,
    system::{SLOW_MS, Stage},
    time::UtcMs,
};

/// Histogram buckets in seconds, from a fast stage to what the screen calls stale.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Stored while no lag was measured.
const NEVER: u32 = u32::MAX;

/// A stage's lags: all in a histogram, and the last one.
struct Lag {
    all: Histogram,
    last_ms: AtomicU32,
}

/// Counts by labels, which can be read back.
pub struct Tally<const N: usize> {
    counts: Family<[(&'static str, String); N], Counter>,
    seen: Mutex<BTreeSet<[(&'static str, String); N]>>,
}

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Self { counts: Family::default(), seen: Mutex::default() }
    }
}

impl<const N: usize> Tally<N> {
    pub fn add(&self, labels: [(&'static str, &str); N]) {
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        self.counts.get_or_create(&labels).inc();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(labels);
    }

    /// The counts so far, each with the values of its labels.
    pub fn read(&self) -> Vec<([String; N], u64)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |labels: &[(&'static str, String); N]| {
            (labels.clone().map(|(_, value)| value), self.counts.get_or_create(labels).get())
        };
        seen.iter().map(count).collect()
    }
}

type ByCollection = Family<[(&'static str, &'static str); 1], Gauge>;
type ByStage = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

/// Everything that is counted. Counting is cheap, because it takes only atomics, and a short lock for a lag.
pub struct Metrics {
    registry: Registry,
    lags: [Lag; 5],
    /// When the hub's newest change happened by MongoDB's clock, Unix milliseconds.
    newest: AtomicI64,
    pub changes: Counter,
    pub appended: Counter,
    pub conflicts: Counter,
    pub epochs: Tally<1>,
    pub resyncs: Tally<2>,
    pub frames: Counter,
    pub bytes: Counter,
    pub slow: Counter,
    pub snapshot_reads: Counter,
    pub snapshot_hits: Counter,
    pub audits: Tally<1>,
    /// When the figures were last audited, Unix seconds.
    pub audit_last: Gauge,
    pub sockets: Gauge,
    /// When this instance became the relay, Unix seconds; 0 while it is not.
    pub relay_since: Gauge,
    /// When this instance last heard that the change stream goes on, Unix seconds.
    pub stream_moved: Gauge,
    pub log_entries: Gauge,
    pub log_bytes: Gauge,
    pub log_window: Gauge,
    pub oplog_window: Gauge,
    pub unreadable: ByCollection,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    &METRICS
}

impl Metrics {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("chargedeck");
        let of = &mut registry;
        let lags = ByStage::new_with_constructor(|| Histogram::new(BUCKETS));
        of.register("lag_seconds", "From MongoDB's commit to this stage of the pipeline", lags.clone());
        Self {
            lags: Stage::ALL.map(|stage| Lag {
                all: lags.get_or_create_owned(&[("hop", stage.name())]),
                last_ms: AtomicU32::new(NEVER),
            }),
            newest: AtomicI64::new(0),
            changes: made(of, "changes", "Changes that the hub has taken from the log"),
            appended: made(of, "log_appended", "Entries that this instance appended to the log"),
            conflicts: made(of, "log_conflicts", "Appends refused because the log ended elsewhere"),
            epochs: tally(of, "epochs", "Epochs that this instance began, by reason"),
            resyncs: tally(of, "resyncs", "Sockets told to take new rows, by reason and topic"),
            frames: made(of, "sent_frames", "Frames written to sockets"),
            bytes: made(of, "sent_bytes", "Bytes of frames written to sockets"),
            slow: made(of, "slow_closes", "Sockets closed because nothing was read or answered"),
            snapshot_reads: made(of, "snapshot_reads", "Lists read from MongoDB"),
            snapshot_hits: made(of, "snapshot_hits", "Lists answered from the cache"),
            audits: tally(of, "audits", "Audits of the figures, by outcome"),
            audit_last: made(of, "audit_last_timestamp_seconds", "When the figures were last audited"),
            sockets: made(of, "sockets", "Open sockets"),
            relay_since: made(
                of,
                "relay_since_timestamp_seconds",
                "When this instance became the relay, 0 if it is not",
            ),
            stream_moved: made(
                of,
                "stream_moved_timestamp_seconds",
                "When this instance last heard that the change stream goes on",
            ),
            log_entries: made(of, "log_entries", "Entries in the log, as the relay sees it"),
            log_bytes: made(of, "log_bytes", "What the log takes in Redis, as the relay sees it"),
            log_window: made(of, "log_window_seconds", "From the log's first entry to its last, as the relay sees it"),
            oplog_window: made(of, "oplog_window_seconds", "How far the oplog reaches back, as the relay sees it"),
            unreadable: made(of, "unreadable_documents", "Documents that cannot be fully read, by collection"),
            registry,
        }
    }

    /// All metrics in the text format of OpenMetrics.
    ///
    /// # Errors
    /// Never, because writing to a `String` cannot fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Notes that a change that happened at `at` has reached a stage now.
    pub fn reached(&self, stage: Stage, at: UtcMs) {
        self.lagged(stage, since(at));
    }

    fn lagged(&self, stage: Stage, lag: Duration) {
        let of = &self.lags[stage.place()];
        of.all.observe(lag.as_secs_f64());
        of.last_ms.store(u32::try_from(lag.as_millis()).unwrap_or(NEVER), Relaxed);
    }

    /// Resets slow lags once everything late has arrived.
    pub fn caught_up(&self) {
        for Lag { last_ms, .. } in &self.lags {
            if last_ms.load(Relaxed) > SLOW_MS {
                last_ms.store(NEVER, Relaxed);
            }
        }
    }

    /// The last lag of a stage, in milliseconds.
    pub fn last_lag(&self, stage: Stage) -> Option<u32> {
        Some(self.lags[stage.place()].last_ms.load(Relaxed)).filter(|ms| *ms != NEVER)
    }

    /// Notes that this instance has appended an entry to the log.
    pub fn appended(&self, entry: &Entry) {
        self.appended.inc();
        if let Some(last) = entry.records.last() {
            self.reached(Stage::Log, last.at);
        }
    }

    /// Notes that the hub has taken `changes` more, the last of which happened at `at`.
    pub fn taken(&self, changes: usize, at: Option<UtcMs>) {
        self.changes.inc_by(u64::try_from(changes).unwrap_or(0));
        if let Some(at) = at {
            self.newest.store(at.0, Relaxed);
            self.reached(Stage::Hub, at);
        }
    }

    /// When the hub's newest change happened.
    pub fn newest(&self) -> UtcMs {
        UtcMs(self.newest.load(Relaxed))
    }

    /// Notes that a frame of this many bytes was written to a socket.
    pub fn sent(&self, bytes: usize) {
        self.frames.inc();
        self.bytes.inc_by(u64::try_from(bytes).unwrap_or(0));
    }

    /// Notes that a browser answered the ping sent at `pinged`. It needed `paint_ms` from a delta to its painting, by
    /// its own clock.
    pub fn painted(&self, pinged: Instant, paint_ms: u32) {
        // A client may say what it likes, so no more counts than a page may be behind.
        let paint = Duration::from_millis(u64::from(paint_ms.min(60_000)));
        let Some(sent) = self.last_lag(Stage::Socket) else { return };
        #[expect(clippy::arithmetic_side_effects, reason = "its own clock")]
        let way = pinged.elapsed() / 2;
        self.lagged(Stage::Paint, Duration::from_millis(u64::from(sent)).saturating_add(way).saturating_add(paint));
    }

    /// Notes that sockets must take new rows of a topic.
    pub fn resync(&self, topic: Collection, reason: &str) {
        self.resyncs.add([("topic", topic.name()), ("reason", reason)]);
    }
}

/// How long ago `at` was. The clocks of two machines may differ, so a time that is still to come counts as now.
pub fn since(at: UtcMs) -> Duration {
    Duration::from_millis(u64::try_from(now().since(at)).unwrap_or(0))
}

/// The time by this machine's clock.
pub fn now() -> UtcMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn made<M: Default + Clone + Metric>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn tally<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Tally<N> {
    let tally = Tally::default();
    registry.register(name, help, tally.counts.clone());
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_by_the_conventions_and_in_the_documents_table() {
        let metrics = Metrics::new();
        metrics.resync(Collection::Clients, "too far behind");
        metrics.resync(Collection::Clients, "too far behind");
        metrics.reached(Stage::Log, UtcMs(now().0 + 60_000));
        assert_eq!(metrics.last_lag(Stage::Log), Some(0), "a clock ahead of ours makes no lag");
        assert_eq!(metrics.last_lag(Stage::Hub), None);
        let text = metrics.text().unwrap();
        for line in [
            "chargedeck_resyncs_total{topic=\"clients\",reason=\"too far behind\"} 2",
            "chargedeck_lag_seconds_count{hop=\"log\"} 1",
            "# TYPE chargedeck_lag_seconds histogram",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let table = include_str!("../../../docs/metrics.md");
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            assert!(table.contains(&format!("| `{name}` | {kind} |")), "{name} is not in docs/metrics.md");
        }
    }
}
