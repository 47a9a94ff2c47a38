//! The table of a report: its description, rows and totals, and the link to the same as a file.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{behind::behind, chart::chart, follow::Followed};
use crate::{
    domain::{
        address::escaped,
        report::{By, Column, Measure, Report, ReportParameters, ReportRow, Sort},
        status::Role,
        time::UtcMs,
    },
    web::{
        api::AppError,
        text,
        ui::{self, Address, Badge, Clock, Empty, REPORTS, TableCell, any_views, fresh, optional_view},
    },
};

#[component]
pub fn Table(followed: Followed) -> impl IntoView {
    let Followed { report, waiting, read, trouble, reading, loading, .. } = followed;
    let clock = Clock::expect();
    let given = use_location().query;
    let address = move || given.with(|given| Address::read(REPORTS, &ReportParameters::NAMES, |name| given.get(name)));
    let warning = move || {
        optional_view(trouble.get(), |trouble| match trouble {
            AppError::Refused(wrong) => ui::parameter_refused(&address(), &wrong),
            trouble => {
                let (what, why) = text::error(trouble);
                view! { <p class="note-line warn" role="alert"><b>{what}</b>" "{why}</p> }.into_any()
            }
        })
    };
    let being_read = move || {
        optional_view(reading.get().then_some(()), |()| {
            let by_month = address().with(&[("by", Some(By::Month.name())), ("sort", None)]);
            view! {
                <p class="note-line" role="status">
                    <span>{text::REPORT_READING}</span>
                    <a href=by_month>{text::REPORT_BY_MONTH}</a>
                </p>
            }
        })
    };
    let waits = Memo::new(move |_| {
        let words = waiting.with(Option::is_some).then_some(text::NEWER_REPORT);
        words.unwrap_or_default().to_owned()
    });
    // Computes the whole table again, but only texts that differ are written to the document.
    let newer = move || fresh(waits, Box::new(move || read.set(false)));
    let table =
        move || report.with(|report| optional_view(report.as_ref(), |report| table_view(report, &clock, newer())));
    view! {
        {move || being_read()}
        {move || warning()}
        {chart(followed)}
        <section
            class="panel report held"
            aria-busy=move || loading.get().to_string()
            hidden=move || report.with(Option::is_none)
        >
            <div class=move || if loading.get() { "progress on" } else { "progress" }.to_owned()></div>
            {move || table()}
        </section>
    }
}

fn table_view(report: &Report, clock: &Clock, newer: AnyView) -> AnyView {
    let as_of = UtcMs::parse(&report.about.at).map(|at| text::report_as_of(&clock.stamp(at), report));
    view! {
        <header class="list-head">
            <p class="about">
                <b>{text::report_period(report)}</b>
                <span>{text::report_rows(report)}</span>
                <span data-position=report.about.position.to_string()>{as_of}</span>
            </p>
            {newer}
            <a class="button" href=text::report_file(report) download="" rel="external">
                {text::AS_CSV}
            </a>
        </header>
        {if report.is_empty() { view! { <Empty words=text::NO_FIGURES /> }.into_any() } else { table(report) }}
        <p class="footnote">{text::REPORT_COUNTS} " " {text::REPORT_NET}</p>
    }
    .into_any()
}

fn table(report: &Report) -> AnyView {
    let columns = report.columns.iter().map(Some);
    let heads = [None].into_iter().chain(columns).map(|column| head(report, column));
    let rows = report.rows.iter().map(|row| {
        let (name, beside) = text::report_row(report.by, row);
        let beside = beside.filter(|beside| *beside != name);
        line(report, Some(row), name, beside, &row.cells)
    });
    let more = text::report_more(report).map(|more| view! { <p class="rest">{more}</p> });
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=text::report_period(report)>
            <table class="table" data-report=report.by.name() role="table" aria-label=text::report_rows(report)>
                <thead role="rowgroup">
                    <tr role="row">{any_views(heads)}</tr>
                </thead>
                <tbody role="rowgroup">{any_views(rows)}</tbody>
                <tfoot role="rowgroup">{line(report, None, text::TOTAL.to_owned(), None, &report.totals)}</tfoot>
            </table>
        </div>
        {optional_view(more, |more| more)}
    }
    .into_any()
}

