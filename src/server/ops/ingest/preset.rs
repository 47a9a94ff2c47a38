//! A preset: the mapping file that defines how an operator's export becomes ChargeDeck's documents.
//!
//! `docs/import.md` explains every key. Unknown keys are refused, so a misspelt one is noticed.

mod file;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;
use serde::Deserialize;

use self::file::File;
pub use self::file::{Delimiter, Holds, WhenGone};
use super::{decimal::DecimalMark, tariff::Tariff};
use crate::domain::{eco::Factors, money::Currency, status::SessionStatus};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Part of `_id` and `source.dataset`.
    pub dataset: String,
    #[serde(default)]
    pub file: File,
    pub network: Network,
    pub columns: Columns,
    #[serde(default)]
    pub rows: RowRules,
    /// The tariff from which payments are derived if the source has no `cost`.
    #[serde(default)]
    pub tariff: Option<Tariff>,
    pub eco: Eco,
    /// By the source's model name.
    #[serde(default)]
    pub models: BTreeMap<String, Model>,
    /// By the source's site name.
    #[serde(default)]
    pub places: BTreeMap<String, PresetLocation>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    pub name: String,
    /// ISO 3166-1 alpha-3.
    pub country: String,
    /// ISO 3166-1 alpha-2.
    pub country_code: String,
    /// Used if the source has no city column.
    #[serde(default)]
    pub city: Option<String>,
    /// IANA name, of the stations and of the days in `eco_stats`.
    pub time_zone: String,
    /// IANA name of the zone that the source's clock shows; by default the stations'.
    #[serde(default)]
    pub clock: Option<String>,
    pub currency: Currency,
    #[serde(default)]
    pub operator: Option<String>,
}

/// Names of columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    pub session: String,
    #[serde(default)]
    pub session_prefix: String,
    #[serde(default)]
    pub client: Option<String>,
    pub station: String,
    #[serde(default)]
    pub connector: Option<String>,
    #[serde(default)]
    pub site: Option<String>,
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub city: Option<String>,
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub postal_code: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
    pub start: ClockColumns,
    #[serde(default)]
    pub end: Option<ClockColumns>,
    /// Minutes since the start, if there is no `end`.
    #[serde(default)]
    pub minutes: Option<String>,
    pub energy: EnergyColumn,
    /// What was paid, VAT included, in the network's currency.
    #[serde(default)]
    pub cost: Option<String>,
}

