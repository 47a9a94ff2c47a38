//! Figures equal a count of all documents, and the audit finds a lie in them.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn figures_by_change_equal_figures_counted_anew() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let sessions = network.collection(Collection::ChargingSessions);
    for n in 0..60_i64 {
        let status = ["ACTIVE", "COMPLETED", "INVALID", "odd"][usize::try_from(n % 4).unwrap()];
        let at = bson::DateTime::from_millis(1_700_000_000_000 + n * 60_000);
        sessions
            .insert_one(doc! {"_id": n, "status": status, "start_date_time": at, "end_date_time": at, "energy_wh": n, "power_w": n})
            .await
            .unwrap();
    }
    sessions
        .update_many(doc! {"_id": {"$lt": 30}}, doc! {"$set": {"status": "COMPLETED", "energy_wh": "wrong"}})
        .await
        .unwrap();
    sessions.delete_many(doc! {"_id": {"$mod": [7, 0]}}).await.unwrap();
    sessions.insert_one(doc! {"_id": 1000_i64, "status": "ACTIVE", "power_w": 5_i64}).await.unwrap();
    instance
        .until("the last insert", |hub| {
            overview(hub, "UTC").is_some_and(|o| o.fields["documents"]["charging_sessions"] == 52)
        })
        .await;
    let by_change = overview(&instance.hub, "UTC").unwrap().fields.clone();
    // An instance that starts now counts the documents.
    let (_, cells) = mongo::snapshot::cells(&network.mongo, |_, _, _| ()).await.unwrap();
    let at = hub::zones::viewpoint(&jiff::tz::TimeZone::UTC, instance.hub.now().unwrap(), 900).unwrap();
    let counted = serde_json::to_value(chargedeck::domain::figures::figures(&cells, &at)).unwrap();
    for (name, value) in counted.as_object().unwrap() {
        if !["energy_series", "energy_week_before"].contains(&name.as_str()) {
            assert_eq!(by_change.get(name), Some(value), "{name}");
        }
    }
    assert_eq!(counted["unreadable"]["charging_sessions"], 25);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_of_the_networks_own_currency_stand_first() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let payments = network.collection(Collection::Payments);
    for (id, currency) in [(1, "CHF"), (2, "EUR"), (3, "GBP"), (4, "USD")] {
        let payment = doc! {"_id": id, "status": "PENDING", "amount_minor": 100_i64, "currency": currency};
        payments.insert_one(payment).await.unwrap();
    }
    instance.until("all four", |hub| open(hub).is_some_and(|open| open.amounts.len() == 4)).await;
    let open = open(&instance.hub).unwrap();
    let currencies: Vec<_> = open.amounts.iter().map(|amount| amount.currency.0.as_str()).collect();
    assert_eq!(currencies, ["GBP", "CHF", "EUR", "USD"]);
    instance.stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_moves_with_what_counts_in_it_and_with_nothing_else() {
    let network = Network::new().await;
    let sessions = network.collection(Collection::ChargingSessions);
    let ended = |id: i32, minutes_ago: i64, wh: i64| {
        let end = bson::DateTime::from_millis(bson::DateTime::now().timestamp_millis() - minutes_ago * 60_000);
        doc! {"_id": id, "status": "COMPLETED", "start_date_time": end, "end_date_time": end, "energy_wh": wh}
    };
    const WEEK_MIN: i64 = 7 * 24 * 60;
    sessions.insert_many([ended(1, 1, 500), ended(2, WEEK_MIN + 1, 7000), ended(3, 4 * WEEK_MIN, 9)]).await.unwrap();
    let instance = network.instance(true);
    instance.ready().await;
    let board: Board = "analytics?last=7d&by=day&against=before&zone=Europe/London"
        .parse::<Topic>()
        .map(|topic| match topic {
            Topic::Board(board) => board,
            Topic::Collection(_) => panic!("no collection"),
        })
        .unwrap();
    let energy = |fields: &Fields| {
        [analytics::pieces_of(fields), analytics::earlier_of(fields)].map(|pieces| analytics::total(&pieces).energy)
    };
    let before = instance.hub.board_of_now(&board).await;
    assert_eq!(energy(&before.fields), [Some(500), Some(7000)]);
    sessions.insert_one(ended(4, 2, 30)).await.unwrap();
    let more = |fields: &Fields| energy(fields) == [Some(530), Some(7000)];
    let after = instance.until_made("another session in the period", &board, more).await;
    let changed = chargedeck::domain::protocol::log::changed_fields(&before.fields, &after.fields);
    assert!(changed.len() <= 2, "the piece and the hours of the week, of {} values: {changed:?}", after.fields.len());
    // A change that counts in no period causes no computation.
    let head = instance.hub.head();
    let silent = doc! {"_id": 1, "name": "Quay", "last_heartbeat_at": bson::DateTime::now(), "evses": [{"uid": "1"}]};
    network.collection(Collection::Stations).insert_one(silent).await.unwrap();
    instance.until("the station", |hub| hub.head() > head).await;
    assert!(Arc::ptr_eq(&after, &instance.hub.board(&board).unwrap()));
    sessions.delete_many(doc! {"_id": {"$in": [1, 4]}}).await.unwrap();
    instance.until_made("their deletion", &board, |fields| energy(fields) == [Some(0), Some(7000)]).await;
    instance.stop.cancel();
}

