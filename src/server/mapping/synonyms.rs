//! What others call our fields and our status words. Names are compared without case, `_`, `-` and dots.

use crate::domain::ids::Collection;

/// A name as it is compared: `startedAt`, `started_at` and `started.at` are one.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Other names of a field of ours, the likeliest first.
pub fn of_field(collection: Collection, ours: &str) -> &'static [&'static str] {
    use Collection::{ChargingSessions, Clients, EcoStats, Payments, Stations};
    match (collection, ours) {
        (Clients, "client_id") => &["userid", "customerid", "driverid", "accountid", "id", "uuid", "number"],
        (Clients, "name") => &["fullname", "displayname", "username"],
        (Clients, "client_type") => &["type", "accounttype", "customertype", "segment"],
        (Clients, "last_session_at") => &["lastsession", "lastchargeat", "lastcharge"],
        (Stations, "station_id") => &["chargerid", "chargepointid", "chargeboxid", "stationcode", "code", "id", "uuid"],
        (Stations, "name") => &["stationname", "title", "label", "displayname"],
        (Stations, "max_electric_power") => &["maxpower", "maxpowerkw", "powerkw", "ratedpower", "capacitykw", "power"],
        (Stations, "last_heartbeat_at") => &["lastheartbeat", "heartbeatat", "heartbeat", "lastseen", "lastseenat"],
        (Stations, "model") => &["chargermodel"],
        (Payments, "payment_id") => &["transactionid", "txid", "chargeid", "id", "uuid", "reference", "number"],
        (Payments, "amount_minor") => &["amount", "amountcents", "total", "totalamount", "price", "cost", "value"],
        (Payments, "refunded_minor") => &["refundedamount", "amountrefunded", "refunded", "refund"],
        (Payments, "captured_at") => &["paidat", "completedat", "settledat", "processedat"],
        (Payments, "method") => &["paymentmethod", "paymenttype", "type"],
        (Payments, "provider") => &["gateway", "psp", "processor"],
        (Payments, "failure_code") => &["errorcode", "failurereason", "error"],
        (Payments, "failure_message") => &["errormessage", "message"],
        (Payments, "card_last4") => &["last4"],
        (ChargingSessions, "session_id") => &["transactionid", "id", "uuid", "number"],
        (ChargingSessions, "start_date_time") => &["startedat", "starttime", "startdate", "start", "beganat", "begin"],
        (ChargingSessions, "end_date_time") => {
            &["endedat", "endtime", "enddate", "stoppedat", "stoptime", "finishedat", "completedat", "end", "stop"]
        }
        (ChargingSessions | EcoStats, "energy_wh") => &[
            "energykwh",
            "kwh",
            "energydeliveredkwh",
            "energydelivered",
            "energy",
            "totalenergy",
            "energyconsumed",
            "kwhdelivered",
        ],
        (ChargingSessions, "power_w") => &["powerkw", "currentpowerkw", "currentpower", "power", "kw"],
        (ChargingSessions, "soc_end") => &["soc", "batterylevel", "stateofcharge"],
        (ChargingSessions, "cost_incl_vat_minor") => &["cost", "totalcost", "price", "amount", "total"],
        (ChargingSessions, "stop_reason") => &["endreason", "reason"],
        (EcoStats, "co2_avoided_g") => &["co2savedkg", "co2saved", "co2avoided", "co2avoidedkg", "co2", "carbonsaved"],
        (EcoStats, "petrol_ml") => &["petrolsaved", "fuelsaved", "petrollitres", "petrol"],
        (EcoStats, "trees_10y") => &["trees", "treesplanted", "treeequivalent", "treesequivalent"],
        (EcoStats, "session_count") => &["sessions", "totalsessions", "sessionscount"],
        (EcoStats, "period_start") => &["date", "day", "timestamp", "period"],
        (EcoStats, "local_date") => &["day", "date"],
        (_, "client_id") => &["userid", "customerid", "driverid", "accountid", "user", "customer"],
        (_, "station_id") => &["chargerid", "chargepointid", "chargeboxid", "station", "charger"],
        (_, "session_id") => &["chargingsessionid", "session"],
        (_, "payment_id") => &["transactionid", "payment"],
        (_, "created_at") => &["created", "timestamp", "date", "registeredat", "joinedat"],
        (_, "last_updated") => &["updatedat", "modifiedat", "lastmodified", "updated"],
        (_, "currency") => &["currencycode"],
        (_, "status") => &["state"],
        (_, "email") => &["mail", "emailaddress"],
        (_, "company") => &["companyname", "organisation", "organization"],
        (_, "address") => &["streetaddress", "street"],
        (_, "city") => &["town"],
        _ => &[],
    }
}

/// Our word for a status word of others; the word itself where it differs in its writing only.
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

    /// A misspelt name of ours would suggest nothing, in silence.
    #[test]
    fn every_name_is_compared_as_it_is_written() {
        for collection in Collection::ALL {
            for ours in names(collection) {
                for theirs in of_field(collection, ours) {
                    assert_eq!(plain(theirs), *theirs, "{ours}");
                }
            }
        }
        assert_eq!(of_field(Collection::Payments, "amount_minor")[0], "amount");
    }

    #[test]
    fn words_differ_in_writing_or_by_custom() {
        assert_eq!(of_word(Collection::Payments, "completed"), Some("CAPTURED"));
        assert_eq!(of_word(Collection::ChargingSessions, "Completed"), Some("COMPLETED"));
        assert_eq!(of_word(Collection::Stations, "out_of_order"), Some("OUTOFORDER"));
        assert_eq!(of_word(Collection::Payments, "odd"), None);
    }
}
