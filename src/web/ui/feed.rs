//! A feed of events in fixed slots. The texts move through the slots, so that an event creates no new elements.

use leptos::prelude::*;

use super::{Clock, any_views};
use crate::{
    domain::latest::{ActivityKind, FeedEntry},
    web::text::{self, Sentence},
};

/// The content of a slot.
#[derive(Clone, PartialEq)]
pub struct FeedItem {
    /// Identifies the event within the feed.
    pub key: String,
    line: FeedEntry,
    sentence: Sentence,
    time: String,
    /// How many events came to the slot as news since the page was drawn or caught up.
    arrivals: u32,
}

/// Builds the items of the slots, newest first. `before` holds the previous items. While someone reads them they are
/// `held`: they stay, and only older ones join them. `news` is false for events that were caught up after a lost
/// connection; these do not count as arrivals.
pub fn feed_items(
    mut lines: Vec<(String, FeedEntry)>,
    before: Option<&Vec<FeedItem>>,
    held: bool,
    news: bool,
    clock: &Clock,
) -> Vec<FeedItem> {
    if let Some(before) = before.filter(|_| held)
        && let Some(oldest) = before.last()
    {
        let older = lines.into_iter().skip_while(|(key, _)| *key != oldest.key).skip(1);
        lines = before.iter().map(|item| (item.key.clone(), item.line.clone())).chain(older).collect();
    }
    let item = |(i, (key, line)): (usize, (String, FeedEntry))| {
        let slot = before.and_then(|before| before.get(i));
        if let Some(same) = slot.filter(|slot| slot.key == key) {
            return FeedItem { time: clock.stamp(line.at()), ..same.clone() };
        }
        let marked = news && before.is_some();
        let arrivals = if marked { slot.map_or(0, |slot| slot.arrivals).wrapping_add(1) } else { 0 };
        let sentence = match &line {
            FeedEntry::Event(event) => text::sentence(event),
            FeedEntry::Gap { .. } => Sentence { text: text::GAP.to_owned(), amount: None },
        };
        FeedItem { sentence, time: clock.stamp(line.at()), arrivals, line, key }
    };
    lines.into_iter().enumerate().map(item).collect()
}

/// Draws the feed with a fixed number of slots.
#[component]
pub fn Feed(name: &'static str, items: Memo<Vec<FeedItem>>, #[prop(into)] slots: Signal<usize>) -> impl IntoView {
    view! { <ol class="feed" data-feed=name>{move || any_views((0..slots.get()).map(|i| slot(items, i))).into_any()}</ol> }
}

fn slot(items: Memo<Vec<FeedItem>>, i: usize) -> impl IntoView {
    let part = move |read: fn(&FeedItem) -> String| items.with(|all| all.get(i).map(read).unwrap_or_default());
    view! {
        <li
            data-id=move || part(|item| about(item).to_owned())
            data-op=move || part(|item| op(&item.line).to_owned())
            class=move || part(class)
        >
            <time datetime=move || part(|item| item.line.at().to_string())>{move || part(|item| item.time.clone())}</time>
            <span>{move || part(|item| item.sentence.text.clone())}</span>
            <b>{move || part(|item| item.sentence.amount.clone().unwrap_or_default())}</b>
        </li>
    }
}

/// The id of the document, or the item's own key if there is none.
fn about(item: &FeedItem) -> &str {
    match &item.line {
        FeedEntry::Event(event) => &event.id.0,
        FeedEntry::Gap { .. } => &item.key,
    }
}

const fn op(line: &FeedEntry) -> &'static str {
    match line {
        FeedEntry::Gap { .. } => "gap",
        FeedEntry::Event(event) => match event.kind {
            ActivityKind::Put => "put",
            ActivityKind::Patch => "patch",
            ActivityKind::Delete => "delete",
        },
    }
}

/// CSS shows the mark of arrival on the first slot only, because events that move on are no news.
fn class(item: &FeedItem) -> String {
    let arrival = match item.arrivals {
        0 => "",
        n if n % 2 == 1 => "odd",
        _ => "even",
    };
    format!("{arrival}{}", if item.line.is_problem() { " problem" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::{UtcMs, Zone};

    #[test]
    fn only_what_arrives_is_marked() {
        Owner::new().with(|| {
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(UtcMs(0)));
            let lines = |keys: &str| {
                let gap = |key: char| (key.to_string(), FeedEntry::Gap { gap: UtcMs(0) });
                keys.chars().map(gap).collect::<Vec<_>>()
            };
            let marks =
                |item: &[FeedItem]| item.iter().map(class).map(|c| c.replace(" problem", "")).collect::<Vec<_>>();
            let drawn = feed_items(lines("ba"), None, false, true, &clock);
            assert_eq!(marks(&drawn), ["", ""], "what was loaded");
            let arrived = feed_items(lines("cb"), Some(&drawn), false, true, &clock);
            assert_eq!(marks(&arrived)[0], "odd");
            assert_eq!(marks(&feed_items(lines("dc"), Some(&arrived), false, true, &clock))[0], "even");
            let caught_up = feed_items(lines("dc"), Some(&arrived), false, false, &clock);
            assert_eq!(marks(&caught_up), ["", ""]);
            assert_eq!(marks(&feed_items(lines("ed"), Some(&caught_up), false, true, &clock))[0], "odd");
        });
    }

    #[test]
    fn what_is_read_stays_and_only_older_events_join_it() {
        Owner::new().with(|| {
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(UtcMs(0)));
            let items = |keys: &str, before: Option<&Vec<FeedItem>>, held| {
                let gap = |key: char| (key.to_string(), FeedEntry::Gap { gap: UtcMs(0) });
                feed_items(keys.chars().map(gap).collect(), before, held, true, &clock)
            };
            let keys = |items: &[FeedItem]| items.iter().map(|item| item.key.as_str()).collect::<String>();
            let shown = items("edc", None, true);
            assert_eq!(keys(&shown), "edc", "nobody has read yet what was not drawn");
            let held = items("gfedcba", Some(&shown), true);
            assert_eq!(keys(&held), "edcba");
            assert!(held.iter().take(3).eq(&shown), "no mark of arrival");
            assert_eq!(keys(&items("ihg", Some(&held), true)), "edcba", "what the server no longer sends stays");
            assert_eq!(keys(&items("ihg", Some(&held), false)), "ihg");
            assert_eq!(keys(&items("a", Some(&Vec::new()), true)), "a", "where nothing is nothing moves");
        });
    }
}
