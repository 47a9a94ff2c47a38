//! A small line chart without axes.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::proportion::proportion;

pub fn sparkline(values: &[Option<i64>]) -> impl IntoView + use<> {
    let line = line(values);
    view! {
        <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
            <path class="series-1" d=line />
        </svg>
    }
}

/// Returns the path over the full width. Zero is at the bottom, the largest value at the top; values that are not
/// known are gaps.
fn line(values: &[Option<i64>]) -> String {
    let top = values.iter().flatten().copied().max().unwrap_or(0);
    let last = i64::try_from(values.len()).unwrap_or(1).saturating_sub(1);
    let mut text = String::new();
    let mut to = 'M';
    for (i, value) in (0..).zip(values) {
        let Some(value) = value else {
            to = 'M';
            continue;
        };
        let (x, y) = (proportion(i, last, 1000), 260_i64.saturating_sub(proportion(*value, top, 240)));
        _ = write!(text, "{to}{}.{},{}.{}", x / 10, x % 10, y / 10, y % 10);
        to = 'L';
    }
    text
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_course_fills_the_box_and_has_gaps() {
        let some = |values: &[i64]| line(&values.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(some(&[0, 5, 10]), "M0.0,26.0L50.0,14.0L100.0,2.0");
        assert_eq!(some(&[0]), "M0.0,26.0");
        assert_eq!(some(&[]), "");
        assert_eq!(line(&[Some(10), None, Some(0)]), "M0.0,2.0M100.0,26.0");
        assert_eq!(some(&[i64::MAX, i64::MIN]), "M0.0,2.0L100.0,26.0");
    }
}
