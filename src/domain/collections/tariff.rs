//! `tariffs`: what charging costs, as OCPI has it.

use super::table::table;

table! {
    Tariff by Newest(start_date_time) {
        tariff_id: Id "Tariff" theirs("id", "uuid", "number");
        /// AD_HOC_PAYMENT, PROFILE_CHEAP, PROFILE_FAST, PROFILE_GREEN or REGULAR
        tariff_type: Text "Type" theirs("type", "kind");
        currency: Currency "Currency" theirs("currencycode");
        elements: Count "Prices" theirs("prices", "rates");
        start_date_time: Date "From" theirs("validfrom", "startedat", "starttime", "start");
        end_date_time: Date "Until" theirs("validuntil", "endedat", "endtime", "end");
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
    }
}
