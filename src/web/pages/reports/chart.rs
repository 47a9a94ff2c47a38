//! The report's chart. Another kind of report gets a new chart; other figures of the same kind only update it.

use leptos::prelude::*;

use super::follow::Followed;
use crate::{
    domain::report::{Column, Measure, Report},
    web::{
        text,
        ui::{Chart, ChartShape, ReportChart, measure, optional_view, redrawn},
    },
};

/// What a chart shows. While this stays equal, the chart can be updated.
#[derive(Clone, PartialEq)]
struct ChartSubject {
    time: bool,
    title: String,
}

pub fn chart(followed: Followed) -> AnyView {
    let report = followed.report;
    let subject = Memo::new(move |_| {
        report.with(|report| {
            let report = report.as_ref()?;
            Some(ChartSubject { time: report.by.is_time(), title: text::report_column(measure(report).1) })
        })
    });
    redrawn(move || optional_view(subject.get(), |subject| chart_view(followed, subject)))
}

fn chart_view(followed: Followed, subject: ChartSubject) -> AnyView {
    let report = followed.report;
    let read = move |read: fn(&Report) -> String| {
        Signal::derive(move || report.with(|report| report.as_ref().map(read).unwrap_or_default()))
    };
    let empty = move || report.with(|report| report.as_ref().is_none_or(Report::is_empty));
    view! {
        <Chart
            name="report"
            title=subject.title
            note=read(text::report_rows)
            sentence=read(|report| text::report_sentence(report, measure(report)))
            shape=if subject.time { ChartShape::TimeSeries } else { ChartShape::Ranking }
            option=followed.option.get_untracked()
            update=read(|report| ReportChart::of(report).update())
            empty=Signal::derive(empty)
            csv=read(text::report_file)
            file=read(|report| format!("report-by-{}-{}-to-{}", report.by.name(), report.about.first, report.about.last))
            derived=Signal::derive(move || report.with(|report| report.as_ref().is_some_and(derived)))
            table=view! { <p>{text::TABLE_BELOW}</p> }.into_any()
        />
    }
    .into_any()
}

/// Returns whether the chart shows money and some of it was derived.
fn derived(report: &Report) -> bool {
    matches!(measure(report).1, Column::Money(of, _) if *of != Measure::FeesMissing)
        && report.columns.contains(&Column::Derived)
}
