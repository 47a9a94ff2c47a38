//! An address that leads nowhere.

use leptos::prelude::*;

use crate::ui::{Empty, words};

pub fn not_found() -> AnyView {
    view! {
        <section class="panel">
            <Empty words=words::NOT_FOUND />
            <a class="button" href="/">{words::TO_OVERVIEW}</a>
        </section>
    }
    .into_any()
}
