//! The cost of a session. Prices are exact decimals; amounts are minor units, rounded half up once, at the end.

use serde::{Deserialize, Deserializer, de::Error};

use super::decimal::{DecimalMark, divide_half_up, scaled};
use crate::domain::money::{Currency, Wh};

/// Prices with VAT included.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    pub id: String,
    pub per_kwh: Price,
    #[serde(default)]
    pub per_session: Price,
    #[serde(default)]
    pub vat_percent: Price,
    /// The payment method.
    pub method: String,
}

/// A price in millionths of the unit in which it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Price(pub i64);

const MILLION: i128 = 1_000_000;

/// The amount to be paid, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub incl_vat: i64,
    pub excl_vat: i64,
}

impl Tariff {
    pub fn cost(&self, energy: Wh, currency: &Currency) -> Cost {
        let millionths_of_wh =
            i128::from(energy.0) * i128::from(self.per_kwh.0) + i128::from(self.per_session.0) * 1000;
        let minor = divide_half_up(millionths_of_wh * 10_i128.pow(currency.exponent()), 1000 * MILLION);
        self.split(i64::try_from(minor).unwrap_or(i64::MAX))
    }

    /// Splits an amount from the source in the same way.
    pub fn split(&self, incl_vat: i64) -> Cost {
        let hundred = 100 * MILLION;
        let excl = divide_half_up(i128::from(incl_vat) * hundred, hundred + i128::from(self.vat_percent.0));
        Cost { incl_vat, excl_vat: i64::try_from(excl).unwrap_or(i64::MAX) }
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let price = scaled(&text, 6, DecimalMark::Point).ok().filter(|price| *price >= 0).map(Self);
        price.ok_or_else(|| D::Error::custom(format!("`{text}` is no price: write it as \"0.15\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariff(per_kwh: i64, per_session: i64) -> Tariff {
        let vat_percent = Price(20_000_000);
        Tariff {
            id: "t".into(),
            per_kwh: Price(per_kwh),
            per_session: Price(per_session),
            vat_percent,
            method: "APP".into(),
        }
    }

    #[test]
    fn amounts_are_rounded_once_and_half_up() {
        let cost = |wh, currency: &str| tariff(150_000, 0).cost(Wh(wh), &Currency(currency.into()));
        assert_eq!(cost(22_287, "GBP"), Cost { incl_vat: 334, excl_vat: 278 }, "3.34305");
        assert_eq!(cost(100, "GBP").incl_vat, 2, "1.5 p");
        assert_eq!(cost(99, "GBP").incl_vat, 1);
        assert_eq!(cost(10_000, "JPY").incl_vat, 2);
        assert_eq!(cost(10_000, "KWD").incl_vat, 1500);
    }

    #[test]
    fn a_fee_is_added_before_rounding() {
        let cost = tariff(150_000, 1_000_000).cost(Wh(100), &Currency("GBP".into()));
        assert_eq!(cost.incl_vat, 102);
    }
}
