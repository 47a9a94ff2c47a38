//! Reports: all that counts in a period, by one grouping. Equal to what `reports/read.rs` reads of MongoDB.

use std::collections::HashMap;

use super::{
    columns::{Engine, HeldPayment, HeldSession, HeldStation},
    links::Links,
    rows::{NO_SLOT, RowSlot},
    texts::{Code, Texts},
};
use crate::domain::{
    money::Currency,
    range::Day,
    report::{By, Group, Key, MoneySums, NO_PAYMENT, ReportRoom, ReportSums, TooManyGroups, first_place, within},
    time::{Period, UtcMs},
};

/// A report's question.
pub struct EngineQuery<'a> {
    pub by: By,
    pub period: Period,
    /// The pieces of time that are the rows, each from its first instant, in their order. They cover the period, if
    /// [`by`](Self::by) is time.
    pub pieces: &'a [(Day, UtcMs)],
    /// MongoDB's operation time. What lies ahead of it is in no sum.
    pub now: UtcMs,
}

/// A group's sums by the numbers of the currencies.
#[derive(Default)]
struct GroupSums {
    sums: ReportSums,
    money: Vec<(Code, MoneySums)>,
}

/// Sums by the group's number.
struct Groups(Vec<Option<Box<GroupSums>>>);

impl Groups {
    fn of(count: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(count).collect())
    }

    fn at(&mut self, group: usize) -> &mut GroupSums {
        if self.0.len() <= group {
            self.0.resize_with(group + 1, || None);
        }
        self.0[group].get_or_insert_default()
    }
}

impl GroupSums {
    fn add_session(&mut self, row: &HeldSession, now: UtcMs) {
        self.sums.add(&ReportSums::of_delivered(row.delivered, row.end, now));
    }

    fn add_payment(&mut self, row: &HeldPayment) {
        let amount_is_known = row.currency != Code::NONE;
        self.sums.add(&ReportSums::of_paid(row.derived, amount_is_known));
        if !amount_is_known {
            return;
        }
        let sums = MoneySums::of(row.captured, row.refunded, row.fee_is_known.then_some(row.fee));
        if let Some((_, known)) = self.money.iter_mut().find(|(currency, _)| *currency == row.currency) {
            known.add(&sums);
        } else {
            self.money.push((row.currency, sums));
        }
    }

    fn finish(self, currencies: &Texts) -> ReportSums {
        let Self { mut sums, money } = self;
        sums.money = money
            .into_iter()
            .map(|(code, money)| (Currency(currencies.get(code).unwrap_or_default().to_owned()), money))
            .collect();
        sums.money.sort_by(|(one, _), (other, _)| one.cmp(other));
        sums
    }
}

impl Engine {
    /// A report's groups in the order of their keys. Groups without sessions and payments are not among them.
    ///
    /// # Errors
    /// If the report would take too much memory.
    pub fn report(&self, query: &EngineQuery) -> Result<Vec<Group>, TooManyGroups> {
        let by = query.by;
        match by {
            By::Day | By::Week | By::Month => self.by_time(query),
            By::Client => {
                let groups =
                    self.fold(query, self.client_ids.codes(), |_, row| row.client.index(), |_, row| row.client.index());
                self.groups(by, groups, &self.client_ids, &self.client_names())
            }
            By::Station => {
                let mut of_payment = self.stations_of_payments();
                let groups = self.fold(
                    query,
                    self.station_ids.codes(),
                    |_, row| row.station.index(),
                    |slot, _| of_payment(slot).index(),
                );
                self.groups(by, groups, &self.station_ids, &self.places(|row| row.name))
            }
            By::City => {
                let cities = self.places(|row| row.city);
                let city = |station: Code| cities.get(station.index()).copied().unwrap_or_default().index();
                let mut of_payment = self.stations_of_payments();
                let groups =
                    self.fold(query, self.cities.codes(), |_, row| city(row.station), |slot, _| city(of_payment(slot)));
                self.groups(by, groups, &self.cities, &[])
            }
            By::Method => {
                let mut of_session = self.methods_of_sessions();
                let without = self.methods.codes();
                let groups = self.fold(
                    query,
                    without + 1,
                    |slot, row| of_session(slot, row).map_or(without, Code::index),
                    |_, row| row.method.index(),
                );
                self.groups(by, groups, &self.methods, &[])
            }
        }
    }

    /// Adds up what counts in the period, by the group's number of each session and payment.
    fn fold(
        &self,
        query: &EngineQuery,
        count: usize,
        mut session_group: impl FnMut(RowSlot, &HeldSession) -> usize,
        mut payment_group: impl FnMut(RowSlot, &HeldPayment) -> usize,
    ) -> Groups {
        let mut groups = Groups::of(count);
        for (slot, row) in self.sessions.iter() {
            if row.end.is_some_and(|at| within(query.period, at)) {
                groups.at(session_group(slot, row)).add_session(row, query.now);
            }
        }
        for (slot, row) in self.payments.iter() {
            if row.at.is_some_and(|at| within(query.period, at)) {
                groups.at(payment_group(slot, row)).add_payment(row);
            }
        }
        groups
    }

