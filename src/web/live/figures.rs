//! Figures by name, one signal each.

use std::collections::HashMap;

use leptos::prelude::*;
use serde_json::Value;

use crate::domain::{
    fields::Fields,
    protocol::change::{Change, Op},
};

#[derive(Clone, Copy)]
pub struct FigureStore(StoredValue<HashMap<String, ArcRwSignal<Value>>>);

impl FigureStore {
    pub(super) fn new(initial: &Fields) -> Self {
        let store = Self(StoredValue::new(HashMap::new()));
        initial.iter().for_each(|(name, value)| store.set(name, value.clone()));
        store
    }

    /// The signal of a figure. It changes only when the value does, and is `Null` while the figure is not known.
    pub fn get(&self, name: &str) -> ArcRwSignal<Value> {
        let of = |all: &mut HashMap<String, ArcRwSignal<Value>>| match all.get(name) {
            Some(signal) => signal.clone(),
            None => all.entry(name.to_owned()).or_insert_with(|| ArcRwSignal::new(Value::Null)).clone(),
        };
        self.0.try_update_value(of).unwrap_or_default()
    }

    /// Applies what the server sent: a put with all figures, or a patch with those that changed.
    pub fn apply(&self, changes: Vec<Change>) {
        for change in changes {
            let (set, gone) = match change.op {
                Op::Put(all) => (all, Vec::new()),
                Op::Patch(changed, gone) => (changed, gone),
                Op::Delete => continue,
            };
            set.into_iter().for_each(|(name, value)| self.set(&name, value));
            gone.iter().for_each(|name| self.set(name, Value::Null));
        }
    }

    fn set(self, name: &str, value: Value) {
        let signal = self.get(name);
        if signal.with_untracked(|old| *old != value) {
            signal.set(value);
        }
    }
}
