//! An address that leads nowhere. Its heading stands with what it says; the top has none.

use leptos::prelude::*;

use crate::ui::words;

pub fn not_found() -> AnyView {
    let (what, why) = words::NOT_FOUND;
    view! {
        <section class="panel">
            <div class="empty">
                <h1 class="lead">{what}</h1>
                <p>{why}</p>
                <a class="button" href="/">{words::TO_OVERVIEW}</a>
            </div>
        </section>
    }
    .into_any()
}
