//! What the five list pages share: what is shown of all there is, the snapshot, its states, and the live table.

use leptos::prelude::*;
use leptos_router::{hooks::use_location, location::Location};

use crate::{
    api::Ask,
    live::Live,
    model::{
        ids::Collection,
        range::BadChoice,
        selection::{Part, Selection, Wanted},
        status::{ClientStatus, EvseStatus, PaymentStatus, SessionStatus},
    },
    ui::{LiveList, Table, chips, each, loaded, nothing, page, page_of, words},
};

/// What the address asks for.
type Asked = Memo<Result<Selection, BadChoice>>;

pub fn list(collection: Collection, table: &'static dyn Table) -> AnyView {
    let Location { pathname, query, .. } = use_location();
    let asked: Asked = Memo::new(move |before: Option<&Result<_, _>>| {
        // While the next page is on its way, the address is that page's already.
        if let (Some(before), true) = (before, pathname.with(|path| path != page(collection))) {
            return before.clone();
        }
        let all = |name: &str| query.with(|query| query.get_all(name)).unwrap_or_default();
        Selection::read(&all)?.of(collection)
    });
    let chosen = move || match asked.get() {
        Ok(selection) if !selection.is_everything() => chips(collection, &selection),
        _ => ().into_any(),
    };
    let rows = move || match asked.get() {
        Ok(selection) => rows(collection, selection, table),
        Err(BadChoice(why)) => {
            let refused = nothing(words::NOT_SELECTABLE, why, page(collection));
            view! { <section class="panel" role="alert">{refused}</section> }.into_any()
        }
    };
    view! {
        {choices(collection, asked)}
        {chosen}
        {rows}
    }
    .into_any()
}

fn rows(collection: Collection, selection: Selection, table: &'static dyn Table) -> AnyView {
    let live = expect_context::<Live>();
    let ask = Ask::List { of: collection, selection, min_position: None };
    loaded(ask, words::title(collection), move |answer| {
        let store = live.list(answer.read()?);
        Ok(view! { <LiveList collection store table /> }.into_any())
    })
}

/// The statuses as links; whatever else is asked for stays.
fn choices(collection: Collection, asked: Asked) -> AnyView {
    let (part, codes): (Part, Vec<&'static str>) = match collection {
        Collection::Clients => (Part::Status, ClientStatus::KNOWN.iter().map(ClientStatus::code).collect()),
        Collection::Stations => (Part::Evse, EvseStatus::KNOWN.iter().map(EvseStatus::code).collect()),
        Collection::Payments => (Part::Status, PaymentStatus::KNOWN.iter().map(PaymentStatus::code).collect()),
        Collection::ChargingSessions => (Part::Status, SessionStatus::KNOWN.iter().map(SessionStatus::code).collect()),
        Collection::EcoStats => return ().into_any(),
    };
    let links = [None].into_iter().chain(codes.into_iter().map(Some)).map(|code| {
        let word = code.map_or(words::ALL.into(), |code| words::status(collection, code));
        let wanted = code.map(|code| Wanted::one_of([code]));
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
    view! { <nav class="tabs choices" aria-label=words::FILTERS>{each(links)}</nav> }.into_any()
}
