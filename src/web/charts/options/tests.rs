use super::*;
use crate::web::charts::data::DonutPart;
use serde_json::{Value, json};

fn json(option: &str) -> Value {
    serde_json::from_str(option).unwrap()
}

fn series(id: &'static str, unit: &str, kind: SeriesKind, values: &[Option<f64>]) -> Series {
    Series { id, name: id.to_owned(), unit: ChartUnit::after(unit), kind, values: values.to_vec() }
}

fn time_series() -> TimeSeries {
    TimeSeries {
        labels: vec!["Mon".to_owned(), "Tue".to_owned(), "Wed".to_owned()],
        series: vec![
            series("energy", "kWh", SeriesKind::Bars, &[Some(1.5), Some(0.0), None]),
            series("power", "kW", SeriesKind::Line, &[Some(7.0), None, None]),
            series("lost", "kWh", SeriesKind::Bars, &[Some(0.5), None, None]),
        ],
        ghost: Some(Ghost {
            name: "Last week".to_owned(),
            names: ["Mon 1", "Tue 2", "Wed 3"].map(str::to_owned).into(),
            values: vec![Some(1.0), Some(2.0), Some(3.0)],
        }),
    }
}

#[test]
fn a_course_has_an_axis_per_unit_and_a_ghost_behind() {
    let option = json(&time_series().option());
    assert_eq!(option["xAxis"]["data"], json!(["Mon", "Tue", "Wed"]));
    let axes = option["yAxis"].as_array().unwrap();
    assert_eq!(axes.iter().map(|axis| axis["name"].as_str().unwrap()).collect::<Vec<_>>(), ["kWh", "kW"]);
    let series = option["series"].as_array().unwrap();
    let of = |name: &str| series.iter().map(|series| series[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("id"), ["energy", "power", "lost", "ghost"]);
    assert_eq!(of("type"), ["bar", "line", "bar", "line"]);
    assert_eq!(series[1]["yAxisIndex"], 1.0);
    assert_eq!(series[2]["yAxisIndex"], 0.0);
    assert_eq!(series[0]["data"], json!([1.5, 0.0, null]), "what has not come is not zero");
    assert_eq!(series[2]["itemStyle"]["color"], "var(--series-3)");
    assert_eq!(series[3]["itemStyle"]["color"], "var(--ghost)");
    assert_eq!(series[3]["lineStyle"]["type"], "dashed");
    assert_eq!(series[3]["names"], json!(["Mon 1", "Tue 2", "Wed 3"]));
    assert_eq!(series[0]["tooltip"]["valueFormatter"], "{value}\u{a0}kWh");
    let zooms = option["dataZoom"].as_array().unwrap();
    assert_eq!(zooms.iter().map(|zoom| zoom["type"].as_str().unwrap()).collect::<Vec<_>>(), ["inside", "slider"]);
}

#[test]
fn a_course_of_lines_is_pointed_at_by_a_line() {
    let pointer = |time_series: &TimeSeries| json(&time_series.option())["tooltip"]["axisPointer"]["type"].clone();
    assert_eq!(pointer(&time_series()), "shadow");
    let lines = TimeSeries { series: vec![series("power", "kW", SeriesKind::Line, &[])], ..time_series() };
    assert_eq!(pointer(&lines), "line");
}

#[test]
fn other_charts_name_what_updates_find_again() {
    let unit = ChartUnit::after("kW");
    let part = DonutPart { name: "Available".to_owned(), value: 3.0, role: "ok" };
    let donut = Donut { unit: ChartUnit::count("EVSEs"), parts: vec![part] };
    let gauge = Gauge { unit: unit.clone(), value: Some(20.0), max: 50.0 };
    let values = vec![vec![Some(1.0), None], vec![Some(4.0), Some(2.0)]];
    let heat = Heat {
        unit: unit.clone(),
        rows: vec!["Monday".to_owned(), "Tuesday".to_owned()],
        columns: vec!["00".to_owned(), "01".to_owned()],
        values,
    };
    let ranking = Ranking { unit, labels: vec!["A".to_owned()], values: vec![2.0] };
    for (option, update) in [
        (time_series().option(), time_series().update()),
        (donut.option(), donut.update()),
        (gauge.option(), gauge.update()),
        (heat.option(), heat.update()),
        (ranking.option(), ranking.update()),
    ] {
        let (option, update) = (json(&option), json(&update));
        let (drawn, updated) = (option["series"].as_array().unwrap(), update["series"].as_array().unwrap());
        assert_eq!(drawn.len(), updated.len());
        for (drawn, updated) in drawn.iter().zip(updated) {
            assert_eq!(drawn["id"], updated["id"]);
            assert_eq!(drawn["data"], updated["data"], "{}: an update repeats what is drawn", drawn["id"]);
        }
    }
    let heat = json(&heat.option());
    assert_eq!(heat["series"][0]["data"], json!([[0, 0, 1.0], [1, 0, null], [0, 1, 4.0], [1, 1, 2.0]]));
    assert_eq!(heat["visualMap"][0]["max"], 4.0);
}

/// The content security policy forbids functions from text, so an option that needs one would not be drawn.
#[test]
fn no_option_holds_a_function() {
    assert!(!time_series().option().contains("function"));
}
