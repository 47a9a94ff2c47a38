//! Keeps a report up to date while it is open. It asks again when something changed that the report may show, when
//! its period moves on, and when another is chosen. The old report stays readable meanwhile.

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    domain::{
        board::{Board, CHANGED},
        fields::Fields,
        protocol::position::{ClusterTime, Position},
        report::Report,
        time::UtcMs,
    },
    web::{
        api::{AppError, PageData, PageRequest, ReportPage, load},
        live::Live,
        ui::{self, Clock},
    },
};

/// The shortest pause after an answer.
const PAUSE_MS: u32 = 2000;
/// The pause is at least this many times as long as the server took to read the report.
const PATIENCE: u32 = 10;

#[derive(Clone, Copy)]
pub struct Followed {
    /// The report that is shown.
    pub report: RwSignal<Option<Report>>,
    /// A newer one that waits, because its rows would move those that someone reads.
    pub waiting: RwSignal<Option<Report>>,
    /// Whether someone reads.
    pub read: RwSignal<bool>,
    /// The option that first draws its chart.
    pub option: RwSignal<String>,
    /// The error of the last request, if it failed or was refused.
    pub trouble: RwSignal<Option<AppError>>,
    /// Whether the server is still reading the report.
    pub reading: RwSignal<bool>,
    pub loading: RwSignal<bool>,
    chosen: Memo<String>,
    /// The last query asked.
    asked: StoredValue<String>,
    /// Whether the pause after an answer still lasts.
    resting: RwSignal<bool>,
}

/// The report, or nothing while it is still being read.
pub type ReportAnswer = Result<Option<ReportPage>, AppError>;

/// Begins with the answer to the query `asked`, then follows what is `chosen`.
pub fn follow(first: ReportAnswer, asked: String, chosen: Memo<String>) -> Followed {
    let followed = Followed {
        report: RwSignal::new(None),
        waiting: RwSignal::new(None),
        read: ui::reading(true),
        option: RwSignal::new(String::new()),
        trouble: RwSignal::new(None),
        reading: RwSignal::new(false),
        loading: RwSignal::new(false),
        chosen,
        asked: StoredValue::new(asked),
        resting: RwSignal::new(false),
    };
    followed.show(first);
    let changed = expect_context::<Live>()
        .sheet(Board::Reported.to_string(), Fields::new(), ClusterTime::default(), None)
        .fields();
    let clock = Clock::expect();
    Effect::new(move |_: Option<()>| {
        if !followed.read.get() && followed.waiting.with(Option::is_some) {
            followed.report.set(followed.waiting.try_update(Option::take).flatten());
        }
        let chosen = followed.chosen.get();
        let free = !followed.loading.get() && !followed.resting.get();
        let changed = changed.with(|fields| fields.get(CHANGED).and_then(|at| at.as_str()?.parse().ok()));
        let now = clock.now();
        let old = |report: &Option<Report>| report.as_ref().map(|report| is_old(report, changed, now));
        let old = followed.waiting.with(old).or_else(|| followed.report.with(old)) == Some(true);
        if followed.asked.with_value(|asked| *asked != chosen) || (old || followed.reading.get()) && free {
            followed.ask(chosen);
        }
    });
    followed
}

impl Followed {
    fn ask(self, query: String) {
        self.asked.set_value(query.clone());
        self.loading.set(true);
        leptos::task::spawn_local(async move {
            let answer = load(PageRequest::Report { query: query.clone() }).await;
            // The page is gone, or another report was chosen meanwhile, so drop the answer.
            if self.asked.try_with_value(|asked| *asked == query) != Some(true) {
                return;
            }
            let pause = self.show(answer.and_then(PageData::read));
            self.resting.set(true);
            self.loading.set(false);
            // The page may be gone by then.
            set_timeout(move || _ = self.resting.try_set(false), Duration::from_millis(pause.into()));
        });
    }

    /// Shows an answer. Returns the pause after it, in milliseconds.
    fn show(self, answer: ReportAnswer) -> u32 {
        let mut pause = PAUSE_MS;
        self.reading.set(matches!(answer, Ok(None)));
        let trouble = match answer {
            Ok(Some(ReportPage { report, option })) => {
                pause = pause.max(report.about.took_ms.saturating_mul(PATIENCE));
                self.option.set(option);
                self.replace(report);
                None
            }
            Ok(None) => None,
            Err(error) => Some(error),
        };
        self.trouble.set(trouble);
        pause
    }

