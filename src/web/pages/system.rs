//! The health of the pipeline itself: each part with its figures, and below it what lies beside the pipeline.

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::{
    domain::{
        board::Board,
        fields::Fields,
        protocol::position::ClusterTime,
        status::Role,
        system::health::{Condition, PartStatus, STOP, TABLE},
        value::read,
    },
    web::{
        api::PageRequest,
        live::{ConnectionState, Live},
        text::{
            self,
            system::{RowText, TableText},
        },
        ui::{Look, SYSTEM, StatusMark, any_views, loaded, optional_view, without_choices},
    },
};

pub fn system() -> AnyView {
    without_choices(SYSTEM, view)
}

fn view() -> AnyView {
    let live = expect_context::<Live>();
    loaded(PageRequest::System, text::SYSTEM, move |answer| {
        // The values do not come from MongoDB and so have no cluster time, because each instance reports on itself.
        let fields = live.sheet(Board::System.to_string(), answer.read()?, ClusterTime::default(), None).fields();
        // Without a connection nothing reports that a part's condition has changed.
        let is_current = Memo::new(move |_| {
            !matches!(live.connection().get(), ConnectionState::Offline { .. } | ConnectionState::Outdated)
        });
        Ok(view! {
            <section class="panel" aria-label=text::PIPELINE>
                <ol class="pipeline">{move || fields.with(|fields| any_views(values(fields, STOP).map(|it| part(it, is_current))))}</ol>
            </section>
            {move || fields.with(|fields| any_views(values(fields, TABLE).map(|it| table(text::system::table(it)))))}
        }
        .into_any())
    })
}

/// Reads the board's values of a kind, in their order.
fn values<T: DeserializeOwned>(fields: &Fields, kind: &'static str) -> impl Iterator<Item = T> {
    fields.iter().filter(move |(name, _)| name.starts_with(kind)).filter_map(|(_, value)| read(value))
}

fn look(condition: Condition) -> Look {
    Look::new(condition.role(), text::system::condition(condition))
}

fn part(status: PartStatus, is_current: Memo<bool>) -> impl IntoView {
    let PartStatus { part, condition, lag_ms, figures } = status;
    let look = move || if is_current.get() { look(condition) } else { Look::new(Role::Off, text::NOT_KNOWN_NOW) };
    let figures = figures.into_iter().map(text::system::figure);
    let figures = figures.map(|(label, value)| view! { <div><dt>{label}</dt><dd>{value}</dd></div> });
    view! {
        <li>
            <h2>{text::system::part(part)}</h2>
            {move || view! { <StatusMark look=look() /> }}
            {optional_view(lag_ms, |ms| view! { <p class="lag"><b>{text::lag(ms)}</b>{text::AFTER_COMMIT}</p> })}
            <dl>{any_views(figures)}</dl>
        </li>
    }
}

fn table(table: TableText) -> impl IntoView {
    let TableText { title, columns, rows, note } = table;
    let head = columns.iter().map(|&column| view! { <th scope="col">{column}</th> });
    let rows = rows.into_iter().map(|row| line(row, columns));
    view! {
        <section class="panel">
            <header><h2>{title}</h2><p>{note}</p></header>
            <div class="body">
                <table class="plain">
                    <thead><tr>{any_views(head)}</tr></thead>
                    <tbody>{any_views(rows)}</tbody>
                </table>
            </div>
        </section>
    }
}

fn line(row: RowText, columns: &'static [&'static str]) -> impl IntoView {
    let RowText { mut href, cells, condition } = row;
    let cells = cells.into_iter().map(|text| match href.take() {
        Some(href) => view! { <a href=href>{text}</a> }.into_any(),
        None => text.into_any(),
    });
    let mark = condition.map(|condition| view! { <StatusMark look=look(condition) /> }.into_any());
    let cells = cells.chain(mark).zip(columns);
    let cells = cells.map(|(shown, &column)| view! { <td data-label=column>{shown}</td> });
    view! { <tr>{any_views(cells)}</tr> }
}
