//! The page's charts: which ones there are, and what each shows as figures change.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{
    parts,
    time_series::{ChartMeasure, Pieces, currencies, time_series},
};
use crate::{
    domain::{
        address::escaped,
        analytics::{OF_NOW, hours_of, payments_of},
        money::{Currency, Watt},
        range::{Day, RangeStep},
        status::EvseStatus,
        time::{UtcMs, Zone},
    },
    web::{
        api::Charts,
        charts::Drawing,
        live::BoardStore,
        pages::analytics::chart_view::{ChartText, ChartView, badge},
        text,
        ui::{
            Address, Chart, ChartShape, Clock, any_views, choice, figure, note_of_count, optional_view,
            page_of_analytics, redrawn, split_key,
        },
    },
};

/// The data that all charts of the page share.
#[derive(Clone, Copy)]
struct View {
    pieces: Memo<Pieces>,
    step: RangeStep,
    zone: StoredValue<Zone>,
    options: StoredValue<std::collections::BTreeMap<String, String>>,
    query: StoredValue<String>,
}

impl View {
    fn time_series(self, measure: &ChartMeasure) -> ChartView {
        self.pieces.with(|pieces| self.zone.with_value(|zone| time_series(measure, pieces, self.step, zone)))
    }

    /// Draws one chart with its panel, sentence and table.
    fn chart(self, name: &'static str, looks: Looks, drawn: impl Fn() -> ChartView + Send + Sync + 'static) -> AnyView {
        self.boxed(name, looks, Box::new(drawn))
    }

    /// Not generic, so that the program holds it once and not once per chart.
    fn boxed(self, name: &'static str, looks: Looks, drawn: Box<dyn Fn() -> ChartView + Send + Sync>) -> AnyView {
        let Looks { title, note, shape, head, key, currency } = looks;
        let drawn = Memo::new(move |_| drawn());
        let navigate = use_navigate();
        let pick = move |(_, index): (String, usize)| {
            let href = drawn.with_untracked(|drawn| drawn.hrefs.get(index).cloned());
            if let Some(href) = href.filter(|href| !href.is_empty()) {
                navigate(&href, NavigateOptions::default());
            }
        };
        let table = move || table(&head, drawn.with(|drawn| drawn.rows.clone()));
        let parts = move || {
            let (parts, derived) = drawn.with(|drawn| (drawn.parts.clone(), drawn.derived));
            match (parts.is_empty(), derived) {
                (true, true) => badge(),
                (true, false) => ().into_any(),
                _ => split_key(parts),
            }
        };
        let mut query = String::new();
        if !OF_NOW.contains(&name) {
            query = self.query.with_value(|query| format!("?{query}"));
        }
        if let Some(currency) = currency {
            query = format!("{query}&currency={}", escaped(&currency.0));
        }
        let file = format!("chargedeck-{name}{}", query.replace(['?', '=', '&', '/'], "-"));
        view! {
            <Chart
                name
                title
                note
                shape
                key
                option=self.options.with_value(|options| options.get(name).cloned().unwrap_or_default())
                sentence=Signal::derive(move || drawn.with(|drawn| drawn.sentence.clone()))
                update=Signal::derive(move || drawn.with(|drawn| drawn.chart.as_ref().map(Drawing::update).unwrap_or_default()))
                empty=Signal::derive(move || drawn.with(|drawn| drawn.empty))
                csv=format!("/api/v1/analytics/{name}.csv{query}")
                file
                derived=Signal::derive(move || drawn.with(|drawn| drawn.derived))
                pick=Callback::new(pick)
                parts=redrawn(parts)
                table=redrawn(table)
            />
        }
        .into_any()
    }
}

