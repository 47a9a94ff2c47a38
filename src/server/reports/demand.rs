//! Which reports somebody still waits for, and which cannot be read at all. Reading ends when nobody waits
//! for it.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own clock"))]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use super::{GivenUp, ReportError};

/// Pages and programs ask again every five seconds. One that has not asked for this long is gone.
const GONE: Duration = Duration::from_secs(10);
/// How long a report that cannot be read is not tried again.
const GIVEN_UP: Duration = Duration::from_mins(10);

/// What is known of each report, by its name. Clones share the map.
#[derive(Clone, Default)]
pub struct Demand(Arc<Mutex<HashMap<String, ReportDemand>>>);

struct ReportDemand {
    /// Until when it counts as asked for.
    asked: Instant,
    /// Until when it is given up, and why.
    given_up: Option<(Instant, GivenUp)>,
}

impl Demand {
    /// Notes that somebody asks, and waits for `patience`.
    ///
    /// # Errors
    /// If the report was given up.
    pub fn ask(&self, name: &str, patience: Duration) -> Result<(), ReportError> {
        let (now, mut all) = (Instant::now(), self.all());
        all.retain(|_, of| {
            of.given_up = of.given_up.filter(|(until, _)| *until > now);
            of.asked > now || of.given_up.is_some()
        });
        let of = all.entry(name.to_owned()).or_insert(ReportDemand { asked: now, given_up: None });
        of.asked = of.asked.max(now + patience + GONE);
        of.given_up.map_or(Ok(()), |(_, why)| Err(why.into()))
    }

    /// Notes that the report cannot be read.
    pub fn give_up(&self, name: &str, why: GivenUp) {
        let now = Instant::now();
        let given_up = Some((now + GIVEN_UP, why));
        self.all().entry(name.to_owned()).or_insert(ReportDemand { asked: now, given_up }).given_up = given_up;
    }

    /// Waits until nobody asks for the report any more.
    pub async fn nobody(&self, name: &str) {
        loop {
            let until = self.all().get(name).map(|of| of.asked);
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return };
            sleep_until(until).await;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, ReportDemand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
