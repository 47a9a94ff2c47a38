//! What the five list pages share: the snapshot, its states, and the live table.

use leptos::prelude::*;

use crate::{
    api::Ask,
    live::Live,
    model::ids::Collection,
    ui::{LiveList, Table, loaded, words},
};

pub fn list(collection: Collection, table: &'static dyn Table) -> AnyView {
    let live = expect_context::<Live>();
    loaded(Ask::List { of: collection, min_position: None }, words::title(collection), move |answer| {
        let store = live.list(answer.read()?);
        Ok(view! { <LiveList collection store table /> }.into_any())
    })
}
