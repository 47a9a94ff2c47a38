//! Converts a value in an operator's unit to ours. Results are whole numbers, by decimal arithmetic.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::Value;

use super::kind::{How, Unit};
use crate::domain::time::UtcMs;

/// The largest integer that every JSON reader keeps exactly. Larger integers are sent as texts.
const EXACT: i64 = 1 << 53;

/// `value` in our unit; `None` if it is not of that kind.
///
/// Money converts exactly or not at all. Measured values are rounded to our unit, which is finer than any meter.
pub fn convert(unit: Unit, value: &Value, money_digits: u32, zone: &TimeZone) -> Option<Value> {
    match unit.how() {
        How::Major => DecimalNumber::of(value)?.scaled(10_i128.checked_pow(money_digits)?, 1)?.exact().map(integer),
        How::Times(1) if unit.name() == "minor" => DecimalNumber::of(value)?.scaled(1, 1)?.exact().map(integer),
        How::Times(times) => DecimalNumber::of(value)?.scaled(times.into(), 1)?.rounded().map(integer),
        How::Per(per) => DecimalNumber::of(value)?.scaled(1, per.into())?.rounded().map(integer),
        How::Epoch(ms) => {
            DecimalNumber::of(value)?.scaled(ms.into(), 1)?.rounded().map(|ms| UtcMs(ms).to_string().into())
        }
        How::Text => date(value.as_str()?.trim(), &TimeZone::UTC).map(|at| at.to_string().into()),
        How::LocalText => date(value.as_str()?.trim(), zone).map(|at| at.to_string().into()),
    }
}

/// The integer that a written number such as `1234.00` stands for; `None` for any other number.
pub fn integral(number: &str) -> Option<Value> {
    DecimalNumber::parse(number)?.scaled(1, 1)?.exact().map(integer)
}

/// Parses an instant as people and programs write it. Without an offset it is the zone's time.
pub fn date(text: &str, zone: &TimeZone) -> Option<UtcMs> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(UtcMs(at.as_millisecond()));
    }
    let local: civil::DateTime = text.parse().ok()?;
    Some(UtcMs(local.to_zoned_datetime(zone.clone()).ok()?.timestamp().as_millisecond()))
}

fn integer(n: i64) -> Value {
    if n.unsigned_abs() <= EXACT.unsigned_abs() { n.into() } else { n.to_string().into() }
}

/// A number as it is written: `digits` × 10^`exponent`, the digits without zeros at their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecimalNumber {
    digits: i128,
    exponent: i32,
}

/// A quotient that is not divided yet.
struct Ratio(i128, i128);

impl DecimalNumber {
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(n) => match n.as_i64() {
                Some(n) => Some(Self { digits: n.into(), exponent: 0 }.trimmed()),
                // A double keeps fifteen digits of a decimal, with which 0.1 + 0.2 is 0.3 again.
                None => Self::parse(&format!("{:.14e}", n.as_f64()?)),
            },
            Value::String(text) => Self::parse(text.trim()),
            _ => None,
        }
    }

    /// Parses `-12.34` or `1e3`. Nothing is guessed, so a number with grouped thousands is refused.
    fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, number) = number.strip_prefix('-').map_or((1, number), |rest| (-1, rest));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || digits.len() > 36 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        Some(Self { digits: digits.parse::<i128>().ok()?.checked_mul(sign)?, exponent }.trimmed())
    }

    const fn trimmed(mut self) -> Self {
        if self.digits == 0 {
            self.exponent = 0;
        }
        while self.digits != 0 && self.digits % 10 == 0 {
            self.digits /= 10;
            self.exponent = self.exponent.saturating_add(1);
        }
        self
    }

    pub const fn is_whole(self) -> bool {
        self.exponent >= 0
    }

    /// Whether it is at least 10^`power`, whatever its sign.
    pub fn reaches(self, power: u32) -> bool {
        let digits = self.digits.unsigned_abs().checked_ilog10().map_or(-1, i64::from);
        digits.saturating_add(i64::from(self.exponent)) >= i64::from(power)
    }

    fn scaled(self, times: i128, per: i128) -> Option<Ratio> {
        let power = 10_i128.checked_pow(self.exponent.unsigned_abs())?;
        let digits = self.digits.checked_mul(times)?;
        Some(match self.exponent {
            0.. => Ratio(digits.checked_mul(power)?, per),
            _ => Ratio(digits, per.checked_mul(power)?),
        })
    }
}

impl Ratio {
    fn exact(self) -> Option<i64> {
        (self.0.checked_rem(self.1)? == 0).then(|| i64::try_from(self.0.checked_div(self.1)?).ok()).flatten()
    }

