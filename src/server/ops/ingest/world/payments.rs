//! Payments: PENDING, AUTHORIZED, CAPTURED; some fail for a reason, some are tried again, a few are refunded.

use std::sync::LazyLock;

use mongodb::bson::{Bson, Document, doc};
use rand::RngExt;

use super::{MINUTE, OpenPayment, Running, SECOND, World, WorldEvent};
use crate::{
    domain::{collections::Collection, money::Wh, status::PaymentStatus},
    server::ops::ingest::{
        date, put,
        tariff::{Cost, Price, Tariff},
    },
};

/// What a session costs and the number of its payment.
#[derive(Debug)]
pub(super) struct Bill {
    pub number: i64,
    pub payment_id: String,
    pub cost: Cost,
}

/// Why payments fail: code and message.
pub const DECLINED: [(&str, &str); 5] = [
    ("insufficient_funds", "The card has insufficient funds."),
    ("card_declined", "The bank declined without a reason."),
    ("expired_card", "The card has expired."),
    ("authentication_required", "The driver did not confirm the payment."),
    ("issuer_unavailable", "The bank did not answer."),
];
const CAPTURE_EXPIRED: (&str, &str) = ("authorization_expired", "The authorization expired before it was captured.");

/// Prices per kWh, VAT included.
pub fn tariff(direct_current: bool) -> &'static Tariff {
    static TARIFFS: LazyLock<[Tariff; 2]> = LazyLock::new(|| {
        [("AC-45", 450_000), ("DC-69", 690_000)].map(|(id, per_kwh)| Tariff {
            id: id.to_owned(),
            per_kwh: Price(per_kwh),
            per_session: Price(0),
            vat_percent: Price(20_000_000),
            method: "CARD".to_owned(),
        })
    });
    &TARIFFS[usize::from(direct_current)]
}

impl World {
    /// Returns `None` if there is nothing to pay, or the payer is unknown.
    pub(super) fn bill(&mut self, session: &Running, energy: Wh) -> Option<Bill> {
        let currency = &self.stations[session.at.station].currency;
        let cost = tariff(self.evse(session.at).direct_current).cost(energy, currency);
        if cost.incl_vat == 0 || session.client_id.is_none() {
            return None;
        }
        let number = self.next.payment;
        self.next.payment += 1;
        Some(Bill { number, payment_id: format!("PAY-{number:06}"), cost })
    }

    pub(super) fn charge_for(&mut self, session: &Running, bill: Bill) {
        let Bill { number, payment_id, cost } = bill;
        let method = *self.pick(&["CARD", "CARD", "CARD", "APP", "WALLET", "RFID_ACCOUNT"]);
        let history = vec![step("PENDING", self.now)];
        let mut document = doc! { "_id": format!("{}:{payment_id}", self.settings.dataset), "payment_id": &payment_id };
        put(&mut document, "client_id", session.client_id.as_ref());
        document.extend(doc! {
            "session_id": &session.session_id,
            "amount_minor": cost.incl_vat,
            "captured_minor": 0_i64,
            "currency": &self.stations[session.at.station].currency.0,
            "tax_minor": cost.incl_vat - cost.excl_vat,
            "refunded_minor": 0_i64,
            "method": method,
        });
        if method == "CARD" {
            document.insert("card_brand", *self.pick(&["VISA", "MASTERCARD", "AMEX"]));
            document.insert("card_last4", format!("{:04}", self.rng.random_range(0..10_000)));
        }
        document.extend(doc! {
            "provider": "simulated",
            "provider_ref": format!("{}-{number:08}", self.settings.dataset),
            "status": "PENDING",
            "attempts": 1_i64,
            "status_history": &history,
            "created_at": date(self.now),
            "source": { "dataset": self.settings.dataset, "row": number },
            "last_updated": date(self.now),
        });
        let id = self.insert(Collection::Payments, document);
        let payment = OpenPayment {
            id,
            amount_minor: cost.incl_vat,
            status: PaymentStatus::Pending,
            method: method.to_owned(),
            attempts: 1,
            history,
        };
        self.follow(number, payment);
    }

