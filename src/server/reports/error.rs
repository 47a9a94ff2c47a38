//! Why there is no report.

use crate::{
    domain::{address::BadChoice, report::NoReport},
    server::snapshots::SnapshotError,
};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("No time zone is called “{0}”. Choose one such as Europe/London or UTC.")]
    Zone(String),
    #[error("The period is outside of the calendar.")]
    Calendar,
    /// No report can be sorted so.
    #[error(transparent)]
    Sort(BadChoice),
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
    #[error("reading broke off")]
    Broken,
    /// Reading goes on while somebody asks for the report. The next question finds it.
    #[error("the report is still being read")]
    Reading,
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl From<NoReport> for ReportError {
    fn from(why: NoReport) -> Self {
        match why {
            NoReport::Sort(refused) => Self::Sort(refused),
            NoReport::TooManyGroups(_) => GivenUp::TooManyGroups.into(),
        }
    }
}

/// Why a report cannot be read, however often it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenUp {
    #[error(
        "Reading this report takes longer than MongoDB keeps how its documents were, which is five minutes where it is not \
         set otherwise. Choose a shorter period; by day, week or month a report is there at once."
    )]
    TooLong,
    #[error(
        "This report is larger than ChargeDeck keeps in memory, which is some 50,000 rows, or fewer of many currencies. \
         Choose a shorter period, or group by something else."
    )]
    TooManyGroups,
}
