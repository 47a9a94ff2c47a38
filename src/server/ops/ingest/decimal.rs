//! Decimal numbers as people write them, read exactly into scaled integers.

use serde::Deserialize;

/// The mark before the fraction. The other one of point and comma may group thousands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum DecimalMark {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

/// Why a text cannot be read as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalFault {
    NotANumber,
    /// It does not fit into 64 bits.
    TooLarge,
}

/// Returns `text` times 10^`digits`, halves rounded away from zero. A sign and an exponent are read, and either side
/// of the mark may be empty. It does not guess at wrongly grouped thousands ("1,5" with a decimal point) or units.
pub fn scaled(text: &str, digits: u32, mark: DecimalMark) -> Result<i64, DecimalFault> {
    let (mark, group) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (negative, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, self::exponent(exponent).ok_or(DecimalFault::NotANumber)?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once(mark).unwrap_or((mantissa, ""));
    let whole = ungroup(whole, group).ok_or(DecimalFault::NotANumber)?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || whole.is_empty() && fraction.is_empty() {
        return Err(DecimalFault::NotANumber);
    }
    let kept = i64::try_from(whole.len()).unwrap_or(i64::MAX).saturating_add(exponent).saturating_add(digits.into());
    let value = digits_of(&whole, fraction, kept).ok_or(DecimalFault::TooLarge)?;
    Ok(if negative { -value } else { value })
}

/// The first `kept` digits as a number, rounded by the next digit. Zeros follow the last digit.
fn digits_of(whole: &str, fraction: &str, kept: i64) -> Option<i64> {
    let Ok(kept) = usize::try_from(kept) else { return Some(0) };
    let mut digits = whole.bytes().chain(fraction.bytes()).map(|b| i64::from(b - b'0'));
    let mut value = 0_i64;
    for _ in 0..kept {
        value = value.checked_mul(10)?.checked_add(digits.next().unwrap_or(0))?;
    }
    value.checked_add(i64::from(digits.next().unwrap_or(0) >= 5))
}

/// An exponent of up to four digits, which is more than any number here has.
fn exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = (1..=4).contains(&digits.len()).then(|| digits.parse::<u16>().ok()).flatten()?;
    Some(if text.starts_with('-') { -i64::from(value) } else { i64::from(value) })
}

/// `numerator / denominator`, both zero or more, rounded half up.
pub const fn divide_half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator) / (2 * denominator)
}

/// Thousands may be grouped by `group`, by a space or by an apostrophe.
fn ungroup(whole: &str, group: char) -> Option<String> {
    const GROUPS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\''];
    let group = whole.chars().find(|c| GROUPS.contains(c)).unwrap_or(group);
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = whole.split(group);
    let first = parts.next().filter(|first| is_digits(first))?;
    let mut digits = first.to_owned();
    for part in parts {
        if !(1..=3).contains(&first.len()) || part.len() != 3 || !is_digits(part) {
            return None;
        }
        digits.push_str(part);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        let read = |text, digits| scaled(text, digits, DecimalMark::Point);
        assert_eq!(read("22.287", 3), Ok(22_287));
        assert_eq!(read("1430.17", 3), Ok(1_430_170));
        assert_eq!(read("7.08", 3), Ok(7_080));
        assert_eq!(read("2,418", 0), Ok(2_418));
        assert_eq!(read("1,234,567.5", 0), Ok(1_234_568));
        assert_eq!(read("0.0004", 3), Ok(0));
        assert_eq!(read("0.0005", 3), Ok(1));
        assert_eq!(scaled("1.234,5", 1, DecimalMark::Comma), Ok(12_345));
        assert_eq!(scaled("1 234,5", 1, DecimalMark::Comma), Ok(12_345));
        assert_eq!(read("1'234.5", 1), Ok(12_345));
    }

    #[test]
    fn numbers_are_read_as_machines_write_them() {
        let read = |text| scaled(text, 3, DecimalMark::Point);
        assert_eq!([".5", "5E-4", "1.5e1", "+3.2", "7."].map(read), [500, 1, 15_000, 3_200, 7_000].map(Ok));
        assert_eq!(
            ["1e+3", "4e-4", "-9.54", "-0.0004", "0e999", "1e-9999"].map(read),
            [1_000_000, 0, -9_540, 0, 0, 0].map(Ok)
        );
        assert_eq!(scaled("12.5E-1", 1, DecimalMark::Point), Ok(13), "1.25 and a half is rounded up");
    }

    #[test]
    fn nothing_is_guessed() {
        for text in [
            "", ".", "-", "+", "--1", "1e", "e3", "1e3.5", "1e99999", "1,5", "1,50", ",500", "1234,567", "1.2.3",
            "NaN", " 1", "3.2 kWh", "$2.65", "1 234 5",
        ] {
            assert_eq!(scaled(text, 3, DecimalMark::Point), Err(DecimalFault::NotANumber), "{text}");
        }
        for text in ["9223372036854775808", "99999999999999999999", "1e40"] {
            assert_eq!(scaled(text, 3, DecimalMark::Point), Err(DecimalFault::TooLarge), "{text}");
        }
    }

    #[test]
    fn halves_go_up() {
        assert_eq!([4, 5, 14, 15].map(|n| divide_half_up(n, 10)), [0, 1, 1, 2]);
    }
}
