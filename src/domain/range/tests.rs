use super::*;
use std::collections::HashMap;

fn range(query: &[(&str, &str)]) -> Result<Range, String> {
    let query: HashMap<_, _> = query.iter().copied().collect();
    Range::read(|name| query.get(name).map(|&text| text.to_owned())).map_err(|error| error.why)
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn dates_read_what_they_write_and_know_the_calendar() {
    for text in ["1970-01-01", "2018-06-30", "2024-02-29", "9999-12-31"] {
        assert_eq!(day(text).to_string(), text);
    }
    for bad in ["", "2018-6-1", "2018-02-29", "2018-13-01", "2018-06-31", "x018-01-01", "2018-06-01T", "0000-01-01"] {
        assert!(bad.parse::<Day>().is_err(), "{bad}");
    }
    assert_eq!(day("2018-06-15").weekday(), 4, "a Friday");
    assert_eq!(day("2024-02-29").years_before(1), day("2023-02-28"));
}

#[test]
fn a_period_is_read_or_said_why_not() {
    assert_eq!(range(&[]), Ok(Range::Last(7)));
    assert_eq!(range(&[("last", "28d")]), Ok(Range::Last(28)));
    let days = range(&[("from", "2018-06-01"), ("to", "2018-06-30"), ("last", "")]).unwrap();
    assert_eq!((days.to_string().as_str(), days.len()), ("from=2018-06-01&to=2018-06-30", 30));
    assert_eq!(range(&[("from", "2018-06-01")]).unwrap().len(), 1);
    for bad in [
        &[("from", "2018-06-02"), ("to", "2018-06-01")][..],
        &[("to", "2018-06-01")],
        &[("from", "2018-06-01"), ("to", "2018-06-30"), ("last", "7d")],
        &[("to", "2018-06-30"), ("last", "7d")],
        &[("last", "0d")],
        &[("last", "week")],
        &[("from", "1999-01-01"), ("to", "2018-06-01")],
    ] {
        assert!(range(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn an_earlier_period_has_the_same_weekdays_and_does_not_meet() {
    let before = |from, to| Against::Before.days((day(from), day(to))).unwrap();
    assert_eq!(before("2018-06-15", "2018-06-15"), (day("2018-06-08"), day("2018-06-08")));
    assert_eq!(before("2018-06-09", "2018-06-15"), (day("2018-06-02"), day("2018-06-08")));
    assert_eq!(before("2018-06-01", "2018-06-30"), (day("2018-04-27"), day("2018-05-26")));
    let year = Against::YearBefore.days((day("2018-06-01"), day("2018-06-30")));
    assert_eq!(year, Some((day("2017-06-01"), day("2017-06-30"))));
}

#[test]
fn steps_that_are_unknown_or_too_fine_are_refused() {
    assert_eq!(RangeStep::read(Some("hour"), Range::Last(7)), Ok(RangeStep::Hour));
    assert_eq!(RangeStep::read(None, Range::Last(365)), Ok(RangeStep::Week));
    assert_eq!(RangeStep::read(Some(""), Range::Last(365)), Ok(RangeStep::Week));
    for (name, days) in [("hour", 90), ("day", 733), ("odd", 1)] {
        assert_eq!(RangeStep::read(Some(name), Range::Last(days)).unwrap_err().name, "by");
    }
    assert_eq!((Against::read(None), Against::read(Some("year"))), (Ok(Against::Before), Ok(Against::YearBefore)));
    assert_eq!(Against::read(Some("odd")).unwrap_err().name, "against");
}
