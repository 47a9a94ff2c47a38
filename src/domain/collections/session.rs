//! `charging_sessions`: what was charged, where, when, and by whom.

use super::table::table;
use crate::domain::status::{ChargingState, SessionStatus};

table! {
    Session by Newest(start_date_time) {
        session_id: Id "Session" [Reported] theirs("transactionid", "id", "uuid", "number");
        client_id: Id "Client" [Reported] theirs("userid", "customerid", "driverid", "accountid", "user", "customer");
        station_id: Id "Station" [Reported] theirs("chargerid", "chargepointid", "chargeboxid", "station", "charger");
        evse_uid: Id;
        status: Status(SessionStatus) "Status" [Reported] theirs("state");
        charging_state: Status(ChargingState);
        start_date_time: Date "Started" [Reported]
            theirs("startedat", "starttime", "startdate", "start", "beganat", "begin");
        charging_ended_at: Date [Reported];
        end_date_time: Date "Time" [Reported]
            theirs("endedat", "endtime", "enddate", "stoppedat", "stoptime", "finishedat", "completedat", "end", "stop");
        energy_wh: Energy "Energy" [Routine, Reported]
            theirs("energykwh", "kwh", "energydeliveredkwh", "energydelivered", "energy", "totalenergy", "energyconsumed",
                "kwhdelivered");
        power_w: Power "Power" [Routine] theirs("powerkw", "currentpowerkw", "currentpower", "power", "kw");
        soc_end: Number [Routine] theirs("soc", "batterylevel", "stateofcharge");
        stop_reason: Text theirs("endreason", "reason");
        error_code: Text;
        currency: Currency theirs("currencycode");
        cost_incl_vat_minor: Money "Cost" [Routine] theirs("cost", "totalcost", "price", "amount", "total");
        payment_id: Id "Payment" [Reported] theirs("transactionid", "payment");
        time_zone: Text;
        quality: Texts "Notes" [Reported];
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
    }
    unread {
        connector_id: Id;
        token: Document;
        auth_method: Text;
        meter_start_wh: Energy;
        meter_stop_wh: Energy;
        max_power_w: Power;
        soc_start: Number;
        total_time_s: Duration;
        total_parking_time_s: Duration;
        tariff_id: Id;
        cost_excl_vat_minor: Money;
        source: Document;
    }
}
