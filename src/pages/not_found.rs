//! An address that leads nowhere.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::ui::{Empty, words};

pub fn not_found() -> AnyView {
    view! {
        <Title text=words::NOT_FOUND.0 />
        <section class="panel">
            <Empty words=words::NOT_FOUND />
            <a class="button" href="/">{words::TO_OVERVIEW}</a>
        </section>
    }
    .into_any()
}
