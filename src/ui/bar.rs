//! A thin bar that shows a share; the numbers stand beside it in words.

use leptos::prelude::*;

/// `share` in per mille.
pub fn bar(share: i64) -> impl IntoView {
    let width = format!("{}%", share.clamp(0, 1000) / 10);
    view! {
        <svg class="bar" aria-hidden="true">
            <rect class="track" width="100%" height="100%" />
            <rect class="fill" height="100%" width=width />
        </svg>
    }
}

/// `part` of `whole` in per mille.
pub const fn per_mille(part: i64, whole: i64) -> Option<i64> {
    if whole <= 0 { None } else { Some(part.saturating_mul(1000) / whole) }
}
