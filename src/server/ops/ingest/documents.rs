//! Builds the documents of a client, a station, a session and a payment, field by field in the order of the data
//! model. All values come from the data, none from the clock.
//!
//! `last_updated` is the newest instant that the data has for the document, so importing again makes the same ones.

use std::collections::BTreeMap;

use mongodb::bson::{Bson, Document, doc};

use super::{
    date,
    preset::{Model, Preset},
    put,
    rows::{SessionRow, StationDetails},
    tariff::{Cost, Tariff},
};
use crate::domain::{
    money::{Watt, Wh},
    quality::{self, Facts},
    status::SessionStatus,
};

/// Instants of a client's sessions, in ms since 1970 like all instants here.
pub struct Client {
    pub first: i64,
    pub last: i64,
    pub updated: i64,
}

/// What all sessions together reveal about a station.
pub struct ObservedStation {
    pub first: i64,
    /// The newest start.
    pub newest: i64,
    pub last: i64,
    pub evses: BTreeMap<String, ObservedEvse>,
}

#[derive(Default)]
pub struct ObservedEvse {
    pub last: i64,
    /// Start of the newest session that has not ended.
    pub open_since: Option<i64>,
}

/// Builds documents from rows.
pub struct Builder<'a> {
    pub preset: &'a Preset,
    /// What the rows of this file say about stations.
    pub places: BTreeMap<String, ObservedPlace>,
}

/// What a file says about a station. If its rows contradict each other, the newest counts.
pub struct ObservedPlace {
    /// Start of its newest row.
    pub start: i64,
    pub about: StationDetails,
    /// Whether other rows name another site or model.
    pub contradicted: bool,
}

/// A cost, and the tariff it was derived from.
#[derive(Clone, Copy)]
pub struct Charge<'a> {
    cost: Cost,
    tariff: Option<&'a Tariff>,
    /// Whether there is a payment for it.
    pub is_paid: bool,
}

