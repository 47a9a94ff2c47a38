//! The small text that brings a drawn chart up to date: its data without any styling, merged by the ids that the option
//! gave. It holds all data that may have changed, so the latest one is all that is needed.

use serde_json::{Value, json};

use super::data::{Course, Donut, Gauge, Heat, Ranking};

impl Course {
    pub fn update(&self) -> String {
        let series = self.series.iter().map(|series| json!({"id": series.id, "data": series.values}));
        let ghost = self.ghost.iter().map(|ghost| json!({"id": "ghost", "data": ghost.values}));
        let series: Vec<Value> = series.chain(ghost).collect();
        json!({"xAxis": [{"data": self.labels}], "series": series}).to_string()
    }
}

impl Donut {
    pub fn update(&self) -> String {
        let parts = self.parts.iter().map(|part| {
            let colour = format!("var(--{})", part.role);
            json!({"name": part.name, "value": part.value, "itemStyle": {"color": colour}})
        });
        json!({"series": [{"id": "parts", "data": parts.collect::<Vec<_>>()}]}).to_string()
    }
}

impl Gauge {
    pub fn update(&self) -> String {
        json!({"series": [{"id": "gauge", "max": self.max, "data": [self.value]}]}).to_string()
    }
}

impl Heat {
    pub fn update(&self) -> String {
        let cells: Vec<_> = self.cells().collect();
        json!({"visualMap": [{"max": self.largest()}], "series": [{"id": "heat", "data": cells}]}).to_string()
    }
}

impl Ranking {
    pub fn update(&self) -> String {
        json!({"yAxis": [{"data": self.labels}], "series": [{"id": "ranking", "data": self.values}]}).to_string()
    }
}
