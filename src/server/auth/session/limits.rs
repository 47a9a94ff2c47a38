//! How long a login lasts.

use std::time::Duration;

use jiff::Timestamp;

/// How long a login lasts; all are checked on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request of the user. What a socket carries does not count.
    pub idle: Duration,
    /// Whatever the user does.
    pub absolute: Duration,
    /// After the password was given: how long sensitive actions do not ask for it again.
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
    /// Sign of life is written at most this often, so that most requests write nothing.
    pub fn renew_after(&self) -> Duration {
        (self.idle / 10).min(Duration::from_secs(60))
    }
}

/// None of it where the clock was set back.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or(Duration::ZERO)
}
