//! Numbers: grouped, rounded half away from zero in integer arithmetic, with a true minus sign (U+2212).

use std::num::NonZeroU64;

use crate::domain::money::{Watt, Wh};

const TEN: NonZeroU64 = NonZeroU64::MIN.saturating_add(9);

/// A number and its unit. They are separate because they are drawn differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    pub value: String,
    pub unit: &'static str,
}

impl Quantity {
    const fn new(value: String, unit: &'static str) -> Self {
        Self { value, unit }
    }

    pub const fn bare(value: String) -> Self {
        Self::new(value, "")
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.value)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, "\u{a0}{}", self.unit) }
    }
}

/// `1234567` as `1,234,567`.
pub fn count(n: i64) -> String {
    fixed(n, 0, 0)
}

/// Formats `value / 10^scale`, rounded to `digits` decimals. `digits` is at most `scale`.
pub(super) fn fixed(value: i64, scale: u32, digits: u32) -> String {
    let (drop, unit) = (TEN.saturating_pow(scale.saturating_sub(digits)), TEN.saturating_pow(digits));
    let rounded = value.unsigned_abs().saturating_add(drop.get() / 2) / drop;
    let sign = if value < 0 && rounded != 0 { "\u{2212}" } else { "" };
    let whole = grouped(rounded / unit);
    if digits == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{:0width$}", rounded % unit, width = digits as usize)
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len().saturating_add(digits.len() / 3));
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && digits.len().saturating_sub(i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One decimal, for values that are floats in the database.
pub fn decimal(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a float too large for an integer saturates")]
    fixed((value * 10.0).round() as i64, 1, 1)
}

pub const KWH: &str = "kWh";
pub const KW: &str = "kW";

/// Energy in a list: always kWh, so that a column is comparable.
pub fn energy(wh: Wh) -> Quantity {
    Quantity::new(fixed(wh.0, 3, 1), KWH)
}

/// Power in a list: always kW.
pub fn power(w: Watt) -> Quantity {
    Quantity::new(fixed(w.0, 3, 1), KW)
}

/// Rated power: without decimals if it is a whole number of kW.
pub fn rated(w: Watt) -> Quantity {
    let digits = u32::from(w.0 % 1000 != 0);
    Quantity::new(fixed(w.0, 3, digits), KW)
}

/// A sum that some parts are missing from, because they are not known.
pub fn at_least(Quantity { value, unit }: Quantity) -> Quantity {
    Quantity::new(format!("≥\u{a0}{value}"), unit)
}

/// Energy alone on a card: in kWh or MWh, with as many digits as matter.
pub fn energy_figure(wh: Wh) -> Quantity {
    match wh.0.unsigned_abs() {
        0..1_000_000 => energy(wh),
        1_000_000..1_000_000_000 => Quantity::new(fixed(wh.0, 3, 0), KWH),
        _ => Quantity::new(fixed(wh.0, 6, 1), "MWh"),
    }
}

/// Power alone on a card: in kW or MW, with as many digits as matter.
pub fn power_figure(w: Watt) -> Quantity {
    match w.0.unsigned_abs() {
        0..100_000 => power(w),
        100_000..100_000_000 => Quantity::new(fixed(w.0, 3, 0), KW),
        _ => Quantity::new(fixed(w.0, 6, 1), "MW"),
    }
}

/// Grams as kg.
pub fn mass(g: i64) -> Quantity {
    Quantity::new(fixed(g, 3, 1), "kg")
}

/// Millilitres as l.
pub fn volume(ml: i64) -> Quantity {
    Quantity::new(fixed(ml, 3, 1), "l")
}

/// Metres as km.
pub fn distance(m: i64) -> Quantity {
    Quantity::new(fixed(m, 3, 0), "km")
}

/// `part` of `whole` in per mille, halves rounded away from zero. `None` unless `whole` is positive.
pub fn per_mille(part: i64, whole: i64) -> Option<i64> {
    if whole <= 0 {
        return None;
    }
    let (times, rest) = (part.checked_div(whole)?, part.checked_rem(whole)?);
    // For a whole so large that the products below would overflow, the last digits do not matter.
    let (rest, whole) = if whole > i64::MAX / 4000 { (rest / 4096, whole / 4096) } else { (rest, whole) };
    let halves = rest.saturating_mul(2000).saturating_add(rest.signum().saturating_mul(whole));
    times.checked_mul(1000)?.checked_add(halves.checked_div(whole.saturating_mul(2))?)
}

/// `part` of `whole` in per cent: `87.5%`. `None` unless `whole` is positive.
pub fn percent(part: i64, whole: i64) -> Option<String> {
    Some(format!("{}%", fixed(per_mille(part, whole)?, 1, 1)))
}

/// The change from `before` to `after` in per cent, signed. `None` unless `before` is positive.
pub fn change(before: i64, after: i64) -> Option<String> {
    let per_mille = per_mille(after.saturating_sub(before), before)?;
    let sign = if per_mille > 0 { "+" } else { "" };
    Some(format!("{sign}{}%", fixed(per_mille, 1, 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        assert_eq!(count(19_227), "19,227");
        assert_eq!(count(-1_234_567), "\u{2212}1,234,567");
        assert_eq!(count(0), "0");
        assert_eq!(count(i64::MIN), "\u{2212}9,223,372,036,854,775,808");
        assert_eq!(fixed(-4, 2, 1), "0.0", "no minus before nothing");
        assert_eq!(fixed(-5, 2, 1), "\u{2212}0.1");
        assert_eq!(decimal(12.25), "12.3");
        assert_eq!(decimal(f64::MAX), "922,337,203,685,477,580.7");
    }

    #[test]
    fn quantities_scale_on_cards_only() {
        assert_eq!(energy(Wh(1_430_170)).to_string(), "1,430.2\u{a0}kWh");
        assert_eq!(energy_figure(Wh(1_430_170)).to_string(), "1,430\u{a0}kWh");
        assert_eq!(energy_figure(Wh(999_949)).to_string(), "999.9\u{a0}kWh");
        assert_eq!(energy_figure(Wh(2_500_000_000)).to_string(), "2,500.0\u{a0}MWh");
        assert_eq!(power(Watt(49)).value, "0.0");
        assert_eq!(power_figure(Watt(486_400)).to_string(), "486\u{a0}kW");
        assert_eq!([rated(Watt(50_000)).value, rated(Watt(7_400)).value], ["50", "7.4"]);
        assert_eq!(mass(-1250).to_string(), "\u{2212}1.3\u{a0}kg");
    }

    #[test]
    fn a_change_needs_a_before() {
        assert_eq!(change(1000, 1041).as_deref(), Some("+4.1%"));
        assert_eq!(change(1000, 977).as_deref(), Some("\u{2212}2.3%"));
        assert_eq!(change(1000, 1000).as_deref(), Some("0.0%"));
        assert_eq!(change(0, 5), None);
        assert_eq!(change(3, 5).as_deref(), Some("+66.7%"), "rounded, not cut");
        assert_eq!(change(300, 100).as_deref(), Some("\u{2212}66.7%"));
        assert_eq!(change(2000, 2001).as_deref(), Some("+0.1%"), "halves go away from zero");
    }

    #[test]
    fn shares_are_rounded() {
        assert_eq!(percent(2, 3).as_deref(), Some("66.7%"));
        assert_eq!(percent(1, 3).as_deref(), Some("33.3%"));
        assert_eq!((percent(5, 0), per_mille(1, 2000), per_mille(i64::MAX, 1)), (None, Some(1), None));
        let of_all = [i64::MAX, i64::MAX / 2, i64::MIN, 1].map(|part| per_mille(part, i64::MAX));
        assert_eq!(of_all, [Some(1000), Some(500), Some(-1000), Some(0)]);
    }
}
