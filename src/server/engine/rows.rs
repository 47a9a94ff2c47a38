//! What is kept of a collection's documents, each in a slot found by its `_id`.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::domain::ids::DocId;

/// Where a document's row is.
pub type RowSlot = u32;

/// The slot of nothing.
pub const NO_SLOT: RowSlot = u32::MAX;

/// What is kept of each document. Documents are told apart by 64 bits of a hash whose key nobody knows: of a million,
/// two are taken for one with a probability of one in 37 million.
pub struct DocumentRows<R> {
    hasher: RandomState,
    slots: HashTable<u32>,
    kept: Vec<Option<KeptRow<R>>>,
    free: Vec<u32>,
}

struct KeptRow<R> {
    id: u64,
    row: R,
}

impl<R> DocumentRows<R> {
    pub const fn new(hasher: RandomState) -> Self {
        Self { hasher, slots: HashTable::new(), kept: Vec::new(), free: Vec::new() }
    }

    /// Keeps the row of a document that has none; returns its slot.
    pub fn insert(&mut self, id: &DocId, row: R) -> RowSlot {
        let id = self.hasher.hash_one(id);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            u32::try_from(self.kept.len() - 1).unwrap_or(NO_SLOT)
        });
        self.kept[slot as usize] = Some(KeptRow { id, row });
        let rows = &self.kept;
        self.slots.insert_unique(id, slot, |slot| id_of(rows, *slot));
        slot
    }

    /// Takes a document's row out; returns its slot as well, which is free then.
    pub fn remove(&mut self, id: &DocId) -> Option<(RowSlot, R)> {
        let id = self.hasher.hash_one(id);
        let rows = &self.kept;
        let found = self.slots.find_entry(id, |slot| id_of(rows, *slot) == id).ok()?;
        let (slot, _) = found.remove();
        self.free.push(slot);
        self.kept[slot as usize].take().map(|kept| (slot, kept.row))
    }

    pub fn get(&self, slot: RowSlot) -> Option<&R> {
        self.kept.get(slot as usize)?.as_ref().map(|kept| &kept.row)
    }

    pub fn iter(&self) -> impl Iterator<Item = (RowSlot, &R)> {
        (0..).zip(&self.kept).filter_map(|(slot, kept)| Some((slot, &kept.as_ref()?.row)))
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn bytes(&self) -> usize {
        let kept = self.kept.capacity() * size_of::<Option<KeptRow<R>>>() + self.free.capacity() * size_of::<u32>();
        self.slots.allocation_size() + kept
    }
}

fn id_of<R>(rows: &[Option<KeptRow<R>>], slot: RowSlot) -> u64 {
    rows[slot as usize].as_ref().map_or(0, |kept| kept.id)
}
