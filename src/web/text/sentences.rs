//! Events as sentences.

use std::borrow::Cow;

use super::{displayable, energy, failure, money, nouns, payment_status, session_status};
use crate::domain::{
    collections::Collection,
    latest::{ActivityEvent, ActivityKind},
    money::Wh,
    status::{ChargingState, PaymentStatus, SessionStatus},
};

/// An event in words, with the amount that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    pub text: String,
    pub amount: Option<String>,
}

/// An event as a sentence: `Session 7751157 started, 50340`, `Payment captured, £7.24`.
pub fn sentence(event: &ActivityEvent) -> Sentence {
    let subject = subject(event);
    let (text, amount) = match event.kind {
        ActivityKind::Delete => (format!("{subject} deleted"), None),
        ActivityKind::Put | ActivityKind::Patch => match event.collection {
            Collection::Clients => (client(event, &subject), None),
            Collection::Stations => (station(event, &subject), None),
            Collection::Payments => (payment(event), event.money.as_ref().map(money)),
            Collection::ChargingSessions => (session(event, &subject), delivered(event.energy)),
            Collection::EcoStats => (added(event, &subject), delivered(event.energy)),
        },
    };
    Sentence { text: displayable(text.into()).into_owned(), amount }
}

fn subject(event: &ActivityEvent) -> String {
    let label = event.label.as_deref().unwrap_or(&event.id.0);
    match event.collection {
        Collection::Payments => format!("Payment {label}"),
        Collection::ChargingSessions => format!("Session {label}"),
        Collection::EcoStats => format!("Eco figures {label}"),
        // The label of others often begins with that word already.
        _ => named(&capitalised(nouns(event.collection).0), label),
    }
}

fn named(what: &str, label: &str) -> String {
    let begins = label.get(..what.len()).is_some_and(|head| head.eq_ignore_ascii_case(what));
    if begins { label.to_owned() } else { format!("{what} {label}") }
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or_default();
    format!("{}{rest}", first.to_ascii_uppercase())
}

fn changed(event: &ActivityEvent, field: &str) -> bool {
    event.changed.iter().any(|name| name == field)
}

fn client(event: &ActivityEvent, subject: &str) -> String {
    match (event.kind, event.status.as_deref()) {
        (ActivityKind::Put, _) => format!("{subject} joined"),
        (_, Some(status)) if changed(event, "status") => {
            format!("{subject} is now {}", lower(super::client_status(&status.to_owned().into())))
        }
        _ => format!("{subject} updated"),
    }
}

fn station(event: &ActivityEvent, subject: &str) -> String {
    match (event.kind, event.status.as_deref()) {
        (ActivityKind::Put, _) => format!("{subject} added"),
        (_, Some("ONLINE")) if changed(event, "connection") => format!("{subject} is back online"),
        (_, Some("OFFLINE")) if changed(event, "connection") => format!("{subject} went offline"),
        (_, Some(_)) if changed(event, "connection") => format!("{subject} is out of contact"),
        _ if changed(event, "removed_at") => format!("{subject} removed"),
        (_, Some(status)) if event.detail.is_some() => {
            let evse = super::evse(event.detail.as_deref().unwrap_or_default(), None);
            format!("{subject}, {evse}: {}", lower(super::evse_status(&status.to_owned().into())))
        }
        _ if changed(event, "evses") => format!("{subject} changed state"),
        _ => format!("{subject} updated"),
    }
}

fn payment(event: &ActivityEvent) -> String {
    let label = event.label.as_deref().unwrap_or(&event.id.0);
    let Some(status) = event.status.clone().map(PaymentStatus::from) else { return format!("Payment {label} updated") };
    let what = match (&status, event.detail.as_deref()) {
        (PaymentStatus::Failed, Some(cause)) => format!("failed: {}", failure(cause)),
        _ => lower(payment_status(&status)),
    };
    format!("Payment {what}, {label}")
}

fn session(event: &ActivityEvent, subject: &str) -> String {
    let news_of_status = event.kind == ActivityKind::Put || changed(event, "status");
    let what = match event.status.clone().map(SessionStatus::from) {
        Some(SessionStatus::Active) if news_of_status => "started".to_owned(),
        Some(SessionStatus::Pending) if news_of_status => "begins".to_owned(),
        Some(status) if news_of_status => lower(session_status(&status)),
        Some(state) if changed(event, "charging_state") => {
            super::charging_state(&ChargingState::from(String::from(state))).into_owned()
        }
        _ => "updated".to_owned(),
    };
    match &event.detail {
        Some(station) => format!("{subject} {what}, station {station}"),
        None => format!("{subject} {what}"),
    }
}

