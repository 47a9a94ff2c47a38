//! The texts of charts: titles, the names of steps, and a sentence for each chart.

use super::{change, count, date, energy_figure, money};
use crate::domain::{
    money::{Money, Wh},
    range::{Against, Range, RangeStep},
    time::{Period, UtcMs, Zone},
};

pub const ANALYTICS: &str = "Analytics";
pub const OPEN_ANALYTICS: &str = "Open in Analytics";
pub const PERIOD: &str = "Period";
pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const ZONE: &str = "Time zone";
pub const SHOW: &str = "Show";
pub const STEPS: &str = "Group by";
pub const COMPARED: &str = "Compare with";
pub const CURRENCIES: &str = "Currency";
pub const EARLIER: &str = "Earlier";
pub const DERIVED: &str = "Derived";
pub const EARLIER_DERIVED: &str = "Earlier, derived";
pub const ENERGY: &str = "Energy";
pub const SESSIONS: &str = "Sessions";
pub const REVENUE: &str = "Revenue";
pub const ENERGY_KWH: &str = "Energy kWh";
pub const NO_ENERGY: &str = "Energy not known";
pub const NO_AMOUNT: &str = "Amount not known";
pub const LEFT_OUT: &str = "Excluded";
pub const DOUBTFUL: &str = "Questionable";
pub const NO_POWER: &str = "Power not known";
pub const NO_RATING: &str = "Rated power not known";
pub const CHART: &str = "Chart";
pub const INSTANTS: &str = "From/to, UTC";
pub const MADE_AT: &str = "Made at";
pub const POSITION: &str = "Position";
pub const WEEKDAY: &str = "Weekday";
pub const STARTED: &str = "started";
pub const NOTHING_IN_PERIOD: &str =
    "Nothing happened in this period: no session started or ended, and no payment was captured.";
pub const WEEK_HOURS: &str = "Sessions by hour of the week";
pub const PAYMENTS_BY_STATE: &str = "Payments by state";
pub const EVSES_BY_STATE: &str = "EVSEs by state";
pub const POWER_NOW: &str = "Power now";
pub const INSTALLED: &str = "Installed";
pub const BY_START: &str = "by start";
pub const BY_CREATION: &str = "by creation";
pub const BY_CAPTURE: &str = "captured minus refunded";
pub const STATE: &str = "State";
pub const NUMBER: &str = "Number";
pub const HOUR: &str = "Hour";
pub const SHORT_WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The name of an offered period.
pub fn range(range: Range) -> String {
    match range {
        Range::Last(1) => super::TODAY.to_owned(),
        Range::Last(365) => "12 months".to_owned(),
        Range::Last(days) => format!("{days} days"),
        Range::Days(from, to) if from == to => from.to_string(),
        Range::Days(from, to) => format!("{from} to {to}"),
    }
}

/// The name of the steps that a period is divided into.
pub const fn step(step: RangeStep) -> &'static str {
    match step {
        RangeStep::Hour => "Hours",
        RangeStep::Day => "Days",
        RangeStep::Week => "Weeks",
        RangeStep::Month => "Months",
    }
}

/// `kWh per day`
pub fn per(unit: &str, step: RangeStep) -> String {
    let step = match step {
        RangeStep::Hour => "hour",
        RangeStep::Day => "day",
        RangeStep::Week => "week",
        RangeStep::Month => "month",
    };
    format!("{unit} per {step}")
}

/// `by start, per day`
pub fn counted_per(how: &str, step: RangeStep) -> String {
    per(&format!("{how},"), step)
}

/// The name of the comparison period.
pub const fn against(against: Against) -> &'static str {
    match against {
        Against::Before => "Previous period",
        Against::YearBefore => "Same dates last year",
        Against::Nothing => "None",
    }
}

/// A period as days: `15 Jun 2018`, `9 Jun 2018 to 15 Jun 2018`. The period ends where a day begins.
pub fn days(zone: &Zone, period: Period) -> String {
    let (first, last) = (date(zone, period.from), date(zone, period.to.after(-1)));
    if first == last { first } else { format!("{first} to {last}") }
}

/// The label of a step below the axis.
pub fn piece(zone: &Zone, from: UtcMs, step: RangeStep, one_day: bool) -> String {
    let c = zone.civil(from);
    let month = super::times::month(c.month);
    match step {
        RangeStep::Hour if one_day => super::clock_time(zone, from),
        RangeStep::Hour => format!("{} {month} {}", c.day, super::clock_time(zone, from)),
        RangeStep::Day => format!("{} {} {month}", SHORT_WEEKDAYS.get(usize::from(c.weekday)).unwrap_or(&""), c.day),
        RangeStep::Week => format!("{} {month}", c.day),
        RangeStep::Month => format!("{month} {}", c.year),
    }
}

/// The label of a step of the comparison period, which may be in another year.
pub fn piece_of_year(zone: &Zone, from: UtcMs, step: RangeStep, one_day: bool) -> String {
    let piece = piece(zone, from, step, one_day);
    match step {
        RangeStep::Day | RangeStep::Week => format!("{piece} {}", zone.civil(from).year),
        RangeStep::Hour | RangeStep::Month => piece,
    }
}

/// A period's figure as a sentence: `12 kWh delivered, today, +5.5% on yesterday`. The comparison uses only what the
/// earlier period had after the same elapsed time.
pub fn course_sentence(figure: &str, days: &str, now: Option<i64>, earlier: Option<(Option<i64>, &str)>) -> String {
    let beside = match (now, earlier) {
        (Some(now), Some((Some(before), days))) => match change(before, now) {
            Some(change) => format!(", {change} on {days}"),
            None => format!(", none in {days}"),
        },
        (Some(_), Some((None, days))) => format!(", {} in {days}", super::NOT_KNOWN),
        _ => String::new(),
    };
    format!("{figure}, {days}{beside}.")
}

