//! What the five list pages share: the snapshot, its states, and the live table.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::load_list,
    live::Live,
    model::ids::Collection,
    ui::{Failure, LiveList, Loading, Table, words},
};

#[component]
pub fn ListPage(collection: Collection, table: &'static dyn Table) -> impl IntoView {
    let live = expect_context::<Live>();
    let snapshot = Resource::new(|| (), move |()| load_list(collection, None));
    let title = words::title(collection);
    view! {
        <Title text=title />
        <Suspense fallback=move || view! { <Loading what=title /> }>
            {move || Suspend::new(async move {
                match snapshot.await {
                    Ok(snapshot) => view! { <LiveList collection store=live.list(snapshot) table /> }.into_any(),
                    Err(error) => view! { <Failure error retry=move |()| snapshot.refetch() /> }.into_any(),
                }
            })}
        </Suspense>
    }
}
