//! The health of the pipeline itself: each stage with its figures, and below it what lies beside the pipeline. The
//! server makes all texts.

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
        api::PageRequest,
        live::{ConnectionState, Live},
        text,
        ui::{Look, StatusMark, any_views, loaded, optional_view},
    },
};

pub fn system() -> AnyView {
    let live = expect_context::<Live>();
    loaded(PageRequest::System, text::SYSTEM, move |answer| {
        // The values do not come from MongoDB and so have no cluster time, because each instance reports on itself.
        let fields = live.sheet(Board::System.to_string(), answer.read()?, ClusterTime::default(), None).fields();
        // Without a connection nothing reports that a stage's state has changed.
        let told = Memo::new(move |_| {
            !matches!(live.connection().get(), ConnectionState::Offline { .. } | ConnectionState::Outdated)
        });
        Ok(view! {
            <section class="panel" aria-label=text::ROAD>
                <ol class="road">{move || fields.with(|fields| any_views(values(fields, STOP).map(|it| stop(it, told))))}</ol>
            </section>
            {move || fields.with(|fields| any_views(values(fields, TABLE).map(table)))}
        }
        .into_any())
    })
}

/// Reads the board's values of a kind, in their order.
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
            {optional_view(stop.lag, |lag| view! { <p class="hop"><b>{lag}</b>{text::AFTER_COMMIT}</p> })}
            <dl>{any_views(figures)}</dl>
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
                    <thead><tr>{any_views(head)}</tr></thead>
                    <tbody>{any_views(rows)}</tbody>
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
    view! { <tr>{any_views(cells)}</tr> }
}
