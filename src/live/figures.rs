//! Figures by name, one signal each.

use std::collections::HashMap;

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{
    change::{Change, Op},
    fields::Fields,
};

#[derive(Clone, Copy)]
pub struct FigureStore(StoredValue<HashMap<String, ArcRwSignal<Value>>>);

impl FigureStore {
    pub(super) fn new(initial: Fields) -> Self {
        Self(StoredValue::new(initial.into_iter().map(|(name, value)| (name, ArcRwSignal::new(value))).collect()))
    }

    /// A figure that changes only when its value does; `None` while it is not known.
    pub fn get<T>(&self, name: &'static str) -> Memo<Option<T>>
    where
        T: DeserializeOwned + Clone + PartialEq + Send + Sync + 'static,
    {
        let signal = self.signal(name);
        Memo::new(move |_| signal.with(|value| T::deserialize(value).ok()))
    }

    fn signal(&self, name: &str) -> ArcRwSignal<Value> {
        self.0
            .try_update_value(|all| all.entry(name.to_owned()).or_insert_with(|| ArcRwSignal::new(Value::Null)).clone())
            .unwrap_or_default()
    }

    /// Applies what the server sent: all figures, or those that changed.
    pub fn apply(&self, changes: Vec<Change>) {
        for change in changes {
            match change.op {
                Op::Put(all) => self.set(all),
                Op::Patch(changed, gone) => {
                    self.set(changed);
                    self.set(gone.into_iter().map(|name| (name, Value::Null)).collect());
                }
                Op::Delete => {}
            }
        }
    }

    fn set(&self, values: Fields) {
        for (name, value) in values {
            let signal = self.signal(&name);
            if signal.with_untracked(|old| *old != value) {
                signal.set(value);
            }
        }
    }
}
