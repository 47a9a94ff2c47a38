//! Which changes can matter to reports, judged by the fields that reports read.

use crate::domain::{
    collections::{Collection, Mark},
    protocol::log::{Effect, Record},
    status::SessionStatus,
};

/// The fields that decide how much a session delivered, and whether that can be true.
const OF_ENERGY: [&str; 4] = ["energy_wh", "start_date_time", "charging_ended_at", "quality"];

/// Whether a report may differ after this change. Heartbeats, and the meters of running sessions, never matter. If
/// MongoDB keeps no images, every change matters, because it is not known what changed.
pub fn matters(record: &Record) -> bool {
    let is_reported = |collection: Collection| collection.marked(Mark::Reported).next().is_some();
    let row = match &record.effect {
        Effect::Reset { also, .. } => {
            return is_reported(record.collection) || also.is_some_and(is_reported);
        }
        Effect::Row(row) => row,
    };
    let Some(changed) = &row.changed else { return is_reported(record.collection) };
    let status = row.after.as_ref().and_then(|row| row.get("status")).and_then(|status| status.as_str());
    let completed = status == Some(SessionStatus::Completed.code());
    let counts = |name: &str| {
        let of_running = record.collection == Collection::ChargingSessions && OF_ENERGY.contains(&name) && !completed;
        record.collection.is_marked(name, Mark::Reported) && !of_running
    };
    changed.iter().any(|name| counts(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        fields::Fields,
        ids::DocId,
        protocol::{log::RowChange, position::ClusterTime},
        time::UtcMs,
    };
    use serde_json::json;

    #[test]
    fn heartbeats_and_running_meters_do_not_matter() {
        let change = |collection, after: serde_json::Value, changed: Option<&[&str]>| {
            matters(&Record {
                collection,
                ct: ClusterTime(1),
                at: UtcMs(0),
                effect: Effect::Row(RowChange {
                    id: DocId("1".into()),
                    after: serde_json::from_value(after).unwrap(),
                    changed: changed.map(|names| names.iter().map(|&name| name.to_owned()).collect()),
                    before: Fields::new(),
                    cells: None,
                    unknown: false,
                    read: None,
                }),
            })
        };
        use Collection::{ChargingSessions, Clients, EcoStats, Payments, Stations};
        assert!(!change(Stations, json!({}), Some(&["last_heartbeat_at", "evses"])));
        assert!(change(Stations, json!({}), Some(&["city"])));
        assert!(!change(ChargingSessions, json!({"status": "ACTIVE"}), Some(&["energy_wh", "power_w"])));
        assert!(change(ChargingSessions, json!({"status": "COMPLETED"}), Some(&["energy_wh"])));
        assert!(change(ChargingSessions, json!({"status": "INVALID"}), Some(&["status"])));
        assert!(change(Payments, json!({}), Some(&["refunded_minor"])));
        assert!(!change(Payments, json!({}), Some(&["attempts"])));
        assert!(change(Clients, json!(null), None), "deleted");
        assert!(!change(EcoStats, json!({}), None));
    }
}
