//! The columns of figures, and the order of the rows.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::By;
use crate::domain::{address::BadChoice, ids::travels_as_text, money::Currency};

/// A figure about the money of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    Captured,
    Refunded,
    /// Captured minus refunded.
    Revenue,
    Fees,
    /// Payments whose fee is not known.
    FeesMissing,
    /// Revenue minus fees, over the payments whose fee is known.
    Net,
}

impl Measure {
    pub const ALL: [Self; 6] =
        [Self::Captured, Self::Refunded, Self::Revenue, Self::Fees, Self::FeesMissing, Self::Net];

    const fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Refunded => "refunded",
            Self::Revenue => "revenue",
            Self::Fees => "fees",
            Self::FeesMissing => "fees_missing",
            Self::Net => "net",
        }
    }
}

/// A column of figures. Its values are integers: counts, Wh, or minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Column {
    Sessions,
    Energy,
    /// Sessions whose energy is not known.
    WithoutEnergy,
    /// Sessions whose energy is in no sum, because the energy or the times cannot be true.
    LeftOut,
    /// Sessions whose energy is in the sum although it is more than is likely.
    Doubtful,
    Payments,
    /// Payments computed from a tariff.
    Derived,
    /// Payments whose captured amount or currency is not known.
    WithoutAmount,
    Money(Measure, Currency),
}

/// Writes the name used in addresses: `energy`, `revenue.GBP`.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sessions => f.write_str("sessions"),
            Self::Energy => f.write_str("energy"),
            Self::WithoutEnergy => f.write_str("without_energy"),
            Self::LeftOut => f.write_str("left_out"),
            Self::Doubtful => f.write_str("doubtful"),
            Self::Payments => f.write_str("payments"),
            Self::Derived => f.write_str("derived"),
            Self::WithoutAmount => f.write_str("without_amount"),
            Self::Money(measure, currency) => write!(f, "{}.{currency}", measure.name()),
        }
    }
}

impl FromStr for Column {
    type Err = BadChoice;

    fn from_str(name: &str) -> Result<Self, BadChoice> {
        let unknown = || BadChoice::unsortable(name);
        Ok(match name {
            "sessions" => Self::Sessions,
            "energy" => Self::Energy,
            "without_energy" => Self::WithoutEnergy,
            "left_out" => Self::LeftOut,
            "doubtful" => Self::Doubtful,
            "payments" => Self::Payments,
            "derived" => Self::Derived,
            "without_amount" => Self::WithoutAmount,
            _ => {
                let (measure, currency) = name.split_once('.').ok_or_else(unknown)?;
                let measure = Measure::ALL.into_iter().find(|m| m.name() == measure).ok_or_else(unknown)?;
                Self::Money(measure, Currency(currency.to_owned()))
            }
        })
    }
}

travels_as_text!(Column);

/// The order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    /// `None` sorts by what the rows are: by time, or by name.
    pub column: Option<Column>,
    pub descending: bool,
}

/// The name in addresses of the column that says what the rows are.
const GROUP: &str = "group";

impl Sort {
    /// The default order: time ascending, or else the most energy first.
    pub const fn usual(by: By) -> Self {
        if by.is_time() {
            Self { column: None, descending: false }
        } else {
            Self { column: Some(Column::Energy), descending: true }
        }
    }

    /// The order that a click on the column's head asks for. Figures begin with the largest; a second click reverses
    /// the order.
    #[must_use]
    pub fn toggled(&self, column: Option<Column>) -> Self {
        let descending = if self.column == column { !self.descending } else { column.is_some() };
        Self { column, descending }
    }

    pub(super) fn read(text: &str) -> Result<Self, BadChoice> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let column = if name == GROUP { None } else { Some(name.parse()?) };
        Ok(Self { column, descending })
    }
}

/// Writes the form used in addresses: `group`, `-revenue.GBP`.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.descending {
            f.write_str("-")?;
        }
        match &self.column {
            None => f.write_str(GROUP),
            Some(column) => column.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_read_what_they_write() {
        let plain =
            ["sessions", "energy", "without_energy", "left_out", "doubtful", "payments", "derived", "without_amount"];
        let money = Measure::ALL.map(|measure| format!("{}.GBP", measure.name()));
        for name in plain.into_iter().map(str::to_owned).chain(money) {
            assert_eq!(name.parse::<Column>().unwrap().to_string(), name);
        }
    }
}