/// A date and a time of day, in one column or two. Formats are strftime's. If one has `%z`, `%:z`, `%Q` or `%s`, the
/// cell itself decides the offset; if none has, the clock is the network's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockColumns {
    pub date: String,
    pub date_format: String,
    /// The column of the time of day, if that is another. A date in it is ignored.
    #[serde(default)]
    pub time: Option<String>,
    #[serde(default)]
    pub time_format: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyColumn {
    pub column: String,
    pub unit: EnergyUnit,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub enum EnergyUnit {
    #[serde(rename = "kWh")]
    Kwh,
    Wh,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowRules {
    /// Cells that mean "no value", compared after trimming.
    pub missing: Vec<String>,
    /// The status of a row without an end.
    pub unfinished: SessionStatus,
    pub decimal_mark: DecimalMark,
    /// The first and the last year in which a session can start and end.
    pub years: (i16, i16),
    /// Whether a cost of 0 in the source is a payment of 0, or no payment.
    pub payment_of_zero: bool,
}

impl Default for RowRules {
    fn default() -> Self {
        Self {
            missing: vec![String::new()],
            unfinished: SessionStatus::Active,
            decimal_mark: DecimalMark::Point,
            years: (2000, 2099),
            payment_of_zero: false,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eco {
    /// One of [`crate::domain::eco::SETS`].
    pub set: String,
    /// The operator's own factor, l/kWh.
    #[serde(default)]
    pub petrol_l_per_kwh: Option<f64>,
    /// The operator's own factor, g/kWh.
    #[serde(default)]
    pub grid_g_per_kwh: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    #[serde(default)]
    pub vendor: Option<String>,
    /// For every connector that `connectors` does not name.
    pub connector: Connector,
    #[serde(default)]
    pub connectors: BTreeMap<String, Connector>,
}

impl Model {
    pub fn connector(&self, id: &str) -> &Connector {
        self.connectors.get(id).unwrap_or(&self.connector)
    }
}

/// OCPI's connector; volt, ampere, watt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    pub standard: String,
    pub format: String,
    pub power_type: String,
    pub max_voltage: i64,
    pub max_amperage: i64,
    pub power_w: i64,
}

/// Degrees, WGS 84.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresetLocation {
    pub lon: f64,
    pub lat: f64,
}

impl Preset {
    /// A shipped preset by name, or the file at this path.
    pub fn load(name_or_path: &str) -> Result<Self> {
        let is_file = Path::new(name_or_path).extension().is_some_and(|end| end.eq_ignore_ascii_case("toml"));
        if !is_file {
            return Self::parse(shipped(name_or_path)?);
        }
        let text =
            fs::read_to_string(name_or_path).with_context(|| format!("cannot read the preset {name_or_path}"))?;
        Self::parse(&text).with_context(|| format!("the preset {name_or_path}"))
    }

    pub fn parse(text: &str) -> Result<Self> {
        let preset: Self = toml::from_str(text)?;
        let columns = &preset.columns;
        if preset.dataset.is_empty() || ["seed", "simulate", "replay"].contains(&preset.dataset.as_str()) {
            bail!("dataset: `{}` is not a name for an import", preset.dataset);
        }
        if columns.end.is_some() == columns.minutes.is_some() {
            bail!("columns: exactly one of `end` and `minutes` says when a session ends");
        }
        for clock in [Some(&columns.start), columns.end.as_ref()].into_iter().flatten() {
            if clock.time.is_some() != clock.time_format.is_some() {
                bail!("columns: `time` and `time_format` go together");
            }
        }
        let (from, to) = preset.rows.years;
        if !(1 <= from && from <= to && to <= 9998) {
            bail!("rows.years: [{from}, {to}] is not a first and a last year");
        }
        if let Some((site, place)) = preset.places.iter().find(|(_, p)| !(p.lon.abs() <= 180.0 && p.lat.abs() <= 90.0))
        {
            bail!("places: `{site}` at longitude {}, latitude {} is not on Earth", place.lon, place.lat);
        }
        preset.time_zone()?;
        preset.clock()?;
        preset.factors()?;
        Ok(preset)
    }

    pub fn time_zone(&self) -> Result<TimeZone> {
        zone(&self.network.time_zone)
    }

    /// The zone of the source's clock.
    pub fn clock(&self) -> Result<TimeZone> {
        zone(self.network.clock.as_ref().unwrap_or(&self.network.time_zone))
    }

    pub fn factors(&self) -> Result<Factors> {
        let mut factors = Factors::named(&self.eco.set, &self.network.country)
            .with_context(|| format!("eco.set: `{}` is none of {:?}", self.eco.set, crate::domain::eco::SETS))?;
        if let Some(own) = self.eco.petrol_l_per_kwh {
            factors.petrol_l_per_kwh = own;
        }
        if let Some(own) = self.eco.grid_g_per_kwh {
            factors.grid_g_per_kwh = own;
        }
        if self.eco.petrol_l_per_kwh.or(self.eco.grid_g_per_kwh).is_some() {
            factors.version.push_str("+own");
        }
        Ok(factors)
    }
}

const SHIPPED: [(&str, &str); 2] =
    [("dundee", include_str!("presets/dundee.toml")), ("boulder", include_str!("presets/boulder.toml"))];

/// The text of a shipped preset.
///
/// # Errors
/// If none has this name.
pub fn shipped(name: &str) -> Result<&'static str> {
    let Some((_, text)) = SHIPPED.iter().find(|(shipped, _)| *shipped == name) else {
        bail!("no preset is called `{name}`: there are dundee, boulder, or the path of a .toml file");
    };
    Ok(text)
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).with_context(|| format!("`{name}` is no IANA time zone"))
}

#[cfg(test)]
mod tests;
