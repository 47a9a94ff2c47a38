//! How sessions end: with their last values, in `eco_stats`, and with a bill.

use mongodb::bson::doc;

use super::{DocumentWrite, Running, World, WriteOperation, payments::Bill};
use crate::{
    domain::{
        collections::Collection,
        money::{Watt, Wh},
        quality::{self, Facts},
        status::SessionStatus,
    },
    server::ops::ingest::{date, ledger::Ledger, put},
};

/// How a session ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Left,
    Fault { error_code: &'static str, stop_reason: &'static str },
}

impl World {
    /// Ends a session: writes its last values, its figures in `eco_stats`, and its bill. The caller sets the EVSE.
    pub(super) fn finish(&mut self, number: i64, ending: Ending) {
        let Some(session) = self.running.remove(&number) else { return };
        if let Some(driver) = session.driver {
            self.drivers[driver].busy = false;
        }
        self.stations[session.at.station].evses[session.at.evse].session = None;
        let energy = Wh(session.energy_wh(self.now));
        // A fault before anything flowed leaves nothing to bill; later ones are ordinary ends with an error.
        let status = match ending {
            Ending::Fault { .. } if energy.0 < 500 => SessionStatus::Invalid,
            _ => SessionStatus::Completed,
        };
        let bill = (status == SessionStatus::Completed).then(|| self.bill(&session, energy)).flatten();
        self.write_end(&session, energy, &status, ending, bill.as_ref());
        if status == SessionStatus::Completed {
            for write in count(&mut self.ledger, self.now, energy) {
                self.credit -= 1;
                self.writes.push(write);
            }
        }
        if let Some(bill) = bill {
            self.charge_for(&session, bill);
        }
    }

    fn write_end(
        &mut self,
        session: &Running,
        energy: Wh,
        status: &SessionStatus,
        ending: Ending,
        bill: Option<&Bill>,
    ) {
        let (stop_reason, error_code) = match ending {
            Ending::Left => (*self.pick(&["EVDisconnected", "EVDisconnected", "Local", "Remote", "StoppedByEV"]), None),
            Ending::Fault { error_code, stop_reason } => (stop_reason, Some(error_code)),
        };
        let charging_ended = self.now.min(session.until.max(session.from));
        let connected_s = (self.now - session.start) / 1000;
        let quality = quality::flags(&Facts {
            connected_s: Some(connected_s),
            energy: Some(energy),
            rated: Some(Watt(self.evse(session.at).rated_w())),
            has_station: true,
            ..Facts::default()
        });
        let mut fields = doc! {
            "status": status.code(),
            "charging_state": "Idle",
            "charging_ended_at": date(charging_ended),
            "end_date_time": date(self.now),
            "meter_stop_wh": session.meter_start_wh + energy.0,
            "energy_wh": energy.0,
            "power_w": 0_i64,
            "total_time_s": connected_s,
            "total_parking_time_s": (self.now - charging_ended) / 1000,
            "stop_reason": stop_reason,
            "quality": quality,
        };
        put(&mut fields, "soc_end", session.soc(self.now));
        put(&mut fields, "error_code", error_code);
        if let Some(bill) = bill {
            fields.extend(doc! {
                "cost_excl_vat_minor": bill.cost.excl_vat,
                "cost_incl_vat_minor": bill.cost.incl_vat,
                "payment_id": &bill.payment_id,
            });
        }
        self.set(Collection::ChargingSessions, session.id.clone(), fields);
    }
}

/// Adds a session that ended at `end` to its day, its month and the total. Returns the writes for that.
pub fn count(ledger: &mut Ledger, end: i64, energy: Wh) -> Vec<DocumentWrite> {
    let mut writes = Vec::new();
    for key in ledger.add(end, energy) {
        let known = ledger.bucket(&key).and_then(|bucket| bucket.id.clone());
        let (id, change) = if let Some(id) = known {
            (id, ledger.changing(&key).map(WriteOperation::Set))
        } else {
            let document = ledger.document(&key);
            let id = document.as_ref().and_then(|d| d.get("_id").cloned()).unwrap_or_default();
            (id, document.map(WriteOperation::Insert))
        };
        if let Some(bucket) = ledger.bucket(&key) {
            bucket.id = Some(id.clone());
        }
        writes.extend(change.map(|change| DocumentWrite { collection: Collection::EcoStats, id, change }));
    }
    writes
}