    /// Replaces the report by a newer one, or lets that wait. An earlier one, of an instance that lags, is dropped.
    fn replace(self, report: Report) {
        let is_earlier = |shown: &Option<Report>| shown.as_ref().is_some_and(|shown| is_earlier(&report, shown));
        if untrack(|| self.waiting.with(is_earlier) || self.report.with(is_earlier)) {
            return;
        }
        let moves = |shown: &Option<Report>| shown.as_ref().is_some_and(|shown| moves(shown, &report));
        let waits = untrack(|| self.read.get() && self.report.with(moves));
        if waits {
            return self.waiting.set(Some(report));
        }
        self.waiting.set(None);
        self.report.set(Some(report));
    }
}

/// Returns whether rows or columns are others, or elsewhere, in the newer report. What was chosen anew is not compared,
/// because someone asked for it.
fn moves(shown: &Report, newer: &Report) -> bool {
    let rows = |report: &Report| report.rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    shown.query == newer.query
        && !shown.rows.is_empty()
        && (shown.columns != newer.columns || rows(shown) != rows(newer))
}

/// Returns whether the report is of an earlier time than the one that is shown. Only a database that was restored goes
/// back, and that begins an epoch.
fn is_earlier(report: &Report, shown: &Report) -> bool {
    let (its, shown_at) = (&report.about, &shown.about);
    report.query == shown.query && its.ct < shown_at.ct && its.position.epoch <= shown_at.position.epoch
}

/// Returns whether the report may have changed by now.
fn is_old(report: &Report, changed: Option<Position>, now: UtcMs) -> bool {
    let known = report.about.position;
    let later = changed.is_some_and(|at| at.epoch != known.epoch || at.seq > known.seq);
    let until = report.about.until.as_deref().and_then(UtcMs::parse);
    later || until.is_some_and(|until| now >= until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        protocol::position::ClusterTime,
        report::{About, By, Column, ReportRow},
    };

    fn report(position: &str, until: Option<&str>) -> Report {
        let blank = Report::blank(By::Day);
        let about = About { position: position.parse().unwrap(), until: until.map(str::to_owned), ..blank.about };
        Report { about, ..blank }
    }

    #[test]
    fn a_report_is_old_once_something_changed_or_the_day_is_over() {
        let old = |changed: &str, until, now: &str| {
            is_old(&report("7-10", until), changed.parse().ok(), UtcMs::parse(now).unwrap())
        };
        let noon = "2018-06-01T12:00:00Z";
        assert!(!old("", None, noon), "nothing is known yet");
        assert!(!old("7-10", None, noon) && !old("7-9", None, noon));
        assert!(old("7-11", None, noon));
        assert!(old("8-1", None, noon), "another epoch");
        assert!(!old("", Some("2018-06-02T00:00:00Z"), noon));
        assert!(old("", Some("2018-06-02T00:00:00Z"), "2018-06-02T00:00:00Z"));
    }

    #[test]
    fn no_report_replaces_a_later_one_save_in_an_epoch_that_began_since() {
        let of = |position: &str, ct: u64| {
            let known = report(position, None);
            Report { about: About { ct: ClusterTime(ct), ..known.about }, ..known }
        };
        let shown = of("7-10", 5);
        assert!(is_earlier(&of("7-9", 4), &shown) && is_earlier(&of("6-99", 4), &shown));
        assert!(!is_earlier(&of("7-10", 5), &shown) && !is_earlier(&of("7-11", 6), &shown));
        assert!(!is_earlier(&of("8-0", 4), &shown), "the database was restored");
        assert!(!is_earlier(&Report { query: "by=city".to_owned(), ..of("7-9", 4) }, &shown), "it was asked for");
    }

    #[test]
    fn a_report_moves_what_is_read_if_its_rows_or_columns_are_others() {
        let sorted = |query: &str, ids: &str, columns: &[Column]| Report {
            query: query.to_owned(),
            columns: columns.to_vec(),
            rows: ids
                .chars()
                .map(|id| ReportRow { id: Some(id.into()), lacks: None, name: None, period: None, cells: Vec::new() })
                .collect(),
            ..Report::blank(By::Station)
        };
        let shown = sorted("by=station", "abc", &[Column::Sessions]);
        let moved = |newer: &Report| moves(&shown, newer);
        assert!(!moved(&Report { totals: vec![Some(7)], ..shown.clone() }), "figures change in place");
        assert!(moved(&sorted("by=station", "bac", &[Column::Sessions])), "another order");
        assert!(moved(&sorted("by=station", "abcd", &[Column::Sessions])), "a row more");
        assert!(moved(&sorted("by=station", "abc", &[Column::Sessions, Column::Derived])), "a column more");
        assert!(!moved(&sorted("by=station&sort=-sessions", "bac", &[Column::Sessions])), "it was asked for");
        assert!(!moves(&sorted("by=station", "", &[]), &shown), "where nothing is nothing moves");
    }
}