/// Draws a heading as a link that sorts by its column.
fn head(report: &Report, column: Option<&Column>) -> impl IntoView + use<> {
    let (descending, name) = report.sort.strip_prefix('-').map_or((false, report.sort.as_str()), |name| (true, name));
    let now = Sort { column: name.parse().ok(), descending };
    let sorted = match (now.column.as_ref() == column, descending) {
        (false, _) => "none",
        (true, false) => "ascending",
        (true, true) => "descending",
    };
    // The order is the last parameter, so the rest of the query comes before it.
    let rest = report.query.split("&sort=").next().unwrap_or_default();
    let href = format!("{REPORTS}?{rest}&sort={}", escaped(&now.toggled(column.cloned()).to_string()));
    let (text, why, class) = match column {
        None => (text::report_by(report.by).to_owned(), "", "lead"),
        Some(column) => (text::report_column(column), text::report_why(column), "number"),
    };
    view! {
        <th class=class scope="col" role="columnheader" aria-sort=sorted>
            <a href=href title=why data-noscroll="">{text}</a>
        </th>
    }
}

fn line(
    report: &Report,
    row: Option<&ReportRow>,
    name: String,
    beside: Option<String>,
    cells: &[Option<i64>],
) -> AnyView {
    let id = row.and_then(|row| row.id.clone().or_else(|| row.lacks.clone())).unwrap_or_default();
    let first = report.columns.iter().find_map(|column| match column {
        Column::Money(Measure::Revenue, currency) => Some(currency),
        _ => None,
    });
    let cells = report.columns.iter().zip(cells).map(|(column, value)| {
        // Its place in a phone's lines.
        let class = match column {
            Column::Sessions => "number last",
            Column::Energy => "number second",
            Column::Money(Measure::Revenue, currency) if Some(currency) == first => "number end",
            Column::Money(Measure::Revenue, _) => "number further",
            _ => "number",
        };
        let href = value.filter(|value| *value != 0).and_then(|_| behind(report, row, Some(column)));
        view! {
            <td class=class data-field=column.to_string() data-label=text::report_column(column) role="cell">
                {linked(href, cell(column, *value).view())}
            </td>
        }
    });
    let name = linked(behind(report, row, None), TableCell::text(Some(name)).view());
    view! {
        <tr role="row" data-id=id>
            <td class="lead" data-field="group" role="cell">
                {name} {optional_view(beside, |beside| view! { <small>{beside}</small> })}
            </td>
            {any_views(cells)}
        </tr>
    }
    .into_any()
}

/// Draws a value; derived values get a badge.
fn cell(column: &Column, value: Option<i64>) -> TableCell {
    let figure = value.map(|value| text::report_figure(column, value));
    match figure {
        Some(figure) if *column == Column::Derived && value != Some(0) => {
            TableCell::nothing().badges([Badge::new(Role::Off, figure).why(text::DERIVED_WHY)])
        }
        figure => TableCell::text(figure),
    }
}

fn linked(href: Option<String>, view: AnyView) -> AnyView {
    match href {
        Some(href) => view! { <a href=href>{view}</a> }.into_any(),
        None => view,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{money::Currency, time::Zone};

    #[test]
    fn a_report_is_readable_before_any_script_runs() {
        let row = |id: Option<&str>, cells: [Option<i64>; 3]| ReportRow {
            id: id.map(str::to_owned),
            lacks: id.is_none().then(|| "station".to_owned()),
            name: id.map(|_| "<Lochee>".to_owned()),
            period: None,
            cells: cells.into(),
        };
        let report = Report {
            query: "last=7d&by=station&zone=UTC&sort=sessions".to_owned(),
            sort: "sessions".to_owned(),
            columns: vec![Column::Sessions, Column::Energy, Column::Money(Measure::Revenue, Currency("GBP".into()))],
            rows: vec![row(Some("A&1"), [Some(1200), None, Some(-310)]), row(None, [Some(3), Some(500), Some(0)])],
            all: 827,
            totals: vec![Some(1203), Some(500), Some(-310)],
            ..Report::blank(By::Station)
        };
        let html = Owner::new().with(|| {
            let clock = Clock::new(Zone::default(), 900, RwSignal::new(UtcMs(0)));
            table_view(&report, &clock, "".into_any()).to_html()
        });
        for part in [
            "&lt;Lochee&gt;",
            "1,200",
            text::NOT_KNOWN,
            "\u{2212}3.10",
            "Station not known",
            "the first 200 of 827 rows",
            "and 627 more",
            "href=\"/sessions?status=COMPLETED&amp;ended=2018-06-01T00:00:00Z/2018-06-02T00:00:00Z&amp;station=A%261\"",
            "aria-sort=\"ascending\"",
            "href=\"/reports?last=7d&amp;by=station&amp;zone=UTC&amp;sort=-sessions\"",
            "href=\"/api/v1/report.csv?last=7d&amp;by=station&amp;zone=UTC&amp;sort=sessions\"",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains(" style="), "the content security policy forbids inline styles");
    }
}
