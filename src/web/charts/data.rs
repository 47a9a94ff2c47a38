//! The data that charts show. Numbers are in the drawn unit. Floating point is used only here and in drawings.

/// The unit of a chart's values, on axes and after numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartUnit {
    /// Name on the axis.
    pub name: String,
    /// Format of a value: `{value} kWh` with at most one decimal, `£{value:2}` with always two.
    pub format: String,
}

impl ChartUnit {
    /// A unit that is written after the number.
    pub fn after(name: &str) -> Self {
        Self { name: name.to_owned(), format: format!("{{value}}\u{a0}{name}") }
    }

    /// A unit of counted things, without a suffix.
    pub fn count(name: &str) -> Self {
        Self { name: name.to_owned(), format: "{value}".to_owned() }
    }
}

/// A course over time. Steps that have not come yet have no value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSeries {
    /// One per step. All differ, because a zoomed range is found again by its labels.
    pub labels: Vec<String>,
    /// Series of at most two units. The first unit has its axis on the left, the other on the right.
    pub series: Vec<Series>,
    pub ghost: Option<Ghost>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub id: &'static str,
    pub name: String,
    pub unit: ChartUnit,
    pub kind: SeriesKind,
    pub values: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    Bars,
    Line,
}

/// An earlier period behind the first series.
#[derive(Clone, Debug, PartialEq)]
pub struct Ghost {
    pub name: String,
    /// The labels of its own steps.
    pub names: Vec<String>,
    pub values: Vec<Option<f64>>,
}

/// A whole in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Donut {
    pub unit: ChartUnit,
    pub parts: Vec<DonutPart>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DonutPart {
    pub name: String,
    pub value: f64,
    /// A role of `style/tokens.css`: `ok`, `series-2`.
    pub role: &'static str,
}

/// One value on a scale up to a maximum.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    pub unit: ChartUnit,
    /// `None` where it is not known; then nothing is drawn.
    pub value: Option<f64>,
    pub max: f64,
}

/// A heat map, for example of hours by weekdays.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    pub unit: ChartUnit,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    /// Values row by row.
    pub values: Vec<Vec<Option<f64>>>,
}

impl Heat {
    /// Column, row and value of each cell; a datum's index is `row * columns + column`.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, usize, Option<f64>)> {
        let rows = self.values.iter().enumerate();
        rows.flat_map(|(row, values)| values.iter().enumerate().map(move |(column, value)| (column, row, *value)))
    }

    /// At least 1, so that an empty map has a scale, too.
    pub(super) fn largest(&self) -> f64 {
        self.cells().filter_map(|(.., value)| value).fold(0.0, f64::max).max(1.0)
    }
}

/// Bars by size, the largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    pub unit: ChartUnit,
    pub labels: Vec<String>,
    pub values: Vec<f64>,
}

/// A chart of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawing {
    TimeSeries(TimeSeries),
    Donut(Donut),
    Gauge(Gauge),
    Heat(Heat),
    Ranking(Ranking),
}
