//! What changed last. Twelve slots that stay; what they say moves through them, so nothing is made anew for an event.

use leptos::prelude::*;

use crate::{
    live::FigureStore,
    model::{
        ids::DocId,
        latest::{Kind, Latest, SHOWN},
        time::UtcMs,
    },
    ui::{Clock, Empty, words},
};

#[component]
pub fn LatestChanges() -> impl IntoView {
    let latest = expect_context::<FigureStore>().get::<Vec<Latest>>("latest");
    let nothing = Memo::new(move |_| latest.with(|l| l.as_ref().is_none_or(Vec::is_empty)));
    let slots = (0..SHOWN).map(|i| {
        let news = Memo::new(move |_| latest.with(|l| l.as_ref().and_then(|l| l.get(i).cloned())));
        view! { <Slot news /> }
    });
    view! {
        <section class="panel latest">
            <header>
                <h2>"Latest changes"</h2>
            </header>
            <div class="body">
                <ol class="feed" data-feed="latest">{slots.collect_view()}</ol>
                {move || nothing.get().then(|| view! { <Empty words=words::NO_NEWS /> })}
            </div>
        </section>
    }
}

#[component]
fn Slot(news: Memo<Option<Latest>>) -> impl IntoView {
    let clock = Clock::expect();
    let said = Memo::new(move |_| news.with(|n| n.as_ref().map(words::sentence)));
    let at = move || news.with(|n| n.as_ref().map(|n| n.at));
    let arrivals = Memo::new(move |before: Option<&(Option<Key>, u32)>| {
        let key = news.with(|n| n.as_ref().map(|n| (n.id.clone(), n.at)));
        match before {
            Some((old, n)) if *old == key => (key, *n),
            Some((_, n)) => (key, n.wrapping_add(1)),
            None => (key, 0),
        }
    });
    let text = move || said.with(|s| s.as_ref().map(|s| s.text.clone()));
    view! {
        <li
            data-id=move || news.with(|n| n.as_ref().map(|n| n.id.0.clone()))
            data-op=move || news.with(|n| n.as_ref().map(|n| op(n.kind)))
            class=move || arrival_class(arrivals.with(|(_, n)| *n))
        >
            <time datetime=move || at().map(|at| at.to_string())>{move || at().map(|at| clock.stamp(at))}</time>
            <span>{text}</span>
            <b>{move || said.with(|s| s.as_ref().and_then(|s| s.amount.clone()))}</b>
        </li>
    }
}

type Key = (DocId, UtcMs);

const fn op(kind: Kind) -> &'static str {
    match kind {
        Kind::Put => "put",
        Kind::Patch => "patch",
        Kind::Delete => "delete",
    }
}

/// Only the first slot is drawn with a mark: what moves on is no news.
const fn arrival_class(n: u32) -> &'static str {
    match n {
        0 => "",
        n if n % 2 == 1 => "odd",
        _ => "even",
    }
}
