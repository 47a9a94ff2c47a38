//! A thin bar that shows a share; the numbers stand beside it in words.

use leptos::prelude::*;

/// Draws the bar; `share` is in per mille.
pub fn bar(share: i64) -> impl IntoView {
    let share = share.clamp(0, 1000);
    let width = format!("{}.{}%", share / 10, share % 10);
    view! {
        <svg class="bar" aria-hidden="true">
            <rect class="track" width="100%" height="100%" />
            <rect class="fill" height="100%" width=width />
        </svg>
    }
}
