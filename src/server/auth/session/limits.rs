//! How long a login lasts.

use std::time::Duration;

use jiff::Timestamp;

/// How long a login lasts; all limits are checked on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Longest time without a request of the user. Traffic on a socket does not count.
    pub idle: Duration,
    /// Longest time since the login, whatever the user does.
    pub absolute: Duration,
    /// For how long after the password was given sensitive actions do not ask for it again.
    pub confirmed: Duration,
}

impl Default for SessionLimits {
    fn default() -> Self {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            idle: Duration::from_secs(12 * HOUR),
            absolute: Duration::from_secs(7 * 24 * HOUR),
            confirmed: Duration::from_secs(5 * MINUTE),
        }
    }
}

impl SessionLimits {
    /// A sign of life is written at most this often, so that most requests write nothing.
    pub fn renew_after(&self) -> Duration {
        (self.idle / 10).min(Duration::from_secs(60))
    }
}

/// The time that has passed; zero if the clock was set back.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or(Duration::ZERO)
}
