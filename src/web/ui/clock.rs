//! Time as rows and cards see it: the zone, the local day, and a now that moves in steps,
//! so that a text is only computed again when it may read differently.

use leptos::prelude::*;

use crate::{
    domain::time::{UtcMs, Zone},
    web::{api::PageContext, live::Live, text},
};

/// Steps of the now that ages are told from.
const STEP_MS: i64 = 5000;

const fn at(step: i64) -> UtcMs {
    UtcMs(step.saturating_mul(STEP_MS))
}

#[derive(Clone, Copy)]
pub struct Clock {
    zone: StoredValue<Zone>,
    silent_after_s: i64,
    /// In steps since 1970.
    now: Memo<i64>,
    today: Memo<i64>,
}

impl Clock {
    /// Puts the clock of the network into context.
    pub fn provide(live: Live, desk: &PageContext) -> Self {
        let clock = Self::new(desk.zone.clone(), desk.silent_after_s, live.now());
        provide_context(clock);
        clock
    }

    pub fn new(zone: Zone, silent_after_s: i64, now: RwSignal<UtcMs>) -> Self {
        let zone = StoredValue::new(zone);
        let now = Memo::new(move |_| now.get().0.div_euclid(STEP_MS));
        let today = Memo::new(move |_| zone.with_value(|zone| text::local_day(zone, at(now.get()))));
        Self { zone, silent_after_s, now, today }
    }

    /// To be called where an ancestor has called [`Clock::provide`].
    pub fn expect() -> Self {
        expect_context()
    }

    pub const fn silent_after_s(&self) -> i64 {
        self.silent_after_s
    }

    /// Follows the time.
    pub fn now(&self) -> UtcMs {
        at(self.now.get())
    }

    /// The time as of now, for what is decided once and for all. Does not follow it.
    pub fn past(&self) -> UtcMs {
        at(self.now.get_untracked())
    }

    pub fn with_zone<T>(&self, read: impl FnOnce(&Zone) -> T) -> T {
        self.zone.with_value(read)
    }

    /// An instant in as few words as the day allows; follows the day.
    pub fn stamp(&self, at: UtcMs) -> String {
        let today = self.today.get();
        self.with_zone(|zone| text::stamp(zone, at, today))
    }

    /// How long ago; follows the time.
    pub fn age(&self, at: UtcMs) -> String {
        text::age(at, self.now())
    }
}