    /// Rounds halves away from zero.
    fn rounded(self) -> Option<i64> {
        let half = (self.1 / 2).checked_mul(self.0.signum())?;
        i64::try_from(self.0.checked_add(half)?.checked_div(self.1)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::collections::FieldKind;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(kind: FieldKind, unit: &str, value: &Value) -> Option<Value> {
        convert(kind.unit(unit).unwrap(), value, 2, &TimeZone::get("Europe/London").unwrap())
    }

    #[test]
    fn money_is_exact_or_is_not_read() {
        let major = |value: Value| read(FieldKind::Money, "major", &value);
        for (value, minor) in [
            (json!(12.34), 1234),
            (json!(1.1), 110),
            (json!(0.1 + 0.2), 30),
            (json!(1_234_567.89), 123_456_789),
            (json!(19.990_000_000_000_002), 1999),
            (json!(-4.35), -435),
            (json!(7), 700),
            (json!("12.34"), 1234),
            (json!("1.234E+1"), 1234),
            (json!(0), 0),
        ] {
            assert_eq!(major(value.clone()), Some(json!(minor)), "{value}");
        }
        for value in [json!(12.345), json!("12,34"), json!(""), json!("-"), json!("1.2.3"), json!("NaN"), json!([1])] {
            assert_eq!(major(value.clone()), None, "{value}");
        }
        assert_eq!(major(json!("92233720368547758.07")), Some(json!("9223372036854775807")));
        assert_eq!(major(json!("92233720368547758.08")), None);
        assert_eq!(major(json!("1e2000000000")), None);
        let yen = |digits| convert(FieldKind::Money.unit("major").unwrap(), &json!(1.5), digits, &TimeZone::UTC);
        assert_eq!((yen(0), yen(3)), (None, Some(json!(1500))));
    }

    #[test]
    fn what_is_measured_is_rounded() {
        assert_eq!(read(FieldKind::Energy, "kWh", &json!(7.234_567)), Some(json!(7235)));
        assert_eq!(read(FieldKind::Power, "W", &json!(-7.5)), Some(json!(-8)));
        assert_eq!(read(FieldKind::Power, "kW", &json!("22")), Some(json!(22_000)));
        assert_eq!(read(FieldKind::Duration, "min", &json!(1.5)), Some(json!(90)));
        assert_eq!(read(FieldKind::Duration, "ms", &json!(1499)), Some(json!(1)));
        assert_eq!(read(FieldKind::Duration, "ms", &json!(1500)), Some(json!(2)));
    }

    #[test]
    fn dates_are_instants() {
        let date = |unit, value: Value| read(FieldKind::Date, unit, &value);
        assert_eq!(date("epoch_s", json!(1_700_000_000)), Some(json!("2023-11-14T22:13:20Z")));
        assert_eq!(date("epoch_ms", json!(1_700_000_000_250_i64)), Some(json!("2023-11-14T22:13:20.250Z")));
        let local = json!("2026-06-01 12:00:00");
        assert_eq!(date("text", local.clone()), Some(json!("2026-06-01T12:00:00Z")), "UTC, as in OCPI");
        assert_eq!(date("text_local", local), Some(json!("2026-06-01T11:00:00Z")), "summer time");
        assert_eq!(date("text_local", json!("2026-06-01")), Some(json!("2026-05-31T23:00:00Z")));
        assert_eq!(date("text_local", json!("2026-06-01T12:00:00+02:00")), Some(json!("2026-06-01T10:00:00Z")));
        assert_eq!(date("text", json!("2026-06-01T12:00:00+02:00")), Some(json!("2026-06-01T10:00:00Z")));
        assert_eq!(date("text", json!("01/06/2026")), None);
        assert_eq!(date("epoch_s", json!("soon")), None);
    }

    #[test]
    fn integers_are_told_from_other_numbers() {
        for (text, value) in [("1234.00", json!(1234)), ("1.2E+3", json!(1200)), ("-0.0", json!(0))] {
            assert_eq!(integral(text), Some(value), "{text}");
        }
        assert_eq!(integral("9007199254740993.0"), Some(json!("9007199254740993")));
        for text in ["12.5", "NaN", "Infinity", "1E+6000"] {
            assert_eq!(integral(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_told() {
        let n = |value| DecimalNumber::of(&value).unwrap();
        assert!(n(json!(1_700_000_000_000_i64)).reaches(11) && !n(json!(1_700_000_000)).reaches(11));
        assert!(!n(json!(0)).reaches(0) && n(json!(1)).reaches(0) && !n(json!(-0.5)).reaches(0));
        assert!(n(json!(12.0)).is_whole() && !n(json!(12.5)).is_whole());
    }

    const MEASURED: [FieldKind; 8] = [
        FieldKind::Money,
        FieldKind::Energy,
        FieldKind::Power,
        FieldKind::Duration,
        FieldKind::Mass,
        FieldKind::Volume,
        FieldKind::Distance,
        FieldKind::Date,
    ];

    proptest! {
        #[test]
        fn any_value_is_converted_or_refused(
            number: i64, double: f64, text in ".{0,12}", written in "-?[0-9]{0,40}(\\.[0-9]{0,40})?([eE][+-]?[0-9]{0,11})?",
            date in "[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}[T ]?([0-9:.]{0,9})(Z|[+-][0-9:]{0,6})?", digits in 0..5_u32
        ) {
            let zone = TimeZone::get("Europe/London").unwrap();
            for value in [json!(number), json!(double), json!(text), json!(written), json!(date), json!([number])] {
                for unit in MEASURED.iter().flat_map(|kind| kind.units()) {
                    let converted = convert(*unit, &value, digits, &zone);
                    let is_ours = |ours: &Value| match ours {
                        Value::Number(n) => n.as_i64().is_some_and(|n| n.unsigned_abs() <= EXACT.unsigned_abs()),
                        Value::String(text) => text.parse::<i64>().is_ok() || UtcMs::parse(text).is_some(),
                        _ => false,
                    };
                    prop_assert!(converted.as_ref().is_none_or(is_ours), "{} {}: {:?}", value, unit.name(), converted);
                }
                if let Some(decimal) = DecimalNumber::of(&value) {
                    prop_assert!(decimal.reaches(0) || !decimal.reaches(1));
                }
            }
        }

        /// An integer times an integer is exact, whichever way it is written.
        #[test]
        fn integers_convert_as_they_multiply(n: i64, small in -1_000_000_000_i64..1_000_000_000) {
            for n in [n, small] {
                let right = n.checked_mul(1000).map(integer);
                for value in [json!(n), json!(n.to_string()), json!(format!("{n}.0")), json!(format!("{n}e0"))] {
                    prop_assert_eq!(read(FieldKind::Energy, "kWh", &value), right.clone(), "{}", value);
                }
            }
        }
    }
}
