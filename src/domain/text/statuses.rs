//! Words for the codes in documents. An unknown code is shown as it is, because the operator knows it better than we
//! do.

use std::borrow::Cow;

use super::displayable;
use crate::domain::{
    collections::Collection,
    status::{ChargingState, ClientStatus, Connection, EvseStatus, PaymentStatus, SessionStatus},
};

type Word = Cow<'static, str>;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($code:literal = $word:literal,)* }) => {
        $(#[$doc])*
        pub fn $name(code: &str) -> Word {
            match code {
                $($code => Cow::Borrowed($word),)*
                other => displayable(Cow::Owned(other.to_owned())),
            }
        }
    };
}

macro_rules! status_words {
    ($name:ident($status:ident) { $($code:literal = $word:literal,)* }) => {
        pub fn $name(status: &$status) -> Word {
            match status.code() {
                $($code => Cow::Borrowed($word),)*
                other => displayable(Cow::Owned(other.to_owned())),
            }
        }
    };
}

status_words! {
    evse_status(EvseStatus) {
        "AVAILABLE" = "Available",
        "CHARGING" = "Charging",
        "RESERVED" = "Reserved",
        "BLOCKED" = "Blocked",
        "PLANNED" = "Planned",
        "OUTOFORDER" = "Out of order",
        "INOPERATIVE" = "Inoperative",
        "UNKNOWN" = "Unknown",
        "REMOVED" = "Removed",
        "…" = "Other",
    }
}

status_words! {
    session_status(SessionStatus) {
        "PENDING" = "Pending",
        "RESERVATION" = "Reservation",
        "ACTIVE" = "Active",
        "COMPLETED" = "Completed",
        "INVALID" = "Invalid",
    }
}

status_words! {
    charging_state(ChargingState) {
        "Charging" = "charging",
        "EVConnected" = "car connected",
        "SuspendedEV" = "suspended by car",
        "SuspendedEVSE" = "suspended by station",
        "Idle" = "idle",
    }
}

status_words! {
    payment_status(PaymentStatus) {
        "PENDING" = "Pending",
        "AUTHORIZED" = "Authorized",
        "CAPTURED" = "Captured",
        "PARTIALLY_REFUNDED" = "Partly refunded",
        "REFUNDED" = "Refunded",
        "DISPUTED" = "Disputed",
        "FAILED" = "Failed",
        "CANCELLED" = "Cancelled",
        "…" = "Other",
    }
}

status_words! {
    client_status(ClientStatus) {
        "ACTIVE" = "Active",
        "PENDING" = "Pending",
        "INACTIVE" = "Inactive",
        "BLOCKED" = "Blocked",
        "LOCKED" = "Locked",
    }
}

status_words! {
    connection(Connection) {
        "ONLINE" = "Online",
        "OFFLINE" = "Offline",
        "UNKNOWN" = "Unknown",
    }
}

words! {
    client_type {
        "PRIVATE" = "Private",
        "BUSINESS" = "Business",
        "FLEET" = "Fleet",
        "ROAMING" = "Roaming",
    }
}

words! {
    /// How a payment is made.
    method {
        "CARD" = "Card",
        "WALLET" = "Wallet",
        "APP" = "App",
        "RFID_ACCOUNT" = "RFID account",
        "INVOICE" = "Invoice",
        "TERMINAL" = "Terminal",
        "ROAMING" = "Roaming",
        "FREE" = "Free",
    }
}

words! {
    /// Why a payment failed.
    failure {
        "card_declined" = "card declined",
        "CARD_DECLINED" = "card declined",
        "declined" = "declined",
        "DECLINED" = "declined",
        "expired_card" = "card expired",
        "card_expired" = "card expired",
        "CARD_EXPIRED" = "card expired",
        "EXPIRED_CARD" = "card expired",
        "insufficient_funds" = "insufficient funds",
        "issuer_unavailable" = "bank did not answer",
        "INSUFFICIENT_FUNDS" = "insufficient funds",
        "authentication_required" = "authentication required",
        "AUTHENTICATION_REQUIRED" = "authentication required",
        "processing_error" = "processing error",
        "PROCESSING_ERROR" = "processing error",
        "timeout" = "timed out",
        "TIMEOUT" = "timed out",
    }
}

