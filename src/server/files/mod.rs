//! What a page shows as a file for spreadsheets, under the page's own headings and words; and the report as JSON.

mod charts_csv;
pub mod report;

pub use charts_csv::charts_csv;
