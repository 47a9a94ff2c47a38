//! The list of tariffs.

use leptos::prelude::*;

use super::list::list;
use crate::{
    domain::collections::{Collection, Tariff},
    web::{
        text,
        ui::{ListColumn, TableCell},
    },
};

static COLUMNS: [ListColumn<Tariff>; 6] = [
    ListColumn::of("tariff_id", "id lead", |t, _| TableCell::id(t.tariff_id.clone())),
    ListColumn::of("tariff_type", "wide second", |t, _| TableCell::text(t.tariff_type.clone())),
    ListColumn::of("currency", "word end", |t, _| TableCell::text(t.currency.as_ref().map(|c| c.0.clone()))),
    ListColumn::of("elements", "number mid", |t, _| {
        TableCell::text(t.elements.map(|n| text::count(i64::try_from(n).unwrap_or(i64::MAX))))
    }),
    ListColumn::of("start_date_time", "time last", |t, clock| {
        TableCell::instant(t.start_date_time, |at| clock.stamp(at))
    }),
    ListColumn::of("end_date_time", "time low", |t, clock| TableCell::instant(t.end_date_time, |at| clock.stamp(at))),
];

pub fn tariffs() -> AnyView {
    list(Collection::Tariffs, &COLUMNS)
}
