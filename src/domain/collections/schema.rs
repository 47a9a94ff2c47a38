//! What rows hold, as one number. A build does not continue a log whose rows another build read with other tables.

use serde::{Deserialize, Serialize};

use super::{
    Collection,
    table::{Order, Shape},
};

/// Raise this number by hand if you change what an entry of the log holds or means, or how a document counts, while
/// the tables stay as they are. The tests with the stored entries fail in that case and say so.
pub const MEANING: u32 = 9;

/// A hash of the names, types, units and order of what the log holds, and of [`MEANING`]. Headings are not part of it.
///
/// It identifies a build's rows, and says nothing about which of two builds is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(pub u32);

impl Schema {
    /// The schema of this build.
    pub const OURS: Self = {
        let (mut hash, mut all): (u32, &[Collection]) = (begin(MEANING), &Collection::ALL);
        while let [collection, rest @ ..] = all {
            hash = table(hash, collection.name(), collection.order(), collection.shape());
            all = rest;
        }
        Self(hash)
    };
}

const fn begin(meaning: u32) -> u32 {
    bytes(OFFSET, &meaning.to_le_bytes())
}

/// Adds a collection's name, how its list is ordered, and its fields.
const fn table(hash: u32, name: &str, order: Order, fields: &[Shape]) -> u32 {
    shapes(text(text(text(hash, name), direction(order)), order.field()), fields)
}

const fn direction(order: Order) -> &'static str {
    match order {
        Order::Newest(_) => "newest",
        Order::Ascending(_) => "ascending",
    }
}

// FNV-1a with 32 bits, because the number stands in JSON where the log of earlier builds had a small one.
const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

const fn shapes(mut hash: u32, mut shapes: &[Shape]) -> u32 {
    while let [Shape { name, holds, within }, rest @ ..] = shapes {
        hash = text(hash, name);
        let mut words = *holds;
        while let [word, rest @ ..] = words {
            hash = text(hash, word);
            words = rest;
        }
        hash = self::shapes(bytes(hash, &[NESTED]), within);
        shapes = rest;
    }
    bytes(hash, &[END])
}

// These bytes never occur in UTF-8.
const SEPARATOR: u8 = 0xff;
const NESTED: u8 = 0xfe;
const END: u8 = 0xfd;

const fn text(hash: u32, text: &str) -> u32 {
    bytes(bytes(hash, text.as_bytes()), &[SEPARATOR])
}

const fn bytes(mut hash: u32, mut bytes: &[u8]) -> u32 {
    while let [byte, rest @ ..] = bytes {
        hash = (hash ^ *byte as u32).wrapping_mul(PRIME);
        bytes = rest;
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const fn field(name: &'static str, holds: &'static [&'static str], within: &'static [Shape]) -> Shape {
        Shape { name, holds, within }
    }

    #[test]
    fn another_name_type_order_nesting_or_meaning_is_another_schema() {
        const A: Shape = field("a", &["Text"], &[]);
        const B: Shape = field("b", &["Money"], &[]);
        const UID: Shape = field("uid", &["Text"], &[]);
        const NEWEST: Order = Order::Newest("a");
        const TABLES: [(Order, &[Shape]); 9] = [
            (NEWEST, &[A, B]),
            (NEWEST, &[B, A]),
            (NEWEST, &[A, field("c", &["Money"], &[])]),
            (NEWEST, &[A, field("b", &["Energy"], &[])]),
            (NEWEST, &[A]),
            (Order::Newest("b"), &[A, B]),
            (Order::Ascending("a"), &[A, B]),
            (NEWEST, &[A, field("b", &["Each", "Evse"], &[UID])]),
            (NEWEST, &[A, field("b", &["Each", "Evse"], &[]), UID]),
        ];
        let of = |(order, fields), meaning| table(begin(meaning), "clients", order, fields);
        let mut schemas: BTreeSet<u32> = TABLES.into_iter().map(|table| of(table, 1)).collect();
        schemas.insert(of(TABLES[0], 2));
        assert_eq!(schemas.len(), TABLES.len() + 1);
        assert_eq!(of(TABLES[0], 1), of(TABLES[0], 1));
    }

    /// Checks a value that the algorithm's authors published.
    #[test]
    fn it_is_fnv_1a() {
        assert_eq!(bytes(OFFSET, b"foobar"), 0xbf9c_f968);
    }
}
