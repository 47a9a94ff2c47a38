//! The option that draws a chart first: which data is shown, and by which elements. The bundle adds the look in a
//! theme and on a phone. Colours are roles of `style/tokens.css`; values have the formats of their units.

use charming::{
    Chart,
    component::{Axis, DataZoom, DataZoomType, Grid, VisualMap, VisualMapChannel, VisualMapType},
    datatype::{DataPoint, DataPointItem},
    element::{
        AreaStyle, AxisLabel, AxisPointer, AxisPointerType, AxisTick, AxisType, ItemStyle, Label, LabelPosition,
        LineStyle, LineStyleType, Orient, Pointer, SplitLine, Tooltip, Trigger,
    },
    series::{Bar, Gauge as GaugeSeries, GaugeDetail, GaugeProgress, Heatmap, Line, Pie},
};

use super::data::{ChartUnit, Donut, Drawing, Gauge, Ghost, Heat, Ranking, Series, SeriesKind, TimeSeries};

fn role(name: &str) -> String {
    format!("var(--{name})")
}

fn text(chart: &Chart) -> String {
    serde_json::to_string(chart).unwrap_or_default()
}

fn axis(type_: AxisType) -> Axis {
    Axis::new().type_(type_)
}

fn values(unit: &ChartUnit) -> Tooltip {
    Tooltip::new().value_formatter(unit.format.as_str())
}

impl Drawing {
    pub fn option(&self) -> String {
        match self {
            Self::TimeSeries(series) => series.option(),
            Self::Donut(donut) => donut.option(),
            Self::Gauge(gauge) => gauge.option(),
            Self::Heat(heat) => heat.option(),
            Self::Ranking(ranking) => ranking.option(),
        }
    }
}

impl TimeSeries {
    pub fn option(&self) -> String {
        let bars = self.series.iter().any(|series| series.kind == SeriesKind::Bars);
        let pointer = if bars { AxisPointerType::Shadow } else { AxisPointerType::Line };
        let units = self.units();
        let mut chart = Chart::new()
            .tooltip(Tooltip::new().trigger(Trigger::Axis).axis_pointer(AxisPointer::new().type_(pointer)))
            .grid(Grid::new().left(4).right(4).top(28).bottom(48))
            .x_axis(axis(AxisType::Category).data(self.labels.clone()))
            .data_zoom(DataZoom::new().id("inside").type_(DataZoomType::Inside))
            .data_zoom(DataZoom::new().id("slider").type_(DataZoomType::Slider));
        for (i, unit) in units.iter().enumerate() {
            // Only the first axis draws grid lines.
            let lines = SplitLine::new().show(i == 0);
            chart = chart.y_axis(axis(AxisType::Value).name(unit.name.as_str()).split_line(lines));
        }
        for (i, series) in self.series.iter().enumerate() {
            let on = units.iter().position(|unit| **unit == series.unit).unwrap_or(0);
            chart = series.draw(chart, &role(&format!("series-{}", (i % 4).saturating_add(1))), on, !bars);
        }
        let (Some(ghost), Some(first)) = (&self.ghost, self.series.first()) else { return text(&chart) };
        let mut option = serde_json::to_value(chart.series(ghost.line(&first.unit))).unwrap_or_default();
        // A field of our own, which the bundle reads: the label of each value's step.
        if let Some(serde_json::Value::Object(ghost_series)) =
            option.pointer_mut(&format!("/series/{}", self.series.len()))
        {
            ghost_series.insert("names".to_owned(), ghost.names.clone().into());
        }
        option.to_string()
    }

    /// The units of the axes, at most two.
    fn units(&self) -> Vec<&ChartUnit> {
        let mut units: Vec<&ChartUnit> = Vec::new();
        for series in &self.series {
            if !units.contains(&&series.unit) && units.len() < 2 {
                units.push(&series.unit);
            }
        }
        units
    }
}

impl Series {
    /// Adds the series to the chart. `filled` fills the area below a line, which would veil bars.
    fn draw(&self, chart: Chart, colour: &str, axis: usize, filled: bool) -> Chart {
        #[expect(clippy::cast_precision_loss, reason = "of two axes")]
        let axis = axis as f64;
        let style = ItemStyle::new().color(colour);
        match self.kind {
            SeriesKind::Bars => chart.series(
                Bar::new()
                    .id(self.id)
                    .name(self.name.as_str())
                    .y_axis_index(axis)
                    .item_style(style.border_radius(2))
                    .tooltip(values(&self.unit))
                    .data(self.values.clone()),
            ),
            SeriesKind::Line => chart.series(
                Line::new()
                    .id(self.id)
                    .name(self.name.as_str())
                    .y_axis_index(axis)
                    .item_style(style)
                    .area_style(AreaStyle::new().opacity(if filled { 0.12 } else { 0.0 }))
                    .tooltip(values(&self.unit))
                    .data(self.values.clone()),
            ),
        }
    }
}

impl Ghost {
    fn line(&self, unit: &ChartUnit) -> Line {
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
            .radius(vec!["54%", "80%"])
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
            .split_number(1)
            .center(("50%", "60%"))
            .radius("100%")
            .axis_label(AxisLabel::new().formatter("{value}"))
            .progress(GaugeProgress::new().show(true).item_style(ItemStyle::new().color(role("series-1"))))
            .pointer(Pointer::new().show(false))
            .axis_tick(AxisTick::new().show(false))
            .split_line(SplitLine::new().show(false))
            .detail(GaugeDetail::new().formatter(self.unit.format.as_str()))
            .data(self.value.into_iter().collect());
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
            .grid(Grid::new().left(4).right(4).top(4).bottom(64))
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
            // Each bar is labelled with its value, so the axis needs no labels.
            .x_axis(
                axis(AxisType::Value).axis_label(AxisLabel::new().show(false)).split_line(SplitLine::new().show(false)),
            )
            .y_axis(axis(AxisType::Category).data(self.labels.clone()).inverse(true))
            .series(bar);
        text(&chart)
    }
}

#[cfg(test)]
mod tests;
