//! Which boards an account looks at, over all its sockets. They are limited, because each is rebuilt at every change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{domain::board::Board, server::auth::user::UserId};

/// Most different boards that one account may look at; a page looks at two or three.
const EACH: usize = 24;

/// The looks of all accounts; clones share them.
#[derive(Clone, Default)]
pub struct LookedAt(Arc<Mutex<HashMap<UserId, HashMap<Board, usize>>>>);

/// One look at a board; ends when dropped.
pub struct Look {
    all: LookedAt,
    user: UserId,
    board: Board,
}

impl LookedAt {
    /// Takes a look at a board, unless it would be one more than the account may look at.
    pub fn look(&self, user: UserId, board: &Board) -> Option<Look> {
        let mut all = self.lock();
        let own = all.entry(user).or_default();
        if own.len() >= EACH && !own.contains_key(board) {
            return None;
        }
        *own.entry(board.clone()).or_default() += 1;
        Some(Look { all: self.clone(), user, board: board.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, HashMap<Board, usize>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    pub const fn board(&self) -> &Board {
        &self.board
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(own) = all.get_mut(&self.user) else { return };
        if let Some(looks) = own.get_mut(&self.board) {
            *looks -= 1;
            if *looks == 0 {
                own.remove(&self.board);
            }
        }
        if own.is_empty() {
            all.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_looks_at_so_many_different_boards() {
        let all = LookedAt::default();
        let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
        let overview = |n: usize| Board::Overview(n.to_string());
        let mut looks: Vec<Look> = (0..EACH).map(|n| all.look(ada, &overview(n)).unwrap()).collect();
        assert!(all.look(ada, &overview(EACH)).is_none());
        let again = all.look(ada, &overview(0)).expect("another page with the same");
        assert!(all.look(bob, &overview(EACH)).is_some(), "each for themselves");
        drop(looks.remove(0));
        assert!(all.look(ada, &overview(EACH)).is_none(), "the other page still looks at it");
        drop(again);
        assert!(all.look(ada, &overview(EACH)).is_some());
        drop(looks);
        assert!(all.lock().is_empty(), "nobody is remembered who looks at none");
    }
}
