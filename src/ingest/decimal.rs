//! Decimal numbers as people write them, read exactly into scaled integers.

use serde::Deserialize;

/// What stands before the fraction; the other of point and comma may group thousands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum DecimalMark {
    #[default]
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

/// `text` times 10^`digits`, rounded half up. `None` for anything but a number of zero or more: signs, exponents and
/// wrongly grouped thousands ("1,5" with a decimal point) are not guessed at.
pub fn scaled(text: &str, digits: u32, mark: DecimalMark) -> Option<i64> {
    let (mark, group) = match mark {
        DecimalMark::Point => ('.', ','),
        DecimalMark::Comma => (',', '.'),
    };
    let (whole, fraction) = text.split_once(mark).unwrap_or((text, ""));
    let mut value = ungroup(whole, group)?.parse::<i64>().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut rest = fraction.bytes().map(|b| i64::from(b - b'0'));
    for _ in 0..digits {
        value = value.checked_mul(10)?.checked_add(rest.next().unwrap_or(0))?;
    }
    value.checked_add(i64::from(rest.next().unwrap_or(0) >= 5))
}

/// `numerator / denominator`, both zero or more, rounded half up.
pub const fn divide_half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator) / (2 * denominator)
}

fn ungroup(whole: &str, group: char) -> Option<String> {
    let mut parts = whole.split(group);
    let first = parts.next().filter(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()))?;
    let mut digits = first.to_owned();
    for part in parts {
        if first.len() > 3 || part.len() != 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
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
        assert_eq!(read("22.287", 3), Some(22_287));
        assert_eq!(read("1430.17", 3), Some(1_430_170));
        assert_eq!(read("7.08", 3), Some(7_080));
        assert_eq!(read("2,418", 0), Some(2_418));
        assert_eq!(read("1,234,567.5", 0), Some(1_234_568));
        assert_eq!(read("0.0004", 3), Some(0));
        assert_eq!(read("0.0005", 3), Some(1));
        assert_eq!(scaled("1.234,5", 1, DecimalMark::Comma), Some(12_345));
    }

    #[test]
    fn nothing_is_guessed() {
        for text in
            ["", "-1", "+1", "1e3", ".5", "1,5", "1,50", "1234,567", "1.2.3", "NaN", "9223372036854775808", " 1"]
        {
            assert_eq!(scaled(text, 3, DecimalMark::Point), None, "{text}");
        }
    }

    #[test]
    fn halves_go_up() {
        assert_eq!([4, 5, 14, 15].map(|n| divide_half_up(n, 10)), [0, 1, 1, 2]);
    }
}
