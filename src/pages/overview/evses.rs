//! How many EVSEs are in which state. Always adds up to all of them.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos_router::components::A;

use crate::{
    live::FigureStore,
    model::{ids::Collection, status::EvseStatus},
    ui::{Empty, Look, SplitBar, page, words},
};

#[component]
pub fn Evses() -> impl IntoView {
    let figures = expect_context::<FigureStore>();
    let split = figures.get::<Vec<(EvseStatus, i64)>>("evse_split");
    let documents = figures.get::<BTreeMap<Collection, i64>>("documents");
    let parts = Memo::new(move |_| ordered(split.get().unwrap_or_default()));
    let all = move || {
        let evses = parts.with(|p| p.iter().map(|(_, n)| n).sum());
        let stations = documents.get().and_then(|d| d.get(&Collection::Stations).copied()).unwrap_or(0);
        words::in_stations(evses, stations)
    };
    view! {
        <section class="panel" data-figure="evse_split">
            <header>
                <h2>"EVSEs"</h2>
                <p>{all}</p>
                <A href=page(Collection::Stations)>{words::title(Collection::Stations)}</A>
            </header>
            <div class="body">
                <Show
                    when=move || parts.with(|p| !p.is_empty())
                    fallback=|| view! { <Empty words=words::NO_EVSES /> }
                >
                    <SplitBar parts />
                </Show>
            </div>
        </section>
    }
}

/// By role first, so that what is alike stands together.
fn ordered(mut split: Vec<(EvseStatus, i64)>) -> Vec<(Look, i64)> {
    split.sort_by_key(|(status, _)| (status.role(), status.clone()));
    split.into_iter().map(|(status, n)| (Look::new(status.role(), words::evse_status(&status)), n)).collect()
}
