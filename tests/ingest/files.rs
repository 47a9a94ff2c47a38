//! What imports make of files: second ones, corrected ones, full exports and odd rows; and what the terminal shows of
//! it.
//!
//! Long, because each test writes out the file that it imports.

use std::{fmt::Write, path::PathBuf, process::Command};

use tempfile::TempDir;

use super::*;

/// A preset and files of its own.
pub struct ImportFolder {
    pub folder: TempDir,
    pub db: Database,
    uri: String,
}

impl ImportFolder {
    pub async fn new() -> Self {
        let mongod = support::mongod().await;
        Self { folder: tempfile::tempdir().unwrap(), db: mongod.fresh_db().await, uri: mongod.uri() }
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    async fn import(&self, preset: &str, text: &str) -> ImportReport {
        self.import_as(preset, text, ImportArgs::default()).await
    }

    async fn import_as(&self, preset: &str, text: &str, how: ImportArgs) -> ImportReport {
        let (preset, source) = (self.file("own.toml", preset), self.file("own.csv", text));
        let args = ImportArgs { preset: Some(preset.display().to_string()), source: Some(source), ..how };
        let report = import::run(&self.db, &args).await.unwrap();
        println!("{report}");
        report
    }

    async fn starts(&self) -> Vec<String> {
        let sessions = find(&self.db, Collection::ChargingSessions, doc! {}).await;
        sessions.iter().map(|s| s.get_datetime("start_date_time").unwrap().try_to_rfc3339_string().unwrap()).collect()
    }

    /// Returns how many daily buckets there are, and the number of sessions in them.
    async fn days(&self) -> (usize, i64) {
        let days = find(&self.db, Collection::EcoStats, doc! { "granularity": "DAY" }).await;
        (days.len(), days.iter().map(|day| day.get_i64("session_count").unwrap()).sum())
    }

    /// Returns the captured amount of all payments.
    async fn revenue(&self) -> i64 {
        let payments = find(&self.db, Collection::Payments, doc! { "status": "CAPTURED" }).await;
        payments.iter().map(|payment| payment.get_i64("captured_minor").unwrap()).sum()
    }
}

fn preset(format: &str, rest: &str) -> String {
    format!(
        "dataset = \"own\"\n\
         [network]\nname = \"Own\"\ncountry = \"USA\"\ncountry_code = \"US\"\ntime_zone = \"America/New_York\"\ncurrency = \"USD\"\n\
         [columns]\nsession = \"uid\"\nstation = \"evse\"\n\
         start = {{ date = \"start\", date_format = \"{format}\" }}\nend = {{ date = \"end\", date_format = \"{format}\" }}\n\
         energy = {{ column = \"kwh\", unit = \"kWh\" }}\n\
         {rest}\n\
         [eco]\nset = \"owid-2024\"\n"
    )
}

const ISO: &str = "%Y-%m-%d %H:%M";
const TARIFF: &str = "[tariff]\nid = \"t\"\nper_kwh = \"0.20\"\nmethod = \"APP\"";

#[tokio::test]
async fn a_corrected_mapping_corrects_dates_payments_and_buckets() {
    let place = ImportFolder::new().await;
    let rows = "uid,evse,start,end,kwh\n\
        1,E1,03/04/2026 10:00,03/04/2026 11:00,5\n\
        2,E1,03/14/2026 10:00,03/14/2026 11:00,5\n\
        3,E1,12/01/2026 10:00,12/01/2026 11:00,5\n\
        4,E1,12/31/2025 10:00,12/31/2025 11:00,5\n";
    let wrong = place.import(&preset("%d/%m/%Y %H:%M", TARIFF), rows).await;
    assert_eq!(wrong.refused.count(), 2, "14 and 31 are not months");
    let right = place.import(&preset("%m/%d/%Y %H:%M", TARIFF), rows).await;
    let sessions = right.collections["charging_sessions"];
    assert_eq!((sessions.added, sessions.corrected, sessions.kept, right.refused.count()), (2, 2, 0, 0));
    let days = ["2026-03-04T15", "2026-03-14T14", "2026-12-01T15", "2025-12-31T15"];
    assert_eq!(place.starts().await, days.map(|day| format!("{day}:00:00Z")));
    assert_eq!(place.days().await, (4, 4), "a day without a session has no bucket");
    let captured = find(&place.db, Collection::Payments, doc! {}).await;
    let captured: Vec<_> =
        captured.iter().map(|p| p.get_datetime("captured_at").unwrap().try_to_rfc3339_string().unwrap()).collect();
    assert_eq!(
        captured,
        ["2026-03-04T16", "2026-03-14T15", "2026-12-01T16", "2025-12-31T16"].map(|h| format!("{h}:00:00Z"))
    );
    eco_agrees_with_sessions(&place.db).await;
    let writes = writes_ever(&place.db).await;
    place.import(&preset("%m/%d/%Y %H:%M", TARIFF), rows).await;
    assert_eq!(writes_ever(&place.db).await, writes);
}

const V1: &str = "uid,evse,start,end,kwh\n\
    a,S,2025-05-05 08:00,2025-05-05 09:00,10\n\
    b,S,2025-05-05 08:00,2025-05-05 09:00,20\n\
    b2,T,2025-05-06 08:00,2025-05-06 09:00,20\n\
    c,S,2025-05-05 10:00,2025-05-05 11:00,30\n";
const V2: &str = "uid,evse,start,end,kwh\n\
    a,S,2025-05-05 08:00,2025-05-05 09:00,11\n\
    c,S,2025-05-05 10:00,2025-05-05 11:00,0\n\
    d,S,2025-05-05 1O:00,2025-05-05 11:00,1\n";

#[tokio::test]
async fn a_full_export_marks_or_removes_what_it_does_not_hold() {
    let full = || ImportArgs { full: true, ..ImportArgs::default() };
    for (gone, left) in [("mark", 5), ("remove", 3)] {
        let place = ImportFolder::new().await;
        let preset = preset(ISO, &format!("{TARIFF}\n[file]\ngone = \"{gone}\""));
        // This session is not in the source, but it does not come from it either.
        let theirs =
            doc! { "_id": "own:x", "session_id": "x", "status": "COMPLETED", "source": { "dataset": "other" } };
        all(&place.db, Collection::ChargingSessions).insert_one(theirs).await.unwrap();
        let first = V1.to_owned() + "d,S,2025-05-05 12:00,2025-05-05 13:00,5\n";
        place.import(&preset, &first).await;
        let report = place.import_as(&preset, V2, full()).await;
        assert_eq!(report.collections["charging_sessions"].gone, 2);
        assert_eq!(report.refused.count(), 1, "d cannot be read, but it is in the source");
        let sessions = find(&place.db, Collection::ChargingSessions, doc! { "source.dataset": "own" }).await;
        assert_eq!(sessions.len(), left);
        let b = find(&place.db, Collection::ChargingSessions, doc! { "session_id": "b" }).await;
        for b in b {
            assert_eq!(b.get_str("status").unwrap(), "INVALID");
            assert!(b.get_array("quality").unwrap().contains(&"NOT_IN_SOURCE".into()), "{b}");
        }
        assert_eq!(place.revenue().await, 220 + 100);
        eco_agrees_with_sessions(&place.db).await;
        assert_eq!(place.days().await, (1, 3), "a, c and d");
        let stations = by(&place.db, Collection::Stations, "station_id").await;
        assert_eq!(
            stations.contains_key("T"),
            gone == "mark",
            "a station without any session was derived from nothing"
        );
        assert_eq!(find(&place.db, Collection::ChargingSessions, doc! { "_id": "own:x" }).await.len(), 1);

        let writes = writes_ever(&place.db).await;
        place.import_as(&preset, V2, full()).await;
        assert_eq!(writes_ever(&place.db).await, writes, "a full export again is quiet");
        let back = place.import(&preset, &first).await;
        assert_eq!(back.collections["charging_sessions"].kept, 0);
        assert_eq!(place.revenue().await, 200 + 400 + 400 + 600 + 100, "what is told again is there again");
        assert_eq!(place.days().await, (2, 5));
    }
}

#[tokio::test]
async fn what_became_another_datasets_since_it_was_found_is_not_removed() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let place = ImportFolder { folder: tempfile::tempdir().unwrap(), db: mongod.fresh_db().await, uri: mongod.uri() };
    let preset = preset(ISO, &format!("{TARIFF}\n[file]\ngone = \"remove\""));
    place.import(&preset, V1).await;
    let admin = place.db.client().database("admin");
    let namespace = format!("{}.charging_sessions", place.db.name());
    let held =
        doc! { "failCommands": ["delete"], "namespace": namespace, "blockConnection": true, "blockTimeMS": 3000 };
    let hold = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": held };
    let entered = admin.run_command(hold).await.unwrap().get_i32("count").unwrap() + 1;
    let meanwhile = async {
        let wait = doc! { "waitForFailPoint": "failCommand", "timesEntered": i64::from(entered), "maxTimeMS": 30_000 };
        admin.run_command(wait).await.unwrap();
        let theirs = doc! { "$set": { "source.dataset": "other" } };
        all(&place.db, Collection::ChargingSessions).update_one(doc! { "session_id": "b" }, theirs).await.unwrap();
    };
    let full = ImportArgs { full: true, ..ImportArgs::default() };
    let (report, ()) = tokio::join!(place.import_as(&preset, V2, full), meanwhile);
    assert_eq!(report.collections["charging_sessions"].gone, 1, "b2 alone");
    assert_eq!(find(&place.db, Collection::ChargingSessions, doc! { "session_id": "b" }).await.len(), 1);
}

