//! `payments`: the amounts requested, captured and refunded.

use super::table::table;
use crate::domain::{
    money::{Currency, Money},
    status::PaymentStatus,
};

table! {
    Payment by Newest(created_at) {
        payment_id: Id "Payment" [Reported]
            theirs("transactionid", "txid", "chargeid", "id", "uuid", "reference", "number");
        client_id: Id "Client" [Reported] theirs("userid", "customerid", "driverid", "accountid", "user", "customer");
        session_id: Id "Session" [Reported] theirs("chargingsessionid", "session");
        amount_minor: Money "Amount"
            theirs("amount", "amountcents", "total", "totalamount", "price", "cost", "value");
        captured_minor: Money "Captured" [Reported];
        currency: Currency [Reported] theirs("currencycode");
        fee_minor: Money [Reported];
        refunded_minor: Money [Reported] theirs("refundedamount", "amountrefunded", "refunded", "refund");
        method: Text "Method" [Reported] theirs("paymentmethod", "paymenttype", "type");
        card_brand: Text;
        card_last4: Text theirs("last4");
        provider: Text theirs("gateway", "psp", "processor");
        status: Status(PaymentStatus) "Status" [Reported] theirs("state");
        failure_code: Text "Notes" theirs("errorcode", "failurereason", "error");
        failure_message: Text theirs("errormessage", "message");
        attempts: Number;
        created_at: Date "Created" theirs("created", "timestamp", "date", "registeredat", "joinedat");
        captured_at: Date [Reported] theirs("paidat", "completedat", "settledat", "processedat");
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
        /// Computed from a tariff because the source had no payments.
        derived: Flag(source, derived) [Reported];
    }
    unread {
        authorization_reference: Text;
        tax_minor: Money;
        provider_ref: Document;
        capture_status_code: Text;
        invoice_number: Text;
        status_history: Document;
        authorized_at: Date;
    }
}

impl Payment {
    /// The requested amount.
    pub fn amount(&self) -> Option<Money> {
        Some(Money { minor: self.amount_minor?, currency: self.currency.clone()? })
    }

    /// Captured minus refunded, where the status counts as revenue and the currency is a code.
    pub fn revenue(&self) -> Option<Money> {
        self.status.as_ref().filter(|s| s.is_revenue())?;
        let minor = self.captured_minor?.checked_sub(self.refunded_minor.unwrap_or(0))?;
        Some(Money { minor, currency: self.currency.clone().filter(Currency::is_code)? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::collections::see;

    #[test]
    fn revenue_is_what_was_captured_and_not_given_back() {
        let pay = |status: &str, currency: &str| {
            let fields = serde_json::from_value(
                json!({"status": status, "captured_minor": 500, "refunded_minor": 120, "currency": currency}),
            )
            .unwrap();
            see::<Payment>(&fields).doc.revenue().map(|m| m.minor)
        };
        assert_eq!(pay("PARTIALLY_REFUNDED", "EUR"), Some(380));
        assert_eq!(pay("FAILED", "EUR"), None);
        assert_eq!(pay("completed", "EUR"), None, "an unknown status counts nowhere");
        for text in ["EURO", "€", "eur", "", "E1R"] {
            assert_eq!(pay("CAPTURED", text), None, "{text} is no currency");
        }
    }
}
