import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../peers/browser/page-harness.ts';
import { eventRowsMs, firstPaintMs, openBarePage, tilesPlayMs } from '../peers/browser/page-speed.ts';
import { byLength, describeWith } from '../peers/programs/peers.ts';

const TRIES = byLength(4, 10);
/** What Chromium needs for a page of one word on this project's machine of two cores, when it is quiet. */
const BARE_PAINT_MS = 60;
const MAX_PAINT_MS = 200;
const MAX_TILES_MS = 1_800;
const TILES = 9;
const MAX_ROWS_MS = 200;
/** A phone of some years ago. */
const PHONE = 4;

describeWith(['chromium'], 'the page is there at once', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let bare: Awaited<ReturnType<typeof openBarePage>>;
  beforeAll(async () => {
    const cameras = Array.from({ length: TILES }, () => ({}));
    [viewer, box, bare] = await Promise.all([startViewer(), startPageHarness({ cameras }), openBarePage()]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await bare[Symbol.asyncDispose]();
  });

  const live = () => `http://localhost:${box.port}/#/live`;
  async function logIn(context: BrowserContext): Promise<void> {
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    const data = { password: OWNER_PASSWORD };
    await context.request.post(`http://localhost:${box.port}/v3/session`, { data, headers });
  }

  /** A journal as Perch writes it, one event every 20 s until now. */
  async function writeEvents(path: string, count: number): Promise<void> {
    const months = new Map<string, string[]>();
    for (let i = count; i > 0; i -= 1) {
      const startMs = Date.now() - i * 20_000;
      const month = new Date(startMs).toISOString().slice(0, 7);
      const lines = months.get(month) ?? [];
      lines.push(
        `{"id":"e${i}","type":"motion","startUs":${startMs}000,"endUs":${startMs + 4_000}000,"source":"camera"}\n`,
      );
      months.set(month, lines);
    }
    const folder = join(box.folder, 'data/events', path);
    await mkdir(folder, { recursive: true });
    for (const [month, lines] of months) {
      await writeFile(join(folder, `${month}.jsonl`), lines.join(''));
    }
  }

  /** The best of several tries, and how much slower than usual this machine drew a bare page between them. */
  async function best(
    measure: () => Promise<number>,
    slowDown = 1,
  ): Promise<{ readonly ms: number; readonly slowness: number }> {
    let ms = Number.POSITIVE_INFINITY;
    let bareMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TRIES; i += 1) {
      bareMs = Math.min(bareMs, await firstPaintMs(viewer.browser, bare.url, { slowDown }));
      ms = Math.min(ms, await measure());
    }
    return { ms, slowness: Math.max(1, bareMs / (BARE_PAINT_MS * slowDown)) };
  }

  test(`its first paint takes ${MAX_PAINT_MS} ms at most, longer only if a bare page does, too`, async () => {
    const { ms, slowness } = await best(() => firstPaintMs(viewer.browser, live(), { prepare: logIn }));
    expect(ms).toBeLessThanOrEqual(MAX_PAINT_MS * slowness);
  });

  test(`nine tiles play ${MAX_TILES_MS} ms after the request, later only if a bare page is late, too`, async () => {
    const { ms, slowness } = await best(() => tilesPlayMs(viewer.browser, live(), { count: TILES, prepare: logIn }));
    expect(ms).toBeLessThanOrEqual(MAX_TILES_MS * slowness);
  });

  test(`of 100,000 events the first rows are there ${MAX_ROWS_MS} ms after a tap on a phone ${PHONE} times slower`, async () => {
    await box.away(() => writeEvents('front_door', 100_000));
    const [from, to] = [Date.now() - 30 * 86_400_000, Date.now()].map((ms) => new Date(ms).toISOString());
    const digest = () => box.api<{ items: { count: number }[] }>('GET', `events/digest?from=${from}&to=${to}`);
    await expect.poll(async () => (await digest()).items[0]?.count).toBe(100_000);
    const { ms, slowness } = await best(
      () => eventRowsMs(viewer.browser, live().replace('live', 'settings/people'), { slowDown: PHONE, prepare: logIn }),
      PHONE,
    );
    expect(ms).toBeLessThanOrEqual(MAX_ROWS_MS * slowness);
  });
});