#[tokio::test]
async fn an_addition_takes_nothing_away() {
    let place = ImportFolder::new().await;
    place.import(&preset(ISO, TARIFF), V1).await;
    place.import(&preset(ISO, TARIFF), V2).await;
    let statuses = by(&place.db, Collection::ChargingSessions, "status").await;
    assert_eq!(statuses, [("COMPLETED".to_owned(), 4)].into());
    assert_eq!(place.revenue().await, 220 + 400 + 400, "only c has no payment any more");
    // The preset says `full`, but the command line overrides it.
    let full = preset(ISO, &format!("{TARIFF}\n[file]\nholds = \"full\"\ngone = \"remove\""));
    let report = place.import_as(&full, V2, ImportArgs { add: true, ..ImportArgs::default() }).await;
    assert_eq!((report.full, report.total().gone), (false, 0));
    assert_eq!(place.import(&full, V2).await.collections["charging_sessions"].gone, 2);
}

#[tokio::test]
async fn a_full_export_takes_nothing_away_where_it_is_not_sure() {
    let full = || ImportArgs { full: true, ..ImportArgs::default() };
    let place = ImportFolder::new().await;
    place.import(&preset(ISO, TARIFF), V1).await;
    let blocked = doc! { "$set": { "status": "DISPUTED" }, "$currentDate": { "last_updated": true } };
    all(&place.db, Collection::Payments).update_one(doc! { "_id": "own:P-b" }, blocked).await.unwrap();
    let (header, _) = V1.split_once('\n').unwrap();
    for unsure in [format!("{header}\n"), format!("{header}\n,S,2025-05-05 08:00,2025-05-05 09:00,10\n")] {
        let report = place.import_as(&preset(ISO, TARIFF), &unsure, full()).await;
        assert!(report.total().gone == 0 && report.notes[0].contains("no session is taken as gone"), "{report}");
    }
    let report = place.import_as(&preset(ISO, TARIFF), V2, full()).await;
    assert_eq!(report.collections["payments"].kept, 1, "someone else changed the payment of b");
    let disputed = find(&place.db, Collection::Payments, doc! { "_id": "own:P-b" }).await;
    assert_eq!(disputed[0].get_i64("captured_minor").unwrap(), 400);
}