    fn by_time(&self, query: &EngineQuery) -> Result<Vec<Group>, TooManyGroups> {
        let piece = |at: Option<UtcMs>| {
            let begun = query.pieces.partition_point(|(_, from)| at.is_some_and(|at| from.0 <= at.0));
            begun.saturating_sub(1)
        };
        let groups = self.fold(query, query.pieces.len(), |_, row| piece(row.end), |_, row| piece(row.at));
        let keys = query.pieces.iter().map(|(day, _)| Key::Is(day.to_string()));
        self.all(groups.0.into_iter().zip(keys).map(|(sums, key)| (key, None, sums)))
    }

    /// The groups with their texts: the first is of what lacks it, and one beyond all texts of what lacks a payment.
    fn groups(&self, by: By, groups: Groups, texts: &Texts, names: &[Code]) -> Result<Vec<Group>, TooManyGroups> {
        let group = |(group, sums)| {
            let key = match texts.nth(group) {
                Some(text) => Key::Is(text.to_owned()),
                None if group == 0 => Key::Lacks(by.name().to_owned()),
                None => Key::Lacks(NO_PAYMENT.to_owned()),
            };
            let name = names.get(group).and_then(|name| self.names.get(*name)).filter(|_| group > 0);
            (key, name, sums)
        };
        self.all(groups.0.into_iter().enumerate().map(group))
    }

    /// The groups that have something, in the order of their keys.
    fn all<'a>(
        &self,
        groups: impl Iterator<Item = (Key, Option<&'a str>, Option<Box<GroupSums>>)>,
    ) -> Result<Vec<Group>, TooManyGroups> {
        let mut room = ReportRoom::default();
        let mut all = Vec::new();
        for (key, name, sums) in groups {
            let Some(sums) = sums else { continue };
            room.group(&key, sums.money.len())?;
            room.take(name.map_or(0, str::len))?;
            all.push(Group { key, name: name.map(str::to_owned), sums: sums.finish(&self.currencies) });
        }
        all.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        Ok(all)
    }

    /// By the station's number, what `of` its document. Of several documents with one id the least decides.
    fn places(&self, of: impl Fn(&HeldStation) -> Code) -> Vec<Code> {
        let texts = |row: &HeldStation| (self.names.get(row.name), self.cities.get(row.city));
        let mut least: Vec<Option<&HeldStation>> = vec![None; self.station_ids.codes()];
        // What has no id is nobody's station.
        for (_, row) in self.stations.iter().filter(|(_, row)| row.id != Code::NONE) {
            let known = &mut least[row.id.index()];
            if known.is_none_or(|known| texts(row) < texts(known)) {
                *known = Some(row);
            }
        }
        least.into_iter().map(|row| row.map_or(Code::NONE, &of)).collect()
    }

    /// By the client's number, its name. Of several documents with one id the least name that is known decides.
    fn client_names(&self) -> Vec<Code> {
        let mut names = vec![Code::NONE; self.client_ids.codes()];
        for (_, row) in self.clients.iter() {
            let known = &mut names[row.id.index()];
            let (new, old) = (self.names.get(row.name), self.names.get(*known));
            if new.is_some() && (old.is_none() || new < old) {
                *known = row.name;
            }
        }
        names
    }

    /// Finds where a payment's session was.
    fn stations_of_payments(&self) -> impl FnMut(RowSlot) -> Code {
        let station = |slot: RowSlot| self.sessions.get(slot).map_or(Code::NONE, |row| row.station);
        let mut several: HashMap<RowSlot, Code> = HashMap::new();
        move |slot| {
            let Some(first) = self.by_session_id.first(self.payments_of.key(slot)) else { return Code::NONE };
            if self.by_session_id.next(first).is_none() {
                return station(first);
            }
            *several.entry(first).or_insert_with(|| {
                let known = |slot| self.station_ids.get(station(slot)).map(|text| (text, station(slot)));
                let all = self.by_session_id.from(first).map(known);
                all.fold(None, first_place).map_or(Code::NONE, |(_, code)| code)
            })
        }
    }

    /// Finds what a session was paid with; `None` if no payment of it is known.
    fn methods_of_sessions(&self) -> impl FnMut(RowSlot, &HeldSession) -> Option<Code> {
        let mut of_id = self.decides(&self.by_payment_id);
        let mut of_session = self.decides(&self.payments_of);
        move |slot, row: &HeldSession| {
            let named = self.by_payment_id.first(row.payment).map(&mut of_id);
            let slot = named.or_else(|| self.payments_of.first(self.by_session_id.key(slot)).map(&mut of_session))?;
            self.payments.get(slot).map(|payment| payment.method)
        }
    }

    /// Finds the payment that decides in a list, by its first slot.
    fn decides(&self, links: &Links) -> impl FnMut(RowSlot) -> RowSlot {
        let mut several: HashMap<RowSlot, RowSlot> = HashMap::new();
        move |first| {
            if links.next(first).is_none() {
                return first;
            }
            let rank = |slot: &RowSlot| {
                let row = self.payments.get(*slot)?;
                Some((!row.is_revenue, row.id.as_deref(), self.methods.get(row.method)))
            };
            *several.entry(first).or_insert_with(|| links.from(first).min_by_key(rank).unwrap_or(NO_SLOT))
        }
    }
}
