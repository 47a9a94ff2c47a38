//! Instants as clock times in the network's zone, and spans of time.

use crate::domain::time::{UtcMs, Zone};

pub(super) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The number of the local day that holds `at`. Equal for two instants of the same local day.
pub fn local_day(zone: &Zone, at: UtcMs) -> i64 {
    at.seconds().saturating_add(zone.offset_s(at).into()).div_euclid(86_400)
}

/// `14:02`
pub fn clock_time(zone: &Zone, at: UtcMs) -> String {
    let c = zone.civil(at);
    format!("{:02}:{:02}", c.hour, c.minute)
}

/// `6 Sep 2018`
pub fn date(zone: &Zone, at: UtcMs) -> String {
    let c = zone.civil(at);
    format!("{} {} {}", c.day, month(c.month), c.year)
}

/// `14:02` today, `6 Sep 14:02` this year, `6 Sep 2018 14:02` otherwise. `today` is a [`local_day`].
pub fn stamp(zone: &Zone, at: UtcMs, today: i64) -> String {
    let time = clock_time(zone, at);
    if local_day(zone, at) == today {
        return time;
    }
    let c = zone.civil(at);
    let this_year = UtcMs::from_seconds(today.saturating_mul(86_400)).civil(0).year;
    if c.year == this_year {
        format!("{} {} {time}", c.day, month(c.month))
    } else {
        format!("{} {time}", date(zone, at))
    }
}

/// `Thursday`
pub fn weekday(zone: &Zone, at: UtcMs) -> &'static str {
    weekday_name(zone.civil(at).weekday)
}

/// The name of a month, `Sep`. January is 1.
pub(super) fn month(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).saturating_sub(1)).copied().unwrap_or_default()
}

/// The name of a weekday. Monday is 0.
pub fn weekday_name(weekday: u8) -> &'static str {
    WEEKDAYS.get(usize::from(weekday)).copied().unwrap_or_default()
}

/// How long ago `at` was, in its largest unit: `18 s ago`, `41 min ago`, `3 h ago`, `12 d ago`. An instant in the
/// future counts as now.
pub fn age(at: UtcMs, now: UtcMs) -> String {
    let s = now.seconds().saturating_sub(at.seconds()).max(0);
    match s {
        0..5 => "just now".to_owned(),
        5..60 => format!("{s}\u{a0}s ago"),
        60..3600 => format!("{}\u{a0}min ago", s / 60),
        3600..172_800 => format!("{}\u{a0}h ago", s / 3600),
        _ => format!("{}\u{a0}d ago", super::count(s / 86_400)),
    }
}

/// A duration: seconds below a minute, `00:52` in hours and minutes below a day, else `2 d 04:10`.
pub fn duration(seconds: i64) -> String {
    let s = seconds.max(0);
    let clock = format!("{:02}:{:02}", s / 3600 % 24, s / 60 % 60);
    match s {
        0..60 => format!("{s}\u{a0}s"),
        60..86_400 => clock,
        _ => format!("{}\u{a0}d {clock}", super::count(s / 86_400)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london() -> Zone {
        Zone { name: "Europe/London".into(), offsets: vec![(0, 0), (1_521_939_600, 3600), (1_540_688_400, 0)] }
    }

    fn at(text: &str) -> UtcMs {
        UtcMs::parse(text).unwrap()
    }

    #[test]
    fn stamps_say_no_more_than_needed() {
        let today = local_day(&london(), at("2018-06-14T23:30:00Z"));
        assert_eq!(stamp(&london(), at("2018-06-14T23:05:00Z"), today), "00:05");
        assert_eq!(stamp(&london(), at("2018-06-14T22:59:00Z"), today), "14 Jun 23:59");
        assert_eq!(stamp(&london(), at("2017-12-31T23:00:00Z"), today), "31 Dec 2017 23:00");
        assert_eq!(date(&london(), at("2018-09-06T12:00:00Z")), "6 Sep 2018");
        assert_eq!(weekday(&london(), at("2018-09-06T12:00:00Z")), "Thursday");
    }

    #[test]
    fn spans_use_their_largest_unit() {
        let now = at("2026-01-10T00:00:00Z");
        let ago = |s: i64| age(UtcMs(now.0 - s * 1000), now);
        assert_eq!(
            [ago(-9), ago(4), ago(18), ago(41 * 60)],
            ["just now", "just now", "18\u{a0}s ago", "41\u{a0}min ago"]
        );
        assert_eq!([ago(2 * 3600), ago(3000 * 86_400)], ["2\u{a0}h ago", "3,000\u{a0}d ago"]);
        assert_eq!([duration(0), duration(59), duration(52 * 60)], ["0\u{a0}s", "59\u{a0}s", "00:52"]);
        assert_eq!(duration(2 * 86_400 + 4 * 3600 + 600), "2\u{a0}d 04:10");
    }
}
