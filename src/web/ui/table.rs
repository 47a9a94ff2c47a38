//! What a table says about documents: columns of a document type, behind a face that the drawing need not know the type of.
//! The browser's program holds the drawing once, not once per collection.

use serde_json::Value;

use super::{Badge, Cell, Clock};
use crate::{
    domain::{
        collections::{
            see,
            table::{Entity, heading},
        },
        fields::{Fields, OTHER},
        status::Role,
    },
    web::text,
};

/// When a station was last heard.
const HEARTBEAT: &str = "last_heartbeat_at";

/// One column of a table of documents `D`.
pub struct Column<D: 'static> {
    /// The document's field.
    pub field: &'static str,
    heading: &'static str,
    /// How the column is laid out: `wide`, `notes`, `id`, `word`, `number`, `time`, `state`; whether it goes as room gets
    /// short: first `spare`, then `low`, then `mid`; its place in a phone's lines: `lead`, `end`, `second`, `last`,
    /// and `further` below.
    pub class: &'static str,
    show: fn(&D, &Clock) -> Cell,
}

impl<D: Entity> Column<D> {
    /// The column of a field, whose heading stands in the collection's table.
    pub const fn of(field: &'static str, class: &'static str, show: fn(&D, &Clock) -> Cell) -> Self {
        Self { field, heading: heading::<D>(field), class, show }
    }
}

/// What stands above its cells.
#[derive(Clone, Copy)]
pub struct Head {
    pub field: &'static str,
    pub heading: &'static str,
    pub class: &'static str,
}

pub trait Table: Sync {
    fn columns(&self) -> Vec<Head>;

    /// The cells of one document.
    fn cells(&self, document: &Fields, clock: &Clock) -> Vec<Cell>;

    /// Whether a person reads something else now that a document has changed. A heartbeat says nothing new.
    fn differs(&self, before: &Fields, after: &Fields, clock: &Clock) -> bool {
        let mut before = before.clone();
        match after.get(HEARTBEAT) {
            Some(at) => before.insert(HEARTBEAT.to_owned(), at.clone()),
            None => before.remove(HEARTBEAT),
        };
        self.cells(&before, clock) != self.cells(after, clock)
    }
}

impl<D: Entity, const N: usize> Table for [Column<D>; N] {
    fn columns(&self) -> Vec<Head> {
        self.iter().map(|Column { field, heading, class, .. }| Head { field, heading, class }).collect()
    }

    fn cells(&self, document: &Fields, clock: &Clock) -> Vec<Cell> {
        let seen = see::<D>(document);
        let mut cells: Vec<Cell> = self.iter().map(|column| (column.show)(&seen.doc, clock)).collect();
        // What could not be read, and what is none of our fields, is said among the notes, or beside the name where there
        // are none.
        let notes = self.iter().position(|c| c.class.contains("notes")).unwrap_or(0);
        if !seen.unreadable.is_empty()
            && let Some(cell) = cells.get_mut(notes)
        {
            cell.badge(Badge::new(Role::Wait, text::unreadable(&seen.unreadable)));
        }
        if let Some(other) = document.get(OTHER).and_then(Value::as_object)
            && let Some(cell) = cells.get_mut(notes)
        {
            other.iter().for_each(|(name, value)| cell.aside(text::other(name, value)));
        }
        cells
    }
}
