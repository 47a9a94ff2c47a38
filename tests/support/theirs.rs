//! An operator's own field names: settings that map them, and documents that have them.

use chargedeck::{
    domain::collections::{Collection, Shown},
    server::mapping::{Definition, words},
};
use mongodb::bson::{Bson, Document, doc};
use rand::{RngExt, rngs::ChaCha8Rng};

use super::{
    canary::tells,
    documents::{CANARY, value},
};

/// A field of the operator's own that is shown.
pub const NICK: &str = "nick";

/// A mapping of most fields: to other names, some of them within documents, with other units and other words. Fields of
/// the operator's own are shown, also within documents of which something else is read.
pub fn definition(collection: Collection) -> Definition {
    let place = |(n, name): (usize, &str)| match n % 4 {
        0 => Some(format!("their_{name}")),
        1 => Some(format!("own.{name}")),
        2 => Some(format!("own.deep.{name}")),
        _ => None,
    };
    let fields = || collection.fields().iter().chain(collection.instead());
    let names = fields().enumerate().filter_map(|(n, field)| Some((field.name.to_owned(), place((n, field.name))?)));
    let units = fields().enumerate().filter_map(|(n, field)| {
        let units = field.kind.units();
        let unit = units.get(n.checked_rem(units.len())?)?;
        Some((field.name.to_owned(), unit.name().to_owned()))
    });
    let status = words(collection).into_iter().take(2).map(|ours| (format!("is {ours}"), ours.to_owned()));
    let mut definition = Definition {
        names: names.collect(),
        status: status.collect(),
        units: units.collect(),
        show: [NICK, "extra.shown", "own.shown", "own.deep.shown"].map(str::to_owned).into(),
    };
    let within = collection.parts().iter().filter(|(_, shown)| matches!(shown, Shown::Within(_)));
    let beside: Vec<_> = within.map(|(name, _)| format!("{}.shown", definition.path(name))).collect();
    definition.show.extend(beside);
    assert_eq!(definition.wrong(collection), []);
    definition
}

/// A document that has our names, under the operator's. What is shown has any values. What is not read holds the canary,
/// also what stands under our names, and beside what is read.
pub fn mapped(rng: &mut ChaCha8Rng, collection: Collection, ours: Document) -> Document {
    let definition = definition(collection);
    let mut theirs = Document::new();
    for (name, value) in ours {
        put(&mut theirs, definition.path(&name), value);
    }
    for field in collection.instead() {
        put(&mut theirs, definition.path(field.name), value(rng, 0));
    }
    for path in definition.show.iter().filter(|path| *path != NICK) {
        put(&mut theirs, path, shown(rng));
    }
    let ours = definition.names.keys().map(String::as_str);
    for path in ours.chain(["own.secret", "own.deep.secret", "extra.secret"]) {
        put(&mut theirs, path, CANARY.into());
    }
    if rng.random_ratio(1, 20) {
        // A list has none of the fields that are read of a document.
        let own = theirs.remove("own").into_iter().chain([CANARY.into()]);
        theirs.insert("own", own.collect::<Vec<Bson>>());
    }
    theirs
}

/// Any value. The whole of it is told, so it holds no canary.
fn shown(rng: &mut ChaCha8Rng) -> Bson {
    loop {
        let value = value(rng, 0);
        if !tells(value.to_string().as_bytes(), CANARY) {
            return value;
        }
    }
}

fn put(document: &mut Document, path: &str, value: Bson) {
    let Some((first, rest)) = path.split_once('.') else {
        document.insert(path, value);
        return;
    };
    if !document.contains_key(first) {
        document.insert(first, doc! {});
    }
    if let Some(Bson::Document(inner)) = document.get_mut(first) {
        put(inner, rest, value);
    }
}
