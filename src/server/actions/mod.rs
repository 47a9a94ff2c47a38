//! What admins do to the operator's documents. An [`Action`](action::Action) is a value: the right that it needs, the
//! change of status, and the wording. One place (`perform.rs`) writes every action: once, with its audit entry, in
//! the operator's own names and words. One place (`routes.rs`) has its page and its URL.
//!
//! What a new action takes stands in `docs/contributing.md`.

mod action;
mod attempt;
mod block;
mod outlook;
mod perform;
mod routes;
mod view;
mod write;

pub use perform::Actions;
pub use routes::routes;

use self::action::Action;
use crate::domain::actions;

/// What each line of the table does.
pub static ALL: [&Action; actions::ALL.len()] = [&block::BLOCK, &block::UNBLOCK];

#[cfg(test)]
mod tests {
    use super::{action::Before, *};

    #[test]
    fn each_action_can_be_done_from_the_statuses_of_its_line_and_from_no_other() {
        for (action, line) in ALL.into_iter().zip(actions::ALL) {
            assert_eq!(action.line, line);
            for code in line.of.codes() {
                let row = [("status".to_owned(), code.into())].into();
                let next = (action.next)(&Before { row, marked: None });
                assert_eq!(next.is_ok(), line.from.contains(&code), "{} {code}: {next:?}", line.name);
            }
        }
    }
}
