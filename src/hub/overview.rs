//! The figures of the Overview by zone: computed once for all sockets, sent as what differs from before.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use jiff::tz::TimeZone;

use super::{Form, state::State, zones};
use crate::model::{
    change::{Change, Op},
    fields::Fields,
    figures::figures,
    frame::{Delta, Frame},
    ids::{DocId, Topic},
    log::changed_fields,
    position::{ClusterTime, Position},
};

/// Zones kept; more than any installation looks at.
const ZONES_MAX: usize = 64;

/// All figures of a zone at one moment, by name.
pub struct Overview {
    pub fields: Fields,
    topic: Topic,
    head: Position,
    ct: ClusterTime,
    /// What differs from the overview before, encoded when the first socket needs it.
    before: std::sync::Weak<Overview>,
    compact: OnceLock<Utf8Bytes>,
    json: OnceLock<Utf8Bytes>,
}

impl Overview {
    /// The frame that leads from `before` to here; without one, all figures.
    pub fn frame(&self, before: Option<&Arc<Self>>, form: Form) -> Utf8Bytes {
        let Some(before) = before else {
            return form.encode(&self.delta(Op::Put(self.fields.clone())));
        };
        let patch = || {
            let changed = changed_fields(&before.fields, &self.fields);
            let set = changed.iter().filter_map(|name| Some((name.clone(), self.fields.get(name)?.clone()))).collect();
            let unset = changed.into_iter().filter(|name| !self.fields.contains_key(name)).collect();
            form.encode(&self.delta(Op::Patch(set, unset)))
        };
        if !std::ptr::eq(self.before.as_ptr(), Arc::as_ptr(before)) {
            return patch();
        }
        let cell = match form {
            Form::Compact => &self.compact,
            Form::Json => &self.json,
        };
        cell.get_or_init(patch).clone()
    }

    fn delta(&self, op: Op) -> Frame {
        let changes = vec![Change { id: DocId("overview".to_owned()), op }];
        Frame::Delta(Delta {
            topic: self.topic.clone(),
            from: self.head,
            to: self.head,
            ct: self.ct,
            changes,
            more: false,
        })
    }
}

/// The overviews by zone.
pub struct Cache {
    silent_after_s: i64,
    zones: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    tz: TimeZone,
    /// The state's version and the minute that `overview` was made for.
    made_for: (u64, i64),
    overview: Arc<Overview>,
}

impl Cache {
    pub fn new(silent_after: Duration) -> Self {
        Self { silent_after_s: i64::try_from(silent_after.as_secs()).unwrap_or(i64::MAX), zones: Mutex::default() }
    }

    /// The overview of a zone, as of `state`. `None` for an unknown zone, or until the cells are counted.
    pub fn get(&self, zone: &str, state: &State) -> Option<Arc<Overview>> {
        let (now, head) = (state.now()?, state.head()?);
        let cells = state.cells.cells()?;
        let made_for = (state.version, now.seconds().div_euclid(60));
        let mut zones = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        let known = zones.get(zone);
        if let Some(entry) = known.filter(|entry| entry.made_for == made_for) {
            return Some(entry.overview.clone());
        }
        let tz = match known {
            Some(entry) => entry.tz.clone(),
            None => TimeZone::get(zone).ok()?,
        };
        let figures = figures(cells, &zones::viewpoint(&tz, now, self.silent_after_s)?);
        let Ok(serde_json::Value::Object(values)) = serde_json::to_value(figures) else { return None };
        let mut fields: Fields = values.into_iter().collect();
        fields.insert("latest".to_owned(), serde_json::to_value(&state.latest).ok()?);
        if let Some(at) = state.cells.inexact_since() {
            fields.insert("counted_at".to_owned(), serde_json::to_value(at.instant()).ok()?);
        }
        let overview = match known {
            Some(entry) if entry.overview.fields == fields => entry.overview.clone(),
            _ => Arc::new(Overview {
                fields,
                topic: Topic::Overview(zone.to_owned()),
                head,
                ct: state.ct,
                before: known.map(|entry| Arc::downgrade(&entry.overview)).unwrap_or_default(),
                compact: OnceLock::new(),
                json: OnceLock::new(),
            }),
        };
        if zones.len() >= ZONES_MAX && !zones.contains_key(zone) {
            zones.clear();
        }
        zones.insert(zone.to_owned(), Entry { tz, made_for, overview: overview.clone() });
        Some(overview)
    }
}
