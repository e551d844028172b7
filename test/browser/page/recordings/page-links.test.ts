import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, timeShown, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const RECORDED_S = 20;
const VIDEO = '.recording-screen video';

describeWith(['chromium'], 'links between the pages', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let startMs: number;
  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}], config })]);
    startMs = Math.floor(Date.now() / 1000) * 1000 - 120_000;
    for (const camera of ['front_door', 'garden']) {
      await recordClock(join(box.folder, 'data/recordings'), camera, startMs, RECORDED_S);
    }
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const at = (ms: number) => `t=${new Date(ms).toISOString()}`;
  async function open(size: Size, place: string) {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(place);
    return visitor;
  }
  const clipIn = (page: Page) => /clip=\d+-\d+/.exec(page.url())?.[0];

  test('on a phone Back closes the sheet of a clip and keeps the clip, which can be opened again; then it leads back', async () => {
    await using visitor = await open('phone', '#/live');
    const { page, complaints } = visitor;
    await visitor.go(`#/rec/front_door?${at(startMs + 5_000)}`);
    await settled(page, VIDEO);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Mark a clip' }).click();
    const sheet = page.locator('.clip-panel');
    await sheet.waitFor();
    const clip = await until(async () => clipIn(page));
    await page.goBack();
    await sheet.waitFor({ state: 'detached' });
    expect(clipIn(page)).toBe(clip);
    await page.locator('.clip-range').waitFor();
    await page.getByRole('button', { name: 'Show the clip' }).click();
    await sheet.waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.locator('.clip-range').waitFor({ state: 'detached' });
    await until(async () => (clipIn(page) === undefined ? true : undefined));
    expect(page.url()).toContain('#/rec/front_door');
    await page.goBack();
    await page.locator('.grid').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a link to a deleted moment says so and leads to the nearest one', async () => {
    await using visitor = await open('phone', `#/rec/front_door?${at(startMs - 3_600_000)}`);
    const { page, complaints } = visitor;
    await page.getByText('This recording no longer exists.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    const nearest = page.getByRole('button', { name: /^Nearest recording: \S.* \d+ \S.*\d\d:\d\d$/ });
    await nearest.click();
    await until(async () => {
      const clock = await timeShown(page);
      return clock !== undefined && clock >= startMs && clock < startMs + RECORDED_S * 1000 ? clock : undefined;
    });
    // Between two recordings as well.
    await visitor.go(`#/rec/front_door?${at(startMs + (RECORDED_S + 40) * 1000)}`);
    await page.reload();
    await page.getByText('No recording here').waitFor();
    await nearest.waitFor();
    expect(complaints).toEqual([]);
  });

  test('the large picture leads to its recordings and settings, and Recordings opens on the camera that was looked at last', async () => {
    await using visitor = await open('phone', '#/live/garden');
    const { page, complaints } = visitor;
    const head = page.locator('.over');
    await head.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('dialog', { name: 'Garden' }).waitFor();
    await visitor.go('#/live');
    await page.getByRole('link', { name: 'Recordings' }).click();
    await page.getByRole('heading', { name: 'Garden', level: 1 }).waitFor({ state: 'attached' });
    await visitor.go('#/live/front_door');
    await head.getByRole('link', { name: 'Recordings' }).click();
    await page.waitForURL('**/#/rec/front_door**');
    await visitor.go('#/live/garden');
    await head.getByRole('link', { name: 'Settings' }).waitFor();
    await visitor.go('#/live');
    await page.getByRole('link', { name: 'Garden, Live' }).waitFor();
    // The next visit, too.
    await page.reload();
    await page.getByRole('navigation').getByRole('link', { name: 'Recordings' }).click();
    await page.getByRole('heading', { name: 'Garden', level: 1 }).waitFor({ state: 'attached' });
    expect(complaints).toEqual([]);
  });

  test('on a phone the menu of a tile is seen and opens by a tap', async () => {
    await using visitor = await open('phone', '#/live');
    const { page, complaints } = visitor;
    await page.getByRole('link', { name: 'Garden, Live' }).waitFor();
    const more = page.getByRole('button', { name: 'More for Garden' });
    expect(await more.evaluate((button) => getComputedStyle(button).opacity)).toBe('1');
    const bounds = await more.boundingBox();
    expect(Math.min(bounds?.width ?? 0, bounds?.height ?? 0)).toBeGreaterThanOrEqual(44);
    expect(await axeFindings(page)).toEqual([]);
    await more.tap();
    await page.getByRole('menuitem', { name: 'Pause' }).waitFor();
    expect(page.url()).toContain('#/live');
    expect(complaints).toEqual([]);
  });
});
