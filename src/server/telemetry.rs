//! Where the log goes: readable lines on a terminal, JSON lines with `CHARGEDECK_LOG_FORMAT=json`; `RUST_LOG` filters.
//!
//! What is counted and measured is in [`metrics`].
//!
//! No layer here records bodies, cookies or URIs with credentials. Secrets are held in a `SecretString`, whose
//! `Debug` is blank.

pub mod listener;
pub mod metrics;

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, Layer, Registry, fmt::MakeWriter, layer::SubscriberExt, util::SubscriberInitExt};

/// What is logged unless `RUST_LOG` says otherwise: our own messages, and only what went wrong in libraries. The
/// session layers warn about every cookie that has expired, which is nobody's mistake, and they repeat what the guard
/// logs.
const DEFAULT_FILTER: &str =
    "warn,chargedeck=info,tower_http=info,tower_sessions=error,tower_sessions_core=off,mongodb=error";

/// One event per line for machines, or lines for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

impl LogFormat {
    /// # Errors
    /// If the format is neither of the two. The text names both, in the form of a wrong setting.
    pub fn from_env() -> Result<Self, String> {
        match std::env::var("CHARGEDECK_LOG_FORMAT").as_deref() {
            Ok("json") => Ok(Self::Json),
            Ok("" | "human") | Err(_) => Ok(Self::Human),
            Ok(other) => Err(format!("CHARGEDECK_LOG_FORMAT (environment) = {other:?}\n    must be human or json")),
        }
    }
}

/// Sends the log of this process to standard error; call it once, at start.
///
/// # Errors
/// `RUST_LOG` cannot be read, or a log is already set.
pub fn init(format: LogFormat) -> anyhow::Result<()> {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV).as_deref() {
        Ok("") | Err(_) => EnvFilter::new(DEFAULT_FILTER),
        Ok(directives) => EnvFilter::try_new(directives)
            .map_err(|error| anyhow::anyhow!("RUST_LOG (environment) = {directives:?}\n    {error}"))?,
    };
    let lines = lines(format, io::stderr().is_terminal(), io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(filter)).try_init()?;
    Ok(())
}

/// An error and its causes in one line. A cause that an error names itself is not repeated.
pub fn causes(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |text, cause| {
        if text == cause || text.ends_with(&format!(": {cause}")) { text } else { format!("{text}: {cause}") }
    })
}

/// The layer that writes events to `out`.
fn lines<W>(format: LogFormat, colours: bool, out: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Human => tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(out).boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(out).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, event: impl FnOnce()) -> String {
        let sink = Sink::default();
        let out = sink.clone();
        let subscriber = tracing_subscriber::registry().with(lines(format, false, move || out.clone()));
        tracing::subscriber::with_default(subscriber, event);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_cause_is_told_once() {
        let refused = || io::Error::other("connection refused");
        let says_it = anyhow::Error::new(refused()).context("Redis: connection refused").context("no log");
        assert_eq!(causes(&says_it), "no log: Redis: connection refused");
        assert_eq!(causes(&anyhow::Error::new(refused()).context("no log")), "no log: connection refused");
        assert_eq!(causes(&anyhow::anyhow!("log").context("no log")), "no log: log");
    }

    #[test]
    fn a_line_break_in_the_input_stays_in_its_line() {
        let event = || tracing::info!(email = "a\nb\u{1b}[31m", "sign-in refused");
        for format in [LogFormat::Json, LogFormat::Human] {
            let text = logged(format, event);
            assert_eq!(text.trim_end().lines().count(), 1, "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        let json: serde_json::Value = serde_json::from_str(&logged(LogFormat::Json, event)).unwrap();
        assert_eq!(json["email"], "a\nb\u{1b}[31m");
    }

    #[test]
    fn the_default_filter_is_a_filter() {
        EnvFilter::try_new(DEFAULT_FILTER).unwrap();
    }
}