fn added(event: &ActivityEvent, subject: &str) -> String {
    match event.kind {
        ActivityKind::Put => format!("{subject} added"),
        _ => format!("{subject} updated"),
    }
}

/// The word of the list of sessions for a negative energy. It stands here too, so that pages with a feed do not load the
/// words for all remarks.
const NEGATIVE_ENERGY: &str = "negative energy";

fn delivered(energy_wh: Option<Wh>) -> Option<String> {
    energy_wh.map(|wh| {
        let energy = energy(wh).to_string();
        if wh.0 < 0 { format!("{energy}, {NEGATIVE_ENERGY}") } else { energy }
    })
}

/// Lower case within a sentence. An unknown code keeps its case.
fn lower(word: Cow<'static, str>) -> String {
    match word {
        Cow::Borrowed(word) => word.to_ascii_lowercase(),
        Cow::Owned(code) => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        ids::DocId,
        money::{Currency, Money},
        time::UtcMs,
    };

    fn event(collection: Collection, kind: ActivityKind, label: &str, status: &str, changed: &[&str]) -> ActivityEvent {
        ActivityEvent {
            collection,
            id: DocId("65f".into()),
            kind,
            at: UtcMs(0),
            label: (!label.is_empty()).then(|| label.to_owned()),
            status: (!status.is_empty()).then(|| status.to_owned()),
            changed: changed.iter().map(|&s| s.to_owned()).collect(),
            money: None,
            energy: None,
            detail: None,
        }
    }

    #[test]
    fn every_kind_of_news_is_a_sentence() {
        use Collection::*;
        let text = |event: ActivityEvent| sentence(&event).text;
        assert_eq!(text(event(Clients, ActivityKind::Put, "605338", "ACTIVE", &[])), "Client 605338 joined");
        assert_eq!(text(event(Clients, ActivityKind::Put, "Client 605338", "", &[])), "Client 605338 joined");
        assert_eq!(
            text(event(Clients, ActivityKind::Patch, "Ada", "BLOCKED", &["status"])),
            "Client Ada is now blocked"
        );
        assert_eq!(
            text(event(Stations, ActivityKind::Patch, "Lochee", "OFFLINE", &["connection"])),
            "Station Lochee went offline"
        );
        assert_eq!(
            text(event(Stations, ActivityKind::Patch, "Lochee", "ONLINE", &["evses"])),
            "Station Lochee changed state"
        );
        assert_eq!(
            text(event(ChargingSessions, ActivityKind::Put, "7751157", "ACTIVE", &[])),
            "Session 7751157 started"
        );
        assert_eq!(
            text(event(ChargingSessions, ActivityKind::Patch, "7751157", "odd", &["status"])),
            "Session 7751157 odd"
        );
        assert_eq!(
            text(event(ChargingSessions, ActivityKind::Patch, "7751157", "SuspendedEV", &["charging_state"])),
            "Session 7751157 suspended by car"
        );
        assert_eq!(text(event(EcoStats, ActivityKind::Patch, "", "", &[])), "Eco figures 65f updated");
        assert_eq!(text(event(ChargingSessions, ActivityKind::Delete, "", "", &[])), "Session 65f deleted");
    }

    #[test]
    fn a_payment_tells_amount_and_cause() {
        let mut failed = event(Collection::Payments, ActivityKind::Patch, "P-1", "FAILED", &["status"]);
        failed.money = Some(Money { minor: 1240, currency: Currency("GBP".into()) });
        failed.detail = Some("card_expired".into());
        let shown = sentence(&failed);
        assert_eq!(
            (shown.text.as_str(), shown.amount.as_deref()),
            ("Payment failed: card expired, P-1", Some("£12.40"))
        );
        let captured = ActivityEvent { status: Some("CAPTURED".into()), detail: None, ..failed };
        assert_eq!(sentence(&captured).text, "Payment captured, P-1");
    }

    #[test]
    fn a_negative_energy_is_told_with_its_mark() {
        assert_eq!(NEGATIVE_ENERGY, crate::web::text::quality("NEGATIVE"));
        let amount = |collection, wh| {
            let ended = event(collection, ActivityKind::Patch, "7751157", "COMPLETED", &["status"]);
            sentence(&ActivityEvent { energy: Some(Wh(wh)), ..ended }).amount
        };
        for collection in [Collection::ChargingSessions, Collection::EcoStats] {
            let negative = amount(collection, -4_076_287);
            assert_eq!(negative.as_deref(), Some("\u{2212}4,076.3\u{a0}kWh, negative energy"));
            assert_eq!(amount(collection, 12_000).as_deref(), Some("12.0\u{a0}kWh"));
        }
    }
}
