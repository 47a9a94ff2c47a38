//! What the five list pages share: the snapshot, its states, and the live table.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    api::Ask,
    live::Live,
    model::ids::Collection,
    ui::{LiveList, Table, loaded, words},
};

pub fn list(collection: Collection, table: &'static dyn Table) -> AnyView {
    let live = expect_context::<Live>();
    let title = words::title(collection);
    view! {
        <Title text=title />
        {loaded(
            Ask::List { of: collection, min_position: None },
            title,
            move |answer| {
                let store = live.list(answer.read()?);
                Ok(view! { <LiveList collection store table /> }.into_any())
            },
        )}
    }
    .into_any()
}
