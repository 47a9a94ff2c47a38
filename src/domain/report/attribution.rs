//! Which sessions and payments count, when, and what they have to do with each other.

use crate::domain::{
    collections::{Payment, Session},
    status::{PaymentStatus, SessionStatus},
    time::{Period, UtcMs},
};

/// The end of the session if it counts: it is COMPLETED.
pub fn completed(session: &Session) -> Option<UtcMs> {
    session.end_date_time.filter(|_| session.status == Some(SessionStatus::Completed))
}

/// The time of capture if the payment counts, whatever was refunded since.
pub fn captured(payment: &Payment) -> Option<UtcMs> {
    payment.captured_at.filter(|_| is_revenue(payment))
}

/// The end of the session if it counts in the period.
pub fn completed_in(session: &Session, period: Period) -> Option<UtcMs> {
    completed(session).filter(|at| within(period, *at))
}

/// The time of capture if the payment counts in the period.
pub fn captured_in(payment: &Payment, period: Period) -> Option<UtcMs> {
    captured(payment).filter(|at| within(period, *at))
}

/// Whether the payment's status counts as revenue.
pub fn is_revenue(payment: &Payment) -> bool {
    payment.status.as_ref().is_some_and(PaymentStatus::is_revenue)
}

/// Whether what happened at an instant counts in the period.
pub const fn within(period: Period, at: UtcMs) -> bool {
    period.from.0 <= at.0 && at.0 < period.to.0
}

/// The method of a session's payment, chosen from the candidates `payments`: the one that the session names, else one
/// that was captured. `None` if it has no payment; `Some(None)` if its payment names no method.
pub fn method_of(session: &Session, payments: &[Payment]) -> Option<Option<String>> {
    let named = |payment: &Payment| payment.payment_id.is_some() && payment.payment_id == session.payment_id;
    let its =
        |payment: &&Payment| named(payment) || payment.session_id.is_some() && payment.session_id == session.session_id;
    let first = payments.iter().filter(its).min_by_key(|payment| (!named(payment), rank(payment)));
    first.map(|payment| payment.method.clone())
}

/// Of two payments that a session names alike, or does not name, the one that decides its method. So of many payments
/// of a session one is kept.
pub fn first_of(one: Payment, other: Payment) -> Payment {
    if rank(&other) < rank(&one) { other } else { one }
}

/// Of the stations of two sessions with one id, the one that counts. A known one comes before an unknown one.
pub fn first_place<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn rank(payment: &Payment) -> (bool, Option<String>, Option<String>) {
    (!is_revenue(payment), payment.payment_id.clone(), payment.method.clone())
}
