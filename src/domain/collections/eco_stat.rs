//! `eco_stats`: what driving on the energy of a period's sessions saved. Its figures follow every finished session,
//! so a change to them is not an event, because it would report the session twice.

use super::table::table;

table! {
    EcoStat by Newest(period_start) {
        /// DAY, MONTH or TOTAL
        granularity: Text "Granularity";
        /// NETWORK, STATION or CLIENT
        scope: Text "Scope";
        scope_id: Id;
        /// `YYYY-MM-DD`, local to `time_zone`
        local_date: Text "Period" theirs("day", "date");
        time_zone: Text;
        period_start: Date theirs("date", "day", "timestamp", "period");
        session_count: Number "Sessions" [Routine] theirs("sessions", "totalsessions", "sessionscount");
        energy_wh: Energy "Energy" [Routine]
            theirs("energykwh", "kwh", "energydeliveredkwh", "energydelivered", "energy", "totalenergy", "energyconsumed",
                "kwhdelivered");
        /// May be negative.
        co2_avoided_g: Mass "CO₂ avoided" [Routine]
            theirs("co2savedkg", "co2saved", "co2avoided", "co2avoidedkg", "co2", "carbonsaved");
        petrol_ml: Volume "Petrol saved" [Routine] theirs("petrolsaved", "fuelsaved", "petrollitres", "petrol");
        km_electric_m: Distance "Distance" [Routine];
        trees_10y: Float "Trees, 10 years" [Routine]
            theirs("trees", "treesplanted", "treeequivalent", "treesequivalent");
        factor_set: Within(factors, set) "Factors";
        last_updated: Date [Routine] theirs("updatedat", "modifiedat", "lastmodified", "updated");
    }
    unread {
        co2_grid_g: Mass;
        co2_ice_g: Mass;
        computed_at: Date;
        source: Document;
    }
}
