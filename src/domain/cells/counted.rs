//! What one document adds to the cells, and what a change to it adds.

use super::{Bucket, Cell, Cells};
use crate::domain::{
    collections::{Client, Collection, Payment, Session, Station, see, table::Entity, unreadable},
    fields::Fields,
    money::Money,
    quality::Delivered,
    status::{ClientStatus, Connection, EvseStatus, SessionStatus},
    time::UtcMs,
};

/// What a change from `before` to `after` adds.
pub fn delta(collection: Collection, before: Option<&Fields>, after: Option<&Fields>) -> Cells {
    let mut cells = after.map_or_else(Cells::default, |row| contributions(collection, row));
    if let Some(row) = before {
        for (cell, n) in contributions(collection, row).iter() {
            cells.add(cell.clone(), n.wrapping_neg());
        }
    }
    cells
}

/// What one document adds to the figures. No other place decides this.
///
/// Documents may hold any texts, so not every text has cells of its own. An unknown status has one only where a figure
/// names it, and as [`EvseStatus::counted`] says. A currency has some only if it is a code. Why words have no bound in
/// number stands in docs/security.md.
pub fn contributions(collection: Collection, row: &Fields) -> Cells {
    match collection {
        Collection::Clients => counted(collection, row, client),
        Collection::Stations => counted(collection, row, station),
        Collection::Payments => counted(collection, row, payment),
        Collection::ChargingSessions => counted(collection, row, session),
        Collection::EcoStats => listed(collection, unreadable(collection, row).is_empty()),
    }
}

fn counted<T: Entity>(collection: Collection, row: &Fields, count: fn(&mut Cells, &T)) -> Cells {
    let seen = see::<T>(row);
    let mut cells = listed(collection, seen.unreadable.is_empty());
    count(&mut cells, &seen.doc);
    cells
}

/// What a document of any collection adds.
fn listed(collection: Collection, is_readable: bool) -> Cells {
    let mut cells = Cells::default();
    cells.add(Cell::Documents(collection), 1);
    if !is_readable {
        cells.add(Cell::Unreadable(collection), 1);
    }
    cells
}

fn client(cells: &mut Cells, client: &Client) {
    if let Some(status) = client.status.as_ref().filter(|status| ClientStatus::KNOWN.contains(status)) {
        cells.add(Cell::Clients(status.clone()), 1);
    }
}

fn station(cells: &mut Cells, station: &Station) {
    let removed_s = station.removed_at.map(UtcMs::seconds);
    for evse in &station.evses {
        cells.add(
            Cell::Evses {
                status: evse.status.as_ref().map_or(EvseStatus::Unknown, EvseStatus::counted),
                offline: station.connection == Some(Connection::Offline),
                heartbeat_s: station.last_heartbeat_at.map(UtcMs::seconds),
                removed_s,
            },
            1,
        );
        match evse.max_electric_power {
            _ if evse.status == Some(EvseStatus::Removed) => {}
            Some(power) => cells.add(Cell::InstalledPower(removed_s), power.0),
            None => cells.add(Cell::WithoutRating(removed_s), 1),
        }
    }
}

fn session(cells: &mut Cells, session: &Session) {
    if let Some(status) = session.status.as_ref().filter(|status| SessionStatus::KNOWN.contains(status)) {
        cells.add(Cell::Sessions(status.clone()), 1);
    }
    if let Some(at) = session.start_date_time {
        cells.add(Cell::Started(Bucket::of(at)), 1);
    }
    match (&session.status, session.end_date_time) {
        (Some(SessionStatus::Active), _) => {
            match session.power_w {
                Some(power) => cells.add(Cell::LivePower, power.0),
                None => cells.add(Cell::WithoutPower, 1),
            }
            if let Some(at) = session.start_date_time {
                cells.add(Cell::ActiveSince(Bucket::of(at)), 1);
            }
        }
        (Some(SessionStatus::Completed), Some(at)) => completed(cells, session, Bucket::of(at)),
        _ => {}
    }
}

fn completed(cells: &mut Cells, session: &Session, at: Bucket) {
    cells.add(Cell::Completed(at), 1);
    match session.delivered() {
        Delivered::Unknown => cells.add(Cell::WithoutEnergy(at), 1),
        Delivered::Impossible => cells.add(Cell::LeftOut(at), 1),
        Delivered::Doubtful(energy) => {
            cells.add(Cell::Doubtful(at), 1);
            cells.add(Cell::Energy(at), energy.0);
        }
        Delivered::Likely(energy) => cells.add(Cell::Energy(at), energy.0),
    }
}

fn payment(cells: &mut Cells, payment: &Payment) {
    let Some(status) = &payment.status else { return };
    if let Some(at) = payment.captured_at.filter(|_| status.is_revenue()) {
        captured(cells, payment, Bucket::of(at));
    }
    if status.is_open() {
        cells.add(Cell::Open, 1);
        match payment.amount().filter(|amount| amount.currency.is_code()) {
            Some(amount) => cells.add(Cell::OpenAmount(amount.currency), amount.minor),
            None => cells.add(Cell::OpenWithoutAmount, 1),
        }
    }
    if let Some(at) = payment.created_at {
        cells.add(Cell::Payments(Bucket::of(at), status.counted()), 1);
    }
}

