//! Other systems' words for our statuses. Their names for our fields stand in the tables of `domain::collections`.
//! Names are compared without case, `_`, `-` and dots.

use crate::domain::collections::Collection;

/// A name in the form in which it is compared. `startedAt`, `started_at` and `started.at` are equal.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Our word for another system's status word. A word that differs only in its spelling is ours.
pub fn of_word(collection: Collection, theirs: &str) -> Option<&'static str> {
    use Collection::{ChargingSessions, Clients, Payments, Stations};
    let word = plain(theirs);
    if let Some(same) = super::words(collection).into_iter().find(|ours| plain(ours) == word) {
        return Some(same);
    }
    Some(match (collection, word.as_str()) {
        (Clients, "enabled" | "verified" | "ok") => "ACTIVE",
        (Clients, "disabled" | "deleted" | "closed") => "INACTIVE",
        (Clients, "suspended" | "banned") => "BLOCKED",
        (Clients, "new" | "unverified" | "invited") => "PENDING",
        (Stations, "free" | "idle" | "ready") => "AVAILABLE",
        (Stations, "occupied" | "inuse" | "busy" | "active" | "preparing" | "finishing") => "CHARGING",
        (Stations, "faulted" | "fault" | "error" | "broken" | "outofservice") => "OUTOFORDER",
        (Stations, "maintenance" | "unavailable" | "inactive" | "disabled") => "INOPERATIVE",
        (Stations, "disconnected" | "down") => "OFFLINE",
        (Stations, "connected" | "up") => "ONLINE",
        (Payments, "completed" | "complete" | "paid" | "succeeded" | "success" | "settled") => "CAPTURED",
        (Payments, "processing" | "created" | "open" | "unpaid") => "PENDING",
        (Payments, "authorised") => "AUTHORIZED",
        (Payments, "declined" | "error" | "rejected") => "FAILED",
        (Payments, "canceled" | "voided" | "expired") => "CANCELLED",
        (Payments, "chargeback") => "DISPUTED",
        (ChargingSessions, "charging" | "inprogress" | "started" | "running" | "ongoing") => "ACTIVE",
        (ChargingSessions, "complete" | "finished" | "ended" | "stopped" | "done") => "COMPLETED",
        (ChargingSessions, "failed" | "error" | "aborted" | "cancelled" | "canceled") => "INVALID",
        (ChargingSessions, "preparing" | "created" | "scheduled") => "PENDING",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::mapping::kind::names;

    /// A misspelt name of ours would silently suggest nothing.
    #[test]
    fn every_name_is_compared_as_it_is_written() {
        for collection in Collection::ALL {
            for ours in names(collection) {
                for theirs in collection.theirs(ours) {
                    assert_eq!(plain(theirs), *theirs, "{ours}");
                }
            }
        }
        assert_eq!(Collection::Payments.theirs("amount_minor")[0], "amount");
    }

    #[test]
    fn words_differ_in_writing_or_by_custom() {
        assert_eq!(of_word(Collection::Payments, "completed"), Some("CAPTURED"));
        assert_eq!(of_word(Collection::ChargingSessions, "Completed"), Some("COMPLETED"));
        assert_eq!(of_word(Collection::Stations, "out_of_order"), Some("OUTOFORDER"));
        assert_eq!(of_word(Collection::Payments, "odd"), None);
    }
}
