//! The buckets of `eco_stats`: day, month and total of a network or a station, kept as exact sums of finished sessions.
//!
//! A session belongs to the local day in which it ended. MONTH is keyed by its first day, TOTAL by 1970-01-01;
//! `period_start` of TOTAL is the start of the first day that has a session.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use mongodb::bson::{Bson, Document, doc, serialize_to_document};

use super::date;
use crate::domain::{
    eco::{Factors, Savings},
    money::Wh,
};

/// Whose buckets these are, and how they are computed.
#[derive(Clone, Debug)]
pub struct Scope {
    /// `source.dataset` of documents made here.
    pub dataset: String,
    /// The network's name, so that two networks in one database keep their own sums.
    pub id: String,
    /// The station whose buckets these are instead.
    pub station: Option<String>,
    pub time_zone: String,
    pub zone: TimeZone,
    pub factors: Factors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granularity {
    Day,
    Month,
    Total,
}

impl Granularity {
    pub const ALL: [Self; 3] = [Self::Day, Self::Month, Self::Total];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Day => "DAY",
            Self::Month => "MONTH",
            Self::Total => "TOTAL",
        }
    }
}

pub type PeriodKey = (Granularity, String);

#[derive(Clone, Debug)]
pub struct PeriodSums {
    /// `_id` of the document in the database; `None` for a bucket that is only here.
    pub id: Option<Bson>,
    pub savings: Savings,
    pub period_start: i64,
    /// The newest end of a session in the bucket.
    pub newest: i64,
}

#[derive(Debug)]
pub struct Ledger {
    scope: Scope,
    buckets: BTreeMap<PeriodKey, PeriodSums>,
}

impl Ledger {
    pub const fn new(scope: Scope) -> Self {
        Self { scope, buckets: BTreeMap::new() }
    }

    /// The time zone of its days.
    pub const fn zone(&self) -> &TimeZone {
        &self.scope.zone
    }

    /// Takes over a bucket from the database.
    pub fn know(&mut self, key: PeriodKey, bucket: PeriodSums) {
        self.buckets.insert(key, bucket);
    }

    /// Adds a session that ended at `end` (ms since 1970), and returns the buckets that it changed.
    pub fn add(&mut self, end: i64, energy: Wh) -> [PeriodKey; 3] {
        let savings = Savings::of_session(energy, &self.scope.factors);
        Granularity::ALL.map(|granularity| {
            let (local_date, period_start) = self.scope.period(granularity, end);
            let key = (granularity, local_date);
            let fresh = PeriodSums { id: None, savings: Savings::default(), period_start, newest: end };
            let bucket = self.buckets.entry(key.clone()).or_insert(fresh);
            bucket.savings += savings;
            bucket.period_start = bucket.period_start.min(period_start);
            bucket.newest = bucket.newest.max(end);
            key
        })
    }

    pub fn bucket(&mut self, key: &PeriodKey) -> Option<&mut PeriodSums> {
        self.buckets.get_mut(key)
    }

    /// All buckets as documents.
    pub fn documents(&self) -> impl Iterator<Item = Document> {
        self.buckets.iter().map(|(key, bucket)| self.scope.document(key, bucket))
    }

    pub fn document(&self, key: &PeriodKey) -> Option<Document> {
        self.buckets.get(key).map(|bucket| self.scope.document(key, bucket))
    }

    /// Only the fields that change as sessions end.
    pub fn changing(&self, key: &PeriodKey) -> Option<Document> {
        self.buckets.get(key).map(|bucket| self.scope.sums(bucket))
    }
}

impl Scope {
    /// Returns `local_date` and `period_start`.
    fn period(&self, granularity: Granularity, at: i64) -> (String, i64) {
        let zoned =
            Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned_datetime(self.zone.clone());
        let day = match granularity {
            Granularity::Month => zoned.date().first_of_month(),
            Granularity::Day | Granularity::Total => zoned.date(),
        };
        // Where daylight saving begins, midnight may be skipped. Then the day begins at its first instant.
        let start =
            day.to_zoned_datetime(self.zone.clone()).map_or(at, |midnight| midnight.timestamp().as_millisecond());
        match granularity {
            Granularity::Total => ("1970-01-01".to_owned(), start),
            Granularity::Day | Granularity::Month => (day.to_string(), start),
        }
    }

    fn document(&self, (granularity, local_date): &PeriodKey, bucket: &PeriodSums) -> Document {
        let period = format!("{}:{local_date}", granularity.code());
        let (id, scope, scope_id) = match &self.station {
            None => (format!("{}:{period}", self.dataset), "NETWORK", &self.id),
            Some(station) => (format!("{}:{station}:{period}", self.dataset), "STATION", station),
        };
        let mut document = doc! {
            "_id": id,
            "granularity": granularity.code(),
            "scope": scope,
            "scope_id": scope_id,
            "local_date": local_date,
            "time_zone": &self.time_zone,
            "factors": serialize_to_document(&self.factors).unwrap_or_default(),
            "source": { "dataset": &self.dataset },
        };
        document.extend(self.sums(bucket));
        document
    }

    fn sums(&self, bucket: &PeriodSums) -> Document {
        let s = &bucket.savings;
        doc! {
            "period_start": date(bucket.period_start),
            "session_count": s.session_count,
            "energy_wh": s.energy_wh,
            "co2_avoided_g": s.co2_avoided_g,
            "co2_grid_g": s.co2_grid_g,
            "co2_ice_g": s.co2_ice_g,
            "petrol_ml": s.petrol_ml,
            "km_electric_m": s.km_electric_m,
            "trees_10y": self.factors.trees_10y(s.co2_avoided_g),
            "computed_at": date(bucket.newest),
            "last_updated": date(bucket.newest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london() -> Scope {
        Scope {
            dataset: "t".into(),
            id: "T".into(),
            station: None,
            time_zone: "Europe/London".into(),
            zone: TimeZone::get("Europe/London").unwrap(),
            factors: Factors::named("owid-2024", "GBR").unwrap(),
        }
    }

    fn utc(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_session_counts_on_the_local_day_it_ended() {
        let mut ledger = Ledger::new(london());
        // 23:30 UTC is half past midnight in British summer, and already August.
        ledger.add(utc("2018-07-31T23:30Z"), Wh(1000));
        let keys = ledger.add(utc("2018-06-30T22:59:59Z"), Wh(500)).map(|(g, date)| (g.code(), date));
        assert_eq!(
            keys,
            [("DAY", "2018-06-30"), ("MONTH", "2018-06-01"), ("TOTAL", "1970-01-01")].map(|(g, d)| (g, d.into()))
        );
        let found: Vec<_> = ledger
            .documents()
            .map(|d| {
                let start = d.get_datetime("period_start").unwrap().timestamp_millis();
                (d.get_str("_id").unwrap().to_owned(), d.get_i64("energy_wh").unwrap(), start)
            })
            .collect();
        let june = utc("2018-06-29T23:00Z");
        assert_eq!(
            found,
            [
                ("t:DAY:2018-06-30".to_owned(), 500, june),
                ("t:DAY:2018-08-01".to_owned(), 1000, utc("2018-07-31T23:00Z")),
                ("t:MONTH:2018-06-01".to_owned(), 500, utc("2018-05-31T23:00Z")),
                ("t:MONTH:2018-08-01".to_owned(), 1000, utc("2018-07-31T23:00Z")),
                ("t:TOTAL:1970-01-01".to_owned(), 1500, june),
            ]
        );
    }
}
