// What the browser loads where there are charts: ECharts with only the parts that are drawn here, behind one function.
//
//   const drawing = chargedeckCharts.draw(box, option, pick);
//   drawing.update(json); drawing.png(name, remark); drawing.dispose();
//
// `option` and `json` are ECharts' own, as text (src/web/charts/options.rs, update.rs). Text holds no colour that follows the
// theme and no function, so two things are said by name: roles of style/tokens.css (`"var(--ok)"`), and formats of values
// (`"{value} kWh"`, `"£{value:2}"` with two decimals always). Nothing moves but what changed.
import { init, use } from 'echarts/core';
import { BarChart, GaugeChart, HeatmapChart, LineChart, PieChart } from 'echarts/charts';
import { DataZoomComponent, GridComponent, TitleComponent, TooltipComponent, VisualMapContinuousComponent } from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import { named } from './named.mjs';
import { palette, theme } from './theme.mjs';
import { stretch } from './zoom.mjs';

use([
  BarChart, GaugeChart, HeatmapChart, LineChart, PieChart,
  DataZoomComponent, GridComponent, TitleComponent, TooltipComponent, VisualMapContinuousComponent,
  CanvasRenderer,
]);

/** A box narrower than this has a phone's ticks. */
const NARROW = 480;
/** So high is the remark below a saved picture, in CSS pixels. */
const REMARK = 24;
/** As wide is a chart on A4 between its margins, in CSS pixels. */
const PAPER = 660;

const dark = matchMedia('(prefers-color-scheme: dark)');
const coarse = matchMedia('(pointer: coarse)');
const list = (one) => (Array.isArray(one) ? one : one ? [one] : []);

/** Writes values as src/web/text/numbers.rs does. */
function format(template) {
  const [place, digits] = /\{value(?::(\d))?\}/.exec(template);
  const fraction = digits ? { minimumFractionDigits: +digits, maximumFractionDigits: +digits } : { maximumFractionDigits: 1 };
  const number = new Intl.NumberFormat(document.documentElement.lang, fraction);
  return (of) => {
    const value = typeof of === 'object' ? of?.value : of; // a label's comes in its parameters
    if (!Number.isFinite(value)) return '—';
    const text = template.replace(place, number.format(Math.abs(value)));
    return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
  };
}

/** Puts colours where roles are named, and functions where formats are. */
function dressed(json, colours) {
  const option = JSON.parse(json, (key, value) => {
    if (typeof value !== 'string') return value;
    const role = /^var\(--([\w-]+)\)$/.exec(value)?.[1];
    if (role) return colours[role] ?? value;
    return /formatter$/i.test(key) && value.includes('{value') ? format(value) : value;
  });
  for (const series of list(option.series)) if (series.names) series.tooltip = named(series);
  return option;
}

/** A cell of a heat map lies at two labels and a value: ECharts by itself names only the first. */
function cellTooltip({ xAxis, yAxis, series }) {
  const [columns, rows] = [list(xAxis)[0].data, list(yAxis)[0].data];
  const written = series[0].tooltip.valueFormatter;
  return ({ value: [column, row, of] }) => `${rows[row]} ${columns[column]}\n${written(of)}`;
}

/** What a phone has less of: steps on the axes of values, room for the names of rows, words around a donut. */
function layouts({ xAxis, yAxis, series }) {
  const axes = (axes, steps, room) =>
    list(axes).map(({ type }) => (type === 'category' ? { axisLabel: room } : { splitNumber: steps }));
  const layout = (steps, width, show) => {
    if (series[0].type === 'pie') return { series: [{ id: series[0].id, label: { show }, labelLine: { show } }] };
    return xAxis ? { xAxis: axes(xAxis, steps, {}), yAxis: axes(yAxis, steps, { width }) } : {};
  };
  return [{ query: { maxWidth: NARROW }, option: layout(3, 96, false) }, { option: layout(5, 200, true) }];
}

function whole(json, colours, picks) {
  const option = dressed(json, colours);
  for (const series of option.series) {
    series.cursor = picks ? 'pointer' : 'default';
    if (series.type === 'heatmap') option.tooltip = { ...option.tooltip, formatter: cellTooltip(option) };
  }
  for (const zoom of option.dataZoom ?? []) {
    // The wheel and the finger scroll the page.
    if (zoom.type === 'inside') Object.assign(zoom, { zoomOnMouseWheel: 'ctrl', disabled: coarse.matches });
  }
  return { ...option, animation: false, media: layouts(option) };
}

