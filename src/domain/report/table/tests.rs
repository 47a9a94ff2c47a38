use super::{super::MoneySums, *};
use crate::domain::time::UtcMs;
use std::collections::HashMap;

fn query(query: &[(&str, &str)]) -> ReportParameters {
    let query: HashMap<_, _> = query.iter().copied().collect();
    ReportParameters::read(|name| query.get(name).map(|&text| text.to_owned()), "UTC").unwrap()
}

fn about(first: &str, last: &str) -> About {
    About { first: first.parse().unwrap(), last: last.parse().unwrap(), ..Report::blank(By::Day).about }
}

fn group(key: &str, name: Option<&str>, sums: ReportSums) -> Group {
    let key = key.strip_prefix('?').map_or_else(|| Key::Is(key.into()), |what| Key::Lacks(what.into()));
    Group { key, name: name.map(str::to_owned), sums }
}

fn delivered(sessions: i64, energy_wh: i64, without_energy: i64) -> ReportSums {
    ReportSums { sessions, energy_wh, without_energy, ..ReportSums::default() }
}

fn report(
    query: &ReportParameters,
    about: About,
    groups: Vec<Group>,
    lead: Option<&Currency>,
    piece: impl Fn(Day, Day) -> Option<Period>,
) -> Report {
    super::report(query, about, groups, lead, piece).unwrap()
}

fn ids(report: &Report) -> Vec<String> {
    report.rows.iter().map(|row| row.id.clone().or(row.lacks.clone()).unwrap()).collect()
}

/// Each currency has columns in each row, and documents may hold any code.
#[test]
fn a_table_has_a_bound_in_cells() {
    let code =
        |n: usize| [n / 676, n / 26 % 26, n % 26].map(|n| char::from(b'A' + u8::try_from(n).unwrap())).iter().collect();
    let paid = |n| ReportSums {
        payments: 1,
        money: vec![(Currency(code(n)), MoneySums { payments: 1, ..Default::default() })],
        ..Default::default()
    };
    let table = |rows: usize, codes: usize| {
        let groups = (0..rows).map(|n| group(&n.to_string(), None, paid(n % codes))).collect();
        super::report(&query(&[("by", "client")]), about("2018-06-01", "2018-06-01"), groups, None, |_, _| None)
    };
    assert_eq!(table(1000, 1000).unwrap_err(), NoReport::TooManyGroups(TooManyGroups));
    let report = table(3653, 180).unwrap();
    assert_eq!(report.rows.len() * report.columns.len(), 3653 * (3 + 5 * 180));
    assert_eq!(report.totals[2], Some(3653));
}

#[test]
fn rows_stand_in_the_order_asked_for_and_the_unknown_last() {
    let groups = || {
        vec![
            group("a", Some("Zoo"), delivered(1, 5, 0)),
            group("b", Some("alpha"), delivered(9, 5, 0)),
            group("c", None, delivered(2, 0, 2)),
            group("?station", None, delivered(3, 7, 0)),
        ]
    };
    let sorted = |sort: &str| {
        let query = query(&[("by", "station"), ("sort", sort)]);
        super::report(&query, about("2018-06-01", "2018-06-01"), groups(), None, |_, _| None)
    };
    let order = |sort: &str| ids(&sorted(sort).unwrap());
    assert_eq!(order(""), ["station", "b", "a", "c"], "most energy first, then by name");
    assert_eq!(order("energy"), ["b", "a", "station", "c"], "not known is last both ways");
    assert_eq!(order("-sessions"), ["b", "station", "c", "a"]);
    assert_eq!(order("group"), ["b", "c", "a", "station"]);
    assert_eq!(order("-group"), ["a", "c", "b", "station"]);
    assert_eq!(order("revenue.XXX"), ["b", "c", "a", "station"], "a column that is not there yet sorts nothing");
    for (bad, name) in [("revenue.xxx", "revenue.xxx"), ("-net.POUNDS", "net.POUNDS"), ("fees.", "fees.")] {
        let refused = NoReport::Sort(BadChoice(format!("Reports cannot be sorted by “{name}”.")));
        assert_eq!(sorted(bad).unwrap_err(), refused, "no report has such a currency");
    }
}

