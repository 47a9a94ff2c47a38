//! What is held of a document, as it is read.

use crate::domain::{
    collections::{Client, Collection, Payment, Session, Station, see},
    fields::Fields,
    money::Currency,
    quality::Delivered,
    report::{MoneySums, captured, completed, is_revenue},
    time::UtcMs,
};

/// What is held of a document, with its texts.
pub enum HeldDocument {
    Session {
        id: Option<String>,
        station: Option<String>,
        client: Option<String>,
        payment: Option<String>,
        end: Option<UtcMs>,
        delivered: Delivered,
    },
    Payment {
        id: Option<String>,
        session: Option<String>,
        client: Option<String>,
        method: Option<String>,
        at: Option<UtcMs>,
        is_revenue: bool,
        derived: bool,
        fee: Option<i64>,
        /// Captured and refunded, if the amount is known.
        amounts: Option<(Currency, i64, i64)>,
    },
    Station {
        id: Option<String>,
        name: Option<String>,
        city: Option<String>,
    },
    Client {
        id: Option<String>,
        name: Option<String>,
    },
}

impl HeldDocument {
    /// What is held of a document; `None` of a collection of which nothing is.
    pub fn read(collection: Collection, fields: &Fields) -> Option<Self> {
        Some(match collection {
            Collection::ChargingSessions => {
                let session = see::<Session>(fields).doc;
                let end = completed(&session);
                // Until then the meter runs, and its changes are not told to the engine.
                let delivered = end.map_or(Delivered::Unknown, |_| session.delivered());
                let Session { session_id: id, station_id: station, client_id: client, payment_id: payment, .. } =
                    session;
                Self::Session { id, station, client, payment, end, delivered }
            }
            Collection::Payments => {
                let payment = see::<Payment>(fields).doc;
                let (at, is_revenue, derived) = (captured(&payment), is_revenue(&payment), payment.derived);
                let amounts = MoneySums::of_payment(&payment);
                let amounts = amounts.map(|(currency, sums)| (currency, sums.captured, sums.refunded));
                let Payment { payment_id: id, session_id: session, client_id: client, method, fee_minor: fee, .. } =
                    payment;
                Self::Payment { id, session, client, method, at, is_revenue, derived, fee, amounts }
            }
            Collection::Stations => {
                let Station { station_id, name, city, .. } = see(fields).doc;
                Self::Station { id: station_id, name, city }
            }
            Collection::Clients => {
                let Client { client_id, name, .. } = see(fields).doc;
                Self::Client { id: client_id, name }
            }
            Collection::EcoStats => return None,
        })
    }
}
