//! Selections in words.

use std::borrow::Cow;

use super::{clock_time, count, date, method, phrases::order, status, times::weekday_name};
use crate::domain::{
    collections::Collection,
    selection::{Criterion, FilterField, Slot},
    time::{UtcMs, Zone},
};

pub const SHOW_ALL: &str = "Show all";
pub const SHOWN: &str = "Shown";
pub const NOTHING_MATCHES: &str = "Nothing matches";
pub const APPEARS: &str = "New matches appear here at once.";
/// The link that leaves out a refused parameter.
pub fn without(parameter: &str) -> String {
    format!("Show without “{parameter}”")
}
pub const NOT_SELECTABLE: &str = "Invalid filter";

/// `50 of 1,284 that match, newest first`
pub fn matching(shown: usize, total: usize, collection: Collection) -> String {
    let number = |n: usize| count(i64::try_from(n).unwrap_or(i64::MAX));
    format!("{} of {} that match, {}", number(shown), number(total.max(shown)), order(collection))
}

/// The label of the link that removes this part.
pub fn remove(part: &str) -> String {
    format!("{part}: remove")
}

/// One part of a selection in words: `Status: Completed`, `Ended 15 Jun 2018, 00:00 to 16 Jun 2018, 00:00`.
pub fn part(collection: Collection, part: FilterField, wanted: &Criterion, zone: &Zone) -> String {
    let what = match part {
        FilterField::Status => "Status",
        FilterField::Evse => "EVSE",
        FilterField::Started | FilterField::Slot => "Started",
        FilterField::Ended => "Ended",
        FilterField::Running => "Running",
        FilterField::Created => "Created",
        FilterField::Captured => "Captured",
        FilterField::Currency => "Currency",
        FilterField::Method => "Method",
        FilterField::Station => "Station",
        FilterField::Client => "Client",
        FilterField::City => "City",
    };
    match wanted {
        Criterion::OneOf(texts) => {
            let word = |text: &String| match part {
                FilterField::Status | FilterField::Evse => status(collection, text),
                FilterField::Method => method(text),
                _ => Cow::Owned(text.clone()),
            };
            format!("{what}: {}", texts.iter().map(word).collect::<Vec<_>>().join(" or "))
        }
        Criterion::Within(period) => {
            let at = |at: UtcMs| format!("{}, {}", date(zone, at), clock_time(zone, at));
            if period.from == UtcMs::FIRST {
                return format!("{what} before {}", at(period.to));
            }
            format!("{what} {} to {}", at(period.from), at(period.to))
        }
        Criterion::For(hours) => format!("{what} for more than {hours} h"),
        Criterion::In(Slot { weekday, hour, zone }) => {
            format!("{what} on a {}, {hour:02}:00 to {:02}:00, {zone}", weekday_name(*weekday), hour.saturating_add(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Period;

    #[test]
    fn every_part_has_its_words() {
        let zone = Zone { name: "Europe/London".into(), offsets: vec![(0, 3600)] };
        let words = |collection, name, value: &str| part(collection, name, &name.read(value).unwrap(), &zone);
        let day = Criterion::Within(Period {
            from: UtcMs::parse("2018-06-14T23:00:00Z").unwrap(),
            to: UtcMs::parse("2018-06-15T23:00:00Z").unwrap(),
        });
        let sessions = Collection::ChargingSessions;
        assert_eq!(part(sessions, FilterField::Ended, &day, &zone), "Ended 15 Jun 2018, 00:00 to 16 Jun 2018, 00:00");
        let ever = Criterion::Within(Period { from: UtcMs::FIRST, to: UtcMs::parse("2018-06-15T23:00:00Z").unwrap() });
        assert_eq!(part(sessions, FilterField::Started, &ever, &zone), "Started before 16 Jun 2018, 00:00");
        assert_eq!(words(sessions, FilterField::Started, &ever.to_string()), "Started before 16 Jun 2018, 00:00");
        assert_eq!(words(sessions, FilterField::Status, "COMPLETED"), "Status: Completed");
        assert_eq!(words(Collection::Payments, FilterField::Status, "odd,REFUNDED"), "Status: Refunded or odd");
        assert_eq!(words(Collection::Stations, FilterField::Evse, "OUTOFORDER"), "EVSE: Out of order");
        assert_eq!(
            words(sessions, FilterField::Slot, "4.14@Europe/London"),
            "Started on a Friday, 14:00 to 15:00, Europe/London"
        );
        assert_eq!(words(sessions, FilterField::Running, "8h"), "Running for more than 8 h");
        assert_eq!(matching(50, 1284, sessions), "50 of 1,284 that match, newest first");
    }
}