#[test]
fn sums_of_nothing_known_are_not_known() {
    let gbp = |fees_missing, net| {
        (Currency("GBP".into()), MoneySums { payments: 2, captured: 900, refunded: 100, fees: 0, fees_missing, net })
    };
    let paid =
        |fees_missing, net| ReportSums { payments: 2, money: vec![gbp(fees_missing, net)], ..ReportSums::default() };
    let groups = vec![
        group("CARD", None, paid(2, 0)),
        group("APP", None, paid(1, 390)),
        group("FREE", None, ReportSums::default()),
    ];
    let table = report(
        &query(&[("by", "method"), ("sort", "-payments")]),
        about("2018-06-01", "2018-06-01"),
        groups,
        None,
        |_, _| None,
    );
    let names: Vec<String> = table.columns.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "sessions",
            "energy",
            "payments",
            "captured.GBP",
            "refunded.GBP",
            "revenue.GBP",
            "fees.GBP",
            "fees_missing.GBP",
            "net.GBP"
        ]
    );
    let cells = |id: &str| table.rows.iter().find(|row| row.id.as_deref() == Some(id)).unwrap().cells[3..].to_vec();
    assert_eq!(cells("CARD"), [Some(900), Some(100), Some(800), None, Some(2), None]);
    assert_eq!(cells("APP"), [Some(900), Some(100), Some(800), Some(0), Some(1), Some(390)]);
    assert_eq!(cells("FREE"), [Some(0), Some(0), Some(0), Some(0), Some(0), Some(0)]);
    assert_eq!(table.totals[3..], [Some(1800), Some(200), Some(1600), Some(0), Some(3), Some(390)]);
}

#[test]
fn amounts_of_which_none_is_known_are_not_zero() {
    let gbp = |payments| MoneySums { payments, captured: 900, refunded: 100, fees: 10, fees_missing: 0, net: 790 };
    let of = |without_amount, known: Option<i64>| ReportSums {
        payments: 2,
        without_amount,
        money: known.map(|payments| (Currency("GBP".into()), gbp(payments))).into_iter().collect(),
        ..ReportSums::default()
    };
    let groups = vec![
        group("KNOWN", None, of(0, Some(2))),
        group("PARTLY", None, of(1, Some(1))),
        group("UNKNOWN", None, of(2, None)),
        group("FREE", None, ReportSums::default()),
    ];
    let table = report(&query(&[("by", "method")]), about("2018-06-01", "2018-06-01"), groups, None, |_, _| None);
    assert_eq!(table.columns[3], Column::WithoutAmount);
    let cells = |id: &str| table.rows.iter().find(|row| row.id.as_deref() == Some(id)).unwrap().cells[3..].to_vec();
    let some = |without_amount, [captured, refunded, revenue, fees, net]: [i64; 5]| {
        [without_amount, captured, refunded, revenue, fees, net].map(Some).to_vec()
    };
    assert_eq!(cells("KNOWN"), some(0, [900, 100, 800, 10, 790]));
    assert_eq!(cells("PARTLY"), some(1, [900, 100, 800, 10, 790]));
    assert_eq!(cells("UNKNOWN"), [Some(2), None, None, None, None, None]);
    assert_eq!(cells("FREE"), some(0, [0; 5]), "no payment is no money");
}

#[test]
fn a_currency_that_the_report_has_can_be_sorted_by() {
    let sums = ReportSums {
        payments: 1,
        money: vec![(Currency("POUNDS".into()), MoneySums { payments: 1, ..MoneySums::default() })],
        ..ReportSums::default()
    };
    let query = query(&[("by", "method"), ("sort", "-revenue.POUNDS")]);
    let groups = vec![group("CARD", None, sums)];
    let table = super::report(&query, about("2018-06-01", "2018-06-01"), groups, None, |_, _| None);
    assert!(table.is_ok(), "its own headings lead there");
}

#[test]
fn the_networks_currency_comes_before_the_alphabet() {
    let one = |code: &str| (Currency(code.into()), MoneySums { payments: 1, ..MoneySums::default() });
    let sums = ReportSums { payments: 2, money: vec![one("CHF"), one("GBP")], ..ReportSums::default() };
    let first = |lead: &str| {
        let lead = Currency(lead.to_owned());
        let columns = columns(&sums, Some(&lead));
        columns.into_iter().find_map(|c| if let Column::Money(_, of) = c { Some(of.0) } else { None })
    };
    assert_eq!(["GBP", "CHF", "EUR"].map(first), ["GBP", "CHF", "CHF"].map(|code| Some(code.to_owned())));
}

#[test]
fn time_has_no_gaps() {
    let day = |text: &str, n| group(text, None, delivered(n, 10 * n, 0));
    let groups = vec![day("2018-06-02", 1), day("2018-06-04", 2)];
    let hours = |from: Day, to: Day| Some(Period { from: UtcMs(from.0 * 86_400_000), to: UtcMs(to.0 * 86_400_000) });
    let table = report(&query(&[]), about("2018-06-01", "2018-06-05"), groups, None, hours);
    assert_eq!(ids(&table), ["2018-06-01", "2018-06-02", "2018-06-03", "2018-06-04", "2018-06-05"]);
    assert_eq!(table.rows[1].period.as_deref(), Some("2018-06-02T00:00:00Z/2018-06-03T00:00:00Z"));
    assert_eq!((table.rows[2].cells[0], table.totals[0], table.totals[1]), (Some(0), Some(3), Some(30)));
    let weeks =
        report(&query(&[("by", "week")]), about("2018-06-01", "2018-06-05"), vec![day("2018-06-04", 2)], None, hours);
    assert_eq!(ids(&weeks), ["2018-05-28", "2018-06-04"]);
}
