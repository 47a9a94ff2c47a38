//! The option that draws a chart first: what is shown and by which means. How it looks in a theme and on a phone is the
//! bundle's; colours are roles of `style/tokens.css`, values have the formats of their units.

use charming::{
    Chart,
    component::{Axis, DataZoom, DataZoomType, Grid, VisualMap, VisualMapChannel, VisualMapType},
    datatype::{CompositeValue, DataPoint, DataPointItem},
    element::{
        AreaStyle, AxisLabel, AxisPointer, AxisPointerType, AxisTick, AxisType, ItemStyle, Label, LabelPosition,
        LineStyle, LineStyleType, Orient, Pointer, SplitLine, Tooltip, Trigger,
    },
    series::{Bar, Gauge as GaugeSeries, GaugeDetail, GaugeProgress, Heatmap, Line, Pie},
};

use super::data::{Course, Donut, Gauge, Ghost, Heat, Kind, Ranking, Series, Unit};

fn role(name: &str) -> String {
    format!("var(--{name})")
}

fn text(chart: &Chart) -> String {
    serde_json::to_string(chart).unwrap_or_default()
}

fn axis(type_: AxisType) -> Axis {
    Axis::new().type_(type_)
}

fn values(unit: &Unit) -> Tooltip {
    Tooltip::new().value_formatter(unit.format.as_str())
}

impl Course {
    pub fn option(&self) -> String {
        let bars = self.series.iter().any(|series| series.kind == Kind::Bars);
        let pointer = if bars { AxisPointerType::Shadow } else { AxisPointerType::Line };
        let units = self.units();
        let mut chart = Chart::new()
            .tooltip(Tooltip::new().trigger(Trigger::Axis).axis_pointer(AxisPointer::new().type_(pointer)))
            .grid(Grid::new().left(4).right(4).top(28).bottom(44))
            .x_axis(axis(AxisType::Category).data(self.labels.clone()))
            .data_zoom(DataZoom::new().id("inside").type_(DataZoomType::Inside))
            .data_zoom(DataZoom::new().id("slider").type_(DataZoomType::Slider));
        for (i, unit) in units.iter().enumerate() {
            // One grid of lines is enough.
            let lines = SplitLine::new().show(i == 0);
            chart = chart.y_axis(axis(AxisType::Value).name(unit.name.as_str()).split_line(lines));
        }
        for (i, series) in self.series.iter().enumerate() {
            let on = units.iter().position(|unit| **unit == series.unit).unwrap_or(0);
            chart = series.draw(chart, &role(&format!("series-{}", i % 4 + 1)), on);
        }
        if let (Some(ghost), Some(first)) = (&self.ghost, self.series.first()) {
            chart = chart.series(ghost.line(&first.unit));
        }
        text(&chart)
    }

    /// Those of the axes.
    fn units(&self) -> Vec<&Unit> {
        let mut units: Vec<&Unit> = Vec::new();
        for series in &self.series {
            if !units.contains(&&series.unit) && units.len() < 2 {
                units.push(&series.unit);
            }
        }
        units
    }
}

impl Series {
    fn draw(&self, chart: Chart, colour: &str, axis: usize) -> Chart {
        #[expect(clippy::cast_precision_loss, reason = "of two axes")]
        let axis = axis as f64;
        let style = ItemStyle::new().color(colour);
        match self.kind {
            Kind::Bars => chart.series(
                Bar::new()
                    .id(self.id)
                    .name(self.name.as_str())
                    .y_axis_index(axis)
                    .item_style(style.border_radius(2))
                    .tooltip(values(&self.unit))
                    .data(self.values.clone()),
            ),
            Kind::Line => chart.series(
                Line::new()
                    .id(self.id)
                    .name(self.name.as_str())
                    .y_axis_index(axis)
                    .item_style(style)
                    .area_style(AreaStyle::new().opacity(0.12))
                    .tooltip(values(&self.unit))
                    .data(self.values.clone()),
            ),
        }
    }
}

