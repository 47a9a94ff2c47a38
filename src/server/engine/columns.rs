//! All that is held, and how a document's change moves it.

use std::hash::{BuildHasher, RandomState};

use super::{
    document::HeldDocument,
    links::{LinkKey, Links},
    rows::DocumentRows,
    texts::{ALLOCATED, Code, Texts},
};
use crate::domain::{collections::Collection, ids::DocId, quality::Delivered, time::UtcMs};

/// All that is held.
pub struct Engine {
    pub(super) hasher: RandomState,
    pub(super) sessions: DocumentRows<HeldSession>,
    pub(super) payments: DocumentRows<HeldPayment>,
    pub(super) stations: DocumentRows<HeldStation>,
    pub(super) clients: DocumentRows<HeldClient>,
    /// Sessions by public id, payments by that of their session, and by their own.
    pub(super) by_session_id: Links,
    pub(super) payments_of: Links,
    pub(super) by_payment_id: Links,
    pub(super) station_ids: Texts,
    pub(super) client_ids: Texts,
    pub(super) names: Texts,
    pub(super) cities: Texts,
    pub(super) methods: Texts,
    pub(super) currencies: Texts,
    /// Bytes of the payments' ids.
    pub(super) id_bytes: usize,
}

pub(super) struct HeldSession {
    /// When it was completed; `None` if it was not.
    pub(super) end: Option<UtcMs>,
    pub(super) delivered: Delivered,
    pub(super) station: Code,
    pub(super) client: Code,
    /// The payment that it names.
    pub(super) payment: LinkKey,
}

pub(super) struct HeldPayment {
    /// When it was captured; `None` if it does not count as revenue.
    pub(super) at: Option<UtcMs>,
    /// In minor units; zero while they are not known.
    pub(super) captured: i64,
    pub(super) refunded: i64,
    pub(super) fee: i64,
    pub(super) fee_is_known: bool,
    pub(super) is_revenue: bool,
    pub(super) derived: bool,
    /// That of the amounts, none while they are not known.
    pub(super) currency: Code,
    pub(super) method: Code,
    pub(super) client: Code,
    /// It decides between the payments of a session.
    pub(super) id: Option<Box<str>>,
}

pub(super) struct HeldStation {
    pub(super) id: Code,
    pub(super) name: Code,
    pub(super) city: Code,
}

pub(super) struct HeldClient {
    pub(super) id: Code,
    pub(super) name: Code,
}

impl Engine {
    /// Holds nothing yet. `hasher` is of this process alone, so that nobody can choose ids that are taken for one.
    pub fn new(hasher: RandomState) -> Self {
        let texts = || Texts::new(hasher.clone());
        Self {
            sessions: DocumentRows::new(hasher.clone()),
            payments: DocumentRows::new(hasher.clone()),
            stations: DocumentRows::new(hasher.clone()),
            clients: DocumentRows::new(hasher.clone()),
            by_session_id: Links::default(),
            payments_of: Links::default(),
            by_payment_id: Links::default(),
            station_ids: texts(),
            client_ids: texts(),
            names: texts(),
            cities: texts(),
            methods: texts(),
            currencies: texts(),
            id_bytes: 0,
            hasher,
        }
    }

