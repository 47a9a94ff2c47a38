//! What charts show. Numbers are in the unit that is drawn: floating point begins here and goes nowhere else.

/// A unit of values, on axes and after numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// On the axis.
    pub name: String,
    /// How a value is written: `{value} kWh`; `£{value:2}` with two decimals always, else with one at most.
    pub format: String,
}

impl Unit {
    /// Written after the number.
    pub fn after(name: &str) -> Self {
        Self { name: name.to_owned(), format: format!("{{value}}\u{a0}{name}") }
    }

    /// Of things that are counted.
    pub fn count(name: &str) -> Self {
        Self { name: name.to_owned(), format: "{value}".to_owned() }
    }
}

/// A course over time. Steps of time that have not come have no value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSeries {
    /// One per step, each different: a stretch that is zoomed to is found again by them.
    pub labels: Vec<String>,
    /// Of at most two units: the first has its axis on the left, the other on the right.
    pub series: Vec<Series>,
    pub ghost: Option<Ghost>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub id: &'static str,
    pub name: String,
    pub unit: Unit,
    pub kind: Kind,
    pub values: Vec<Option<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bars,
    Line,
}

/// An earlier period behind the first series.
#[derive(Clone, Debug, PartialEq)]
pub struct Ghost {
    pub name: String,
    /// What its own steps are called.
    pub names: Vec<String>,
    pub values: Vec<Option<f64>>,
}

/// A whole in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Donut {
    pub unit: Unit,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub name: String,
    pub value: f64,
    /// A role of `style/tokens.css`: `ok`, `series-2`.
    pub role: &'static str,
}

/// One value of a largest possible.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    pub unit: Unit,
    /// Nothing is drawn where it is not known.
    pub value: Option<f64>,
    pub max: f64,
}

/// Hours by weekdays, say.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    pub unit: Unit,
    pub rows: Vec<String>,
    pub columns: Vec<String>,
    /// Row by row.
    pub values: Vec<Vec<Option<f64>>>,
}

impl Heat {
    /// Column, row and value of each cell; a datum's index is `row * columns + column`.
    pub(super) fn cells(&self) -> impl Iterator<Item = (usize, usize, Option<f64>)> {
        let rows = self.values.iter().enumerate();
        rows.flat_map(|(row, values)| values.iter().enumerate().map(move |(column, value)| (column, row, *value)))
    }

    /// Never nothing, so that an empty map has a scale, too.
    pub(super) fn largest(&self) -> f64 {
        self.cells().filter_map(|(.., value)| value).fold(0.0, f64::max).max(1.0)
    }
}

/// The largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    pub unit: Unit,
    pub labels: Vec<String>,
    pub values: Vec<f64>,
}

/// Any of them.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawing {
    TimeSeries(TimeSeries),
    Donut(Donut),
    Gauge(Gauge),
    Heat(Heat),
    Ranking(Ranking),
}
