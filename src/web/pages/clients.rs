//! Who charges.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::{entities::Client, ids::Collection},
    web::{
        text,
        ui::{Cell, Column, Look},
    },
};

static COLUMNS: [Column<Client>; 9] = [
    Column { field: "name", class: "wide lead", show: |c, _| Cell::text(c.name.clone()).small(c.company.clone()) },
    Column { field: "client_id", class: "id second", show: |c, _| Cell::id(c.client_id.clone()) },
    Column {
        field: "status",
        class: "state end",
        show: |c, _| Cell::state(c.status.as_ref().map(|s| Look::new(s.role(), text::client_status(s)))),
    },
    Column {
        field: "client_type",
        class: "word mid",
        show: |c, _| Cell::text(c.client_type.as_deref().map(text::client_type)),
    },
    Column { field: "email", class: "wide low", show: |c, _| Cell::text(c.email.clone()) },
    Column { field: "country_code", class: "word low", show: |c, _| Cell::text(c.country_code.clone()) },
    Column {
        field: "tokens",
        class: "number short low",
        show: |c, _| Cell::text(c.tokens.map(|n| text::count(count(n)))),
    },
    Column {
        field: "last_session_at",
        class: "time mid",
        show: |c, clock| Cell::instant(c.last_session_at, |at| clock.stamp(at)),
    },
    Column {
        field: "created_at",
        class: "time last",
        show: |c, clock| Cell::instant(c.created_at, |at| clock.stamp(at)),
    },
];

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub fn clients() -> AnyView {
    list(Collection::Clients, &COLUMNS)
}
