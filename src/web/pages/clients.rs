//! The list of clients.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{
        address::escaped,
        collections::{Client, Collection},
        status::ClientStatus,
    },
    web::{
        text,
        ui::{Cell, Column, Look},
    },
};

static COLUMNS: [Column<Client>; 9] = [
    Column::of("name", "wide lead", |c, _| Cell::text(c.name.clone()).small(c.company.clone())),
    Column::of("client_id", "id second", |c, _| Cell::id(c.client_id.clone())),
    Column::of("status", "state roomy end", |c, _| {
        let cell = Cell::state(c.status.as_ref().map(|s| Look::new(s.role(), text::client_status(s))));
        let (name, word) = match c.status {
            Some(ClientStatus::Blocked) => ("unblock", text::UNBLOCK),
            _ => ("block", text::BLOCK),
        };
        cell.action(c.client_id.as_deref().map(|id| format!("/clients/{name}?id={}", escaped(id))), word)
    }),
    Column::of("client_type", "word mid", |c, _| Cell::text(c.client_type.as_deref().map(text::client_type))),
    Column::of("email", "wide low", |c, _| Cell::text(c.email.clone())),
    Column::of("country_code", "word low", |c, _| Cell::text(c.country_code.clone()).small(c.locale.clone())),
    Column::of("tokens", "number short low", |c, _| Cell::text(c.tokens.map(|n| text::count(count(n))))),
    Column::of("last_session_at", "time mid", |c, clock| Cell::instant(c.last_session_at, |at| clock.stamp(at))),
    Column::of("created_at", "time last", |c, clock| Cell::instant(c.created_at, |at| clock.stamp(at))),
];

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub fn clients() -> AnyView {
    list(Collection::Clients, &COLUMNS)
}
