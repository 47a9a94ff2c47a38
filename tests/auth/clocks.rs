//! Clocks that are wrong and jump (F17): the program's own and MongoDB's.

use chargedeck::web::pages::PAGES;
use mongodb::bson::{DateTime, doc};

use crate::{
    app::until,
    http::{get, metrics},
    program::{Program, SERVE, UP},
    support::{Clock, Mongod, fresh_name},
};

/// Lets a clock jump back and forth. Whatever it says, changes are shown, each page loads, and no metric is negative.
/// `off` returns by how much the clock is wrong for the process that uses it.
async fn jumps(clock: &Clock, program: &Program, off: impl AsyncFn() -> jiff::SignedDuration) {
    let (port, cookie) = (program.port(), program.enter().await);
    // Changes before that are not events.
    let open = "the change stream is open";
    until(UP, open, || async { program.server.log().contains(open) }).await;
    for (offset, minutes) in [("+5m", 5), ("-5m", -5), ("+5m", 5), ("-60m", -60), ("+0", 0)] {
        clock.set(offset);
        let is_so = || async { off().await.as_secs().abs_diff(minutes * 60) < 10 };
        until(UP, "the other clock", is_so).await;
        let name = format!("Clock {offset} {}", fresh_name("of"));
        program.db.collection("clients").insert_one(doc! { "name": &name }).await.unwrap();
        let shown = || async { get(port, "/", &cookie).await.is_ok_and(|page| page.body.contains(&name)) };
        until(UP, "the change on the Overview", shown).await;
        for (path, ..) in PAGES {
            assert_eq!(get(port, path, &cookie).await.unwrap().status, 200, "{path} at {offset}");
        }
        program.enter().await;
        let metrics = metrics(port).await.unwrap().body;
        let negative = metrics.lines().find(|line| line.rsplit(' ').next().is_some_and(|value| value.starts_with('-')));
        assert_eq!(negative, None, "at {offset}");
    }
    let log = program.server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(log.matches("a new epoch begins").count(), 1, "{log}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_and_jumps_changes_no_answer() {
    let clock = Clock::new();
    clock.set("+5m");
    let program = Program::start(&clock.environment()).await;
    let told_at = async || {
        get(program.port(), "/healthz", "").await.unwrap();
        let log = program.server.log();
        let stamp = log.lines().last().and_then(|line| line.split(' ').next()).unwrap().to_owned();
        stamp.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{stamp}: {error}"))
    };
    jumps(&clock, &program, async || told_at().await.duration_since(jiff::Timestamp::now())).await;
}

#[tokio::test]
async fn mongodbs_clock_may_be_wrong_and_jump() {
    let clock = Clock::new();
    let mongod = Mongod::with_clock(&clock).await;
    let program = Program::of(&mongod, &[], SERVE).await;
    program.ready().await;
    let off = async || {
        // A jump may end a connection.
        let Ok(hello) = program.db.run_command(doc! { "hello": 1 }).await else { return jiff::SignedDuration::MAX };
        let ms = hello.get_datetime("localTime").unwrap().timestamp_millis() - DateTime::now().timestamp_millis();
        jiff::SignedDuration::from_millis(ms)
    };
    jumps(&clock, &program, off).await;
}
