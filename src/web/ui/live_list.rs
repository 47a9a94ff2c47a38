//! A live table. Rows keep their elements, only changed texts are written, and the order stays still while someone is
//! reading. A row that has the focus shows its texts whole. Tab stops at one row of the list; the arrow keys, Home
//! and End move from there to the others.

use std::collections::BTreeMap;

use leptos::{
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, EventTarget, HtmlElement, KeyboardEvent},
};

use super::{
    Clock, Empty, any_views, figure, fresh, nothing, optional_view, reading,
    table::{Head, Table},
};
use crate::{
    domain::{collections::Collection, ids::DocId, protocol::window::Fate},
    web::{
        live::{ListStore, RowState, ShownList},
        text,
    },
};

#[component]
pub fn LiveList(collection: Collection, store: ListStore, table: &'static dyn Table) -> impl IntoView {
    let order = store.order();
    let totals = figure::<BTreeMap<Collection, i64>>("documents");
    let all = move || totals().map(|totals| totals.get(&collection).copied().unwrap_or(0));
    let shown = move || match (order.with(Vec::len), store.total()) {
        (shown, Some(total)) => text::matching(shown, total, collection),
        (shown, None) => text::shown(shown, all(), collection),
    };
    let empty = move || match store.total() {
        Some(_) => nothing(text::NOTHING_MATCHES, text::APPEARS.to_owned(), collection.page()),
        None => view! { <Empty words=text::empty(collection) /> }.into_any(),
    };
    let waits = Memo::new(move |_| text::waits(store.waiting()));
    let loading = store.loading();
    let clock = Clock::expect();
    store.mark_by(move |before, after| untrack(|| table.differs(before, after, &clock)));
    // By touch the store holds itself still, because only it knows when it has caught up.
    let read = reading(false);
    Effect::new(move |_: Option<()>| store.hold(read.get()));
    // The id of the row visited last; empty if there is none.
    let visited = RwSignal::new(String::new());
    let stop = Memo::new(move |_| order.with(|order| visited.with(|visited| tab_stop(order, visited))));
    let head = table.columns().into_iter().map(|Head { heading, class, .. }| {
        view! { <th class=class scope="col" role="columnheader">{heading}</th> }
    });
    view! {
        <section class="panel list held">
            <div class=move || if loading.get() { "progress on" } else { "progress" }.to_owned()></div>
            <header class="list-head">
                <p>{move || shown()}</p>
                {fresh(waits, Box::new(move || store.release()))}
            </header>
            <table
                class="table"
                data-topic=collection.name()
                aria-label=text::title(collection)
                aria-busy=move || loading.get().to_string()
                role="table"
                on:focusin=move |event| {
                    visited.set(row_of(event.target()).and_then(|row| row.get_attribute(ID)).unwrap_or_default());
                }
                on:keydown=move |event| {
                    if let Some(row) = led_to(&event) {
                        event.prevent_default();
                        // Refused only where it cannot be focused.
                        let _ = row.unchecked_into::<HtmlElement>().focus();
                    }
                }
            >
                <thead role="rowgroup">
                    <tr role="row">{any_views(head)}</tr>
                </thead>
                <tbody role="rowgroup">
                    <For
                        each=move || order.get()
                        key=|(_, row)| row.number
                        children=move |(id, row)| line(id, row.state, table, stop)
                    />
                </tbody>
            </table>
            {move || optional_view(order.with(Vec::is_empty).then(empty), |view| view)}
        </section>
    }
}

/// Returns the id of the row where Tab stops: the row visited last while it is there, else the first.
fn tab_stop(order: &[ShownList], visited: &str) -> String {
    let stop = order.iter().find(|(id, _)| id.0 == visited).or_else(|| order.first());
    stop.map(|(id, _)| id.0.clone()).unwrap_or_default()
}

/// The attribute that holds the id of a row's document.
const ID: &str = "data-id";

/// Returns the row that is the target of an event.
fn row_of(target: Option<EventTarget>) -> Option<Element> {
    target?.dyn_into::<Element>().ok().filter(|row| row.has_attribute(ID))
}

/// Returns the row that the pressed key leads to.
fn led_to(event: &KeyboardEvent) -> Option<Element> {
    let row = row_of(event.target()).filter(|_| !event.alt_key() && !event.ctrl_key() && !event.meta_key())?;
    match event.key().as_str() {
        "ArrowDown" => row.next_element_sibling(),
        "ArrowUp" => row.previous_element_sibling(),
        "Home" => row.parent_element()?.first_element_child(),
        "End" => row.parent_element()?.last_element_child(),
        _ => None,
    }
}

