// One browser on the Stations page while every station changes several times a second: node browser.mjs
import { chromium } from '@playwright/test';
import { setTimeout as pause } from 'node:timers/promises';
import { cookie, mib, origin, privateKib, seconds, withDatabase } from './common.mjs';

const RATE = 1000;
const BATCH = 20;
const STATUSES = ['AVAILABLE', 'CHARGING', 'RESERVED', 'OUTOFORDER'];
const PARTS = 3;

/** Writes RATE changes a second until told to stop; resolves with how many there were. */
function writer(db) {
  const stations = db.collection('stations');
  let stopped = false;
  const writing = (async () => {
    const ids = (await stations.find({}, { projection: { _id: 1 } }).toArray()).map(({ _id }) => _id);
    const began = performance.now();
    let written = 0;
    for (; !stopped; written += BATCH) {
      const operations = Array.from({ length: BATCH }, (_, n) => written + n).map((n) => ({
        updateOne: {
          filter: { _id: ids[n % ids.length] },
          update: { $set: { 'evses.0.status': STATUSES[Math.floor(n / ids.length) % STATUSES.length], last_heartbeat_at: new Date() } },
        },
      }));
      await stations.bulkWrite(operations, { ordered: false });
      await pause(Math.max(0, began + ((written + BATCH) / RATE) * 1000 - performance.now()));
    }
    return { written, s: (performance.now() - began) / 1000 };
  })();
  return () => ((stopped = true), writing);
}

/** In the page: moments of its frames, and how long it was busy at a stretch. */
function observe() {
  window.seen = { frames: [], long: [], cells: 0 };
  const frame = (at) => (window.seen.frames.push(at), requestAnimationFrame(frame));
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => window.seen.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ entryTypes: ['longtask'] });
  new MutationObserver((changes) => (window.seen.cells += changes.length))
    .observe(document.querySelector('[data-topic=stations]'), { subtree: true, childList: true, characterData: true, attributes: true });
}

/** Frames that the browser itself says it drew and dropped. */
async function traced(browser) {
  const session = await browser.newBrowserCDPSession();
  const counts = {};
  session.on('Tracing.dataCollected', ({ value }) => value.forEach(({ name }) => (counts[name] = (counts[name] ?? 0) + 1)));
  const traceConfig = { includedCategories: ['disabled-by-default-devtools.timeline.frame', 'devtools.timeline.frame'], excludedCategories: ['*'] };
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig });
  return async () => {
    const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
    await session.send('Tracing.end');
    await complete;
    return counts;
  };
}

async function rendererPid(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  return renderers.sort((a, b) => b.cpuTime - a.cpuTime)[0].id;
}

await withDatabase(async (db) => {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    const context = await browser.newContext({ baseURL: origin, locale: 'en-GB', timezoneId: 'Europe/London', viewport: { width: 1440, height: 960 } });
    const [name, value] = cookie.split('=');
    await context.addCookies([{ name, value, url: origin }]);
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto('/stations');
    await page.locator('[data-connection=live]').first().waitFor({ state: 'attached' });
    const cdp = await context.newCDPSession(page);
    await cdp.send('Performance.enable');
    const metrics = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
    const renderer = await rendererPid(browser);
    const heap = async () => {
      await cdp.send('HeapProfiler.collectGarbage');
      const { JSHeapUsedSize, Nodes } = await metrics();
      return { js: JSHeapUsedSize / 1024, nodes: Nodes, renderer: privateKib(renderer) };
    };

    const stop = writer(db);
    // Until everything that is made once has been made.
    await pause(5000);
    await page.evaluate(observe);
    const trace = await traced(browser);
    const [heaps, before] = [[await heap()], await metrics()];
    for (let part = 0; part < PARTS; part++) {
      await pause((seconds / PARTS) * 1000);
      heaps.push(await heap());
    }
    const [after, drawn, seen] = [await metrics(), await trace(), await page.evaluate(() => window.seen)];
    const { written, s } = await stop();
    await page.locator('[data-connection=live]').first().waitFor({ state: 'attached', timeout: 10_000 });

    const span = (seen.frames.at(-1) - seen.frames[0]) / 1000;
    const perSecond = Array(Math.floor(span)).fill(0);
    seen.frames.forEach((at) => perSecond[Math.floor((at - seen.frames[0]) / 1000)] !== undefined && perSecond[Math.floor((at - seen.frames[0]) / 1000)]++);
    const gaps = seen.frames.slice(1).map((at, n) => at - seen.frames[n]).sort((a, b) => a - b);
    const list = (of) => heaps.map(of).join(', ');
    const share = (name) => `${Math.round(((after[name] - before[name]) / span) * 100)} %`;
    const rows = {
      'changes written a second': (written / s).toFixed(0),
      'frames a second (requestAnimationFrame), mean and worst second': `${(seen.frames.length / span).toFixed(1)}, ${Math.min(...perSecond)}`,
      'frames a second drawn and dropped (trace)': `${((drawn.DrawFrame ?? 0) / span).toFixed(1)}, ${((drawn.DroppedFrame ?? 0) / span).toFixed(1)}`,
      'between frames, ms: p50, p99, longest': [gaps[gaps.length >> 1], gaps[Math.floor(gaps.length * 0.99)], gaps.at(-1)].map(Math.round).join(', '),
      'tasks over 50 ms, and the longest': `${seen.long.length}, ${Math.round(Math.max(0, ...seen.long))} ms`,
      'page\'s main thread: all, script, style, layout': ['TaskDuration', 'ScriptDuration', 'RecalcStyleDuration', 'LayoutDuration'].map(share).join(', '),
      'changes of the table\'s DOM a second': (seen.cells / span).toFixed(0),
      'JS heap after collection, MiB': list(({ js }) => mib(js)),
      'DOM nodes': list(({ nodes }) => nodes),
      'renderer\'s private memory, MiB': list(({ renderer }) => mib(renderer)),
      'errors in the page': errors.length,
    };
    console.log(`| ${span.toFixed(0)} s on the Stations page | |\n|---|---|`);
    for (const [name, value] of Object.entries(rows)) console.log(`| ${name} | ${value} |`);
  } finally {
    await browser.close();
  }
});
