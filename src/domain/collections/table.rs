//! Turns a collection's table of fields into the struct, its reader, the parts that travel, and the names that
//! settings may map.
//!
//! Long, because each kind of field has its line in every macro: its type, how it is read, its name, what travels.

use crate::domain::{
    fields::{Fields, Reader},
    status::States,
};

/// What a field holds, where that decides how it is read and measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    Money,
    Energy,
    Power,
    Duration,
    Mass,
    Volume,
    Distance,
    Date,
    Number,
    Status,
    /// A public id. It is a text, which other systems write as a number.
    Id,
    /// A text, or a document of its own shape.
    Other,
}

/// Another property of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A change of this field alone is no event.
    Routine,
    /// Reports read it.
    Reported,
}

/// A line of a collection's table.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    /// The heading of its column in a list, if a list has one.
    pub heading: Option<&'static str>,
    pub marks: &'static [Mark],
    /// Those that it may be in, if it is a status.
    pub states: States,
}

/// The part of a field that travels.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// A single value, such as a text, a number or a date.
    Value,
    /// A list of single values.
    Values,
    /// Only these parts of a document, or of each document in a list.
    Within(Parts),
}

/// A field as the log's schema has it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub name: &'static str,
    /// The table's words for what it holds. Type and unit follow from them.
    pub holds: &'static [&'static str],
    /// The fields of a document within it.
    pub within: &'static [Self],
}

/// Fields by name, and what of each travels.
pub type Parts = &'static [(&'static str, Shown)];

/// Other systems' names of fields, the likeliest first. They are written as they are compared: in lower case, without
/// `_`, `-` and dots.
pub type Theirs = &'static [(&'static str, &'static [&'static str])];

/// How a list is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// By a date, newest first. Documents without one come last.
    Newest(&'static str),
    /// By a text, ascending.
    Ascending(&'static str),
}

impl Order {
    pub const fn field(self) -> &'static str {
        match self {
            Self::Newest(field) | Self::Ascending(field) => field,
        }
    }
}

/// What a table provides about its entity.
pub trait Entity {
    /// All fields of the data model, read or not.
    const FIELDS: &'static [Field];
    /// Fields that a document may have at its top level instead of within another document.
    const INSTEAD: &'static [Field];
    /// The parts that travel. Anything else in a document is not requested from MongoDB, or is dropped when the
    /// document is read.
    const PARTS: Parts;
    const SHAPE: &'static [Shape];
    const THEIRS: Theirs;

    fn read(r: &mut Reader<'_>) -> Self;
}

/// An entity that has a collection of its own.
pub trait Listed: Entity {
    const ORDER: Order;
    /// The statuses of its documents; empty if they have none.
    const STATES: States = states_of(Self::FIELDS);
}

/// The statuses of documents with these fields.
const fn states_of(mut fields: &'static [Field]) -> States {
    while let [field, rest @ ..] = fields {
        if same(field.name.as_bytes(), b"status") {
            return field.states;
        }
        fields = rest;
    }
    &[]
}

/// A document read leniently, with the names of the fields that had an unexpected shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    pub doc: T,
    pub unreadable: Vec<String>,
}

/// Reads `fields` as `T`. Every field may be missing, and missing is not zero.
pub fn see<T: Entity>(fields: &Fields) -> Seen<T> {
    let mut reader = Reader::new(fields);
    let doc = T::read(&mut reader);
    Seen { doc, unreadable: reader.unreadable() }
}

/// The heading of a field's column. In a constant, a field without a heading does not compile.
///
/// # Panics
/// For a field without a heading.
#[must_use]
pub const fn heading<E: Entity>(name: &str) -> &'static str {
    match (named(E::FIELDS, name), named(E::INSTEAD, name)) {
        (Some(heading), _) | (None, Some(heading)) => heading,
        (None, None) => panic!("a column shows a field that has no heading"),
    }
}

const fn named(mut fields: &'static [Field], name: &str) -> Option<&'static str> {
    while let [field, rest @ ..] = fields {
        if same(field.name.as_bytes(), name.as_bytes()) && field.heading.is_some() {
            return field.heading;
        }
        fields = rest;
    }
    None
}

/// Compares bytes, because strings cannot be compared in a constant yet.
pub const fn same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([x, a @ ..], [y, b @ ..]) if *x == *y => same(a, b),
        _ => false,
    }
}