    /// Puts what is held of a document in place of what was.
    pub fn put(&mut self, id: &DocId, document: HeldDocument) {
        match document {
            HeldDocument::Session { id: session_id, station, client, payment, end, delivered } => {
                self.remove(Collection::ChargingSessions, id);
                let row = HeldSession {
                    end,
                    delivered,
                    station: self.station_ids.take(station.as_deref()),
                    client: self.client_ids.take(client.as_deref()),
                    payment: self.key(payment.as_deref()),
                };
                let slot = self.sessions.insert(id, row);
                self.by_session_id.insert(slot, self.key(session_id.as_deref()));
            }
            HeldDocument::Payment {
                id: payment_id,
                session,
                client,
                method,
                at,
                is_revenue,
                derived,
                fee,
                amounts,
            } => {
                self.remove(Collection::Payments, id);
                let currency = amounts.as_ref().map(|(currency, ..)| currency.0.as_str());
                let row = HeldPayment {
                    at,
                    captured: amounts.as_ref().map_or(0, |(_, captured, _)| *captured),
                    refunded: amounts.as_ref().map_or(0, |(.., refunded)| *refunded),
                    fee: fee.unwrap_or(0),
                    fee_is_known: fee.is_some(),
                    is_revenue,
                    derived,
                    currency: self.currencies.take(currency),
                    method: self.methods.take(method.as_deref()),
                    client: self.client_ids.take(client.as_deref()),
                    id: payment_id.as_deref().map(Into::into),
                };
                self.id_bytes += payment_id.as_ref().map_or(0, |id| id.len() + ALLOCATED);
                let (session, payment) = (self.key(session.as_deref()), self.key(payment_id.as_deref()));
                let slot = self.payments.insert(id, row);
                self.payments_of.insert(slot, session);
                self.by_payment_id.insert(slot, payment);
            }
            HeldDocument::Station { id: station_id, name, city } => {
                self.remove(Collection::Stations, id);
                let (name, city) = (self.names.take(name.as_deref()), self.cities.take(city.as_deref()));
                let row = HeldStation { id: self.station_ids.take(station_id.as_deref()), name, city };
                self.stations.insert(id, row);
            }
            HeldDocument::Client { id: client_id, name } => {
                self.remove(Collection::Clients, id);
                let row = HeldClient {
                    id: self.client_ids.take(client_id.as_deref()),
                    name: self.names.take(name.as_deref()),
                };
                self.clients.insert(id, row);
            }
        }
    }

    /// Forgets a document.
    pub fn remove(&mut self, collection: Collection, id: &DocId) {
        match collection {
            Collection::ChargingSessions => {
                let Some((slot, row)) = self.sessions.remove(id) else { return };
                self.by_session_id.remove(slot);
                self.station_ids.release(row.station);
                self.client_ids.release(row.client);
            }
            Collection::Payments => {
                let Some((slot, row)) = self.payments.remove(id) else { return };
                self.payments_of.remove(slot);
                self.by_payment_id.remove(slot);
                self.currencies.release(row.currency);
                self.methods.release(row.method);
                self.client_ids.release(row.client);
                self.id_bytes -= row.id.map_or(0, |id| id.len() + ALLOCATED);
            }
            Collection::Stations => {
                let Some((_, row)) = self.stations.remove(id) else { return };
                self.station_ids.release(row.id);
                self.names.release(row.name);
                self.cities.release(row.city);
            }
            Collection::Clients => {
                let Some((_, row)) = self.clients.remove(id) else { return };
                self.client_ids.release(row.id);
                self.names.release(row.name);
            }
            Collection::EcoStats => {}
        }
    }

    /// Bytes that it takes, approximately.
    pub fn bytes(&self) -> usize {
        let rows = self.sessions.bytes() + self.payments.bytes() + self.stations.bytes() + self.clients.bytes();
        let links = [&self.by_session_id, &self.payments_of, &self.by_payment_id];
        let texts = [&self.station_ids, &self.client_ids, &self.names, &self.cities, &self.methods, &self.currencies];
        let links: usize = links.into_iter().map(Links::bytes).sum();
        let texts: usize = texts.into_iter().map(Texts::bytes).sum();
        rows + links + texts + self.id_bytes
    }

    /// Number of documents that are held.
    pub fn documents(&self) -> usize {
        self.sessions.len() + self.payments.len() + self.stations.len() + self.clients.len()
    }

    /// A public id's link. An id of all zero bits would link nothing, with a probability of one in 2^64.
    fn key(&self, id: Option<&str>) -> LinkKey {
        id.map_or(0, |id| self.hasher.hash_one(id))
    }
}
