//! The feed of all events, in order and live: first from the collection of events, then from the socket.

use std::time::Duration;

use leptos::{ev, prelude::*};
use serde_json::Value;

use crate::{
    domain::{
        address::BadChoice,
        board::{Board, Filter},
        fields::Fields,
        latest::{CUT, FeedEntry, OLDER, PAGE, is_written_before, key},
        protocol::position::Position,
    },
    web::{
        api::{EventPage, PageData, PageRequest, load},
        live::{BoardStore, Live},
        text,
        ui::{
            ACTIVITY, Clock, Empty, Feed, any_views, chosen, feed_items, fresh, loaded, optional_view,
            page_of_activity, reading, refused,
        },
    },
};

/// Pause until the requested events may have been written.
const NOT_YET: Duration = Duration::from_secs(1);

pub fn activity() -> AnyView {
    let filter = chosen(ACTIVITY, Filter::read);
    let choices = Filter::all().map(|choice| {
        let chosen = move || if filter.get() == Ok(choice) { "true" } else { "false" }.to_owned();
        view! { <a href=page_of_activity(choice) aria-current=chosen>{text::filter(choice)}</a> }
    });
    view! {
        <nav class="tabs" aria-label=text::FILTERS>{any_views(choices)}</nav>
        {move || match filter.get() {
            Ok(filter) => feed(filter),
            Err(BadChoice(why)) => refused(why, ACTIVITY),
        }}
    }
    .into_any()
}

fn feed(filter: Filter) -> AnyView {
    let live = expect_context::<Live>();
    loaded(PageRequest::Activity { of: filter.name().to_owned(), before: None }, text::ACTIVITY, move |answer| {
        let events: EventPage = answer.read()?;
        let sheet = live.sheet(Board::Activity(filter).to_string(), events.fields, events.ct, Some(events.upto));
        Ok(view! { <Happenings filter sheet /> }.into_any())
    })
}

#[component]
fn Happenings(filter: Filter, sheet: BoardStore) -> impl IntoView {
    let (live, clock) = (expect_context::<Live>(), Clock::expect());
    let fields = sheet.fields();
    let (paused, read) = (RwSignal::new(false), reading(true));
    let items = Memo::new(move |before: Option<&Vec<_>>| {
        let held = paused.get() || read.get();
        feed_items(fields.with(all), before, held, live.is_news(), &clock)
    });
    let slots = Memo::new(move |_| items.with(|items| items.len().div_ceil(PAGE).max(1).saturating_mul(PAGE)));
    let waiting = Memo::new(move |_| {
        items.with(|items| items.first().map_or(0, |newest| fields.with(|fields| newer(fields, &newest.key))))
    });
    let waits = Memo::new(move |_| if paused.get() { String::new() } else { text::arrived(waiting.get(), usize::MAX) });
    let toggle = move |_| {
        paused.update(|paused| *paused = !*paused);
        read.set(false);
    };
    let past = Past { filter, fields, asking: RwSignal::new(Asking::Rests) };
    let older = move || past.ask();
    Effect::new(move |_: Option<()>| {
        let handle = window_event_listener(ev::scroll, move |_| {
            if near_the_end() {
                older();
            }
        });
        on_cleanup(move || handle.remove());
    });
    view! {
        <section class="panel activity held">
            <header class="list-head">
                <p>{text::filter(filter)}</p>
                {fresh(waits, Box::new(move || read.set(false)))}
                <button class="button needs-js" type="button" aria-pressed=move || paused.get().to_string() on:click=toggle>
                    {move || text::paused(paused.get(), waiting.get())}
                </button>
            </header>
            <Feed name="activity" items slots />
            {move || optional_view(items.with(Vec::is_empty).then_some(text::NO_NEWS), |words| view! { <Empty words /> })}
            <button class="button older needs-js" type="button" data-more hidden=move || !past.is_kept() on:click=move |_| older()>
                {move || past.asking.get().words().to_owned()}
            </button>
        </section>
    }
}

/// The events older than those shown, which are requested at the end of the page.
#[derive(Clone, Copy)]
struct Past {
    filter: Filter,
    fields: RwSignal<Fields>,
    asking: RwSignal<Asking>,
}

#[derive(Clone, Copy, PartialEq)]
enum Asking {
    Rests,
    Asks,
    Failed,
}

impl Asking {
    const fn words(self) -> &'static str {
        match self {
            Self::Rests => text::OLDER,
            Self::Asks => text::OLDER_COME,
            Self::Failed => text::OLDER_FAILED,
        }
    }
}

impl Past {
    fn is_kept(self) -> bool {
        self.fields.with(|fields| fields.get(OLDER).and_then(Value::as_bool) == Some(true))
    }

    fn ask(self) {
        if untrack(move || self.asking.get() != Asking::Asks && self.is_kept()) {
            self.asking.set(Asking::Asks);
            leptos::task::spawn_local(self.come());
        }
    }

    /// Loads older events. The page may be gone after each await.
    async fn come(self) {
        let Some(before) = self.fields.try_with_untracked(place) else { return };
        let answer = load(PageRequest::Activity { of: self.filter.name().to_owned(), before }).await;
        let Ok(events) = answer.and_then(PageData::read::<EventPage>) else {
            _ = self.asking.try_set(Asking::Failed);
            return;
        };
        if before.is_some_and(|before| !is_written_before(before, &events.upto)) {
            set_timeout(move || leptos::task::spawn_local(self.come()), NOT_YET);
            return;
        }
        _ = self.fields.try_update(|fields| {
            // They belong right before the event they were requested for. Drop them if that one has gone meanwhile.
            let is_there = |key: String| fields.contains_key(&key) || cut(fields) == Some(&key);
            if before.map(key).is_none_or(is_there) {
                fields.extend(events.fields);
            }
        });
        _ = self.asking.try_set(Asking::Rests);
    }
}

/// The position of the oldest event, or if there is none, where the past was cut off.
fn place(fields: &Fields) -> Option<Position> {
    let oldest = fields.keys().find_map(|key| key.parse().ok());
    oldest.or_else(|| cut(fields)?.parse().ok())
}

fn cut(fields: &Fields) -> Option<&str> {
    fields.get(CUT)?.as_str()
}

/// Returns whether the reader is near the page's end.
fn near_the_end() -> bool {
    const BEFORE_PX: i32 = 600;
    let page = document().document_element();
    page.is_some_and(|page| {
        page.scroll_top().saturating_add(page.client_height()).saturating_add(BEFORE_PX) > page.scroll_height()
    })
}

/// Returns the events, newest first. The board's other values have names that no event's key has.
fn all(fields: &Fields) -> Vec<(String, FeedEntry)> {
    fields.iter().rev().filter_map(|(key, value)| Some((key.clone(), FeedEntry::read(value)?))).collect()
}

fn newer(fields: &Fields, than: &str) -> usize {
    fields.iter().filter(|(key, value)| key.as_str() > than && value.is_object()).count()
}
