//! How much memory something takes, approximately. What is kept is bounded in these bytes, because a number of rows
//! says little: the largest takes a thousand times as much as a usual one.

use serde_json::Value;

use crate::domain::{
    cells::{Cell, Cells},
    fields::Fields,
    protocol::{
        change::{Change, Op},
        log::{Effect, Read, Record},
    },
};

/// A row.
pub fn row(row: &Fields) -> usize {
    row.iter().map(|(name, value)| name.len() + 48 + inner(value)).sum()
}

/// A change on its way to pages.
pub fn change(change: &Change) -> usize {
    let op = match &change.op {
        Op::Put(fields) => row(fields),
        Op::Patch(set, unset) => row(set) + unset.iter().map(|name| size_of::<String>() + name.len()).sum::<usize>(),
        Op::Delete => 0,
    };
    size_of::<Change>() + change.id.0.len() + op
}

/// A record of the log.
pub fn record(record: &Record) -> usize {
    let effect = match &record.effect {
        Effect::Row(change) => {
            let read = change.read.iter().filter_map(Read::row);
            let rows = change.after.iter().chain([&change.before]).chain(read).map(row).sum::<usize>();
            rows + change.id.0.len() + change.cells.as_ref().map_or(0, cells)
        }
        Effect::Reset { reason, .. } => reason.len(),
    };
    size_of::<Record>() + effect
}

/// What a change adds to the figures.
pub fn cells(cells: &Cells) -> usize {
    // A list takes room for the next power of two.
    cells.iter().count().next_power_of_two() * size_of::<(Cell, i64)>()
}

/// The smallest map takes room for eleven entries.
const fn leaf<K, V>() -> usize {
    11 * (size_of::<K>() + size_of::<V>())
}

/// A value beside its own place.
fn inner(value: &Value) -> usize {
    const PLACE: usize = size_of::<Value>();
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|v| PLACE + inner(v)).sum(),
        Value::Object(map) => {
            let entries = map.iter().map(|(k, v)| k.len() + inner(v)).sum::<usize>();
            map.len().div_ceil(8) * leaf::<String, Value>() + entries
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_weigh_something_too() {
        let many = |value: Value| inner(&json!(vec![value; 1000]));
        let weights = [0.into(), "".into(), json!({"a": 1})].map(many);
        assert!(weights[0] == weights[1] && weights[0] >= 24_000 && weights[2] >= 500_000, "{weights:?}");
    }
}
