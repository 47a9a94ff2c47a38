//! The page for an unknown address. It has its own heading, because the top bar shows none.

use leptos::prelude::*;

use crate::web::text;

pub fn not_found() -> AnyView {
    let (what, why) = text::NOT_FOUND;
    view! {
        <section class="panel">
            <div class="empty">
                <h1 class="lead">{what}</h1>
                <p>{why}</p>
                <a class="button" href="/">{text::TO_OVERVIEW}</a>
            </div>
        </section>
    }
    .into_any()
}
