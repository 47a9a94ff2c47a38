//! A course without axes.

use leptos::prelude::*;

pub fn sparkline(values: &[Option<i64>]) -> impl IntoView + use<> {
    let line = line(values);
    view! {
        <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
            <path class="series-1" d=line />
        </svg>
    }
}

/// Beyond it a drawing shows no difference.
const MOST: i64 = i64::MAX / 240;

/// Over the full width, from the bottom for nothing to the top for the largest; what is not known is a gap.
fn line(values: &[Option<i64>]) -> String {
    let top = values.iter().flatten().copied().max().unwrap_or(0).clamp(1, MOST);
    let last = i64::try_from(values.len()).unwrap_or(1).max(2) - 1;
    let mut text = String::new();
    let mut to = 'M';
    for (i, value) in (0..).zip(values) {
        let Some(value) = value else {
            to = 'M';
            continue;
        };
        let (x, y) = (i * 1000 / last, 260 - value.clamp(&0, &top) * 240 / top);
        text.push_str(&format!("{to}{}.{},{}.{}", x / 10, x % 10, y / 10, y % 10));
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