impl Builder<'_> {
    pub fn key(&self, id: &str) -> String {
        format!("{}:{id}", self.preset.dataset)
    }

    /// Remembers what a row says about its station.
    pub fn learn(&mut self, row: SessionRow) {
        let Some(id) = row.station else { return };
        let Some(place) = self.places.get_mut(&id) else {
            self.places.insert(id, ObservedPlace { start: row.start, about: row.about, contradicted: false });
            return;
        };
        place.contradicted |= (&place.about.site, &place.about.model) != (&row.about.site, &row.about.model);
        if row.start > place.start {
            place.start = row.start;
            place.about = row.about;
        }
    }

    pub fn client(&self, id: &str, client: &Client) -> Document {
        let network = &self.preset.network;
        doc! {
            "_id": self.key(id),
            "client_id": id,
            "name": format!("Client {id}"),
            "status": "ACTIVE",
            "tokens": [{ "uid": id, "type": "OTHER", "valid": true }],
            "country_code": &network.country_code,
            "currency": &network.currency.0,
            "created_at": date(client.first),
            "last_session_at": date(client.last),
            "source": { "dataset": &self.preset.dataset },
            "last_updated": date(client.updated),
        }
    }

    /// What the file says about a station counts, unless a session in the database is newer; then `known` stays.
    pub fn station(&self, id: &str, station: &ObservedStation, known: Option<Document>) -> Document {
        let place = self.places.get(id).filter(|place| known.is_none() || place.start >= station.newest);
        let mut document = match (place, known) {
            (None, Some(known)) => known,
            (place, _) => self.described(id, &place.map(|place| place.about.clone()).unwrap_or_default()),
        };
        let model = document.get_str("model").ok().and_then(|name| self.preset.models.get(name));
        let evses: Vec<_> = station.evses.iter().map(|(at, evse)| self.evse(id, at, evse, model)).collect();
        document.extend(doc! {
            "connection": "ONLINE",
            "last_heartbeat_at": date(station.last),
            "evses": evses,
            "created_at": date(station.first),
            "source": { "dataset": &self.preset.dataset },
            "last_updated": date(station.last),
        });
        document
    }

    /// Describes where a station is and what it is.
    fn described(&self, id: &str, about: &StationDetails) -> Document {
        let network = &self.preset.network;
        let model = about.model.as_ref().and_then(|name| self.preset.models.get(name));
        let mut document = doc! { "_id": self.key(id), "station_id": id };
        document.insert("name", about.site.as_ref().map_or_else(|| id.to_owned(), |site| name(site, id)));
        put(&mut document, "address", about.address.as_ref().or(about.site.as_ref()));
        put(&mut document, "city", about.city.as_ref().or(network.city.as_ref()));
        put(&mut document, "postal_code", about.postal_code.as_ref());
        put(&mut document, "state", about.state.as_ref());
        document.insert("country", &network.country);
        let place = about.site.as_ref().and_then(|site| self.preset.places.get(site));
        put(&mut document, "location", place.map(|p| doc! { "type": "Point", "coordinates": [p.lon, p.lat] }));
        document.insert("time_zone", &network.time_zone);
        document.insert("currency", &network.currency.0);
        put(&mut document, "operator", network.operator.as_ref());
        put(&mut document, "vendor", model.and_then(|m| m.vendor.as_ref()));
        put(&mut document, "model", about.model.as_ref());
        document
    }

    fn evse(&self, station: &str, id: &str, evse: &ObservedEvse, model: Option<&Model>) -> Document {
        // A session without an end keeps its EVSE only if the preset says that such sessions still run.
        let open = evse.open_since.filter(|_| self.preset.rows.unfinished == SessionStatus::Active);
        let mut connector = doc! { "id": id };
        if let Some(c) = model.map(|m| m.connector(id)) {
            connector.extend(doc! {
                "standard": &c.standard,
                "format": &c.format,
                "power_type": &c.power_type,
                "max_voltage": c.max_voltage,
                "max_amperage": c.max_amperage,
                "max_electric_power": c.power_w,
            });
        }
        put(&mut connector, "tariff_ids", self.preset.tariff.as_ref().map(|t| vec![Bson::from(&t.id)]));
        doc! {
            "uid": evse_uid(station, id),
            "status": if open.is_some() { "CHARGING" } else { "AVAILABLE" },
            "status_since": date(open.unwrap_or(evse.last)),
            "connectors": [connector],
        }
    }

    /// The charger's power, if the preset knows its model.
    fn rated(&self, row: &SessionRow) -> Option<Watt> {
        let station = self.places.get(row.station.as_deref()?)?;
        // A session is judged by the model in its own row, and not by what was installed there later.
        let model = row.about.model.as_ref().or(station.about.model.as_ref())?;
        Some(Watt(self.preset.models.get(model)?.connector(&row.connector).power_w))
    }

    pub fn session(&self, row: &SessionRow, cost: Option<&Charge<'_>>) -> Document {
        let status = if row.end.is_some() { &SessionStatus::Completed } else { &self.preset.rows.unfinished };
        let seconds = row.end.map(|end| (end - row.start) / 1000);
        let quality = quality::flags(&Facts {
            connected_s: seconds,
            charging_s: None,
            energy: row.energy,
            rated: self.rated(row),
            has_station: row.station.is_some(),
            negative: row.negative,
        });
        let mut document = doc! { "_id": self.key(&row.session), "session_id": &row.session };
        put(&mut document, "client_id", row.client.as_ref());
        if let Some(station) = &row.station {
            document.insert("station_id", station);
            document.insert("evse_uid", evse_uid(station, &row.connector));
        }
        document.insert("connector_id", &row.connector);
        put(&mut document, "token", row.client.as_ref().map(|uid| doc! { "uid": uid, "type": "OTHER" }));
        document.insert("status", status.code());
        document.insert("start_date_time", date(row.start));
        put(&mut document, "end_date_time", row.end.map(date));
        put(&mut document, "energy_wh", row.energy.map(|e| e.0));
        put(&mut document, "total_time_s", seconds);
        if let Some(&Charge { cost, tariff, is_paid }) = cost {
            put(&mut document, "tariff_id", tariff.map(|t| &t.id));
            document.extend(doc! {
                "currency": &self.preset.network.currency.0,
                "cost_excl_vat_minor": cost.excl_vat,
                "cost_incl_vat_minor": cost.incl_vat,
            });
            put(&mut document, "payment_id", is_paid.then(|| payment_id(row)));
        }
        document.extend(doc! {
            "time_zone": &self.preset.network.time_zone,
            "quality": quality,
            "source": { "dataset": &self.preset.dataset, "row": line(row) },
            "last_updated": date(newest(row)),
        });
        document
    }

    /// The cost of a finished session: as the source gives it, else by the tariff if energy flowed.
    pub fn cost(&self, row: &SessionRow) -> Option<Charge<'_>> {
        row.end?;
        let tariff = self.preset.tariff.as_ref();
        if let Some(reported) = row.cost {
            let cost = tariff.map_or(Cost { incl_vat: reported, excl_vat: reported }, |t| t.split(reported));
            return Some(Charge { cost, tariff: None, is_paid: reported > 0 || self.preset.rows.payment_of_zero });
        }
        let energy = row.energy.filter(|energy| *energy > Wh(0))?;
        let tariff = tariff.filter(|_| self.preset.columns.cost.is_none())?;
        let cost = tariff.cost(energy, &self.preset.network.currency);
        Some(Charge { cost, tariff: Some(tariff), is_paid: true })
    }

    pub fn payment(&self, row: &SessionRow, end: i64, charge: &Charge<'_>) -> Document {
        let cost = charge.cost;
        let mut document = doc! { "_id": self.key(&payment_id(row)), "payment_id": payment_id(row) };
        put(&mut document, "client_id", row.client.as_ref());
        document.extend(doc! {
            "session_id": &row.session,
            "amount_minor": cost.incl_vat,
            "captured_minor": cost.incl_vat,
            "currency": &self.preset.network.currency.0,
            "tax_minor": cost.incl_vat - cost.excl_vat,
            "refunded_minor": 0_i64,
        });
        put(&mut document, "method", self.preset.tariff.as_ref().map(|t| &t.method));
        let mut source = doc! { "dataset": &self.preset.dataset, "row": line(row) };
        if charge.tariff.is_some() {
            source.insert("derived", true);
        }
        document.extend(doc! {
            "provider": &self.preset.network.name,
            "status": "CAPTURED",
            "capture_status_code": "SUCCESS",
            "attempts": 1_i64,
            "status_history": [{ "status": "CAPTURED", "at": date(end), "by": "import" }],
            "created_at": date(end),
            "captured_at": date(end),
            "source": source,
            "last_updated": date(end),
        });
        document
    }
}

/// A site may have several stations, so a name has both, unless the site is the station.
fn name(site: &str, id: &str) -> String {
    if site == id { id.to_owned() } else { format!("{site} · {id}") }
}

fn evse_uid(station: &str, connector: &str) -> String {
    format!("{station}-{connector}")
}

pub fn payment_id(row: &SessionRow) -> String {
    format!("P-{}", row.session)
}

/// The newest instant of a session.
fn newest(row: &SessionRow) -> i64 {
    row.end.unwrap_or(row.start)
}

fn line(row: &SessionRow) -> i64 {
    i64::try_from(row.line).unwrap_or(i64::MAX)
}
