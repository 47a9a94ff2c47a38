//! Which boards an account looks at, over all its sockets. They are limited, because each is rebuilt at every change.
//! Boards of figures are made in the account's turn, so they take up a quarter of one processor at most. Only one
//! Overview of each account is made in rounds, so that an account that looks at many zones holds up nobody. Boards are
//! not charged to a budget. Otherwise changes that others make would use up the budget of a page that stays open.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    domain::board::Board,
    server::{auth::user::UserId, hub::Hub, pace::Turns},
};

/// Most different boards that one account may look at; a page looks at two or three.
const EACH: usize = 24;

/// The looks of all accounts; clones share them.
#[derive(Clone, Default)]
pub struct LookedAt(Arc<Mutex<HashMap<UserId, LookedAtBoards>>>);

/// The looks of one account.
#[derive(Default)]
struct LookedAtBoards {
    /// How many there are at each board.
    at: HashMap<Board, usize>,
    /// The Overview that rounds renew, one of those looked at.
    prompt: Option<Board>,
    /// Whether a task makes the boards that are out of date.
    is_served: bool,
}

impl LookedAtBoards {
    /// Chooses the Overview that rounds renew, unless the last choice is still looked at.
    fn choose_prompt(&mut self) {
        let is_looked_at = |board: &Board| self.at.contains_key(board);
        if !self.prompt.as_ref().is_some_and(is_looked_at) {
            self.prompt = self.at.keys().find(|board| matches!(board, Board::Overview(_))).cloned();
        }
    }

    fn longest_behind(&self, hub: &Hub) -> Option<Board> {
        let behind = self.at.keys().map(|board| (hub.board_is_behind(board), board));
        let (behind, board) = behind.max_by_key(|(behind, _)| *behind)?;
        (!behind.is_zero()).then(|| board.clone())
    }
}

/// One look at a board; ends when dropped.
pub struct LookedAtBoard {
    all: LookedAt,
    user: UserId,
    board: Board,
}

impl LookedAt {
    /// Takes a look at a board, unless it would be one more than the account may look at.
    pub fn look(&self, user: UserId, board: &Board) -> Option<LookedAtBoard> {
        let mut all = self.lock();
        let own = all.entry(user).or_default();
        if own.at.len() >= EACH && !own.at.contains_key(board) {
            return None;
        }
        *own.at.entry(board.clone()).or_default() += 1;
        own.choose_prompt();
        Some(LookedAtBoard { all: self.clone(), user, board: board.clone() })
    }

    /// The Overviews that rounds renew, one for each account.
    pub fn prompt(&self) -> HashSet<Board> {
        self.lock().values().filter_map(|own| own.prompt.clone()).collect()
    }

    /// Makes the boards of figures that no round renews, each in the turn of an account that looks at it. So an account
    /// that looks at many waits for itself alone.
    pub async fn serve(self, hub: Hub, turns: Turns<UserId>) {
        loop {
            hub.some_boards_are_behind().await;
            for user in self.begin(&hub) {
                tokio::spawn(self.clone().serve_account(user, hub.clone(), turns.clone()));
            }
        }
    }

    async fn serve_account(self, user: UserId, hub: Hub, turns: Turns<UserId>) {
        loop {
            let _turn = turns.of(user).await;
            let Some(board) = self.next(user, &hub) else { return };
            hub.make_up(&board).await;
        }
    }

    /// Returns the accounts with an outdated board that no task serves yet, and marks them as served.
    fn begin(&self, hub: &Hub) -> Vec<UserId> {
        let mut all = self.lock();
        let waiting = all.iter_mut().filter(|(_, own)| !own.is_served && own.longest_behind(hub).is_some());
        waiting
            .map(|(user, own)| {
                own.is_served = true;
                *user
            })
            .collect()
    }

    /// The account's board that has been out of date for longest. Without one, the account is no longer served.
    fn next(&self, user: UserId, hub: &Hub) -> Option<Board> {
        let mut all = self.lock();
        let own = all.get_mut(&user)?;
        let board = own.longest_behind(hub);
        own.is_served = board.is_some();
        board
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, LookedAtBoards>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LookedAtBoard {
    pub const fn board(&self) -> &Board {
        &self.board
    }
}

impl Drop for LookedAtBoard {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(own) = all.get_mut(&self.user) else { return };
        if let Some(looks) = own.at.get_mut(&self.board) {
            *looks -= 1;
            if *looks == 0 {
                own.at.remove(&self.board);
                own.choose_prompt();
            }
        }
        if own.at.is_empty() {
            all.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::domain::analytics::Query;

    #[tokio::test]
    async fn an_account_that_is_busy_keeps_no_other_from_its_boards() {
        const SOON: Duration = Duration::from_secs(10);
        let (hub, all, turns) = (Hub::of_new_clients(1), LookedAt::default(), Turns::default());
        let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
        let [week, month] = ["7", "30"].map(|days| {
            let query = format!("last={days}d&by=day&against=before&zone=UTC").parse::<Query>();
            Board::Analytics(query.unwrap())
        });
        let _looks = [all.look(ada, &week).unwrap(), all.look(bob, &month).unwrap()];
        let turn = turns.of(ada).await;
        let serving = tokio::spawn(all.serve(hub.clone(), turns.clone()));
        assert!(hub.board(&week).is_none() && hub.board(&month).is_none());
        // No documents were counted, so no board can be made. One that was tried is no longer behind.
        let tried = async |board: &Board| {
            while !hub.board_is_behind(board).is_zero() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(SOON, tried(&month)).await.expect("bob waits for nobody");
        assert!(!hub.board_is_behind(&week).is_zero());
        drop(turn);
        timeout(SOON, tried(&week)).await.expect("ada's turn comes");
        serving.abort();
    }

    #[test]
    fn rounds_renew_one_overview_of_each_account() {
        let all = LookedAt::default();
        let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
        let overview = |n: usize| Board::Overview(n.to_string());
        let first = all.look(ada, &overview(0)).unwrap();
        let others: Vec<LookedAtBoard> = (1..EACH).map(|n| all.look(ada, &overview(n)).unwrap()).collect();
        let _bobs = [all.look(bob, &Board::Reported).unwrap(), all.look(bob, &overview(EACH)).unwrap()];
        assert_eq!(all.prompt(), HashSet::from([overview(0), overview(EACH)]));
        drop(first);
        assert!(all.prompt().len() == 2 && !all.prompt().contains(&overview(0)), "another in its place");
        drop(others);
        assert_eq!(all.prompt(), HashSet::from([overview(EACH)]));
    }

    #[test]
    fn an_account_looks_at_so_many_different_boards() {
        let all = LookedAt::default();
        let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
        let overview = |n: usize| Board::Overview(n.to_string());
        let mut looks: Vec<LookedAtBoard> = (0..EACH).map(|n| all.look(ada, &overview(n)).unwrap()).collect();
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