impl Ghost {
    fn line(&self, unit: &Unit) -> Line {
        Line::new()
            .id("ghost")
            .name(self.name.as_str())
            .item_style(ItemStyle::new().color(role("ghost")))
            .line_style(LineStyle::new().width(1.5).type_(LineStyleType::Dashed))
            .tooltip(values(unit))
            .data(self.values.clone())
    }
}

impl Donut {
    pub fn option(&self) -> String {
        let parts = self.parts.iter().map(|part| {
            let style = ItemStyle::new().color(role(part.role));
            DataPoint::from(DataPointItem::new(part.value).name(part.name.as_str()).item_style(style))
        });
        let pie = Pie::new()
            .id("parts")
            .radius(vec!["50%", "72%"])
            .label(Label::new().formatter("{b} {d}%"))
            .tooltip(values(&self.unit))
            .data(parts.collect());
        text(&Chart::new().tooltip(Tooltip::new().trigger(Trigger::Item)).series(pie))
    }
}

impl Gauge {
    pub fn option(&self) -> String {
        let gauge = GaugeSeries::new()
            .id("gauge")
            .min(0)
            .max(self.max)
            .start_angle(210)
            .end_angle(-30)
            .split_number(2)
            .progress(GaugeProgress::new().show(true).item_style(ItemStyle::new().color(role("series-1"))))
            .pointer(Pointer::new().show(false))
            .axis_tick(AxisTick::new().show(false))
            .split_line(SplitLine::new().show(false))
            .detail(GaugeDetail::new().formatter(self.unit.format.as_str()))
            .data(vec![CompositeValue::from(self.value)]);
        text(&Chart::new().series(gauge))
    }
}

impl Heat {
    pub fn option(&self) -> String {
        let cells = self.cells().map(|(column, row, value)| {
            let place = [column, row].map(|i| DataPoint::from(i64::try_from(i).unwrap_or(i64::MAX)));
            place.into_iter().chain([DataPoint::from(value)]).collect()
        });
        let scale = VisualMap::new()
            .type_(VisualMapType::Continuous)
            .min(0)
            .max(self.largest())
            .calculable(true)
            .orient(Orient::Horizontal)
            .left("center")
            .bottom(0)
            .in_range(VisualMapChannel::new().color(vec![role("panel"), role("series-1")]));
        let chart = Chart::new()
            .tooltip(Tooltip::new().trigger(Trigger::Item))
            .grid(Grid::new().left(4).right(4).top(4).bottom(52))
            .x_axis(axis(AxisType::Category).data(self.columns.clone()))
            // The first row on top.
            .y_axis(axis(AxisType::Category).data(self.rows.clone()).inverse(true))
            .visual_map(scale)
            .series(Heatmap::new().id("heat").tooltip(values(&self.unit)).data(cells.collect::<Vec<Vec<DataPoint>>>()));
        text(&chart)
    }
}

impl Ranking {
    pub fn option(&self) -> String {
        let label = Label::new().show(true).position(LabelPosition::Right).formatter(self.unit.format.as_str());
        let bar = Bar::new()
            .id("ranking")
            .item_style(ItemStyle::new().color(role("series-1")).border_radius(2))
            .label(label)
            .tooltip(values(&self.unit))
            .data(self.values.clone());
        let chart = Chart::new()
            .tooltip(
                Tooltip::new().trigger(Trigger::Axis).axis_pointer(AxisPointer::new().type_(AxisPointerType::Shadow)),
            )
            // Room for the longest bar's label.
            .grid(Grid::new().left(4).right(80).top(4).bottom(4))
            // Each bar says its value.
            .x_axis(
                axis(AxisType::Value).axis_label(AxisLabel::new().show(false)).split_line(SplitLine::new().show(false)),
            )
            .y_axis(axis(AxisType::Category).data(self.labels.clone()).inverse(true))
            .series(bar);
        text(&chart)
    }
}
