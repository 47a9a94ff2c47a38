//! Random histories of two relays on one log: batches, lost replies, pauses, restarts, and logs that roll back. Each
//! event gets one number, and always the same.

use proptest::{prelude::*, test_runner::TestRunner};

use super::sequencer::{NextAppend, Sequencer};
use crate::{
    domain::protocol::{
        log::{Effect, Entry},
        position::{ClusterTime, Epoch, Position, Seq},
    },
    guards::guarded,
    server::{
        mongo::watch::Event,
        redis::log::{Appended, Tail},
    },
};

#[derive(Clone, Copy, Debug)]
enum RelayStep {
    /// The relay begins at the log's end, as after a pause or a new lease.
    Begin(usize),
    /// It reads so many events of the stream.
    Read(usize, usize),
    /// The stream answers it that there are no more.
    Idle(usize),
    Append(usize),
    /// It appends, but the answer is lost.
    LoseReply(usize),
    /// Redis fails over to a replica that lacks the last entries.
    RollBack(usize),
}

fn step() -> impl Strategy<Value = RelayStep> {
    let relay = || 0..2_usize;
    prop_oneof![
        2 => relay().prop_map(RelayStep::Begin),
        6 => (relay(), 1..9_usize).prop_map(|(relay, most)| RelayStep::Read(relay, most)),
        1 => relay().prop_map(RelayStep::Idle),
        8 => relay().prop_map(RelayStep::Append),
        2 => relay().prop_map(RelayStep::LoseReply),
        1 => (1..3_usize).prop_map(RelayStep::RollBack),
    ]
}

/// The events of the stream, in transactions of several lengths; their tokens are their places.
fn stream() -> Vec<Event> {
    let mut events = Vec::new();
    for ct in 1..40_u64 {
        let length = if ct % 3 == 0 { ct % 7 + 1 } else { 1 };
        for _ in 0..length {
            events.push(Event::of_new_station(events.len() + 1, ClusterTime(ct), length > 1));
        }
    }
    events
}

/// The log as its script writes it, which is only after the expected entry.
struct Log(Vec<(Tail, Entry)>);

impl Log {
    fn tail(&self) -> &Tail {
        &self.0[self.0.len() - 1].0
    }

    fn append(&mut self, expected: &Tail, next: &NextAppend) -> Appended {
        if guarded!(CompareAndSet: self.tail() != expected, else false) {
            return Appended::Chain(Some(self.tail().clone()));
        }
        let tail = Tail { position: next.entry.position(), token: next.token.clone() };
        self.0.push((tail, next.entry.clone()));
        Appended::Done
    }

    /// Checks that the numbers are dense, and that each is of the event that the stream has at its place.
    fn check(&self) -> Result<(), TestCaseError> {
        let mut last = 0;
        for (_, entry) in &self.0 {
            prop_assert_eq!(entry.first.0, last + 1, "a number is missing, or given twice");
            for (record, number) in entry.records.iter().zip(entry.first.0..) {
                let Effect::Row(row) = &record.effect else { panic!("no row") };
                prop_assert_eq!(&row.id.0, &number.to_string(), "a number of another event");
            }
            last = entry.last.0;
        }
        Ok(())
    }
}

/// A relay, and how much of the stream it has read.
struct Relay {
    sequencer: Sequencer,
    read: usize,
}

impl Relay {
    fn begin(log: &Log) -> Self {
        let (tail, entry) = &log.0[log.0.len() - 1];
        let read = tail.token.parse().unwrap_or(0);
        Self { sequencer: Sequencer::after(tail.clone(), entry.closed), read }
    }

    fn read(&mut self, stream: &[Event], most: usize) {
        for event in stream[self.read..].iter().take(most) {
            self.sequencer.push(event.clone());
            self.read += 1;
        }
        if self.read == stream.len() {
            self.sequencer.idle();
        }
    }

    /// Appends what is ready, as the relay does. Without `replies` it does not learn the outcome.
    fn append(&mut self, log: &mut Log, replies: bool) {
        while let Some(next) = self.sequencer.next() {
            match log.append(self.sequencer.tail(), &next) {
                _ if !replies => return,
                Appended::Done => self.sequencer.appended(&next),
                Appended::Chain(Some(tail)) if self.sequencer.skip_to(&tail) => {}
                Appended::Chain(_) => {
                    *self = Self::begin(log);
                    return;
                }
            }
        }
    }
}

/// Runs `cases` histories. The first that ends wrong is the error.
pub fn run(cases: u32) -> Result<(), String> {
    let config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    let stream = stream();
    let run = TestRunner::new(config).run(&prop::collection::vec(step(), 1..80), |steps| {
        let start = Tail { position: Position::new(Epoch(1), Seq(0)), token: String::new() };
        let mut log = Log(vec![(start, Entry::opening(Epoch(1), ClusterTime(0), false))]);
        let mut relays = [Relay::begin(&log), Relay::begin(&log)];
        for step in steps {
            match step {
                RelayStep::Begin(i) => relays[i] = Relay::begin(&log),
                RelayStep::Read(i, most) => relays[i].read(&stream, most),
                RelayStep::Idle(i) => relays[i].read(&stream, 0),
                RelayStep::Append(i) => relays[i].append(&mut log, true),
                RelayStep::LoseReply(i) => relays[i].append(&mut log, false),
                RelayStep::RollBack(most) => log.0.truncate(log.0.len().saturating_sub(most).max(1)),
            }
            log.check()?;
        }
        relays[0].append(&mut log, true);
        relays[0].read(&stream, stream.len());
        relays[0].append(&mut log, true);
        let last = log.tail().position.seq;
        // If the last append made it begin anew, it has not read yet.
        if last.0 < stream.len() as u64 {
            relays[0] = Relay::begin(&log);
            relays[0].read(&stream, stream.len());
            relays[0].append(&mut log, true);
        }
        log.check()?;
        prop_assert_eq!(log.tail().position.seq, Seq(stream.len() as u64), "an event has no number");
        Ok(())
    });
    run.map_err(|error| error.to_string())
}

#[test]
fn each_event_gets_one_number_and_always_the_same() {
    assert_eq!(run(3000), Ok(()));
}