#[tokio::test]
async fn an_audit_during_writes_finds_nothing_and_a_lie_in_the_log_is_found_told_and_mended() {
    let network = Network::new().await;
    let instance = network.instance(true);
    instance.ready().await;
    let clients = network.collection(Collection::Clients);
    let writing = tokio::spawn({
        let clients = clients.clone();
        async move {
            for n in 0..400 {
                clients.insert_one(client(n)).await.unwrap();
                clients.update_one(doc! {"_id": n - 3}, doc! {"$set": {"status": "BLOCKED"}}).await.unwrap();
                clients.delete_one(doc! {"name": format!("Client {}", n / 2)}).await.unwrap();
            }
        }
    });
    let mut audits = 0;
    while !writing.is_finished() {
        assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal);
        audits += 1;
    }
    writing.await.unwrap();
    assert!(audits > 0);
    assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal, "also at rest");

    // Without writes MongoDB's clock stands still for ten seconds, and the audits wait for it. So write something all
    // the time.
    let eco = network.collection(Collection::EcoStats);
    let _ticking = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        for n in 0.. {
            ticks.tick().await;
            eco.insert_one(doc! {"_id": n}).await.unwrap();
        }
    }));
    let (log, lie) = (Log::new(network.redis.clone()), Cell::Documents(Collection::Clients));
    let truth = instance.hub.cell(&lie).unwrap();
    loop {
        let (tail, last) = log.last().await.unwrap().unwrap();
        let seq = tail.position.seq.next();
        let effect = Effect::Row(RowChange {
            id: DocId("nobody".to_owned()),
            after: None,
            changed: None,
            before: Fields::new(),
            cells: Some(vec![(lie.clone(), 5)].into()),
            unknown: false,
            read: None,
        });
        let ct = last.unwrap().ct;
        let record = Record { collection: Collection::Clients, ct, at: ct.instant(), effect };
        let epoch = tail.position.epoch;
        let entry = Entry {
            epoch,
            first: seq,
            last: seq,
            ct,
            closed: seq,
            gap: false,
            restored: false,
            records: vec![record.into()],
        };
        if log.append(Some(&tail), &entry, &tail.token).await.unwrap() == Appended::Done {
            break;
        }
    }
    instance.until("the lie", |hub| hub.cell(&lie) == Some(truth + 5)).await;
    let differences =
        || metrics().audits.read().iter().filter(|([outcome], _)| outcome == "different").map(|(_, n)| *n).sum();
    let before: u64 = differences();
    let found = audit::once(&instance.hub, &network.mongo).await.unwrap();
    assert_eq!(found, Verdict::Different(vec![(lie.clone(), truth + 5, truth)]));
    assert_eq!(differences(), before + 1);
    assert_eq!(instance.hub.cell(&lie), Some(truth), "counted anew");
    assert_eq!(audit::once(&instance.hub, &network.mongo).await.unwrap(), Verdict::Equal);
}
