//! The components of pages, one per file. They draw what they are given and know no collection's fields.
//!
//! A tag that `view/` does not know fails to compile, so that no page falls back to Leptos' own elements unnoticed:
//!
//! ```
//! use leptos::prelude::*;
//! let known = view! { <dl><dt>"Sessions"</dt><dd>{|| 12}</dd></dl> };
//! ```
//!
//! ```compile_fail
//! use leptos::prelude::*;
//! let unknown = view! { <dl><dt>"Sessions"</dt><video>{|| 12}</video></dl> };
//! ```

mod account;
mod announcer;
mod badge;
mod bar;
mod cell;
mod chart;
mod chips;
mod clock;
mod connection;
mod day_chart;
mod empty;
mod error;
mod feed;
mod figure;
mod figure_card;
mod hold;
mod icon;
mod live_list;
mod loaded;
mod loading;
mod nav;
mod period_form;
mod proportion;
mod query;
mod rail;
mod report_chart;
mod shell;
mod sparkline;
mod split_bar;
mod stale;
mod status_mark;
mod table;
mod theme;
mod views;

pub use badge::Badge;
pub use cell::{TableCell, missing};
pub use chart::{Chart, ChartShape};
pub use chips::chips;
pub use clock::Clock;
pub use day_chart::{DayChart, DayDrawing};
pub use empty::{Empty, nothing};
pub use error::Failure;
pub use feed::{Feed, FeedItem, feed_items};
pub use figure::{figure, note_of_count};
pub use figure_card::{Draw, Figure, FigureCard, Picture};
pub use hold::{fresh, reading};
pub use icon::Mark;
pub use live_list::LiveList;
pub use loaded::{answered, loaded};
pub use loading::Loading;
#[cfg(feature = "ssr")]
pub use nav::{ACCOUNT, AUDIT_LOG, USERS};
pub use nav::{
    ACTIVITY, ANALYTICS, OpenPage, REPORTS, SYSTEM, document_title, page_of, page_of_activity, page_of_analytics,
    page_of_status,
};
pub use period_form::{Address, choice, parameter_refused, period_form};
pub use query::{chosen, refused, without_choices};
#[cfg(feature = "ssr")]
pub use rail::Rail;
pub use report_chart::{ReportChart, measure};
#[cfg(feature = "ssr")]
pub use shell::MAIN;
pub use shell::Shell;
pub use split_bar::{by_role, split_bar, split_key};
pub use status_mark::{Look, StatusMark, role_class};
pub use table::{ListColumn, Table};
pub use views::{any_views, optional_view, redrawn};