fn line(id: DocId, row: ArcRwSignal<RowState>, table: &'static dyn Table, stop: Memo<String>) -> impl IntoView {
    let clock = Clock::expect();
    let state = row.clone();
    // Computes all cells again, but only texts that differ are written to the document.
    let cells = move || {
        let (cells, fate) = row.with(|row| (table.cells(&row.fields, &clock), row.fate));
        let cells = table.columns().into_iter().zip(cells).map(|(Head { field, class, .. }, cell)| {
            view! { <td class=class data-field=field role="cell">{cell.view()}</td> }
        });
        let mut all = any_views(cells);
        if fate != Fate::Stays {
            all.push(view! { <td class="fate" role="cell">{text::fate(fate)}</td> }.into_any());
        }
        all.into_any()
    };
    let this = id.0.clone();
    let tabindex = move || stop.with(|stop| if *stop == this { "0" } else { "-1" }).to_owned();
    view! {
        <tr role="row" data-id=id.0 tabindex=tabindex class=move || state.with(row_class)>
            {move || cells()}
        </tr>
    }
}

fn row_class(row: &RowState) -> String {
    match row.fate {
        Fate::Deleted => "gone",
        Fate::Left | Fate::Pushed => "left",
        Fate::Stays | Fate::Moved => change_class(row.stamp),
    }
    .to_owned()
}

/// Alternates between two classes with the same animation, so that it starts again with each change.
const fn change_class(stamp: u32) -> &'static str {
    match stamp {
        0 => "",
        n if n % 2 == 1 => "changed odd",
        _ => "changed even",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            collections::Client,
            protocol::{
                position::{ClusterTime, Position},
                snapshot::{Row, Snapshot},
            },
            selection::{Criterion, FilterField, Selection},
            time::{UtcMs, Zone},
        },
        web::{
            api::PageContext,
            live::Live,
            ui::{ListColumn, TableCell},
        },
    };
    use serde_json::json;

    static COLUMNS: [ListColumn<Client>; 2] = [
        ListColumn::of("name", "lead", |c, _| TableCell::text(c.name.clone())),
        ListColumn::of("email", "wide", |c, _| TableCell::text(c.email.clone())),
    ];

    fn rendered(rows: Vec<Row>, selection: Selection, total: Option<usize>) -> String {
        Owner::new().with(|| {
            let context = PageContext {
                version: String::new(),
                network: String::new(),
                zone: Zone::default(),
                silent_after_s: 900,
                admin: String::new(),
                now: UtcMs(0),
                unfollowed: Vec::new(),
                figures: [("documents".to_owned(), json!({"clients": 7}))].into(),
                ct: ClusterTime::default(),
            };
            let live = Live::provide(&context);
            Clock::provide(live, &context);
            let store = live.list(Snapshot {
                rows,
                selection,
                total,
                ..Snapshot::blank(Collection::Clients, Position::default(), ClusterTime::default())
            });
            view! { <LiveList collection=Collection::Clients store table=&COLUMNS /> }.to_html()
        })
    }

    #[test]
    fn rows_are_readable_before_any_script_runs() {
        let fields = serde_json::from_value(json!({"name": "<Ada>", "email": 7, "created_at": "2026-01-01T00:00:00Z"}));
        let rows = vec![Row { id: DocId("65f".into()), fields: fields.unwrap() }];
        let html = rendered(rows, Selection::default(), None);
        for part in [
            "data-topic=\"clients\"",
            "data-id=\"65f\"",
            "data-field=\"name\"",
            "&lt;Ada&gt;",
            "unreadable: email",
            text::NOT_KNOWN,
            "1 of 7, newest first",
            "tabindex=\"0\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains(" style="), "the content security policy forbids inline styles");
        assert!(!html.contains("class=\"changed"), "what was loaded has not changed");
    }

    #[test]
    fn what_is_none_of_our_fields_is_shown_beside_the_name() {
        let fields = serde_json::from_value(json!({"name": "Ada", "other": {"nickname": "<Countess>", "floor": 3}}));
        let rows = vec![Row { id: DocId("65f".into()), fields: fields.unwrap() }];
        let html = rendered(rows, Selection::default(), None);
        assert!(html.contains("floor: 3 · nickname: &lt;Countess&gt;"), "{html}");
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        assert!(rendered(Vec::new(), Selection::default(), None).contains(text::empty(Collection::Clients).1));
        let active = Selection::default().with(FilterField::Status, Criterion::one_of(["ACTIVE"]));
        let html = rendered(Vec::new(), active, Some(0));
        for part in ["0 of 0 that match", text::NOTHING_MATCHES, "href=\"/clients\""] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }
}
