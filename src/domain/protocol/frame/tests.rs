use proptest::prelude::*;

use super::*;
use crate::domain::{
    board::Board,
    collections::Collection,
    ids::DocId,
    protocol::position::{Epoch, Seq},
};

fn delta() -> Delta {
    let set: Fields = serde_json::from_value(json!({"name": "@t01763805000000000000@"})).unwrap();
    let at = |seq| Position::new(Epoch(1_763_805_000_000), Seq(seq));
    Delta {
        topic: Topic::Collection(Collection::Stations),
        from: at(1_000_000),
        to: at(1_000_001),
        ct: ClusterTime::new(1_763_805_000, 1),
        changes: vec![Change { id: DocId("5b9a5a5a5a5a5a5a5a5a5a5a".into()), op: Op::Patch(set, vec![]) }],
        more: false,
    }
}

#[test]
fn the_public_form_is_as_documented() {
    assert_eq!(
        Frame::Delta(delta()).json(),
        json!({
            "type": "station_update", "from": "1763805000000-1000000",
            "to": "1763805000000-1000001", "ct": "6921874800000001",
            "changes": [{"id": "5b9a5a5a5a5a5a5a5a5a5a5a", "patch": {"name": "@t01763805000000000000@"}}],
        })
    );
    let board = Topic::Board(Board::System);
    assert_eq!(Frame::Delta(Delta { topic: board.clone(), ..delta() }).json()["topic"], json!(board));
}

#[test]
fn every_frame_reads_back_from_the_compact_form() {
    let at = Position::new(Epoch(1), Seq(2));
    let topic = || Topic::Board(Board::Overview("Europe/London".to_owned()));
    let row: Fields = serde_json::from_value(json!({"a": [null, 1.5, -3, {"b": true}], "c": u64::MAX})).unwrap();
    let change = |op| Change { id: DocId("x".into()), op };
    let many = Delta {
        changes: vec![change(Op::Put(row.clone())), change(Op::Patch(row, vec!["d".into()])), change(Op::Delete)],
        more: true,
        ..delta()
    };
    for frame in [
        Frame::Welcome(Welcome { protocol: PROTOCOL }),
        Frame::Subscribed(Subscribed { rid: 7, topic: topic(), head: at }),
        Frame::Delta(delta()),
        Frame::Delta(many),
        Frame::Reset(Reset { topic: topic(), min_position: at, reason: "epoch".into(), retry_ms: 500 }),
        Frame::Ping(Ping { n: 1, lag_ms: 2, checked_ms: u32::MAX }),
        Frame::Unfollowed(Unfollowed { topics: vec![Collection::Stations] }),
        Frame::Error(Refusal { rid: 1, code: "a".into(), message: "b".into() }),
        Frame::Bye(Bye { code: 4009, retry_ms: 1 }),
    ] {
        assert_eq!(Frame::read(&frame.compact().unwrap()).unwrap(), frame);
    }
}

#[test]
fn a_refusal_that_passes_says_when_to_ask_again() {
    let refused = |code: &str| Frame::Error(Refusal { rid: 1, code: code.into(), message: "b".into() }).json();
    assert_eq!(refused(TOO_MANY_BOARDS)["retry_ms"], 5000);
    assert_eq!(refused("unknown_topic"), json!({"type": "error", "rid": 1, "code": "unknown_topic", "message": "b"}));
}

#[test]
fn a_small_change_is_a_small_frame() {
    // The replaced stack sends 644 bytes for such an update.
    let text = Frame::Delta(delta()).compact().unwrap();
    assert!(text.len() * 4 <= 644, "{} bytes: {text}", text.len());
}

#[test]
fn a_client_may_leave_out_what_it_does_not_need() {
    let message: ClientMessage =
        serde_json::from_str(r#"{"type":"subscribe","topics":["stations"],"more":1}"#).unwrap();
    let ClientMessage::Subscribe { rid: 0, topics, positions } = message else { panic!() };
    assert_eq!((topics.len(), positions.len()), (1, 0));
}

/// A frame of the compact form, with any numbers and texts.
fn written() -> impl Strategy<Value = String> {
    let position = || ("[0-9]{1,21}", "[0-9]{1,21}").prop_map(|(epoch, seq)| format!("{epoch}-{seq}"));
    let topic = prop::sample::select(vec!["clients", "activity?of=all", "overview?zone=UTC", "analytics?", "none"]);
    (0..8_u8, any::<u32>(), any::<u64>(), position(), topic, ".{0,12}").prop_map(|(kind, n, steps, at, topic, text)| {
        let frame = match kind {
            0 => json!({"Welcome": [n]}),
            1 => json!({"Subscribed": [n, topic, at]}),
            2 => json!({"d": [topic, at, steps, format!("{steps:016x}"), [["a"], ["b", {"c": text}], ["d", {}, [text]]]]}),
            3 => json!({"Reset": [topic, at, text, n]}),
            4 => json!({"Ping": [n, n, n]}),
            5 => json!({"Unfollowed": [[topic]]}),
            6 => json!({"Error": [n, text, text]}),
            _ => json!({"Bye": [n, n]}),
        };
        frame.to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever comes is a frame, which is written as it was read, or refused.
    #[test]
    fn any_text_is_a_frame_or_refused(
        text in written(), at in any::<prop::sample::Index>(), odd in prop::option::of(any::<char>()), cut: bool
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        match odd {
            Some(odd) => chars[at] = odd,
            None if cut => chars.truncate(at),
            None => {}
        }
        let text: String = chars.into_iter().collect();
        if let Ok(frame) = Frame::read(&text) {
            prop_assert_eq!(Frame::read(&frame.compact().unwrap()).unwrap(), frame.clone());
            prop_assert!(frame.json().is_object());
        }
        drop(serde_json::from_str::<ClientMessage>(&text));
    }
}
