//! Why there is no report.

use crate::{domain::address::BadChoice, server::snapshots::SnapshotError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("No time zone is called “{0}”. Choose one such as Europe/London or UTC.")]
    Zone(String),
    #[error("The period is outside of the calendar.")]
    Calendar,
    /// No report can be sorted so.
    #[error(transparent)]
    Sort(#[from] BadChoice),
    #[error(
        "Reading this report takes longer than MongoDB keeps how its documents were, which is five minutes where it is not \
         set otherwise. Choose a shorter period; by day, week or month a report is there at once."
    )]
    TooLong,
    #[error("reading broke off")]
    Broken,
    /// Reading goes on while somebody asks for the report. The next question finds it.
    #[error("the report is still being read")]
    Reading,
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}
