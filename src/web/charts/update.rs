//! The small text that brings a drawn chart up to date: its data without styling, merged by the ids in the option. It
//! holds all data that may have changed, so only the latest update is needed.

use serde_json::{Value, json};

use super::data::{Donut, Drawing, Gauge, Heat, Ranking, TimeSeries};

fn written(option: &Value) -> String {
    // This cannot fail, because only maps with keys other than texts cannot be written. `to_string` is not used,
    // because it would add a pretty-printer to the program.
    serde_json::to_string(option).unwrap_or_default()
}

impl Drawing {
    pub fn update(&self) -> String {
        match self {
            Self::TimeSeries(series) => series.update(),
            Self::Donut(donut) => donut.update(),
            Self::Gauge(gauge) => gauge.update(),
            Self::Heat(heat) => heat.update(),
            Self::Ranking(ranking) => ranking.update(),
        }
    }
}

impl TimeSeries {
    pub fn update(&self) -> String {
        let series = self.series.iter().map(|series| json!({"id": series.id, "data": series.values}));
        let ghost = self.ghost.iter().map(|ghost| {
            let format = self.series.first().map(|first| first.unit.format.as_str());
            json!({
                "id": "ghost", "data": ghost.values, "names": ghost.names, "tooltip": {"valueFormatter": format},
            })
        });
        let series: Vec<Value> = series.chain(ghost).collect();
        written(&json!({"xAxis": [{"data": self.labels}], "series": series}))
    }
}

impl Donut {
    pub fn update(&self) -> String {
        let parts = self.parts.iter().map(|part| {
            let colour = format!("var(--{})", part.role);
            json!({"name": part.name, "value": part.value, "itemStyle": {"color": colour}})
        });
        written(&json!({"series": [{"id": "parts", "data": parts.collect::<Vec<_>>()}]}))
    }
}

impl Gauge {
    pub fn update(&self) -> String {
        written(&json!({"series": [{"id": "gauge", "max": self.max, "data": self.value.as_slice()}]}))
    }
}

impl Heat {
    pub fn update(&self) -> String {
        let cells: Vec<_> = self.cells().collect();
        written(&json!({"visualMap": [{"max": self.largest()}], "series": [{"id": "heat", "data": cells}]}))
    }
}

impl Ranking {
    pub fn update(&self) -> String {
        written(&json!({"yAxis": [{"data": self.labels}], "series": [{"id": "ranking", "data": self.values}]}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::charts::data::{ChartUnit, DonutPart, Ghost, Series, SeriesKind};

    #[test]
    fn an_update_is_data_without_styling() {
        let unit = ChartUnit::after("kWh");
        let energy = Series {
            id: "energy",
            name: "Energy".to_owned(),
            unit,
            kind: SeriesKind::Bars,
            values: vec![Some(1.0), None],
        };
        let ghost = Ghost {
            name: "Before".to_owned(),
            names: vec!["x".to_owned(), "y".to_owned()],
            values: vec![Some(2.0), Some(3.0)],
        };
        let series =
            TimeSeries { labels: vec!["a".to_owned(), "b".to_owned()], series: vec![energy], ghost: Some(ghost) };
        assert_eq!(
            series.update(),
            "{\"series\":[{\"data\":[1.0,null],\"id\":\"energy\"},{\"data\":[2.0,3.0],\"id\":\"ghost\",\"names\":[\"x\",\"y\"],\"tooltip\":{\"valueFormatter\":\"{value}\u{a0}kWh\"}}],\"xAxis\":[{\"data\":[\"a\",\"b\"]}]}"
        );
    }

    #[test]
    fn parts_keep_their_roles_and_an_empty_map_its_scale() {
        let parts = vec![DonutPart { name: "Available".to_owned(), value: 3.0, role: "ok" }];
        let donut = Donut { unit: ChartUnit::count("EVSEs"), parts };
        assert!(donut.update().contains(r#""itemStyle":{"color":"var(--ok)"}"#));
        let heat = Heat { unit: ChartUnit::count(""), rows: vec![], columns: vec![], values: vec![] };
        assert!(heat.update().contains(r#""visualMap":[{"max":1.0}]"#));
    }
}
