//! What a copied session and its payment hold at each moment. All of it is from the original, at other instants.
//!
//! A source has the energy of a whole session and nothing in between. So a running copy has the session's mean power,
//! never more than its charger's, and the energy that has flowed at that power. The end brings the original's values.

use mongodb::bson::{Bson, Document, doc};

use super::day::Shift;
use crate::{
    domain::{
        money::Wh,
        status::{ChargingState, SessionStatus},
    },
    server::ops::ingest::{
        date,
        world::{EvseIndex, int, millis, text},
    },
};

/// `source.dataset` of copies.
pub const DATASET: &str = "replay";

/// Fields that are known only when a session has ended.
const AT_THE_END: [&str; 9] = [
    "charging_ended_at",
    "meter_stop_wh",
    "soc_end",
    "total_parking_time_s",
    "stop_reason",
    "error_code",
    "cost_excl_vat_minor",
    "cost_incl_vat_minor",
    "quality",
];
/// Ids that other systems gave to the original.
const FOREIGN_IDS: [&str; 3] = ["authorization_reference", "provider_ref", "invoice_number"];

/// A session to be copied.
#[derive(Clone, Debug)]
pub struct Session {
    original: Document,
    payment: Option<Document>,
    shift: Shift,
    offset: i64,
    /// Start of the copy, in ms since 1970 like all instants here.
    pub start: i64,
    /// `None` if the original has no end. Then the copy is written once, as it is.
    pub end: Option<i64>,
    /// Energy of the whole session, if the original has it.
    pub energy: Option<Wh>,
    /// Its EVSE, if that is known.
    pub at: Option<EvseIndex>,
    /// Rated power in W, if the EVSE has it.
    rated: Option<i64>,
}

impl Session {
    /// Returns `None` for a document without a start or with an `_id` that no import makes.
    pub fn new(
        original: Document,
        payment: Option<Document>,
        shift: Shift,
        offset: i64,
        at: Option<EvseIndex>,
        rated: Option<i64>,
    ) -> Option<Self> {
        original.get_str("_id").ok()?;
        Some(Self {
            start: millis(&original, "start_date_time")? + offset,
            end: millis(&original, "end_date_time").map(|end| end + offset),
            energy: int(&original, "energy_wh").map(Wh),
            original,
            payment,
            shift,
            offset,
            at,
            rated,
        })
    }

    pub fn id(&self) -> String {
        format!("{DATASET}:{}", self.session_id())
    }

    /// Made of the original's `_id`, which is unique in the database, and the day.
    fn session_id(&self) -> String {
        copied(&self.original, self.shift)
    }

    /// The status of the original.
    pub fn status(&self) -> SessionStatus {
        SessionStatus::from(text(&self.original, "status").unwrap_or_default())
    }

    /// Whether the session takes its EVSE when it starts.
    pub fn charges(&self) -> bool {
        self.end.is_some() || self.status() == SessionStatus::Active
    }

    /// The document when the session starts.
    pub fn started(&self) -> Document {
        let mut document = self.original.clone();
        document.extend(doc! {
            "_id": self.id(),
            "session_id": self.session_id(),
            "start_date_time": date(self.start),
            "source": source(&self.original),
            "last_updated": date(self.start),
        });
        document.remove("payment_id");
        if self.end.is_none() {
            return document;
        }
        for field in AT_THE_END.iter().chain(&["end_date_time", "energy_wh"]) {
            document.remove(field);
        }
        document.extend(doc! { "status": SessionStatus::Active.code(), "quality": [] });
        document.extend(self.metered(self.start).unwrap_or_default());
        document
    }

    /// The fields of a meter reading; `None` if the energy of the session is not known.
    pub fn metered(&self, now: i64) -> Option<Document> {
        Some(doc! {
            "charging_state": ChargingState::Charging.code(),
            "energy_wh": self.energy_at(now)?.0,
            "power_w": self.power_w()?,
            "total_time_s": (now - self.start) / 1000,
            "last_updated": date(now),
        })
    }

    /// The fields that the end changes.
    pub fn ended(&self, end: i64) -> Document {
        let mut fields = doc! {
            "status": self.status().code(),
            "charging_state": ChargingState::Idle.code(),
            "end_date_time": date(end),
            "total_time_s": (end - self.start) / 1000,
            "power_w": 0_i64,
        };
        for field in AT_THE_END.iter().chain(&["energy_wh"]) {
            if let Some(value) = self.original.get(field) {
                fields.insert(*field, self.moved(value));
            }
        }
        if let Some(payment) = &self.payment {
            fields.insert("payment_id", copied(payment, self.shift));
        }
        fields.insert("last_updated", date(end));
        fields
    }

    /// The payment. Imports make it when the session ends, captured at once. What happened to the original since is
    /// no part of that day.
    pub fn paid(&self, end: i64) -> Option<Document> {
        let mut document = self.payment.clone()?;
        let payment_id = copied(&document, self.shift);
        for field in FOREIGN_IDS {
            document.remove(field);
        }
        let captured = document.contains_key("captured_at");
        if captured {
            document.extend(doc! { "status": "CAPTURED", "refunded_minor": 0_i64, "captured_at": date(end) });
        }
        document.extend(doc! {
            "_id": format!("{DATASET}:{payment_id}"),
            "payment_id": payment_id,
            "session_id": self.session_id(),
            "status_history": [{ "status": text(&document, "status"), "at": date(end), "by": DATASET }],
            "created_at": date(end),
            "source": source(&document),
            "last_updated": date(end),
        });
        Some(document)
    }

    /// Mean power over the whole session, W.
    fn power_w(&self) -> Option<i64> {
        let ms = self.end? - self.start;
        let mean = per(self.energy?.0, 3_600_000, ms);
        Some(self.rated.map_or(mean, |rated| mean.min(rated)))
    }

    fn energy_at(&self, now: i64) -> Option<Wh> {
        let (energy, end, elapsed) = (self.energy?.0, self.end?, now - self.start);
        let flowed = per(energy, elapsed, end - self.start);
        Some(Wh(self.rated.map_or(flowed, |rated| flowed.min(per(rated, elapsed, 3_600_000)))))
    }

    fn moved(&self, value: &Bson) -> Bson {
        value.as_datetime().map_or_else(|| value.clone(), |at| date(at.timestamp_millis() + self.offset))
    }
}

/// `amount` × `share` / `whole`; 0 if `whole` is 0.
fn per(amount: i64, share: i64, whole: i64) -> i64 {
    let product = i128::from(amount) * i128::from(share);
    i64::try_from(product.checked_div(i128::from(whole)).unwrap_or(0)).unwrap_or(i64::MAX)
}

fn copied(original: &Document, shift: Shift) -> String {
    format!("{}@{}", original.get_str("_id").unwrap_or_default(), shift.to)
}

fn source(original: &Document) -> Document {
    let mut source = doc! { "dataset": DATASET, "replayed_from": original.get_str("_id").unwrap_or_default() };
    if let Some(derived) = original.get_document("source").ok().and_then(|source| source.get("derived")) {
        source.insert("derived", derived);
    }
    source
}
