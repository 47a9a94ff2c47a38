//! What driving on a session's energy saves (CO2, petrol, trees), and the factors for it.
//!
//! Per session: `petrol = kWh x l/kWh`, `co2_ice = petrol x kg/l`, `co2_grid = kWh x grid`, `co2_avoided = co2_ice - co2_grid`,
//! each rounded half away from zero to a gram, millilitre or metre. Buckets are exact sums of these integers, so a bucket
//! always equals the sessions behind it, whichever way it was added up. `co2_avoided` may be negative and is kept so.

use std::{
    iter::Sum,
    ops::{Add, AddAssign},
};

use serde::{Deserialize, Serialize};

use super::money::Wh;

/// The published numbers behind a figure. A bucket keeps those it was computed with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factors {
    pub set: String,
    pub version: String,
    /// CO2 of generation, g/kWh.
    pub grid_g_per_kwh: f64,
    /// Petrol that a combustion car burns over the distance driven on one kWh, l.
    pub petrol_l_per_kwh: f64,
    /// Tailpipe CO2 of petrol, kg/l.
    pub petrol_kg_per_l: f64,
    pub ev_wh_per_km: f64,
    /// CO2 that an urban tree seedling takes up in its first ten years, kg.
    pub tree_kg_10y: f64,
    pub source: String,
}

/// The sets that [`Factors::named`] knows.
pub const SETS: [&str; 2] = ["chargepoint-us-2018", "owid-2024"];

/// 8,887 g CO2 per US gallon (EPA, tailpipe only).
const PETROL_KG_PER_L: f64 = 2.348;
/// Measured on what ChargePoint reported for Boulder, 2018 to 2020.
const PETROL_L_PER_KWH: f64 = 0.4753;
/// The distance for which the average US car (244 g/km, EPA) burns [`PETROL_L_PER_KWH`]: 1000 x (244 / 2348) / 0.4753.
const EV_WH_PER_KM: f64 = 218.6;
/// 0.060 t per seedling grown for ten years (EPA).
const TREE_KG_10Y: f64 = 60.0;

impl Factors {
    /// A shipped set; `None` for an unknown name. `country` (ISO 3166-1 alpha-3) chooses the grid if the set has
    /// several. For an unknown country the world's mean is used.
    pub fn named(set: &str, country: &str) -> Option<Self> {
        let (version, grid_g_per_kwh, source) = match set {
            "chargepoint-us-2018" => ("1", 696.0, "City of Boulder open data 2018-2020 (ChargePoint); EPA"),
            "owid-2024" => ("1", grid_2024(country), "Our World in Data, carbon intensity of electricity 2024; EPA"),
            _ => return None,
        };
        Some(Self {
            set: set.to_owned(),
            version: version.to_owned(),
            grid_g_per_kwh,
            petrol_l_per_kwh: PETROL_L_PER_KWH,
            petrol_kg_per_l: PETROL_KG_PER_L,
            ev_wh_per_km: EV_WH_PER_KM,
            tree_kg_10y: TREE_KG_10Y,
            source: source.to_owned(),
        })
    }

    /// Number of tree seedlings that, grown for ten years, take up as much CO2 as was avoided. Negative if
    /// `co2_avoided_g` is.
    pub fn trees_10y(&self, co2_avoided_g: i64) -> f64 {
        float(co2_avoided_g) / 1000.0 / self.tree_kg_10y
    }
}

/// Carbon intensity of electricity 2024, g/kWh (Our World in Data).
fn grid_2024(country: &str) -> f64 {
    match country {
        "GBR" => 211.0,
        "USA" => 384.0,
        "DEU" => 344.0,
        "FRA" => 44.0,
        "NLD" => 253.0,
        "NOR" => 31.0,
        "SWE" => 36.0,
        "POL" => 615.0,
        "CHE" => 37.0,
        "AUT" => 103.0,
        "BEL" => 118.0,
        "DNK" => 143.0,
        "FIN" => 72.0,
        "CAN" => 175.0,
        "AUS" => 552.0,
        "CZE" => 414.0,
        "EST" => 341.0,
        _ => 473.0,
    }
}

/// Sums over sessions whose energy is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Savings {
    pub session_count: i64,
    pub energy_wh: i64,
    /// `co2_ice_g - co2_grid_g`; may be negative.
    pub co2_avoided_g: i64,
    pub co2_grid_g: i64,
    pub co2_ice_g: i64,
    pub petrol_ml: i64,
    pub km_electric_m: i64,
}

