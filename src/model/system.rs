//! What the System page shows: texts, made by the server, so that the browser only draws them. Figures for machines are
//! metrics.

use serde_tuple::{Deserialize_tuple, Serialize_tuple};

use super::status::Role;

/// The names of the board's values begin with these, and a digit that orders them.
pub const STOP: &str = "stop:";
pub const TABLE: &str = "table:";

/// A stop of the road.
#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Stop {
    pub title: String,
    pub role: Role,
    pub word: String,
    /// How long after MongoDB's commit a change is here.
    pub lag: Option<String>,
    /// Label and value.
    pub figures: Vec<(String, String)>,
}

/// A table below the road.
#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// What is said beside the rows, or instead of them.
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Serialize_tuple, Deserialize_tuple)]
pub struct Row {
    /// Where the first cell leads.
    pub href: Option<String>,
    /// Of the last cell, where that is a state.
    pub role: Option<Role>,
    pub cells: Vec<String>,
}