/// What surrounds a drawing.
struct Looks {
    title: &'static str,
    note: String,
    shape: ChartShape,
    /// The headings of the table's columns.
    head: Vec<&'static str>,
    /// Role and name of each series.
    key: Vec<(&'static str, String)>,
    /// The only currency in the CSV file.
    currency: Option<Currency>,
}

fn over_time(title: &'static str, note: String, compared: bool) -> Looks {
    let key = [("1", text::charts::PERIOD), ("ghost", text::charts::EARLIER)].into_iter();
    Looks {
        title,
        note,
        shape: ChartShape::TimeSeries,
        head: vec![text::charts::PERIOD, title, text::charts::EARLIER],
        key: key.filter(|_| compared).map(|(role, word)| (role, word.to_owned())).collect(),
        currency: None,
    }
}

fn of_states(title: &'static str, note: &str) -> Looks {
    Looks {
        title,
        note: note.to_owned(),
        shape: ChartShape::Round,
        head: vec![text::charts::STATE, text::charts::NUMBER],
        key: Vec::new(),
        currency: None,
    }
}

fn of_week() -> Looks {
    Looks {
        title: text::charts::WEEK_HOURS,
        note: text::charts::BY_START.to_owned(),
        shape: ChartShape::Heat,
        head: [text::charts::HOUR].into_iter().chain(text::charts::SHORT_WEEKDAYS).collect(),
        key: Vec::new(),
        currency: None,
    }
}

fn table(head: &[&'static str], rows: Vec<Vec<ChartText>>) -> AnyView {
    let head = head.iter().map(|word| view! { <th scope="col">{*word}</th> });
    let rows = rows.into_iter().map(|row| {
        let cells = row.into_iter().enumerate().map(|(i, text)| {
            view! { <td class=if i == 0 { "" } else { "number" }>{text.view()}</td> }
        });
        view! { <tr>{any_views(cells)}</tr> }
    });
    view! {
        <table class="table">
            <thead>
                <tr>{any_views(head)}</tr>
            </thead>
            <tbody>{any_views(rows)}</tbody>
        </table>
    }
    .into_any()
}

pub fn draw(sheet: BoardStore, step: RangeStep, charts: Charts, address: Address) -> AnyView {
    let fields = sheet.fields();
    let pieces = Memo::new(move |_| fields.with(Pieces::read));
    let view = View {
        pieces,
        step,
        zone: StoredValue::new(charts.zone),
        options: StoredValue::new(charts.options),
        query: StoredValue::new(charts.query),
    };
    // The chart's axis is made for this currency, so it stays while the page is open.
    let shown = charts.currency;
    let (measure, currency) = (ChartMeasure::Revenue(shown.clone()), Some(shown.clone()));
    let split = figure::<Vec<(EvseStatus, i64)>>("evse_split");
    let (power, installed) = (figure::<Watt>("live_power"), figure::<Watt>("installed_power"));
    let unknown = ["power_unknown", "rating_unknown"].map(figure::<i64>);
    let offered = Memo::new(move |_| pieces.with(currencies));
    let choices = move || {
        let mut all = offered.get();
        if !all.contains(&shown) {
            all.push(shown.clone());
        }
        let choices = all.iter().map(|currency| {
            choice(
                address.with(&[("currency", Some(&currency.0))]),
                text::displayable(currency.0.clone().into()).into_owned(),
                *currency == shown,
            )
        });
        optional_view((all.len() > 1).then(|| any_views(choices)), |choices| {
            view! { <nav class="tabs" aria-label=text::charts::CURRENCIES>{choices}</nav> }
        })
    };
    let compared = pieces.with_untracked(|pieces| !pieces.earlier.is_empty());
    let of_time = |title, note| over_time(title, note, compared);
    let counted = |how| text::charts::counted_per(how, step);
    let of_revenue = Looks { currency, ..of_time(text::charts::REVENUE, counted(text::charts::BY_CAPTURE)) };
    let energy = move || view.time_series(&ChartMeasure::Energy);
    let sessions = move || view.time_series(&ChartMeasure::Sessions);
    let revenue = move || view.time_series(&measure);
    let gauge = move || parts::power(power(), installed(), unknown.map(|unknown| unknown()));
    let states = move || split().map(parts::evses).unwrap_or_default();
    let payments = move || {
        let by_status = fields.with(payments_of);
        view.zone.with_value(|zone| parts::payments(&by_status, pieces.with(Pieces::period), zone))
    };
    let week = move || {
        let hours = fields.with(hours_of);
        view.zone.with_value(|zone| parts::week(&hours, pieces.with(Pieces::period), zone))
    };
    let charts = [
        ("whole", view.chart("energy", of_time(text::charts::ENERGY, text::charts::per(text::KWH, step)), energy)),
        ("half", view.chart("sessions", of_time(text::charts::SESSIONS, counted(text::charts::BY_START)), sessions)),
        ("half", view.chart("revenue", of_revenue, revenue)),
        ("third", view.chart("power", of_states(text::charts::POWER_NOW, ""), gauge)),
        ("third", view.chart("evses", of_states(text::charts::EVSES_BY_STATE, ""), states)),
        (
            "third",
            view.chart("payments", of_states(text::charts::PAYMENTS_BY_STATE, text::charts::BY_CREATION), payments),
        ),
        ("whole", view.chart("week", of_week(), week)),
    ];
    let newest = figure::<UtcMs>("newest_data");
    let clock = Clock::expect();
    let nothing = move || {
        let newest = newest().filter(|_| pieces.with(Pieces::is_empty))?;
        let day = clock.with_zone(|zone| Day::of(zone.civil(newest)));
        let to_newest = page_of_analytics(&format!("from={day}&to={day}"));
        Some(view! {
            <p class="note-line">
                <span>{text::charts::NOTHING_IN_PERIOD}</span>
                <a href=to_newest>{text::TO_NEWEST_DATA}</a>
            </p>
        })
    };
    view! {
        {move || optional_view(nothing(), |view| view)}
        {note_of_count()}
        {redrawn(choices)}
        <div class="charts">{any_views(charts.into_iter().map(|(class, chart)| view! { <div class=class>{chart}</div> }))}</div>
    }
    .into_any()
}
