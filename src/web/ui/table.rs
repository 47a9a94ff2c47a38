//! The columns of a table of documents, behind a trait that hides the document type. So the browser's program holds
//! the drawing code once, not once per collection.

use serde_json::Value;

use super::{Badge, Clock, TableCell};
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

/// The field that says when a station was last heard.
const HEARTBEAT: &str = "last_heartbeat_at";

/// One column of a table of documents `D`.
pub struct ListColumn<D: 'static> {
    /// The document's field.
    pub field: &'static str,
    heading: &'static str,
    /// CSS classes. Layout: `wide`, `notes`, `id`, `word`, `number`, `time`, `state`. Hidden as room gets short:
    /// first `spare`, then `low`, then `mid`. Place in a phone's lines: `lead`, `end`, `second`, `last`, and
    /// `further` below.
    pub class: &'static str,
    show: fn(&D, &Clock) -> TableCell,
}

impl<D: Entity> ListColumn<D> {
    /// The column of a field. Its heading comes from the collection's table.
    pub const fn of(field: &'static str, class: &'static str, show: fn(&D, &Clock) -> TableCell) -> Self {
        Self { field, heading: heading::<D>(field), class, show }
    }
}

/// The head of a column.
#[derive(Clone, Copy)]
pub struct Head {
    pub field: &'static str,
    pub heading: &'static str,
    pub class: &'static str,
}

pub trait Table: Sync {
    fn columns(&self) -> Vec<Head>;

    /// The cells of one document.
    fn cells(&self, document: &Fields, clock: &Clock) -> Vec<TableCell>;

    /// Returns whether a person sees a difference after a document has changed. A heartbeat alone is none.
    fn differs(&self, before: &Fields, after: &Fields, clock: &Clock) -> bool {
        let mut before = before.clone();
        match after.get(HEARTBEAT) {
            Some(at) => before.insert(HEARTBEAT.to_owned(), at.clone()),
            None => before.remove(HEARTBEAT),
        };
        self.cells(&before, clock) != self.cells(after, clock)
    }
}

impl<D: Entity, const N: usize> Table for [ListColumn<D>; N] {
    fn columns(&self) -> Vec<Head> {
        self.iter().map(|ListColumn { field, heading, class, .. }| Head { field, heading, class }).collect()
    }

    fn cells(&self, document: &Fields, clock: &Clock) -> Vec<TableCell> {
        let seen = see::<D>(document);
        let mut cells: Vec<TableCell> = self.iter().map(|column| (column.show)(&seen.doc, clock)).collect();
        // Unreadable fields, and fields that are not ours, go among the notes, or into the first cell if there are no
        // notes.
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