#[tokio::test]
async fn a_cost_of_zero_is_known_and_an_odd_one_is_not() {
    let rows = "uid,evse,start,end,kwh,cost\n\
        free,E1,2026-07-30 10:00,2026-07-30 11:00,6.5,0\n\
        free2,E1,2026-07-30 10:00,2026-07-30 11:00,6.5,0.00\n\
        unknown,E1,2026-07-30 12:00,2026-07-30 13:00,6.5,\n\
        paid,E1,2026-07-30 14:00,2026-07-30 15:00,6.5,2.647\n\
        refund,E1,2026-07-30 16:00,2026-07-30 17:00,6.5,-2.65\n\
        dollar,E1,2026-07-30 16:00,2026-07-30 17:00,6.5,$2.65\n";
    for (rest, payments) in [("", &["paid"][..]), ("[rows]\npayment_of_zero = true", &["free", "free2", "paid"])] {
        let place = ImportFolder::new().await;
        let report = place.import(&preset(ISO, &format!("cost = \"cost\"\n{rest}")), rows).await;
        assert_eq!((report.refused.count(), report.doubtful.count()), (0, 2));
        let sessions = find(&place.db, Collection::ChargingSessions, doc! {}).await;
        let costs: BTreeMap<_, _> = sessions
            .iter()
            .map(|s| (s.get_str("session_id").unwrap(), s.get_i64("cost_incl_vat_minor").ok()))
            .collect();
        let known = [("free", Some(0)), ("free2", Some(0)), ("paid", Some(265))];
        let unknown = ["unknown", "refund", "dollar"].map(|id| (id, None));
        assert_eq!(costs, known.into_iter().chain(unknown).collect());
        let paid = find(&place.db, Collection::Payments, doc! {}).await;
        let paid: Vec<_> = paid.iter().map(|p| p.get_str("session_id").unwrap()).collect();
        assert_eq!(paid, payments);
    }
}

