//! A list that is held still: what stands on the screen, and what has become of it since.

use super::places::{Places, SortKey};
use crate::domain::{fields::Fields, ids::DocId, protocol::change::patch};

/// What has become of a row on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It stands where it belongs.
    #[default]
    Stays,
    /// It belongs elsewhere in the list.
    Moved,
    /// It belongs to the list, but other rows have pushed it out of those shown.
    Pushed,
    /// It does not match any longer.
    Left,
    /// The document is deleted.
    Deleted,
}

/// How many rows will come, go or move when a held list is drawn again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub new: usize,
    pub left: usize,
    pub deleted: usize,
    pub moved: usize,
}

/// The list as it was drawn.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) order: Places,
    /// The place after which nothing was known when the list was drawn.
    pub(super) horizon: Option<SortKey>,
    /// Rows on the screen that are no longer in the list, as far as the changes showed.
    pub(super) gone: Vec<Gone>,
}

/// Why a row left the list, and what its document holds now unless it is deleted.
#[derive(Clone, Debug)]
pub(super) struct Gone {
    pub(super) id: DocId,
    pub(super) fate: Fate,
    pub(super) row: Option<Fields>,
}

impl Held {
    pub(super) fn gone_row(&self, id: &DocId) -> Option<&Fields> {
        self.gone.iter().find(|gone| gone.id == *id)?.row.as_ref()
    }

    /// Patches the kept copy of a row that left the list. Returns whether there is one.
    pub(super) fn patch_gone(&mut self, id: &DocId, set: Fields, unset: &[String]) -> bool {
        let row = self.gone.iter_mut().find(|gone| gone.id == *id).and_then(|gone| gone.row.as_mut());
        row.map(|row| patch(row, set, unset)).is_some()
    }
}