fn captured(cells: &mut Cells, payment: &Payment, at: Bucket) {
    cells.add(Cell::Captured(at), 1);
    cells.add(Cell::Derived(at), i64::from(payment.derived));
    let Some(Money { minor, currency }) = payment.revenue() else { return cells.add(Cell::WithoutAmount(at), 1) };
    cells.add(Cell::WithAmount(at, currency.clone()), 1);
    cells.add(Cell::Refunded(at, currency.clone()), payment.refunded_minor.unwrap_or(0));
    if let Some(fee) = payment.fee_minor {
        cells.add(Cell::Fees(at, currency.clone()), fee);
    } else {
        cells.add(Cell::WithoutFee(at, currency.clone()), 1);
        cells.add(Cell::RevenueWithoutFee(at, currency.clone()), minor);
    }
    cells.add(Cell::Revenue(at, currency, payment.derived), minor);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::status::PaymentStatus;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn row() -> impl Strategy<Value = Fields> {
        let value = prop_oneof![
            prop::sample::select(vec![
                "ACTIVE",
                "COMPLETED",
                "CAPTURED",
                "FAILED",
                "PENDING",
                "EUR",
                "GBP",
                "odd",
                "EURO",
                "order 4711"
            ])
            .prop_map(|s| json!(s)),
            (1_500_000_000_i64..1_500_100_000).prop_map(|s| json!(UtcMs::from_seconds(s).to_string())),
            (-5_i64..50).prop_map(|n| json!(n)),
            any::<i64>().prop_map(|n| json!(n)),
            Just(json!([{"status": "AVAILABLE"}, {"status": "REMOVED", "connectors": [{"max_electric_power": 7}]}])),
            Just(Value::Null),
        ];
        let name = prop::sample::select(vec![
            "status",
            "start_date_time",
            "end_date_time",
            "energy_wh",
            "power_w",
            "currency",
            "captured_minor",
            "captured_at",
            "amount_minor",
            "created_at",
            "fee_minor",
            "refunded_minor",
            "removed_at",
            "evses",
        ]);
        prop::collection::btree_map(name.prop_map(str::to_owned), value, 0..8)
    }

    /// Each document holds another text. The cells are few nevertheless, and count all documents.
    #[test]
    fn however_many_texts_there_are_they_make_few_cells() {
        const DOCUMENTS: i64 = 3000;
        let at = UtcMs::parse("2018-06-15T12:00:00Z").unwrap();
        let mut cells = Cells::default();
        for n in 0..DOCUMENTS {
            let text = format!("text {n:04}");
            for (collection, row) in [
                (Collection::Clients, json!({"status": text})),
                (Collection::ChargingSessions, json!({"status": text})),
                (Collection::Stations, json!({"evses": [{"status": text}]})),
                (Collection::Payments, json!({"status": text, "created_at": at.to_string()})),
                (Collection::Payments, json!({"status": "PENDING", "amount_minor": 5, "currency": text})),
                (
                    Collection::Payments,
                    json!({"status": "CAPTURED", "captured_at": at.to_string(), "captured_minor": 5, "currency": text}),
                ),
            ] {
                cells.merge(&contributions(collection, &serde_json::from_value(row).unwrap()));
            }
        }
        let count = |cell: &Cell| cells.get(cell);
        assert_eq!(count(&Cell::WithoutAmount(Bucket::of(at))), DOCUMENTS);
        assert_eq!(count(&Cell::OpenWithoutAmount), DOCUMENTS);
        let rest = PaymentStatus::from("…".to_owned());
        assert_eq!(count(&Cell::Payments(Bucket::of(at), rest)), DOCUMENTS);
        let few = cells.iter().count();
        assert!(few <= 16, "{few} cells");
    }

    #[test]
    fn a_word_of_its_own_costs_no_more_cells_than_a_known_status() {
        let at = "2018-06-15T12:00:00Z";
        let cells = |of: Collection, row: serde_json::Value| {
            contributions(of, &serde_json::from_value(row).unwrap()).iter().count()
        };
        let payment = |status: &str| {
            cells(
                Collection::Payments,
                json!({"status": status, "created_at": at, "captured_at": at, "captured_minor": 5, "refunded_minor": 1, "currency": "GBP"}),
            )
        };
        let station = |a: &str, b: &str| {
            let evse = |status: &str| json!({"status": status, "connectors": [{"max_electric_power": 7}]});
            cells(Collection::Stations, json!({"last_heartbeat_at": at, "evses": [evse(a), evse(b)]}))
        };
        assert_eq!((payment("CAPTURED"), payment("odd one")), (8, 2), "documents, and one of the status");
        assert_eq!(station("AVAILABLE", "CHARGING"), station("odd one", "odder one"));
    }

    proptest! {
        #[test]
        fn changes_applied_equal_documents_folded(
            history in prop::collection::vec((0..4_u8, prop::option::of(row())), 0..40),
            collection in prop::sample::select(Collection::ALL.to_vec()),
        ) {
            let mut rows: BTreeMap<u8, Fields> = BTreeMap::new();
            let mut by_change = Cells::default();
            for (id, after) in history {
                let before = rows.get(&id).cloned();
                by_change.merge(&delta(collection, before.as_ref(), after.as_ref()));
                match after {
                    Some(row) => drop(rows.insert(id, row)),
                    None => drop(rows.remove(&id)),
                }
            }
            let mut folded = Cells::default();
            rows.values().for_each(|row| folded.merge(&contributions(collection, row)));
            let of_any = |cell: &Cell| matches!(cell, Cell::Documents(_) | Cell::Unreadable(_));
            prop_assert!(collection.is_counted() || folded.iter().all(|(cell, _)| of_any(cell)), "figures count {}", collection);
            prop_assert_eq!(by_change, folded);
        }
    }
}
