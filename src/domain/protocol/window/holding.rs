//! Holds a list still, and reports what waits.

use super::{
    Window,
    held::{Fate, Gone, Held, Waiting},
    places::SortKey,
};
use crate::domain::{fields::Fields, ids::DocId};

impl Window {
    /// Notes that the rows shown are on the screen. A list that is held from now on remembers them.
    pub fn note_drawing(&mut self, held: bool) {
        let (order, horizon) = (&self.order, &self.horizon);
        self.held = held.then(|| Held { order: order.clone(), horizon: horizon.clone(), gone: Vec::new() });
    }

    /// Returns what waits, and what has become of each row on the screen, in screen order.
    pub fn waiting(&self) -> (Waiting, Vec<Fate>) {
        let (mut waiting, mut fates) = (Waiting::default(), Vec::new());
        let Some(held) = &self.held else { return (waiting, fates) };
        let on_screen = &held.order.0;
        let shown = self.collection.shown();
        let stays = |place: &SortKey| self.order.contains(place);
        // The place of the last row so far that stands where it belongs.
        let mut last: Option<SortKey> = None;
        for (i, place) in on_screen.iter().take(shown).enumerate() {
            let now = if stays(place) { Some(place.clone()) } else { self.place(place.id()) };
            let fate = match now {
                None => self.gone(held, place),
                Some(now) => {
                    let next = on_screen.iter().skip(i).skip(1).find(|next| stays(next));
                    let in_order = last.as_ref().is_none_or(|last| *last < now) && next.is_none_or(|next| now < *next);
                    let fate = match self.order.0.binary_search(&now) {
                        _ if now != *place && !in_order => Fate::Moved,
                        Ok(at) if at < shown => Fate::Stays,
                        _ => Fate::Pushed,
                    };
                    if fate != Fate::Moved {
                        last = Some(now);
                    }
                    fate
                }
            };
            match fate {
                Fate::Moved => one_more(&mut waiting.moved),
                Fate::Left => one_more(&mut waiting.left),
                Fate::Deleted => one_more(&mut waiting.deleted),
                Fate::Stays | Fate::Pushed => {}
            }
            fates.push(fate);
        }
        // Count the rows that the next drawing adds, and those that other new rows push out at once.
        let end = on_screen.get(shown.saturating_sub(1));
        for (i, place) in self.order.0.iter().enumerate() {
            if i >= shown && end.is_some_and(|end| place > end) {
                break;
            }
            if held.order.contains(place) {
                continue;
            }
            match on_screen.iter().position(|before| before.id() == place.id()) {
                // A row from behind the old horizon is not counted, because it may have existed before.
                None if held.horizon.as_ref().is_none_or(|horizon| place <= horizon) => {
                    one_more(&mut waiting.new);
                }
                Some(before) if before >= shown => one_more(&mut waiting.moved),
                _ => {}
            }
        }
        (waiting, fates)
    }

    /// Whether a row is on the screen of a list that is held.
    pub(super) fn is_on_screen(&self, id: &DocId) -> bool {
        let has = |held: &Held| held.order.0.iter().take(self.collection.shown()).any(|place| place.id() == id);
        self.held.as_ref().is_some_and(has)
    }

    /// Notes why a row on the screen is no longer in the list, and what its document holds now.
    pub(super) fn note(&mut self, id: &DocId, fate: Fate, row: Option<Fields>) {
        if self.is_on_screen(id)
            && let Some(held) = &mut self.held
        {
            held.gone.retain(|gone| gone.id != *id);
            held.gone.push(Gone { id: id.clone(), fate, row });
        }
    }

    /// Forgets why a row left, because it is in the list again and may later leave for another reason.
    pub(super) fn is_back(&mut self, id: &DocId) {
        if let Some(held) = &mut self.held {
            held.gone.retain(|gone| gone.id != *id);
        }
    }