/// Makes a table's entity, and with `by Newest(field)` or `by Ascending(field)` that of a collection. A line is
/// `name: FieldKind(more) "Heading" [Mark, …] theirs("other name", …);`, where only name and kind are required. `unread`
/// lists the names that nothing reads but settings may map. `instead` lists those that are read from a document in
/// place of another field. A collection's first line is the public id of its documents, if they have one.
macro_rules! table {
    (
        $(#[$meta:meta])*
        $entity:ident $(by $order:ident($by:ident))? {
            $(
                $(#[$doc:meta])*
                $field:ident: $kind:ident $(($($of:tt)+))? $($heading:literal)? $([$($mark:ident),+])?
                    $(theirs($($theirs:literal),+ $(,)?))?;
            )*
        }
        $(unread { $($unread:ident: $named:ident $(theirs($($theirs_of_unread:literal),+ $(,)?))?;)* })?
        $(instead {
            $($instead:ident: $named_instead:ident $($heading_instead:literal)?
                $(theirs($($theirs_instead:literal),+ $(,)?))?;)*
        })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $entity {
            $($(#[$doc])* pub $field: $crate::domain::collections::table::holds!($kind $(($($of)+))?),)*
        }

        impl $crate::domain::collections::table::Entity for $entity {
            const FIELDS: &'static [$crate::domain::collections::table::Field] = &[
                $($crate::domain::collections::table::Field {
                    name: $crate::domain::collections::table::name!($field, $kind $(($($of)+))?),
                    kind: $crate::domain::collections::table::kind!($kind),
                    heading: $crate::domain::collections::table::headed!($($heading)?),
                    marks: &[$($($crate::domain::collections::table::Mark::$mark),+)?],
                    states: $crate::domain::collections::table::states!($kind $(($($of)+))?),
                },)*
                $($($crate::domain::collections::table::Field {
                    name: stringify!($unread),
                    kind: $crate::domain::collections::table::kind!($named),
                    heading: None,
                    marks: &[],
                    states: &[],
                },)*)?
            ];

            const INSTEAD: &'static [$crate::domain::collections::table::Field] = &[
                $($($crate::domain::collections::table::Field {
                    name: stringify!($instead),
                    kind: $crate::domain::collections::table::kind!($named_instead),
                    heading: $crate::domain::collections::table::headed!($($heading_instead)?),
                    marks: &[],
                    states: &[],
                },)*)?
            ];

            const PARTS: $crate::domain::collections::table::Parts = &[
                $((
                    $crate::domain::collections::table::name!($field, $kind $(($($of)+))?),
                    $crate::domain::collections::table::travels!($kind $(($($of)+))?),
                ),)*
            ];

            const SHAPE: &'static [$crate::domain::collections::table::Shape] = &[
                $($crate::domain::collections::table::Shape {
                    name: $crate::domain::collections::table::name!($field, $kind $(($($of)+))?),
                    holds: &[stringify!($kind), $($(stringify!($of)),+)?],
                    within: $crate::domain::collections::table::within!($kind $(($($of)+))?),
                },)*
            ];

            const THEIRS: $crate::domain::collections::table::Theirs = &[
                $((stringify!($field), &[$($($theirs),+)?]),)*
                $($((stringify!($unread), &[$($($theirs_of_unread),+)?]),)*)?
                $($((stringify!($instead), &[$($($theirs_instead),+)?]),)*)?
            ];

            fn read(r: &mut $crate::domain::fields::Reader<'_>) -> Self {
                Self { $($field: $crate::domain::collections::table::read!(r, $field, $kind $(($($of)+))?),)* }
            }
        }

        $(impl $crate::domain::collections::table::Listed for $entity {
            const ORDER: $crate::domain::collections::table::Order =
                $crate::domain::collections::table::Order::$order(stringify!($by));
        })?
    };
}

/// The Rust type of a kind of field.
macro_rules! holds {
    (Id) => { Option<String> };
    (Text) => { Option<String> };
    (Texts) => { Vec<String> };
    (Status($status:ty)) => { Option<$status> };
    (Date) => { Option<$crate::domain::time::UtcMs> };
    (Energy) => { Option<$crate::domain::money::Wh> };
    (Power) => { Option<$crate::domain::money::Watt> };
    (Currency) => { Option<$crate::domain::money::Currency> };
    (Float) => { Option<f64> };
    // The length of a list.
    (Count) => { Option<usize> };
    // A list of documents.
    (Each($entity:ty)) => { Vec<$entity> };
    // The largest power in a list of documents.
    (Strongest($list:ident, $power:ident)) => { Option<$crate::domain::money::Watt> };
    // A value within a document of another name.
    (Flag($outer:ident, $inner:ident)) => { bool };
    (Within($outer:ident, $inner:ident)) => { Option<String> };
    // Minor units, and whatever else is a whole number.
    ($number:ident) => { Option<i64> };
}

macro_rules! read {
    ($r:ident, $field:ident, Id) => {
        $r.text(stringify!($field))
    };
    ($r:ident, $field:ident, Text) => {
        $r.text(stringify!($field))
    };
    ($r:ident, $field:ident, Texts) => {
        $r.texts(stringify!($field))
    };
    ($r:ident, $field:ident, Status($status:ty)) => {
        $r.text(stringify!($field)).map(<$status>::from)
    };
    ($r:ident, $field:ident, Date) => {
        $r.date(stringify!($field))
    };
    ($r:ident, $field:ident, Energy) => {
        $r.energy(stringify!($field))
    };
    ($r:ident, $field:ident, Power) => {
        $r.power(stringify!($field))
    };
    ($r:ident, $field:ident, Money) => {
        $r.minor(stringify!($field))
    };
    ($r:ident, $field:ident, Currency) => {
        $r.text(stringify!($field)).map($crate::domain::money::Currency)
    };
    ($r:ident, $field:ident, Float) => {
        $r.float(stringify!($field))
    };
    ($r:ident, $field:ident, Count) => {
        $r.list(stringify!($field), |_| ()).map(|all| all.len())
    };
    ($r:ident, $field:ident, Each($entity:ty)) => {
        $r.objects(stringify!($field), <$entity as $crate::domain::collections::table::Entity>::read)
    };
    ($r:ident, $field:ident, Strongest($list:ident, $power:ident)) => {
        $r.objects(stringify!($list), |one| one.power(stringify!($power))).into_iter().flatten().max()
    };
    ($r:ident, $field:ident, Flag($outer:ident, $inner:ident)) => {
        $r.object(stringify!($outer), |within| within.flag(stringify!($inner))).flatten().unwrap_or(false)
    };
    ($r:ident, $field:ident, Within($outer:ident, $inner:ident)) => {
        $r.object(stringify!($outer), |within| within.text(stringify!($inner))).flatten()
    };
    ($r:ident, $field:ident, $number:ident) => {
        $r.int(stringify!($field))
    };
}

/// The name of the document's top-level field.
macro_rules! name {
    ($field:ident, Flag($outer:ident, $inner:ident)) => {
        stringify!($outer)
    };
    ($field:ident, Within($outer:ident, $inner:ident)) => {
        stringify!($outer)
    };
    ($field:ident, Strongest($list:ident, $power:ident)) => {
        stringify!($list)
    };
    ($field:ident, $($kind:tt)+) => {
        stringify!($field)
    };
}

macro_rules! headed {
    () => {
        None
    };
    ($heading:literal) => {
        Some($heading)
    };
}

macro_rules! kind {
    (Float) => {
        $crate::domain::collections::table::FieldKind::Number
    };
    (Text) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Texts) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Currency) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Count) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Each) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Flag) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Within) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Document) => {
        $crate::domain::collections::table::FieldKind::Other
    };
    (Strongest) => {
        $crate::domain::collections::table::FieldKind::Power
    };
    ($kind:ident) => {
        $crate::domain::collections::table::FieldKind::$kind
    };
}

/// The statuses that a field may be in.
macro_rules! states {
    (Status($status:ty)) => {
        <$status>::STATES
    };
    ($($kind:tt)+) => {
        &[]
    };
}

macro_rules! travels {
    (Texts) => {
        $crate::domain::collections::table::Shown::Values
    };
    (Count) => {
        $crate::domain::collections::table::Shown::Within(&[])
    };
    (Each($entity:ty)) => {
        $crate::domain::collections::table::Shown::Within(
            <$entity as $crate::domain::collections::table::Entity>::PARTS,
        )
    };
    ($kind:ident($outer:ident, $inner:ident)) => {
        $crate::domain::collections::table::Shown::Within(&[(
            stringify!($inner),
            $crate::domain::collections::table::Shown::Value,
        )])
    };
    ($($kind:tt)+) => {
        $crate::domain::collections::table::Shown::Value
    };
}

/// The fields of a list's documents.
macro_rules! within {
    (Each($entity:ty)) => {
        <$entity as $crate::domain::collections::table::Entity>::SHAPE
    };
    ($($kind:tt)+) => {
        &[]
    };
}

pub(crate) use {headed, holds, kind, name, read, states, table, travels, within};