words! {
    /// What is unusual about a session.
    quality {
        "SHORT" = "under 1 min",
        "LONG" = "unusually long",
        "LOW" = "under 0.5 kWh",
        "EXCESS" = "over 250 kWh",
        "CHARGE_GT_SESSION" = "charged longer than connected",
        "POWER_GT_RATING" = "above rated power",
        "ZERO" = "no energy",
        "NO_STATION" = "station not known",
        "NEGATIVE" = "negative energy",
        "REVERSED" = "ends before it starts",
        "NO_DATE" = "date before 2000",
        "AHEAD" = "in the future",
        "TOO_FAST" = "over 550 kW on average",
        "NOT_IN_SOURCE" = "no longer in the source",
    }
}

words! {
    /// OCPP 2.0.1 reasons for which a transaction stopped, and 1.6's own.
    stop_reason {
        "DeAuthorized" = "authorization withdrawn",
        "EmergencyStop" = "emergency stop",
        "EnergyLimitReached" = "energy limit reached",
        "EVDisconnected" = "car disconnected",
        "GroundFault" = "ground fault",
        "HardReset" = "hard reset",
        "ImmediateReset" = "reset",
        "Local" = "stopped at the station",
        "LocalOutOfCredit" = "out of credit",
        "MasterPass" = "stopped by staff",
        "Other" = "other",
        "OvercurrentFault" = "overcurrent",
        "PowerLoss" = "power loss",
        "PowerQuality" = "power quality",
        "Reboot" = "reboot",
        "Remote" = "stopped remotely",
        "SoftReset" = "soft reset",
        "SOCLimitReached" = "battery limit reached",
        "StoppedByEV" = "stopped by car",
        "TimeLimitReached" = "time limit reached",
        "Timeout" = "timed out",
        "UnlockCommand" = "unlocked",
    }
}

words! {
    /// OCPP 1.6 error codes.
    error_code {
        "ConnectorLockFailure" = "connector lock failure",
        "EVCommunicationError" = "no communication with car",
        "GroundFailure" = "ground failure",
        "HighTemperature" = "high temperature",
        "InternalError" = "internal error",
        "LocalListConflict" = "local list conflict",
        "NoError" = "no error",
        "OtherError" = "other error",
        "OverCurrentFailure" = "overcurrent",
        "OverVoltage" = "overvoltage",
        "PowerMeterFailure" = "power meter failure",
        "PowerSwitchFailure" = "power switch failure",
        "ReaderFailure" = "card reader failure",
        "ResetFailure" = "reset failure",
        "UnderVoltage" = "undervoltage",
        "WeakSignal" = "weak signal",
    }
}

words! {
    /// Length of an environmental period.
    granularity {
        "DAY" = "Day",
        "MONTH" = "Month",
        "TOTAL" = "Total",
    }
}

words! {
    /// What an environmental figure covers.
    scope {
        "NETWORK" = "Network",
        "STATION" = "Station",
        "CLIENT" = "Client",
    }
}

/// The word for a status of the collection's documents; for stations, of their EVSEs.
pub fn status(collection: Collection, code: &str) -> Cow<'static, str> {
    let code = code.to_owned();
    match collection {
        Collection::Clients => client_status(&code.into()),
        Collection::Stations => evse_status(&code.into()),
        Collection::Payments => payment_status(&code.into()),
        Collection::ChargingSessions => session_status(&code.into()),
        Collection::EcoStats => code.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_status_has_a_word_of_its_own() {
        fn worded<S>(known: &[S], word: fn(&S) -> Word, code: fn(&S) -> &str) {
            for status in known {
                assert_ne!(word(status), code(status), "a word, not the code");
            }
            let words: std::collections::BTreeSet<_> = known.iter().map(word).collect();
            assert_eq!(words.len(), known.len());
        }
        worded(EvseStatus::KNOWN, evse_status, EvseStatus::code);
        worded(SessionStatus::KNOWN, session_status, SessionStatus::code);
        worded(ChargingState::KNOWN, charging_state, ChargingState::code);
        worded(PaymentStatus::KNOWN, payment_status, PaymentStatus::code);
        worded(ClientStatus::KNOWN, client_status, ClientStatus::code);
        worded(Connection::KNOWN, connection, Connection::code);
    }

    #[test]
    fn every_status_that_can_be_selected_has_a_word() {
        for collection in Collection::ALL {
            for code in collection.codes() {
                assert_ne!(status(collection, code), code, "{collection}");
            }
        }
    }

    #[test]
    fn unknown_codes_stand_as_they_are() {
        assert_eq!(payment_status(&PaymentStatus::from("settled?".to_owned())), "settled?");
        assert_eq!(quality("MADE_UP"), "MADE_UP");
    }
}
