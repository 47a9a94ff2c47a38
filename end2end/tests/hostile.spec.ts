// Whatever stands in documents is text to every page, and no page breaks its own policy.
import type { Page } from '@playwright/test';
import { SAMPLES } from '../documents.ts';
import { expect, test } from '../fixtures.ts';
import { LIST, PAGES, TOPICS, openLive, row } from '../page.ts';

const HOSTILE = [
  '<img id=pwned src=x onerror=alert(1)>',
  '"><script id=pwned>alert(1)</script>',
  "'-alert(1)-'<svg id=pwned onload=alert(1)>",
  '</title></textarea><iframe id=pwned srcdoc="<script>alert(1)</script>">',
  '{{constructor.constructor("alert(1)")()}}${alert(1)}',
  'javascript:alert(1)',
];

async function watched(page: Page): Promise<string[]> {
  const seen: string[] = [];
  page.on('dialog', (dialog) => (seen.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  await page.exposeFunction('violated', (what: string) => seen.push(what));
  await page.addInitScript(() =>
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      (window as any).violated(`${violatedDirective}: ${blockedURI}`)));
  return seen;
}

test('markup in documents is text on every page, live and after a reload', async ({ browserOn, db }) => {
  const written = TOPICS.map((topic) => ({
    topic, all: HOSTILE.map((text) => ({ ...SAMPLES[topic].document(), [SAMPLES[topic].name]: text, address: text, city: text, email: text, failure_code: text })),
  }));
  const page = await browserOn(0);
  const seen = await watched(page);
  await openLive(page, '/activity');
  try {
    for (const { topic, all } of written) await db.collection(topic).insertMany(all as never[]);
    await expect(page.locator('[data-feed=activity]')).toContainText(HOSTILE[0]!);
    for (const { topic, all } of written) {
      await openLive(page, LIST[topic]);
      for (const [i, { _id }] of all.entries()) {
        const shown = row(page, topic, _id.toHexString());
        await expect(shown).toBeAttached();
        if (topic === 'stations') expect(await shown.textContent()).toContain(HOSTILE[i]);
      }
    }
    for (const path of [...PAGES, '/reports?by=station', '/reports?by=city', '/reports?by=client']) {
      await openLive(page, path);
      expect(await page.locator('#pwned').count(), path).toBe(0);
    }
    expect(seen).toEqual([]);
  } finally {
    for (const { topic, all } of written) await db.collection(topic).deleteMany({ _id: { $in: all.map(({ _id }) => _id) } });
  }
});
