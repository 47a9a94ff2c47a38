//! The list of payments: paid, open and failed.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{
        collections::{Collection, Payment},
        money::Money,
        status::{PaymentStatus, Role},
    },
    web::{
        text,
        ui::{Badge, ListColumn, Look, TableCell},
    },
};

static COLUMNS: [ListColumn<Payment>; 9] = [
    ListColumn::of("client_id", "id lead", |p, _| TableCell::id(p.client_id.clone())),
    ListColumn::of("payment_id", "id mid further", |p, _| TableCell::id(p.payment_id.clone())),
    ListColumn::of("status", "state second", |p, _| {
        TableCell::state(p.status.as_ref().map(|s| Look::new(s.role(), text::payment_status(s))))
    }),
    ListColumn::of("amount_minor", "number end", |p, _| TableCell::text(p.amount().as_ref().map(text::money))),
    ListColumn::of("captured_minor", "number low", |p, _| captured(p)),
    ListColumn::of("method", "word roomy mid", |p, _| {
        TableCell::text(p.method.as_deref().map(text::method)).small(card(p))
    }),
    ListColumn::of("session_id", "id spare", |p, _| TableCell::id(p.session_id.clone())),
    ListColumn::of("created_at", "time last", |p, clock| TableCell::instant(p.created_at, |at| clock.stamp(at))),
    ListColumn::of("failure_code", "notes", |p, _| cause(p).badges(derived(p))),
];

fn derived(payment: &Payment) -> Option<Badge> {
    payment.derived.then(|| Badge::new(Role::Off, text::DERIVED).why(text::DERIVED_WHY))
}

/// What was captured, and how much of it was refunded.
fn captured(payment: &Payment) -> TableCell {
    let money = |minor| Some(text::money(&Money { minor, currency: payment.currency.clone()? }));
    let settled = payment.status.as_ref().is_some_and(PaymentStatus::is_revenue);
    match payment.captured_minor {
        None if !settled => TableCell::nothing(),
        Some(0) if !settled => TableCell::nothing(),
        captured => {
            let refunded =
                payment.refunded_minor.filter(|minor| *minor != 0).and_then(|minor| money(minor.saturating_neg()));
            TableCell::text(captured.and_then(money)).small(refunded)
        }
    }
}

fn card(payment: &Payment) -> Option<String> {
    let last4 = payment.card_last4.as_deref().map(|digits| format!("•{digits}"));
    let parts: Vec<String> = payment.card_brand.clone().into_iter().chain(last4).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Why the payment failed, in our words with the provider's beside them.
fn cause(payment: &Payment) -> TableCell {
    match &payment.failure_code {
        Some(code) => TableCell::nothing()
            .badges([Badge::new(Role::Bad, text::failure(code))])
            .small(payment.failure_message.clone()),
        None if payment.status == Some(PaymentStatus::Failed) => TableCell::text(payment.failure_message.clone()),
        None => TableCell::nothing(),
    }
}

pub fn payments() -> AnyView {
    list(Collection::Payments, &COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::collections::see;
    use serde_json::json;

    fn payment(fields: serde_json::Value) -> Payment {
        see(&serde_json::from_value(fields).unwrap()).doc
    }

    /// The classes decide what is hidden where room is short, or on a phone (see `Column`).
    #[test]
    fn who_paid_is_always_told() {
        let client = COLUMNS.iter().find(|column| column.field == "client_id").unwrap();
        assert!(client.class.contains("lead") && !["low", "mid", "spare"].iter().any(|c| client.class.contains(c)));
    }

    #[test]
    fn what_was_given_back_stands_beside_what_was_captured() {
        let cell = captured(&payment(
            json!({"status": "PARTIALLY_REFUNDED", "captured_minor": 724, "refunded_minor": 310, "currency": "GBP"}),
        ));
        assert_eq!(cell, TableCell::text(Some("£7.24")).small(Some("\u{2212}£3.10")));
        assert_eq!(captured(&payment(json!({"status": "PENDING", "captured_minor": 0}))), TableCell::nothing());
        assert_eq!(
            captured(&payment(json!({"status": "CAPTURED"}))),
            TableCell::text(None::<String>),
            "missing is not zero"
        );
    }
}