pub fn energy_delivered(wh: i64) -> String {
    format!("{} delivered", energy_figure(Wh(wh)))
}

pub fn sessions_started(n: i64) -> String {
    format!("{} started", super::documents(crate::domain::collections::Collection::ChargingSessions, n))
}

/// How much of the money was derived from tariffs: ` £3.00 of it computed from a tariff, …`
pub fn derived(part: &Money) -> String {
    format!(" {} of it {}.", money(part), super::DERIVED_WHY)
}

pub fn revenue_captured(revenue: &Money) -> String {
    format!("{} captured minus refunded", money(revenue))
}

/// Remarks on documents that a sum lacks or doubts: ` Energy not known: 2. Excluded: 1.`
pub fn remarks(all: &[(&str, i64)]) -> String {
    let all = all.iter().filter(|(_, n)| *n != 0);
    all.fold(String::new(), |text, &(what, n)| text + " " + what + ": " + &count(n) + ".")
}

/// How many payments there were, and which share of the decided ones succeeded.
pub fn payments_sentence(days: &str, all: i64, succeeded: i64, failed: i64) -> String {
    let payments = super::documents(crate::domain::collections::Collection::Payments, all);
    match super::percent(succeeded, succeeded.saturating_add(failed)) {
        None => format!("{payments} created, {days}; no payment is decided yet."),
        Some(share) => {
            format!("{payments} created, {days}: {share} of the decided ones succeeded, {} failed.", count(failed))
        }
    }
}

/// The busiest hour of the week. The first one wins a tie.
pub fn week_sentence(days: &str, hours: &[i64]) -> String {
    let busiest = hours.iter().enumerate().max_by_key(|(hour, n)| (**n, std::cmp::Reverse(*hour)));
    match busiest.filter(|(_, n)| **n > 0) {
        None => format!("No session started, {days}."),
        Some((hour, n)) => format!(
            "Most sessions, {} in all, started on {}s from {:02}:00, {days}.",
            count(*n),
            super::times::weekday_name(u8::try_from(hour / 24).unwrap_or(0)),
            hour % 24
        ),
    }
}

/// `367 kW now, of 3,686 kW installed.`
pub fn power_sentence(power: Option<&str>, installed: Option<&str>) -> String {
    let now = power.map_or_else(|| NO_POWER.to_owned(), |power| format!("{power} now"));
    installed.map_or_else(|| format!("{now}."), |installed| format!("{now}, of {installed} installed."))
}

/// `Available 69, Charging 16`
pub fn parts_sentence(parts: &[(&str, i64)]) -> String {
    let parts: Vec<String> = parts.iter().map(|(word, n)| format!("{word} {}", count(*n))).collect();
    format!("{}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Currency;

    fn london() -> Zone {
        Zone { name: "Europe/London".into(), offsets: vec![(0, 3600)] }
    }

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).unwrap()
    }

    #[test]
    fn pieces_are_named_as_the_step_needs() {
        let name = |step, one_day| piece(&london(), at("2018-06-14T23:00:00Z"), step, one_day);
        assert_eq!(name(RangeStep::Hour, true), "00:00");
        assert_eq!(name(RangeStep::Hour, false), "15 Jun 00:00");
        assert_eq!(name(RangeStep::Day, false), "Fri 15 Jun");
        assert_eq!(name(RangeStep::Month, false), "Jun 2018");
        let period = Period { from: at("2018-06-14T23:00:00Z"), to: at("2018-06-16T23:00:00Z") };
        assert_eq!(days(&london(), period), "15 Jun 2018 to 16 Jun 2018");
    }

    #[test]
    fn sentences_say_it_without_a_picture() {
        let energy = |earlier| course_sentence(&energy_delivered(1_389_000), "today", Some(1_389_000), earlier);
        assert_eq!(
            energy(Some((Some(1_300_000), "yesterday"))),
            "1,389\u{a0}kWh delivered, today, +6.8% on yesterday."
        );
        assert_eq!(
            energy(Some((None, "yesterday"))),
            "1,389\u{a0}kWh delivered, today, not known in yesterday.",
            "what nobody knows is not compared"
        );
        assert_eq!(
            course_sentence(&sessions_started(1), "today", Some(1), Some((Some(0), "yesterday"))),
            "1 session started, today, none in yesterday."
        );
        let pounds = Money { minor: 724, currency: Currency("GBP".into()) };
        assert_eq!(
            course_sentence(&revenue_captured(&pounds), "today", Some(724), None),
            "£7.24 captured minus refunded, today."
        );
        assert_eq!(remarks(&[(NO_ENERGY, 2), (LEFT_OUT, 0), (DOUBTFUL, 1)]), " Energy not known: 2. Questionable: 1.");
        assert_eq!(
            payments_sentence("today", 10, 7, 1),
            "10 payments created, today: 87.5% of the decided ones succeeded, 1 failed."
        );
        assert!(payments_sentence("today", 3, 2, 1).contains("66.7%"), "rounded, not cut");
        let mut hours = vec![0; 168];
        hours[4 * 24 + 17] = 3;
        assert_eq!(week_sentence("today", &hours), "Most sessions, 3 in all, started on Fridays from 17:00, today.");
    }
}