#[tokio::test]
async fn memory_does_not_grow_with_the_file() {
    let place = ImportFolder::new().await;
    let rows = |count: u32| {
        let mut rows = "uid,evse,start,end,kwh\n".to_owned();
        for n in 0..count {
            writeln!(rows, "{n},E{},2026-07-30 10:00,2026-07-30 11:00,1", n % 7).unwrap();
        }
        rows
    };
    let (few, many) =
        (place.import(&preset(ISO, ""), &rows(2000)).await, place.import(&preset(ISO, ""), &rows(9000)).await);
    assert_eq!((few.rows_read, many.rows_read), (2000, 9000));
    assert!(many.most_rows_held > 0 && many.most_rows_held == few.most_rows_held, "{}", many.most_rows_held);
    assert_eq!(place.days().await, (1, 9000));
}

/// Runs the program as an operator does. Returns its exit code, what the terminal shows, and the error output.
fn program(place: &ImportFolder, arguments: &[&str]) -> (i32, String, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_chargedeck"));
    program.current_dir(place.folder.path()).args(arguments).env("MONGODB_DB", place.db.name());
    let output = program
        .envs([("MONGODB_URI", place.uri.as_str()), ("CHARGEDECK_DB", &format!("{}_app", place.db.name()))])
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .envs([("CHARGEDECK_TIME_ZONE", "UTC"), ("CHARGEDECK_CURRENCY", "USD")])
        .output()
        .unwrap();
    let [printed, errors] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), printed, errors)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_shows_what_was_done_and_the_exit_code_whether_rows_were_refused() {
    let place = ImportFolder::new().await;
    place.file("own.toml", &preset(ISO, ""));
    let header = "uid;evse;start;end;kwh\n";
    let row = |id: &str, kwh: &str| format!("{id};E1;2026-07-30 10:00;2026-07-30 11:00;{kwh}\n");
    place.file("good.csv", &format!("{header}{}{}", row("a", ".5"), row("b", "5E-4")));
    place.file("bad.csv", &format!("{header}{}", row("e", "3.2 kWh")));
    let import =
        |file: &str, more: &[&str]| program(&place, &[&["import", "--preset", "own.toml", file][..], more].concat());
    let (code, printed, errors) = import("good.csv", &[]);
    assert!(code == 0 && printed.contains("2 rows read, 0 refused"), "{code} {printed} {errors}");
    let (code, printed, _) = import("bad.csv", &["--remarks", "remarks.jsonl"]);
    assert_eq!(code, 3, "{printed}");
    assert!(
        printed.contains("1 rows read, 1 refused") && printed.contains("line 2, kwh: `3.2 kWh` is not a number"),
        "{printed}"
    );
    let remark: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(place.folder.path().join("remarks.jsonl")).unwrap()).unwrap();
    assert_eq!((&remark["is"], &remark["line"], &remark["column"]), (&"refused".into(), &2.into(), &"kwh".into()));
    assert_eq!(import("bad.csv", &["--allow-refused"]).0, 0);
    let (code, printed, _) = program(&place, &["import", "--print-preset", "boulder"]);
    assert!(code == 0 && printed.contains("[columns]") && printed.contains("Denver"), "{code} {printed}");
    assert_eq!(program(&place, &["import", "--print-preset", "nowhere"]).0, 1);
    let (code, printed, _) = program(&place, &["seed", "--demo-anyway"]);
    assert!(code == 0 && printed.contains("Seeded: ") && printed.contains(" stations"), "{code} {printed}");
}

