//! A change to one document, and how changes fold into one.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, SeqAccess, Visitor},
};

use crate::{
    domain::{fields::Fields, ids::DocId},
    guards::guarded,
};

/// What happens to a row. It does not tell insert from update, because a folded change cannot either.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The whole row.
    Put(Fields),
    /// Top-level fields with their whole new values, and the names of those that are gone.
    Patch(Fields, Vec<String>),
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub id: DocId,
    pub op: Op,
}

/// `[id]` deletes, `[id, row]` puts, `[id, set, unset]` patches.
impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.op {
            Op::Put(row) => (&self.id, row).serialize(serializer),
            Op::Patch(set, unset) => (&self.id, set, unset).serialize(serializer),
            Op::Delete => (&self.id,).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChangeParts;
        impl<'de> Visitor<'de> for ChangeParts {
            type Value = Change;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a change")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Change, A::Error> {
                let id = parts.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let op = match (parts.next_element()?, parts.next_element()?) {
                    (None, _) => Op::Delete,
                    (Some(row), None) => Op::Put(row),
                    (Some(set), Some(unset)) => Op::Patch(set, unset),
                };
                Ok(Change { id, op })
            }
        }
        deserializer.deserialize_seq(ChangeParts)
    }
}

impl Op {
    /// Combines this operation and a `later` one.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        guarded!(FoldingRule: {}, else return later);
        match (self, later) {
            (Self::Put(mut row), Self::Patch(set, unset)) => {
                patch(&mut row, set, &unset);
                Self::Put(row)
            }
            (Self::Patch(mut set, mut unset), Self::Patch(later_set, later_unset)) => {
                unset.retain(|name| !later_set.contains_key(name) && !later_unset.contains(name));
                patch(&mut set, later_set, &later_unset);
                unset.extend(later_unset);
                Self::Patch(set, unset)
            }
            // Between a deletion and a patch, a put must have brought the document back. Without that put the patch
            // says nothing.
            (Self::Delete, Self::Patch(..)) => Self::Delete,
            (_, later) => later,
        }
    }
}

/// Applies a patch to a row.
pub fn patch(row: &mut Fields, set: Fields, unset: &[String]) {
    for name in unset {
        row.remove(name);
    }
    row.extend(set);
}

/// Folds changes so that each document appears once, in the order of its last change.
pub fn fold(changes: impl IntoIterator<Item = Change>) -> Vec<Change> {
    let mut folded: Vec<Option<Change>> = Vec::new();
    let mut at = std::collections::HashMap::new();
    for change in changes {
        let earlier = at.insert(change.id.clone(), folded.len()).and_then(|i: usize| folded.get_mut(i)?.take());
        let op = match earlier {
            Some(earlier) => earlier.op.then(change.op),
            None => change.op,
        };
        folded.push(Some(Change { id: change.id, op }));
    }
    folded.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn ops() -> impl Strategy<Value = Change> {
        let fields = prop::collection::btree_map("[a-d]", (0..9_i64).prop_map(|n| json!(n)), 0..4);
        let op = prop_oneof![
            fields.clone().prop_map(Op::Put),
            (fields, prop::collection::vec("[a-d]", 0..3)).prop_map(|(set, mut unset)| {
                unset.retain(|name| !set.contains_key(name));
                Op::Patch(set, unset)
            }),
            Just(Op::Delete),
        ];
        ("[x-z]", op).prop_map(|(id, op)| Change { id: DocId(id), op })
    }

    fn apply(rows: &mut BTreeMap<DocId, Fields>, change: Change) {
        match change.op {
            Op::Put(row) => drop(rows.insert(change.id, row)),
            Op::Patch(set, unset) => {
                if let Some(row) = rows.get_mut(&change.id) {
                    patch(row, set, &unset);
                }
            }
            Op::Delete => drop(rows.remove(&change.id)),
        }
    }

    #[test]
    fn a_patch_brings_no_document_back() {
        let patch = Op::Patch([("a".to_owned(), json!(1))].into(), vec![]);
        assert_eq!(Op::Delete.then(patch), Op::Delete);
    }

    proptest! {
        #[test]
        fn folded_changes_do_what_the_changes_do(changes in prop::collection::vec(ops(), 0..30), before in prop::collection::vec(ops(), 0..6)) {
            let mut one_by_one = BTreeMap::new();
            before.into_iter().for_each(|c| apply(&mut one_by_one, c));
            let mut at_once = one_by_one.clone();
            // As in the pipeline, nothing patches a document that does not exist.
            let mut sound = Vec::new();
            for change in changes {
                if matches!(change.op, Op::Patch(..)) && !one_by_one.contains_key(&change.id) {
                    continue;
                }
                apply(&mut one_by_one, change.clone());
                sound.push(change);
            }
            let folded = fold(sound);
            folded.into_iter().for_each(|c| apply(&mut at_once, c));
            prop_assert_eq!(at_once, one_by_one);
        }
    }
}
