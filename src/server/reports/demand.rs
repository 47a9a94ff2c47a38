//! Which reports somebody still waits for, and which take too long to be read at all. Reading ends when nobody waits
//! for it.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own clock"))]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::ReportError;

/// Pages and programs ask again every five seconds. One that has not asked for this long is gone.
const GONE: Duration = Duration::from_secs(10);
/// How long a report that took too long is not tried again.
const GIVEN_UP: Duration = Duration::from_mins(10);

/// By the report's name: until when it counts as asked for, and until when it is given up. Clones share the map.
#[derive(Clone, Default)]
pub struct Demand(Arc<Mutex<HashMap<String, (Instant, Instant)>>>);

impl Demand {
    /// Notes that somebody asks, and waits for `patience`.
    ///
    /// # Errors
    /// If the report was given up.
    pub fn ask(&self, name: &str, patience: Duration) -> Result<(), ReportError> {
        let (now, mut all) = (Instant::now(), self.all());
        all.retain(|_, (asked, given_up)| *asked.max(given_up) > now);
        let (asked, given_up) = all.entry(name.to_owned()).or_insert((now, now));
        *asked = (*asked).max(now + patience + GONE);
        if *given_up > now { Err(ReportError::TooLong) } else { Ok(()) }
    }

    /// Notes that the report takes too long.
    pub fn give_up(&self, name: &str) {
        let now = Instant::now();
        self.all().entry(name.to_owned()).or_insert((now, now)).1 = now + GIVEN_UP;
    }

    /// Waits until nobody asks for the report any more.
    pub async fn nobody(&self, name: &str) {
        loop {
            let until = self.all().get(name).map(|(asked, _)| *asked);
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return };
            sleep_until(until).await;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, (Instant, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
