//! Blocking and unblocking a client. Only the status is written, in the operator's own word. The operator's systems
//! decide what a block stops.

use super::action::{Action, ActionMark, Before, Words};
use crate::{
    domain::{
        actions,
        collections::{Client, see},
        status::ClientStatus::{self, Active, Blocked, Inactive, Locked, Pending},
    },
    server::auth::rights::Right,
};

const MARKED: &str = "Blocked here";

pub static BLOCK: Action = Action {
    line: actions::BLOCK,
    right: Right::Admin,
    words: Words {
        title: "Block a client",
        question: "The client's status becomes BLOCKED in your database. Nothing else is written: your own systems decide \
                   what a blocked client may not do, and a session that runs goes on.",
        button: "Block",
        done: "The client is blocked.",
        marked: MARKED,
    },
    then: &UNBLOCK,
    mark: Some(ActionMark::Set),
    next: |before| match status(before)? {
        Pending | Active | Inactive | Locked => Ok(Blocked.code().to_owned()),
        Blocked => Err("The client is blocked already.".to_owned()),
        ClientStatus::Other(word) => {
            Err(format!("The client's status is “{word}”. Only a known status can be changed to BLOCKED."))
        }
    },
};

pub static UNBLOCK: Action = Action {
    line: actions::UNBLOCK,
    right: Right::Admin,
    words: Words {
        title: "Unblock a client",
        question: "The client's status becomes again what it was before, or ACTIVE if the client was not blocked here. \
                   Nothing else is written.",
        button: "Unblock",
        done: "The client is unblocked.",
        marked: MARKED,
    },
    then: &BLOCK,
    mark: Some(ActionMark::Take),
    next: |before| match status(before)? {
        Blocked => Ok(before.marked.clone().unwrap_or_else(|| Active.code().to_owned())),
        _ => Err("The client is not blocked.".to_owned()),
    },
};

fn status(before: &Before) -> Result<ClientStatus, String> {
    see::<Client>(&before.row).doc.status.ok_or_else(|| "The client has no status.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(action: &Action, status: Option<&str>, marked: Option<&str>) -> Result<String, String> {
        let row = status.map(|status| ("status".to_owned(), status.into())).into_iter().collect();
        (action.next)(&Before { row, marked: marked.map(str::to_owned) })
    }

    #[test]
    fn whoever_is_known_and_not_blocked_can_be_blocked() {
        for status in ["PENDING", "ACTIVE", "INACTIVE", "LOCKED"] {
            assert_eq!(next(&BLOCK, Some(status), None).as_deref(), Ok("BLOCKED"));
        }
        for status in [Some("BLOCKED"), Some("gone"), None] {
            assert!(next(&BLOCK, status, None).is_err(), "{status:?}");
        }
    }

    #[test]
    fn unblocking_leads_back_to_the_status_before() {
        assert_eq!(next(&UNBLOCK, Some("BLOCKED"), Some("LOCKED")).as_deref(), Ok("LOCKED"));
        assert_eq!(next(&UNBLOCK, Some("BLOCKED"), None).as_deref(), Ok("ACTIVE"), "blocked by another system");
        for status in ["PENDING", "ACTIVE", "INACTIVE", "LOCKED", "gone"] {
            assert!(next(&UNBLOCK, Some(status), Some("ACTIVE")).is_err(), "{status}");
        }
    }
}
