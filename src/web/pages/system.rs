//! The road's own health: each stop with its figures, and below it what lies beside the road. The server says it all.

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::{
    domain::{
        board::Board,
        fields::Fields,
        protocol::position::ClusterTime,
        status::Role,
        system::{Row, STOP, Stop, TABLE, Table},
        value::read,
    },
    web::{
        api::Ask,
        live::{ConnectionState, Live},
        text,
        ui::{Look, StatusMark, each, loaded, some},
    },
};

pub fn system() -> AnyView {
    let live = expect_context::<Live>();
    loaded(Ask::System, text::SYSTEM, move |answer| {
        // No data of MongoDB's, and so of no cluster time: each instance tells of itself.
        let fields = live.sheet(Board::System.to_string(), answer.read()?, ClusterTime::default(), None).fields();
        // Without a connection nobody tells that a stop's state has changed.
        let told = Memo::new(move |_| {
            !matches!(live.connection().get(), ConnectionState::Offline { .. } | ConnectionState::Outdated)
        });
        Ok(view! {
            <section class="panel" aria-label=text::ROAD>
                <ol class="road">{move || fields.with(|fields| each(values(fields, STOP).map(|it| stop(it, told))))}</ol>
            </section>
            {move || fields.with(|fields| each(values(fields, TABLE).map(table)))}
        }
        .into_any())
    })
}

/// The board's values of a kind, in their order.
fn values<T: DeserializeOwned>(fields: &Fields, kind: &'static str) -> impl Iterator<Item = T> {
    fields.iter().filter(move |(name, _)| name.starts_with(kind)).filter_map(|(_, value)| read(value))
}

fn stop(stop: Stop, told: Memo<bool>) -> impl IntoView {
    let look = Look::new(stop.role, stop.word);
    let look = move || if told.get() { look.clone() } else { Look::new(Role::Off, text::NOT_KNOWN_NOW) };
    let figures = stop.figures.into_iter().map(|(label, value)| view! { <div><dt>{label}</dt><dd>{value}</dd></div> });
    view! {
        <li>
            <h2>{stop.title}</h2>
            {move || view! { <StatusMark look=look() /> }}
            {some(stop.lag, |lag| view! { <p class="hop"><b>{lag}</b>{text::AFTER_COMMIT}</p> })}
            <dl>{each(figures)}</dl>
        </li>
    }
}

fn table(table: Table) -> impl IntoView {
    let columns = table.columns.clone();
    let head = table.columns.into_iter().map(|column| view! { <th scope="col">{column}</th> });
    let rows = table.rows.into_iter().map(move |row| line(row, &columns));
    view! {
        <section class="panel">
            <header><h2>{table.title}</h2><p>{table.note}</p></header>
            <div class="body">
                <table class="plain">
                    <thead><tr>{each(head)}</tr></thead>
                    <tbody>{each(rows)}</tbody>
                </table>
            </div>
        </section>
    }
}

fn line(row: Row, columns: &[String]) -> impl IntoView + use<> {
    let Row { mut href, role, cells } = row;
    let last = cells.len().saturating_sub(1);
    let cells = cells.into_iter().zip(columns).enumerate().map(|(i, (text, column))| {
        let shown = match (href.take(), role) {
            (Some(href), _) => view! { <a href=href>{text}</a> }.into_any(),
            (None, Some(role)) if i == last => view! { <StatusMark look=Look::new(role, text) /> }.into_any(),
            _ => text.into_any(),
        };
        view! { <td data-label=column.clone()>{shown}</td> }
    });
    view! { <tr>{each(cells)}</tr> }
}
