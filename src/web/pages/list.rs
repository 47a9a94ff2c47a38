//! What the list pages share: the selection, the snapshot with its states, and the live table.

use leptos::prelude::*;

use crate::{
    domain::{
        address::BadChoice,
        collections::Collection,
        protocol::snapshot::Snapshot,
        selection::{Criterion, FilterField, Selection},
    },
    web::{
        api::PageRequest,
        live::Live,
        text,
        ui::{LiveList, Table, any_views, chips, chosen, loaded, page_of, redrawn, refused},
    },
};

/// The selection in the address.
type ChosenSelection = Memo<Result<Selection, BadChoice>>;

pub fn list(collection: Collection, table: &'static dyn Table) -> AnyView {
    let read = chosen(collection.page(), Selection::read);
    let asked: ChosenSelection = Memo::new(move |_| read.get()?.of(collection));
    let parts = move || match asked.get() {
        Ok(selection) if !selection.is_everything() => chips(collection, &selection),
        _ => ().into_any(),
    };
    let rows = move || match asked.get() {
        Ok(selection) => rows(collection, selection, table),
        Err(BadChoice(why)) => refused(why, collection.page()),
    };
    view! {
        {choices(collection, asked)}
        {redrawn(parts)}
        {redrawn(rows)}
    }
    .into_any()
}

fn rows(collection: Collection, selection: Selection, table: &'static dyn Table) -> AnyView {
    let live = expect_context::<Live>();
    let ask = PageRequest::List { of: collection, selection, min_position: None, min_ct: 0 };
    loaded(ask, text::title(collection), move |answer| {
        let snapshot: Snapshot = answer.read()?;
        if let Some(BadChoice(why)) = snapshot.unknown_status() {
            return Ok(refused(why, collection.page()));
        }
        let store = live.list(snapshot);
        Ok(view! { <LiveList collection store table /> }.into_any())
    })
}

/// The statuses as links. The other parts of the selection stay.
fn choices(collection: Collection, asked: ChosenSelection) -> AnyView {
    let part = [FilterField::Evse, FilterField::Status].into_iter().find(|part| part.field(collection).is_some());
    let Some(part) = part else { return ().into_any() };
    let links = [None].into_iter().chain(collection.codes().into_iter().map(Some)).map(|code| {
        let word = code.map_or(text::ALL.into(), |code| text::status(collection, code));
        let wanted = code.map(|code| Criterion::one_of([code]));
        let this = wanted.clone();
        let current = move || {
            let is = asked.with(|asked| asked.as_ref().is_ok_and(|asked| asked.get(part) == this.as_ref()));
            if is { "true" } else { "false" }.to_owned()
        };
        let href = move || {
            let rest = asked.get().unwrap_or_default().without(part);
            page_of(collection, &wanted.iter().fold(rest, |rest, wanted| rest.with(part, wanted.clone())))
        };
        view! { <a href=href aria-current=current>{word}</a> }
    });
    view! { <nav class="tabs choices" aria-label=text::FILTERS>{any_views(links)}</nav> }.into_any()
}
