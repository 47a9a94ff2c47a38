//! A course without axes.

use leptos::prelude::*;

pub fn sparkline(values: &[i64]) -> impl IntoView + use<> {
    let points = points(values);
    view! {
        <svg class="spark" viewBox="0 0 100 28" preserveAspectRatio="none" aria-hidden="true">
            <polyline class="series-1" points=points />
        </svg>
    }
}

/// Over the full width, from the bottom for nothing to the top for the largest.
fn points(values: &[i64]) -> String {
    let top = values.iter().copied().max().unwrap_or(0).max(1);
    let last = i64::try_from(values.len()).unwrap_or(1).max(2) - 1;
    let mut text = String::new();
    for (i, value) in (0..).zip(values) {
        let (x, y) = (i * 1000 / last, 260 - value.clamp(&0, &top) * 240 / top);
        text.push_str(&format!("{}.{},{}.{} ", x / 10, x % 10, y / 10, y % 10));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::points;

    #[test]
    fn the_course_fills_the_box() {
        assert_eq!(points(&[0, 5, 10]), "0.0,26.0 50.0,14.0 100.0,2.0 ");
        assert_eq!(points(&[0]), "0.0,26.0 ");
        assert_eq!(points(&[]), "");
    }
}
