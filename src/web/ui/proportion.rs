//! Lengths in drawings.

/// Returns the part of `length` that `value` takes, where `whole` takes all of it. Clamped between zero and `length`.
pub fn proportion(value: i64, whole: i64, length: i64) -> i64 {
    let whole = whole.max(1);
    let value = value.clamp(0, whole);
    let exact = value.checked_mul(length).and_then(|product| product.checked_div(whole));
    // With numbers this large the last digits do not show.
    let rough = || value.checked_div(whole.checked_div(length)?);
    exact.or_else(rough).unwrap_or(0).min(length)
}

#[cfg(test)]
mod tests {
    use super::proportion;
    use proptest::prelude::*;

    #[test]
    fn a_part_takes_its_part() {
        assert_eq!([proportion(1, 2, 100), proportion(0, 0, 100), proportion(7, 2, 100)], [50, 0, 100]);
        assert_eq!([proportion(-1, 5, 100), proportion(5, -1, 100), proportion(1, 3, 10_000)], [0, 100, 3333]);
        assert_eq!([proportion(i64::MAX, i64::MAX, 240), proportion(i64::MAX / 2, i64::MAX, 240)], [240, 120]);
    }

    proptest! {
        #[test]
        fn it_is_never_longer_than_the_whole_and_grows(a: i64, b: i64, whole: i64, length in 1..100_000_i64) {
            let (less, more) = (proportion(a.min(b), whole, length), proportion(a.max(b), whole, length));
            prop_assert!(0 <= less && less <= more && more <= length);
        }
    }
}