    /// Returns why a row that was drawn is not in the list. If no reason was noted, because the rows were fetched
    /// again meanwhile, it counts as deleted only if every document is here.
    fn gone(&self, held: &Held, place: &SortKey) -> Fate {
        let noted = held.gone.iter().find(|gone| gone.id == *place.id()).map(|gone| gone.fate);
        noted.unwrap_or_else(|| match &self.horizon {
            Some(horizon) if place > horizon => Fate::Pushed,
            None if self.selection.is_everything() => Fate::Deleted,
            _ => Fate::Left,
        })
    }

    /// The place of a document in the list; `None` if it is not in the list.
    fn place(&self, id: &DocId) -> Option<SortKey> {
        let place = SortKey::of(self.collection, id, self.rows.get(id)?);
        self.order.contains(&place).then_some(place)
    }
}

const fn one_more(n: &mut usize) {
    *n = n.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            Change, Delta, Fields, Op, Row, Selection, Snapshot,
            tests::{active, delta, empty, id, row},
        },
        *,
    };

    /// A row created `place` seconds after a fixed date. The list shows the newest first.
    fn at(place: usize) -> Fields {
        row((u8::try_from(place).unwrap(), 0))
    }

    /// A held list of the clients 0 to 74, of which 50 are shown, and more behind them.
    fn held(selection: Selection) -> Window {
        let rows = (0..75).map(|n| Row { id: id(n), fields: at(200 - n) }).collect();
        let mut window = Window::from(Snapshot { rows, complete: false, selection, total: Some(200), ..empty(0, 0) });
        window.note_drawing(true);
        window
    }

    fn apply(window: &mut Window, changes: Vec<(usize, Op)>) -> (Waiting, Vec<Fate>) {
        let n = usize::try_from(window.received().seq.0).unwrap();
        let changes = changes.into_iter().map(|(n, op)| Change { id: id(n), op }).collect();
        window.apply(Delta { changes, ..delta(n, n + 1) }).unwrap();
        window.waiting()
    }

    #[test]
    fn new_rows_push_others_out_which_are_not_gone() {
        let mut window = held(Selection::default());
        let (waiting, fates) = apply(&mut window, (0..3).map(|n| (100 + n, Op::Put(at(201 + n)))).collect());
        assert_eq!(waiting, Waiting { new: 3, ..Waiting::default() });
        assert!(fates[..47].iter().all(|fate| *fate == Fate::Stays));
        assert_eq!(fates[47..], [Fate::Pushed; 3]);
        let (waiting, _) = apply(&mut window, (3..54).map(|n| (100 + n, Op::Put(at(201 + n)))).collect());
        assert_eq!(waiting.new, 54, "also those that newer ones push out at once");
        let (waiting, fates) = apply(&mut window, (0..54).map(|n| (100 + n, Op::Delete)).collect());
        assert!(waiting == Waiting::default() && fates == [Fate::Stays; 50], "they came and went unseen");
    }

    #[test]
    fn each_row_is_told_by_what_became_of_it() {
        let mut window = held(active());
        let blocked = row((199, 1));
        assert_ne!(at(199).get("status"), blocked.get("status"));
        let changes = vec![(1, Op::Put(blocked)), (2, Op::Delete), (3, Op::Put(at(170))), (4, Op::Put(at(1)))];
        let (waiting, fates) = apply(&mut window, changes);
        assert_eq!(waiting, Waiting { new: 0, left: 1, deleted: 1, moved: 2 }, "what comes up from below is not new");
        assert_eq!(fates[..6], [Fate::Stays, Fate::Left, Fate::Deleted, Fate::Moved, Fate::Moved, Fate::Stays]);
        let (waiting, fates) = apply(&mut window, vec![(2, Op::Put(at(198))), (1, Op::Delete)]);
        assert_eq!(
            waiting,
            Waiting { new: 0, left: 0, deleted: 1, moved: 2 },
            "one is back, the other is gone for good"
        );
        assert_eq!(fates[1..3], [Fate::Deleted, Fate::Stays]);
        let (waiting, _) = apply(&mut window, vec![(60, Op::Put(at(220)))]);
        assert_eq!(waiting.moved, 3, "it was behind those shown");
    }

    #[test]
    fn a_row_that_left_says_what_its_document_says_now() {
        let mut window = held(active());
        let set = |name: &str, value: &str| Fields::from([(name.to_owned(), value.into())]);
        let says = |window: &Window, n: usize, name: &str| window.row(&id(n)).map(|row| row[name].clone());
        let blocked = set("status", "BLOCKED");
        apply(&mut window, vec![(1, Op::Patch(blocked.clone(), Vec::new())), (60, Op::Patch(blocked, Vec::new()))]);
        assert_eq!(says(&window, 1, "status"), Some("BLOCKED".into()));
        assert_eq!(window.row(&id(60)), None, "it was not on the screen");
        let patched = Change { id: id(1), op: Op::Patch(set("client_id", "C-9"), vec!["created_at".into()]) };
        let applied = window.apply(Delta { changes: vec![patched], ..delta(1, 2) }).unwrap();
        assert_eq!(applied.changed, [id(1)]);
        assert_eq!(says(&window, 1, "client_id"), Some("C-9".into()));
        assert!(!window.row(&id(1)).unwrap().contains_key("created_at"));
        apply(&mut window, vec![(1, Op::Put(row((2, 9))))]);
        assert_eq!(window.row(&id(1)), Some(&row((2, 9))), "it belongs behind what is known");
        apply(&mut window, vec![(1, Op::Delete)]);
        assert_eq!((window.row(&id(1)), window.waiting().1[1]), (None, Fate::Deleted));
        window.note_drawing(true);
        assert_eq!(window.shown().count(), 50);
    }

    #[test]
    fn a_row_that_reads_differently_between_the_same_neighbours_has_not_moved() {
        let mut window = held(Selection::default());
        // Ids break ties: 5 stands at 195, 4 before it at 196.
        let (waiting, fates) = apply(&mut window, vec![(5, Op::Put(at(196)))]);
        assert_eq!((waiting.moved, fates[5]), (1, Fate::Moved), "a larger id stands before an equal time");
        let (waiting, fates) = apply(&mut window, vec![(5, Op::Put(at(195))), (4, Op::Put(at(197)))]);
        assert_eq!((waiting, fates[4]), (Waiting { moved: 1, ..Waiting::default() }, Fate::Moved));
        let (waiting, _) = apply(&mut window, vec![(4, Op::Delete), (5, Op::Put(at(196)))]);
        assert_eq!(waiting, Waiting { deleted: 1, ..Waiting::default() }, "it stands between 3 and 6 as before");
    }

    #[test]
    fn fetched_rows_tell_nothing_as_deleted_that_may_exist() {
        let snapshot = |rows: std::ops::Range<usize>, complete, selection| {
            let rows = rows.map(|n| Row { id: id(n), fields: at(200 - n) }).collect();
            Snapshot { rows, complete, selection, total: Some(200), ..empty(5, 5) }
        };
        let mut window = held(active());
        apply(&mut window, vec![(0, Op::Delete)]);
        window.replace(snapshot(2..45, false, active()));
        let (waiting, fates) = window.waiting();
        assert_eq!(fates[..3], [Fate::Deleted, Fate::Left, Fate::Stays]);
        assert_eq!(fates[45..], [Fate::Pushed; 5], "behind what was fetched");
        assert_eq!(waiting, Waiting { left: 1, deleted: 1, ..Waiting::default() });
        let mut window = held(Selection::default());
        window.replace(snapshot(1..75, true, Selection::default()));
        assert_eq!(window.waiting().1[..2], [Fate::Deleted, Fate::Stays], "every document is here");
    }

    #[test]
    fn a_row_that_was_deleted_and_came_back_is_not_told_as_deleted_when_others_push_it_out() {
        let mut window = held(Selection::default());
        assert_eq!(apply(&mut window, vec![(2, Op::Delete)]).1[2], Fate::Deleted);
        assert_eq!(apply(&mut window, vec![(2, Op::Put(at(198)))]).1[2], Fate::Stays);
        let newer = (0..75).map(|n| Row { id: id(100 + n), fields: at(220 + n % 36) }).collect();
        window.replace(Snapshot { rows: newer, complete: false, ..empty(2, 2) });
        assert_eq!(window.waiting().1[2], Fate::Pushed);
    }
}