#[tokio::test]
async fn an_import_that_is_stopped_says_what_it_did_and_goes_on_when_it_is_repeated() {
    let mongod = support::Mongod::start_with(&["--setParameter", "enableTestCommands=1"]).await;
    let place = ImportFolder { folder: tempfile::tempdir().unwrap(), db: mongod.fresh_db().await, uri: mongod.uri() };
    // MongoDB fails as clients are derived from sessions.
    let fails = doc! { "failCommands": ["aggregate"], "errorCode": 292 };
    let fail = doc! { "configureFailPoint": "failCommand", "mode": { "times": 1 }, "data": fails };
    place.db.client().database("admin").run_command(fail).await.unwrap();
    let (preset, file) = (
        preset(ISO, "client = \"who\""),
        "uid,evse,start,end,kwh,who\n1,A,2018-06-01 10:00,2018-06-01 11:00,7.5,Ada\n",
    );
    let report = place.import(&preset, file).await;
    assert!(report.stopped.as_ref().is_some_and(|error| error.contains("292")), "{:?}", report.stopped);
    assert_eq!(report.collections["charging_sessions"].added, 1);
    assert!(report.to_string().contains("The same command again makes good for it"));
    assert_eq!(place.days().await, (0, 0));
    let report = place.import(&preset, file).await;
    assert_eq!((report.stopped, report.collections["charging_sessions"].unchanged), (None, 1));
    assert_eq!(place.days().await, (1, 1));
}

#[tokio::test]
async fn a_second_file_adds_to_what_is_derived_from_the_first() {
    let (place, preset) = (ImportFolder::new().await, preset(ISO, "client = \"who\""));
    let june = "uid,evse,start,end,kwh,who\n1,A,2018-06-01 10:00,2018-06-01 11:00,7.5,Ada\n2,B,2018-06-02 10:00,2018-06-02 11:00,5,Ada\n";
    let july = "uid,evse,start,end,kwh,who\n3,A,2018-07-01 10:00,2018-07-01 11:00,2.5,Ada\n4,C,2018-07-01 12:00,2018-07-01 13:00,1,Ben\n";
    for file in [june, july] {
        place.import_as(&preset, file, ImportArgs { add: true, ..ImportArgs::default() }).await;
    }
    let total = &find(&place.db, Collection::EcoStats, doc! { "granularity": "TOTAL" }).await[0];
    assert_eq!((total.get_i64("session_count").unwrap(), total.get_i64("energy_wh").unwrap()), (4, 16_000));
    assert_eq!(place.days().await, (3, 4));
    let stations = find(&place.db, Collection::Stations, doc! {}).await;
    assert_eq!(stations.iter().map(|s| s.get_str("station_id").unwrap()).collect::<Vec<_>>(), ["A", "B", "C"]);
    assert_eq!(stations.iter().map(|s| evses(s).len()).collect::<Vec<_>>(), [1, 1, 1]);
    let ada = &find(&place.db, Collection::Clients, doc! { "client_id": "Ada" }).await[0];
    let day = |field: &str| ada.get_datetime(field).unwrap().try_to_rfc3339_string().unwrap();
    assert_eq!([day("created_at"), day("last_session_at")], ["2018-06-01T14:00:00Z", "2018-07-01T14:00:00Z"]);
}
