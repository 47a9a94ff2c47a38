//! Slots by a key that any number of them may share. Whatever documents say, adding, removing and finding one take the
//! same time, because those of one key are a list, and the table has one entry a key.

use hashbrown::{HashTable, hash_table::Entry};

use super::rows::{NO_SLOT, RowSlot};

/// A hash of what links documents. Zero stands for nothing, which links none.
pub type LinkKey = u64;

#[derive(Default)]
pub struct Links {
    /// The first slot of each key's list.
    heads: HashTable<RowSlot>,
    /// By slot.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy)]
struct Node {
    key: LinkKey,
    next: RowSlot,
    previous: RowSlot,
}

const FREE: Node = Node { key: 0, next: NO_SLOT, previous: NO_SLOT };

impl Links {
    /// Links a slot that is not linked.
    pub fn insert(&mut self, slot: RowSlot, key: LinkKey) {
        if key == 0 {
            return;
        }
        let Self { heads, nodes } = self;
        if nodes.len() <= slot as usize {
            nodes.resize(slot as usize + 1, FREE);
        }
        let mut next = NO_SLOT;
        match heads.entry(key, |&head| nodes[head as usize].key == key, |&head| nodes[head as usize].key) {
            Entry::Occupied(mut head) => next = std::mem::replace(head.get_mut(), slot),
            Entry::Vacant(empty) => drop(empty.insert(slot)),
        }
        nodes[slot as usize] = Node { key, next, previous: NO_SLOT };
        if let Some(node) = nodes.get_mut(next as usize) {
            node.previous = slot;
        }
    }

    /// Does nothing for a slot that is not linked.
    pub fn remove(&mut self, slot: RowSlot) {
        let Self { heads, nodes } = self;
        let Some(node) = nodes.get_mut(slot as usize) else { return };
        let Node { key, next, previous } = std::mem::replace(node, FREE);
        if key == 0 {
            return;
        }
        if let Some(before) = nodes.get_mut(previous as usize) {
            before.next = next;
        } else if let Ok(mut head) = heads.find_entry(key, |&head| head == slot) {
            if next == NO_SLOT {
                head.remove();
            } else {
                *head.get_mut() = next;
            }
        }
        if let Some(after) = nodes.get_mut(next as usize) {
            after.previous = previous;
        }
    }

    /// The first slot with this key.
    pub fn first(&self, key: LinkKey) -> Option<RowSlot> {
        self.heads.find(key, |&head| self.nodes[head as usize].key == key).copied()
    }

    /// The key of a slot; zero if it is not linked.
    pub fn key(&self, slot: RowSlot) -> LinkKey {
        self.nodes.get(slot as usize).map_or(0, |node| node.key)
    }

    /// The slot that follows in its key's list.
    pub fn next(&self, slot: RowSlot) -> Option<RowSlot> {
        self.nodes.get(slot as usize).map(|node| node.next).filter(|next| *next != NO_SLOT)
    }

    /// This slot and all that follow in its key's list.
    pub fn from(&self, slot: RowSlot) -> impl Iterator<Item = RowSlot> {
        std::iter::successors(Some(slot), |slot| self.next(*slot))
    }

    pub fn bytes(&self) -> usize {
        self.heads.allocation_size() + self.nodes.capacity() * size_of::<Node>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn links_are_those_of_a_map(steps in prop::collection::vec((0..12_u32, 0..4_u64, any::<bool>()), 0..200)) {
            let (mut links, mut known) = (Links::default(), BTreeMap::new());
            for (slot, key, insert) in steps {
                if known.remove(&slot).is_some() || !insert {
                    links.remove(slot);
                } else {
                    links.insert(slot, key);
                    known.insert(slot, key);
                }
            }
            for key in 0..4 {
                let linked: Vec<RowSlot> = links.first(key).into_iter().flat_map(|first| links.from(first)).collect();
                let of_key = known.iter().filter(|(_, known)| **known == key && key != 0).map(|(slot, _)| *slot);
                prop_assert_eq!(linked.iter().copied().collect::<BTreeSet<_>>(), of_key.collect::<BTreeSet<_>>());
                prop_assert_eq!(linked.iter().collect::<BTreeSet<_>>().len(), linked.len(), "each once");
            }
            prop_assert_eq!(links.heads.len(), known.values().filter(|key| **key != 0).collect::<BTreeSet<_>>().len());
        }
    }
}