    pub(super) fn carry_on_payment(&mut self, payment: OpenPayment) {
        let number = self.next.payment;
        self.next.payment += 1;
        self.follow(number, payment);
    }

    /// Keeps the payment until its next step. An account is settled within hours, a card within seconds.
    fn follow(&mut self, number: i64, payment: OpenPayment) {
        let wait = match (&payment.status, payment.method.as_str()) {
            (PaymentStatus::Pending, "RFID_ACCOUNT") => self.rng.random_range(20 * MINUTE..180 * MINUTE),
            (PaymentStatus::Pending, _) => self.rng.random_range(8 * SECOND..25 * SECOND),
            (PaymentStatus::Authorized, _) => self.rng.random_range(10 * SECOND..60 * SECOND),
            (PaymentStatus::Failed, _) => self.rng.random_range(2 * MINUTE..10 * MINUTE),
            _ => self.rng.random_range(10 * MINUTE..120 * MINUTE),
        };
        self.after(wait, WorldEvent::Settle(number));
        self.payments.insert(number, payment);
    }

    pub(super) fn settle(&mut self, number: i64) {
        let Some(payment) = self.payments.remove(&number) else { return };
        match payment.status {
            PaymentStatus::Pending if self.rng.random_bool(0.06) => {
                let cause = *self.pick(&DECLINED);
                self.fail(number, payment, cause);
            }
            PaymentStatus::Pending => {
                let now = date(self.now);
                let payment = self.advance(payment, PaymentStatus::Authorized, doc! { "authorized_at": now });
                self.follow(number, payment);
            }
            PaymentStatus::Authorized if self.rng.random_bool(0.01) => self.fail(number, payment, CAPTURE_EXPIRED),
            PaymentStatus::Authorized => self.capture(number, payment),
            PaymentStatus::Failed => {
                let attempts = payment.attempts + 1;
                let mut payment = self.advance(payment, PaymentStatus::Pending, doc! { "attempts": attempts });
                payment.attempts = attempts;
                self.follow(number, payment);
            }
            PaymentStatus::Captured => self.refund(payment),
            _ => {}
        }
    }

    fn fail(&mut self, number: i64, payment: OpenPayment, (code, message): (&str, &str)) {
        let fields = doc! { "capture_status_code": "FAILED", "failure_code": code, "failure_message": message };
        let payment = self.advance(payment, PaymentStatus::Failed, fields);
        if payment.attempts < 3 && self.rng.random_bool(0.5) {
            self.follow(number, payment);
        }
    }

    fn capture(&mut self, number: i64, payment: OpenPayment) {
        let fields = doc! {
            "captured_minor": payment.amount_minor,
            "capture_status_code": "SUCCESS",
            "captured_at": date(self.now),
            "failure_code": Bson::Null,
            "failure_message": Bson::Null,
        };
        let fields = if payment.attempts > 1 { fields } else { without_nulls(fields) };
        let payment = self.advance(payment, PaymentStatus::Captured, fields);
        if self.rng.random_bool(0.015) {
            self.follow(number, payment);
        }
    }

    fn refund(&mut self, payment: OpenPayment) {
        let (status, refunded) = if payment.amount_minor > 1 && self.rng.random_bool(0.4) {
            (PaymentStatus::PartiallyRefunded, payment.amount_minor / 2)
        } else {
            (PaymentStatus::Refunded, payment.amount_minor)
        };
        self.advance(payment, status, doc! { "refunded_minor": refunded });
    }

    fn advance(&mut self, mut payment: OpenPayment, status: PaymentStatus, mut fields: Document) -> OpenPayment {
        payment.history.push(step(status.code(), self.now));
        fields.insert("status", status.code());
        fields.insert("status_history", &payment.history);
        self.set(Collection::Payments, payment.id.clone(), fields);
        payment.status = status;
        payment
    }
}

fn step(status: &str, at: i64) -> Bson {
    doc! { "status": status, "at": date(at), "by": "provider" }.into()
}

fn without_nulls(fields: Document) -> Document {
    fields.into_iter().filter(|(_, value)| *value != Bson::Null).collect()
}
