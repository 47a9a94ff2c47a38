//! Which documents a figure counts. Overview, Analytics and Reports link to their lists by it.

use crate::domain::{
    collections::Collection,
    selection::{Criterion, FilterField, Selection},
    status::{ClientStatus, PaymentStatus, SessionStatus},
    time::Period,
};

/// The documents that a figure counts, as the list behind it selects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    of: Documents,
    when: When,
}

/// Documents of a collection with one of these statuses. Without statuses it is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Documents {
    Clients(&'static [ClientStatus]),
    Payments(&'static [PaymentStatus]),
    Sessions(&'static [SessionStatus]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Ever,
    /// The date lies in the figure's period.
    Within(FilterField),
    /// They have been running for so many hours.
    For(u8),
}

// What several figures and pages count. Documents of one figure alone stand in its line.

pub const ACTIVE: Counted = Counted::sessions(&[SessionStatus::Active]);
pub const STARTED: Counted = Counted::sessions(&[]).within(FilterField::Started);
pub const COMPLETED: Counted = Counted::sessions(&[SessionStatus::Completed]).within(FilterField::Ended);
pub const CAPTURED: Counted = Counted::payments(PaymentStatus::REVENUE).within(FilterField::Captured);

impl Counted {
    pub const fn clients(statuses: &'static [ClientStatus]) -> Self {
        Self { of: Documents::Clients(statuses), when: When::Ever }
    }

    pub const fn payments(statuses: &'static [PaymentStatus]) -> Self {
        Self { of: Documents::Payments(statuses), when: When::Ever }
    }

    pub const fn sessions(statuses: &'static [SessionStatus]) -> Self {
        Self { of: Documents::Sessions(statuses), when: When::Ever }
    }

    /// Those whose date lies in the figure's period.
    #[must_use]
    pub const fn within(self, date: FilterField) -> Self {
        Self { when: When::Within(date), ..self }
    }

    /// Those that have been running for so many hours.
    #[must_use]
    pub const fn running(self, hours: u8) -> Self {
        Self { when: When::For(hours), ..self }
    }

    pub const fn collection(self) -> Collection {
        match self.of {
            Documents::Clients(_) => Collection::Clients,
            Documents::Payments(_) => Collection::Payments,
            Documents::Sessions(_) => Collection::ChargingSessions,
        }
    }

    /// Selects these documents. A figure of no period, or of one that is not known yet, leaves the date open.
    pub fn selection(self, period: Option<Period>) -> Selection {
        let statuses = match self.of {
            Documents::Clients(of) => codes(of, ClientStatus::code),
            Documents::Payments(of) => codes(of, PaymentStatus::code),
            Documents::Sessions(of) => codes(of, SessionStatus::code),
        };
        let mut selection = Selection::default();
        if let Some(statuses) = statuses {
            selection = selection.with(FilterField::Status, statuses);
        }
        match (self.when, period) {
            (When::For(hours), _) => selection.with(FilterField::Running, Criterion::For(hours)),
            (When::Within(date), Some(period)) => selection.with(date, Criterion::Within(period)),
            (When::Within(_), None) | (When::Ever, _) => selection,
        }
    }
}

fn codes<S>(statuses: &'static [S], code: fn(&S) -> &str) -> Option<Criterion> {
    (!statuses.is_empty()).then(|| Criterion::one_of(statuses.iter().map(code)))
}
