// How charts look: the roles of style/tokens.css in ECharts' words.

const ROLES = [
  'panel', 'raised', 'sunken', 'line', 'line-strong', 'ink', 'ink-2', 'ink-3', 'accent', 'accent-wash', 'ghost',
  'ok', 'busy', 'wait', 'bad', 'off', 'off-wash', 'series-1', 'series-2', 'series-3', 'series-4',
];

/** Roles as a canvas understands them. Read through an element, because a token itself is a `light-dark()`. */
export function palette(paper) {
  const probe = document.body.appendChild(document.createElement('span'));
  if (paper) probe.style.colorScheme = 'light';
  const colours = {};
  for (const role of ROLES) {
    probe.style.color = `var(--${role})`;
    colours[role] = paper && role.startsWith('ink') ? 'rgb(0, 0, 0)' : getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

export function theme(colours) {
  const root = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const [micro, small, figure] = [0.6875 * root, 0.75 * root, 1.75 * root];
  const fontFamily = getComputedStyle(document.body).fontFamily;
  const line = { color: colours.line };
  const text = { color: colours['ink-3'], fontSize: micro };
  const axis = {
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...text, overflow: 'truncate' },
    nameTextStyle: text,
    nameGap: 12,
    splitLine: { lineStyle: line },
  };
  const shadow = (role, opacity) => ({ lineStyle: { color: colours[role], width: 1 }, areaStyle: { color: colours[role], opacity } });
  return {
    color: ['series-1', 'series-2', 'series-3', 'series-4'].map((role) => colours[role]),
    backgroundColor: 'transparent',
    textStyle: { color: colours['ink-2'], fontFamily, fontSize: small },
    valueAxis: axis,
    categoryAxis: { ...axis, axisLine: { lineStyle: line }, splitLine: { show: false } },
    axisPointer: {
      lineStyle: { color: colours['ink-3'], type: [2, 3] },
      shadowStyle: { color: colours.ink, opacity: 0.06 },
      label: { backgroundColor: colours.ink, color: colours.panel },
    },
    tooltip: {
      // HTML would need inline styles, which the page's policy forbids.
      renderMode: 'richText',
      backgroundColor: colours.raised,
      borderColor: colours['line-strong'],
      borderWidth: 1,
      borderRadius: 5,
      padding: [8, 12],
      textStyle: { color: colours.ink, fontFamily, fontSize: small },
    },
    dataZoom: {
      top: 'auto',
      bottom: 4,
      height: 20,
      brushSelect: false,
      showDetail: false,
      borderColor: 'transparent',
      backgroundColor: colours.sunken,
      borderRadius: 3,
      fillerColor: colours['accent-wash'],
      dataBackground: shadow('ghost', 0.25),
      selectedDataBackground: shadow('accent', 0.2),
      handleStyle: { color: colours.panel, borderColor: colours.accent },
      moveHandleSize: 0,
      emphasis: { handleStyle: { color: colours['accent-wash'], borderColor: colours.accent } },
    },
    visualMap: {
      textStyle: text,
      itemWidth: 10,
      handleStyle: { color: colours.panel, borderColor: colours.accent },
      indicatorStyle: { color: colours.panel, borderColor: colours.ink },
    },
    title: { left: 4, bottom: 4, padding: 0, textStyle: { ...text, fontWeight: 400 } },
    line: { symbol: 'circle', symbolSize: 6, showSymbol: false, lineStyle: { width: 2 }, emphasis: { disabled: true } },
    bar: { barCategoryGap: '28%', barMaxWidth: 40, label: { color: colours['ink-2'] } },
    pie: {
      itemStyle: { borderColor: colours.panel, borderWidth: 2 },
      label: { color: colours['ink-2'], fontSize: small },
      labelLine: { lineStyle: { color: colours['line-strong'] } },
      emphasis: { scaleSize: 3 },
    },
    gauge: {
      axisLine: { roundCap: true, lineStyle: { width: 12, color: [[1, colours['off-wash']]] } },
      axisLabel: { ...text, distance: 18 },
      progress: { width: 12, roundCap: true },
      title: { show: false },
      detail: { color: colours.ink, fontSize: figure, fontWeight: 600, offsetCenter: [0, 0] },
    },
    heatmap: { itemStyle: { borderColor: colours.panel, borderWidth: 2 } },
  };
}