impl Savings {
    /// The savings of one session.
    pub fn of_session(energy: Wh, factors: &Factors) -> Self {
        let kwh = float(energy.0) / 1000.0;
        let petrol_l = kwh * factors.petrol_l_per_kwh;
        let co2_ice_g = whole(petrol_l * factors.petrol_kg_per_l * 1000.0);
        let co2_grid_g = whole(kwh * factors.grid_g_per_kwh);
        Self {
            session_count: 1,
            energy_wh: energy.0,
            co2_avoided_g: co2_ice_g.saturating_sub(co2_grid_g),
            co2_grid_g,
            co2_ice_g,
            petrol_ml: whole(petrol_l * 1000.0),
            km_electric_m: whole(float(energy.0) / factors.ev_wh_per_km * 1000.0),
        }
    }
}

impl Add for Savings {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            session_count: self.session_count.saturating_add(other.session_count),
            energy_wh: self.energy_wh.saturating_add(other.energy_wh),
            co2_avoided_g: self.co2_avoided_g.saturating_add(other.co2_avoided_g),
            co2_grid_g: self.co2_grid_g.saturating_add(other.co2_grid_g),
            co2_ice_g: self.co2_ice_g.saturating_add(other.co2_ice_g),
            petrol_ml: self.petrol_ml.saturating_add(other.petrol_ml),
            km_electric_m: self.km_electric_m.saturating_add(other.km_electric_m),
        }
    }
}

impl AddAssign for Savings {
    fn add_assign(&mut self, other: Self) {
        *self = Add::add(*self, other);
    }
}

impl Sum for Savings {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

#[expect(clippy::cast_precision_loss, reason = "Wh and grams stay far below 2^53")]
const fn float(value: i64) -> f64 {
    value as f64
}

/// Rounds half away from zero. Values beyond the range of `i64` become the nearest bound.
#[expect(clippy::cast_possible_truncation, reason = "rounded first, and the cast saturates")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, country: &str) -> Factors {
        Factors::named(name, country).unwrap()
    }

    #[test]
    fn a_kwh_in_boulder_saves_what_chargepoint_said() {
        let one = Savings::of_session(Wh(1_000_000), &set("chargepoint-us-2018", "USA"));
        assert_eq!(one.petrol_ml, 475_300);
        assert_eq!(one.co2_ice_g, 1_116_004);
        assert_eq!(one.co2_grid_g, 696_000);
        assert_eq!(one.co2_avoided_g, 420_004, "0.4200 kg per kWh");
    }

    #[test]
    fn a_dirty_grid_avoids_less_and_may_avoid_nothing() {
        let avoided = |country| Savings::of_session(Wh(10_000), &set("owid-2024", country)).co2_avoided_g;
        assert_eq!(avoided("GBR"), 11_160 - 2_110);
        assert!(avoided("POL") < avoided("GBR") && avoided("GBR") < avoided("NOR"));
        assert_eq!(set("owid-2024", "XYZ").grid_g_per_kwh.to_string(), "473", "the world's");
        let coal = Factors { grid_g_per_kwh: 1200.0, ..set("owid-2024", "POL") };
        let one = Savings::of_session(Wh(10_000), &coal);
        assert_eq!(one.co2_avoided_g, -840);
        assert!(coal.trees_10y(one.co2_avoided_g) < 0.0);
    }

    #[test]
    fn buckets_are_exact_sums() {
        let factors = set("owid-2024", "GBR");
        let sessions = [1, 499, 22_287, 1_430_170].map(|wh| Savings::of_session(Wh(wh), &factors));
        let sum: Savings = sessions.into_iter().sum();
        assert_eq!(sum.session_count, 4);
        assert_eq!(sum.energy_wh, 1_452_957);
        assert_eq!(sum.co2_avoided_g, sum.co2_ice_g - sum.co2_grid_g);
        assert_eq!(sum.petrol_ml, sessions.iter().map(|s| s.petrol_ml).sum::<i64>());
    }

    #[test]
    fn distance_follows_from_the_petrol() {
        let factors = set("owid-2024", "GBR");
        let one = Savings::of_session(Wh(100_000), &factors);
        let litres_per_km = 0.244 / factors.petrol_kg_per_l;
        let km = float(one.petrol_ml) / 1000.0 / litres_per_km;
        assert!((km - float(one.km_electric_m) / 1000.0).abs() < 0.5, "{km}");
        assert!((factors.trees_10y(60_000) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn every_shipped_set_is_known() {
        assert!(SETS.iter().all(|name| Factors::named(name, "GBR").is_some()));
        assert!(Factors::named("nobody", "GBR").is_none());
    }
}
