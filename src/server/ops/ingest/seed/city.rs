//! The seeded city: its clients, its sites and its stations.

use mongodb::bson::{Document, doc};

use crate::{
    domain::{money::Currency, status::EvseStatus},
    server::ops::ingest::{
        date,
        world::{self, Driver, SimulatedEvse, SimulatedStation},
    },
};

pub const DATASET: &str = "seed";

pub const HALF_A_DAY_MS: i64 = 43_200_000;

pub const TIME_ZONE: &str = "Europe/London";

pub const CURRENCY: &str = "GBP";

pub fn currency() -> Currency {
    Currency(CURRENCY.to_owned())
}

const CITY: &str = "Bristol";

pub fn driver(document: &Document) -> Option<Driver> {
    let client_id = document.get_str("client_id").ok()?.to_owned();
    Some(Driver { id: document.get("_id")?.clone(), client_id, busy: false })
}

/// Most clients are active; a few are inactive, pending or blocked.
pub fn client(number: i64, start: i64) -> Document {
    let mut document = world::client(DATASET, number, "GB", start - number * HALF_A_DAY_MS);
    let status = match number % 50 {
        7 | 23 => "INACTIVE",
        31 => "PENDING",
        44 => "BLOCKED",
        _ => "ACTIVE",
    };
    document.insert("status", status);
    document.insert("currency", CURRENCY);
    document
}

/// A kind of station: its model, its EVSEs, and how many such stations there are.
struct StationKind {
    model: &'static str,
    stations: usize,
    evses: &'static [Plug],
}

/// Standard, format, power type, V, A, W.
type Plug = (&'static str, &'static str, &'static str, i64, i64, i64);

const AC_7: Plug = ("IEC_62196_T2", "SOCKET", "AC_1_PHASE", 230, 32, 7_400);
const AC_22: Plug = ("IEC_62196_T2", "SOCKET", "AC_3_PHASE", 400, 32, 22_000);
const AC_43: Plug = ("IEC_62196_T2", "CABLE", "AC_3_PHASE", 400, 63, 43_000);
const CCS_50: Plug = ("IEC_62196_T2_COMBO", "CABLE", "DC", 500, 125, 50_000);
const CHADEMO_50: Plug = ("CHADEMO", "CABLE", "DC", 500, 125, 50_000);
const CCS_150: Plug = ("IEC_62196_T2_COMBO", "CABLE", "DC", 920, 400, 150_000);

const KINDS: [StationKind; 4] = [
    StationKind { model: "Duo 22", stations: 20, evses: &[AC_22, AC_22] },
    StationKind { model: "Street 7", stations: 10, evses: &[AC_7, AC_7] },
    StationKind { model: "Rapid 50", stations: 6, evses: &[CCS_50, CHADEMO_50, AC_43] },
    StationKind { model: "Hub 150", stations: 4, evses: &[CCS_150, CCS_150, CCS_150] },
];
pub const STATIONS: usize = 40;

/// Car parks and streets as every city has them; the number on each is the station's.
const SITES: [&str; 20] = [
    "Harbour Car Park",
    "Station Approach",
    "Market Street",
    "City Hall",
    "Riverside",
    "Park and Ride North",
    "Park and Ride South",
    "University Library",
    "Royal Infirmary",
    "Leisure Centre",
    "Castle Street",
    "Old Brewery",
    "Queens Square",
    "Retail Park West",
    "Retail Park East",
    "Botanic Garden",
    "Stadium",
    "Science Park",
    "Victoria Road",
    "Mill Lane",
];

/// Stations lie on a spiral around the centre: dense inside, thin outside, each at its own place.
pub fn station(number: usize, start: i64) -> (Document, SimulatedStation) {
    let station_id = format!("ST-{:03}", number + 1);
    let kind = kind(number);
    let site = SITES[number % SITES.len()];
    let evses: Vec<_> = (1..).zip(kind.evses).map(|(n, plug)| evse(&station_id, n, plug, start)).collect();
    let turn = f64::from(u32::try_from(number).unwrap_or(0));
    let (angle, radius_deg) = (turn * 2.4, 0.006 * turn.sqrt());
    let (lon, lat) = (-2.5879 + 1.6 * radius_deg * angle.cos(), 51.4545 + radius_deg * angle.sin());
    let id = format!("{DATASET}:{station_id}");
    let document = doc! {
        "_id": &id,
        "station_id": &station_id,
        "name": format!("{site} {}", number / SITES.len() + 1),
        "address": site,
        "city": CITY,
        "country": "GBR",
        "location": { "type": "Point", "coordinates": [lon, lat] },
        "time_zone": TIME_ZONE,
        "currency": CURRENCY,
        "operator": "Demo network",
        "vendor": "Demo",
        "model": kind.model,
        "serial_number": format!("D{:06}", 20_000 + number * 37),
        "firmware_version": if number.is_multiple_of(5) { "2.3.1" } else { "2.4.0" },
        "ocpp_version": if kind.model == "Hub 150" { "2.0.1" } else { "1.6" },
        "connection": "ONLINE",
        "last_heartbeat_at": date(start),
        "energy_mix": { "is_green_energy": false, "co2_g_per_kwh": 211_i64 },
        "evses": evses.iter().map(|(document, _)| document.clone()).collect::<Vec<_>>(),
        "created_at": date(start),
        "source": { "dataset": DATASET },
        "last_updated": date(start),
    };
    let state = SimulatedStation {
        id: id.into(),
        station_id,
        time_zone: TIME_ZONE.to_owned(),
        currency: currency(),
        evses: evses.into_iter().map(|(_, state)| state).collect(),
        speaks: true,
    };
    (document, state)
}

/// The kinds are spread over the city: 7 has no common divisor with the number of stations.
fn kind(number: usize) -> &'static StationKind {
    let mut place = number * 7 % STATIONS;
    for kind in &KINDS {
        if place < kind.stations {
            return kind;
        }
        place -= kind.stations;
    }
    &KINDS[0]
}

fn evse(station_id: &str, number: u32, plug: &Plug, start: i64) -> (Document, SimulatedEvse) {
    let (standard, format, power_type, volt, ampere, watt) = *plug;
    let uid = format!("{station_id}-{number}");
    let direct_current = power_type == "DC";
    let document = doc! {
        "uid": &uid,
        "evse_id": format!("GB*CDK*E{}*{number}", station_id.trim_start_matches("ST-")),
        "status": "AVAILABLE",
        "ocpp_status": "Available",
        "error_code": "NoError",
        "status_since": date(start),
        "connectors": [{
            "id": number.to_string(),
            "standard": standard,
            "format": format,
            "power_type": power_type,
            "max_voltage": volt,
            "max_amperage": ampere,
            "max_electric_power": watt,
            "tariff_ids": [if direct_current { "DC-69" } else { "AC-45" }],
        }],
    };
    let connector_id = number.to_string();
    let state = SimulatedEvse {
        uid,
        connector_id,
        rated: Some(watt),
        direct_current,
        status: EvseStatus::Available,
        session: None,
    };
    (document, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_network_has_the_size_that_is_promised() {
        let evses: usize = (0..STATIONS).map(|number| kind(number).evses.len()).sum();
        assert_eq!(evses, 90);
        for wanted in &KINDS {
            let count = (0..STATIONS).filter(|number| kind(*number).model == wanted.model).count();
            assert_eq!(count, wanted.stations, "{}", wanted.model);
        }
    }
}
