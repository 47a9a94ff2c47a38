//! What pages are made of: one component per file. They draw what they are given and know no collection's fields.

pub mod words;

mod account;
mod announcer;
mod badge;
mod bar;
mod cell;
mod clock;
mod connection;
mod day_chart;
mod each;
mod empty;
mod error;
mod figure;
mod figure_card;
mod icon;
mod live_list;
mod loaded;
mod loading;
mod nav;
mod shell;
mod sparkline;
mod split_bar;
mod stale;
mod status_mark;
mod table;
mod theme;

pub use badge::Badge;
pub use bar::per_mille;
pub use cell::Cell;
pub use clock::Clock;
pub use day_chart::{DayChart, DayDrawing};
pub use each::{each, some};
pub use empty::Empty;
pub use error::Failure;
pub use figure::figure;
pub use figure_card::{Draw, Figure, FigureCard, Picture};
pub use icon::Mark;
pub use live_list::LiveList;
pub use loaded::loaded;
pub use loading::Loading;
pub use nav::page;
pub use shell::Shell;
pub use split_bar::split_bar;
pub use status_mark::{Look, StatusMark};
pub use table::{Column, Table};
