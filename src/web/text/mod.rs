//! Every word and format that a page shows, with those of `domain::text`. Pure functions, the same on the server and in
//! the browser, so that both render the same text, and a translation has one place.

pub mod charts;
mod money;
mod numbers;
mod phrases;
mod reports;
mod selections;
mod sentences;
pub mod system;
mod times;

pub use crate::domain::text::*;
pub use money::{money, money_unit};
pub use numbers::{
    KW, KWH, Quantity, at_least, change, count, decimal, distance, energy, energy_figure, mass, per_mille, percent,
    power, power_figure, rated, volume,
};
pub use phrases::*;
pub use reports::*;
pub use selections::{APPEARS, NOT_SELECTABLE, NOTHING_MATCHES, SHOW_ALL, SHOWN, matching, part, remove, without};
pub use sentences::{Sentence, sentence};
pub use times::{age, clock_time, date, duration, local_day, stamp, weekday};
