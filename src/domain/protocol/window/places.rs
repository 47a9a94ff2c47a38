//! Where a row stands in a list.

use std::cmp::Reverse;

use crate::domain::{
    collections::{Collection, Order},
    fields::Fields,
    ids::DocId,
    time::UtcMs,
};

/// A row's place in the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SortKey {
    Name(Option<String>, DocId),
    Newest(Reverse<Option<UtcMs>>, Reverse<DocId>),
}

impl SortKey {
    pub(super) const fn id(&self) -> &DocId {
        match self {
            Self::Name(_, id) | Self::Newest(_, Reverse(id)) => id,
        }
    }

    pub(super) fn of(collection: Collection, id: &DocId, row: &Fields) -> Self {
        let text = row.get(collection.order().field()).and_then(|v| v.as_str());
        match collection.order() {
            Order::Ascending(_) => Self::Name(text.map(str::to_owned), id.clone()),
            Order::Newest(_) => Self::Newest(Reverse(text.and_then(UtcMs::parse)), Reverse(id.clone())),
        }
    }
}

/// Places in order, each once. They are a few hundred at most, so a tree would be more code and no faster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places(pub(super) Vec<SortKey>);

impl Places {
    pub(super) fn contains(&self, place: &SortKey) -> bool {
        self.0.binary_search(place).is_ok()
    }

    /// Inserts a place. Returns whether it was new.
    pub(super) fn insert(&mut self, place: SortKey) -> bool {
        self.0.binary_search(&place).map_err(|at| self.0.insert(at, place)).is_err()
    }

    /// Removes a place. Returns whether it was there.
    pub(super) fn remove(&mut self, place: &SortKey) -> bool {
        self.0.binary_search(place).map(|at| self.0.remove(at)).is_ok()
    }
}
