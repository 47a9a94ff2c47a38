//! Time for rows and cards: the zone, the local day, and a “now” that moves in steps, so that a text is computed
//! again only when it may read differently.

use leptos::prelude::*;

use crate::{
    domain::time::{UtcMs, Zone},
    web::{api::PageContext, live::Live, text},
};

/// The step of “now” from which ages are computed.
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
    /// Provides the network's clock as context.
    pub fn provide(live: Live, context: &PageContext) -> Self {
        let clock = Self::new(context.zone.clone(), context.silent_after_s, live.now());
        provide_context(clock);
        clock
    }

    pub fn new(zone: Zone, silent_after_s: i64, now: RwSignal<UtcMs>) -> Self {
        let zone = StoredValue::new(zone);
        let now = Memo::new(move |_| now.get().0.div_euclid(STEP_MS));
        let today = Memo::new(move |_| zone.with_value(|zone| text::local_day(zone, at(now.get()))));
        Self { zone, silent_after_s, now, today }
    }

    /// The clock in context. Panics unless an ancestor has called [`Clock::provide`].
    pub fn expect() -> Self {
        expect_context()
    }

    pub const fn silent_after_s(&self) -> i64 {
        self.silent_after_s
    }

    /// The current time; reactive.
    pub fn now(&self) -> UtcMs {
        at(self.now.get())
    }

    /// The current time without following it, for what is decided once.
    pub fn past(&self) -> UtcMs {
        at(self.now.get_untracked())
    }

    pub fn with_zone<T>(&self, read: impl FnOnce(&Zone) -> T) -> T {
        self.zone.with_value(read)
    }

    /// An instant as text, as short as the day allows. Follows the day.
    pub fn stamp(&self, at: UtcMs) -> String {
        let today = self.today.get();
        self.with_zone(|zone| text::stamp(zone, at, today))
    }

    /// How long ago the instant was, as text. Follows the time.
    pub fn age(&self, at: UtcMs) -> String {
        text::age(at, self.now())
    }
}
