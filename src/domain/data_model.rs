//! Tests that `docs/data-model.md` matches the tables.

use std::{env, fmt::Write, fs, path::Path};

use super::{
    collections::{Collection, Mark, Order, table::Shape},
    status::{ChargingState, ClientStatus, Connection, EvseStatus, PaymentStatus, Role, SessionStatus},
};

const INTRODUCTION: &str = "# Data model

What stands in the collections, as the tables in `src/domain/collections` have it. This page is made of them by
`UPDATE_DOCS=1 cargo test --features ssr,guards --lib data_model`, and a test fails where they differ.

Every field may be missing, and what is missing is not zero. Money is in minor units of its currency (ISO 4217), energy in Wh, power in
W, dates are UTC with milliseconds. References (`client_id`, `station_id`, `session_id`, `payment_id`) hold public ids, never `_id`.

A field that is *not read* never leaves the database: settings may map it all the same, so that `check` does not call it unknown. A
*routine* field's change is no event of Activity. *Reports* read what is marked so. How names and units of your own are mapped:
[fields.md](fields.md). What each field means to other programs: [live.md](live.md).
";

/// What a field holds, put into words from those of the table.
fn holds(words: &[&str]) -> String {
    let plain = match words[0] {
        "Id" => "public id",
        "Text" => "text",
        "Texts" => "texts",
        "Date" => "date",
        "Energy" => "Wh",
        "Power" => "W",
        "Money" => "minor units",
        "Currency" => "currency",
        "Duration" => "seconds",
        "Mass" => "g",
        "Volume" => "ml",
        "Distance" => "m",
        "Number" => "whole number",
        "Float" => "number",
        "Count" => "a list, of which only the length is read",
        "Document" => "a document",
        "Other" => "a text or a document",
        "Each" => "a list of documents",
        "Status" => return "a state".to_owned(),
        "Flag" => return format!("`{}`: true or false", words[3]),
        "Within" => return format!("`{}`: text", words[3]),
        "Strongest" => return format!("a list, of whose `{}` the largest is read, in W", words[3]),
        other => panic!("no words for {other}"),
    };
    plain.to_owned()
}

fn rows(page: &mut String, collection: Collection, shape: &[Shape], within: &str) {
    for Shape { name, holds: words, within: inner } in shape {
        let field = within.is_empty().then(|| collection.field(name)).flatten();
        let heading = field.and_then(|field| field.heading).unwrap_or_default();
        let marks: Vec<&str> = field
            .iter()
            .flat_map(|field| field.marks)
            .map(|mark| match mark {
                Mark::Routine => "routine",
                Mark::Reported => "reports",
            })
            .collect();
        writeln!(page, "| `{within}{name}` | {} | {heading} | {} |", holds(words), marks.join(", ")).unwrap();
        rows(page, collection, inner, &format!("{within}{name}[]."));
    }
}

fn states<'a>(page: &mut String, name: &str, codes: impl Iterator<Item = (&'a str, Role)>) {
    for (code, role) in codes {
        writeln!(page, "| {name} | `{code}` | {role:?} |").unwrap();
    }
}

fn data_model() -> String {
    let mut page = INTRODUCTION.to_owned();
    for collection in Collection::ALL {
        let order = match collection.order() {
            Order::Newest(field) => format!("newest first by `{field}`"),
            Order::Ascending(field) => format!("by `{field}`"),
        };
        writeln!(page, "\n## `{collection}`\n\nEvent `{}`; listed {order}.\n", collection.event()).unwrap();
        page += "| field | holds | column | marks |\n|---|---|---|---|\n";
        rows(&mut page, collection, collection.shape(), "");
        let read = |name: &str| collection.shape().iter().any(|shape| shape.name == name);
        for field in collection.fields().iter().filter(|field| !read(field.name)) {
            let kind = format!("{:?}", field.kind);
            writeln!(page, "| `{}` | {} | | not read |", field.name, holds(&[&kind])).unwrap();
        }
        for field in collection.instead() {
            let kind = format!("{:?}", field.kind);
            let (name, holds, heading) = (field.name, holds(&[&kind]), field.heading.unwrap_or_default());
            writeln!(page, "| `{name}` | {holds} | {heading} | of a document that has no list of its own |").unwrap();
        }
    }
    page += "\n## States\n\nA word of no standard is kept, shown and counted as it is. A role is drawn as a shape and a colour: ok a disc, busy a bolt,\nwait a diamond, bad a triangle, off a dashed ring.\n\n| of | state | role |\n|---|---|---|\n";
    states(&mut page, "client", ClientStatus::KNOWN.iter().map(|s| (s.code(), s.role())));
    states(&mut page, "station", Connection::KNOWN.iter().map(|s| (s.code(), s.role())));
    states(&mut page, "EVSE", EvseStatus::KNOWN.iter().map(|s| (s.code(), s.role())));
    states(&mut page, "session", SessionStatus::KNOWN.iter().map(|s| (s.code(), s.role())));
    states(&mut page, "charging", ChargingState::KNOWN.iter().map(|s| (s.code(), s.role())));
    states(&mut page, "payment", PaymentStatus::KNOWN.iter().map(|s| (s.code(), s.role())));
    page
}

#[test]
fn the_page_of_the_data_model_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/data-model.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, data_model()).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap();
    assert!(stored == data_model(), "docs/data-model.md is not what the tables say: UPDATE_DOCS=1 writes it anew");
}