/** What is picked where: the column or row under the pointer, however short its bar; in other charts the part itself. */
function listen(chart, series, pick) {
  const picks = (id, index) => !coarse.matches && pick(id, index); // A finger has no other way to see the tooltip.
  if (!series.every(({ type }) => type === 'bar' || type === 'line')) {
    chart.on('click', ({ seriesId, dataIndex }) => picks(seriesId, dataIndex));
    return;
  }
  const zr = chart.getZr();
  const inside = ({ offsetX, offsetY }) => chart.containPixel('grid', [offsetX, offsetY]);
  zr.on('mousemove', (event) => inside(event) && zr.setCursorStyle('pointer'));
  zr.on('click', (event) => {
    if (!inside(event)) return;
    const [column, row] = chart.convertFromPixel('grid', [event.offsetX, event.offsetY]);
    const lying = list(chart.getOption().yAxis)[0].type === 'category';
    picks(series[0].id, Math.round(lying ? row : column));
  });
}

function draw(box, option, pick) {
  let chart;
  let colours;
  let shown = '';
  let waiting = '';
  let frame = 0;

  const labels = () => list(chart.getOption()?.xAxis)[0]?.data ?? [];
  const zooms = () => chart.getOption()?.dataZoom ?? [];
  const zoomed = (to) => zooms().map(({ id }) => ({ id, startValue: to[0], endValue: to[1] }));

  /** Merges an update; the stretch that was zoomed to stays where its labels go. */
  const merge = (json) => {
    const change = dressed(json, colours);
    const after = list(change.xAxis)[0]?.data;
    const [zoom] = zooms();
    if (zoom && after) change.dataZoom = zoomed(stretch(labels(), after, zoom.startValue, zoom.endValue));
    chart.setOption(change);
    shown = json;
  };

  const apply = () => {
    frame = 0;
    if (chart && waiting !== shown) merge(waiting);
  };

  /** Anew in the colours of the theme that is now, or of paper. */
  const paint = (paper) => {
    if (!chart) return;
    const [zoom] = zooms();
    colours = palette(paper);
    chart.setTheme(theme(colours), { silent: true });
    chart.setOption(whole(option, colours, pick), true);
    if (shown) chart.setOption(dressed(shown, colours));
    if (zoom) chart.setOption({ dataZoom: zoomed([zoom.startValue, zoom.endValue]) });
  };

  const begin = () => {
    colours = palette();
    chart = init(box, theme(colours), { renderer: 'canvas' });
    const first = whole(option, colours, pick);
    chart.setOption(first);
    if (pick) listen(chart, first.series, pick);
    apply();
  };

  /** While it is printed nothing is drawn by itself, so all is done at once, before and after. */
  const print = () => {
    if (!chart) return;
    chart.resize({ width: PAPER });
    paint(true);
  };
  const printed = () => {
    if (!chart) return;
    chart.resize({ width: 'auto' });
    paint();
  };

  // ECharts needs a box that has a size, which it may get later: in a closed part of the page, say.
  const sizes = new ResizeObserver(() => {
    if (box.clientWidth === 0 || box.clientHeight === 0) return;
    if (chart) chart.resize();
    else begin();
  });
  const repaint = () => paint();
  const themes = new MutationObserver(repaint);
  let gone = false;
  // Text is drawn once, in the font that is there by then.
  document.fonts.ready.then(() => gone || sizes.observe(box));
  themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  dark.addEventListener('change', repaint);
  addEventListener('beforeprint', print);
  addEventListener('afterprint', printed);

  return {
    update(json) {
      waiting = json;
      if (json !== shown) frame ||= requestAnimationFrame(apply);
    },
    /** What stands beside the drawing on the page, such as that money was derived, the picture says itself. */
    png(name, remark) {
      if (!chart) return;
      const bottom = list(chart.getOption().grid)[0]?.bottom;
      const say = (text, room) => chart.setOption({ title: { text }, grid: { bottom: room } });
      if (remark) say(remark, Math.max(bottom, REMARK));
      const link = document.createElement('a');
      link.download = `${name}.png`;
      link.href = chart.getDataURL({ pixelRatio: 2, backgroundColor: colours.panel, excludeComponents: ['dataZoom'] });
      if (remark) say('', bottom);
      link.click();
    },
    dispose() {
      gone = true;
      cancelAnimationFrame(frame);
      sizes.disconnect();
      themes.disconnect();
      dark.removeEventListener('change', repaint);
      removeEventListener('beforeprint', print);
      removeEventListener('afterprint', printed);
      chart?.dispose();
    },
  };
}

globalThis.chargedeckCharts = { draw };
