//! The list of clients.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{
        collections::{Client, Collection},
        status::ClientStatus,
    },
    web::{
        text,
        ui::{ListColumn, Look, TableCell},
    },
};

static COLUMNS: [ListColumn<Client>; 9] = [
    ListColumn::of("name", "wide lead", |c, _| TableCell::text(c.name.clone()).small(c.company.clone())),
    ListColumn::of("client_id", "id second", |c, _| TableCell::id(c.client_id.clone())),
    ListColumn::of("status", "state roomy end", |c, _| {
        let cell = TableCell::state(c.status.as_ref().map(|s| Look::new(s.role(), text::client_status(s))));
        cell.action(Collection::Clients, c.status.as_ref().map(ClientStatus::code), c.client_id.as_deref())
    }),
    ListColumn::of("client_type", "word mid", |c, _| TableCell::text(c.client_type.as_deref().map(text::client_type))),
    ListColumn::of("email", "wide low", |c, _| TableCell::text(c.email.clone())),
    ListColumn::of("country_code", "word low", |c, _| TableCell::text(c.country_code.clone()).small(c.locale.clone())),
    ListColumn::of("tokens", "number short low", |c, _| TableCell::text(c.tokens.map(|n| text::count(count(n))))),
    ListColumn::of("last_session_at", "time mid", |c, clock| {
        TableCell::instant(c.last_session_at, |at| clock.stamp(at))
    }),
    ListColumn::of("created_at", "time last", |c, clock| TableCell::instant(c.created_at, |at| clock.stamp(at))),
];

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub fn clients() -> AnyView {
    list(Collection::Clients, &COLUMNS)
}
