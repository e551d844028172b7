import { join } from 'node:path';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../../peers/agent/agent.ts';
import { startViewer, timeShown, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import {
  axeFindings,
  nameOfDay,
  onlyBy,
  type Size,
  settled,
  type Visit,
  visit,
} from '../../../peers/browser/page-visit.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith, inShort } from '../../../peers/programs/peers.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';
import { record } from '../../../support/disks/recordings.ts';

/** Length of each of the two recordings, and of the gap between them. */
const RECORDED_MS = 9_000;
const GAP_MS = 3_000;
/** The cameras send ten pictures a second, which limits the precision of the recordings' labels. */
const EXACT_MS = 250;
const LEAD_MS = 3_000;
/** Events within an hour: more than its timeline and the first page of their list show individually. */
const MANY = 205;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const VIDEO = '.recording-screen video';

interface Span {
  readonly startMs: number;
  readonly endMs: number;
}
interface Protection {
  readonly id: string;
  readonly start: string;
  readonly end: string;
}

/** `?clip=` of the address. */
function clipIn(page: Page): Span | undefined {
  const [, start, end] = /clip=(\d+)-(\d+)/.exec(page.url()) ?? [];
  return start && end ? { startMs: Number(start), endMs: Number(end) } : undefined;
}

/** A finger moves the beginning of the selection by a fifth of it. */
async function dragStart(page: Page, size: Size): Promise<void> {
  const edge = await page.getByRole('slider', { name: 'Start' }).boundingBox();
  const range = await page.locator('.clip-range').boundingBox();
  const x = (edge?.x ?? 0) + (edge?.width ?? 0) / 2;
  // The clip's card may cover its outer half.
  const y = (edge?.y ?? 0) + (size === 'phone' ? 2 : (edge?.height ?? 0) / 2);
  await page.mouse.move(x, y);
  await page.mouse.down();
  const [byX, byY] = size === 'phone' ? [0, -(range?.height ?? 0) / 5] : [(range?.width ?? 0) / 5, 0];
  await page.mouse.move(x + byX, y + byY, { steps: 4 });
  await page.mouse.up();
}

async function probed(download: Download) {
  const { streams, format } = await ffprobe(await download.path());
  const video = streams.find(({ codec_type }) => codec_type === 'video');
  return { codec: video?.codec_name, width: video?.width, seconds: Number(format.duration) };
}

describeWith(['chromium', 'ffmpeg'], 'clips, the calendar and seen events', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let first: Span;
  let second: Span;
  let earlierMs: number;

  beforeAll(async () => {
    const config = 'pathDefaults:\n  record: true\n  recordPartDuration: 500ms\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}], config })]);
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    first = { startMs, endMs: startMs + RECORDED_MS };
    second = { startMs: first.endMs + GAP_MS, endMs: first.endMs + GAP_MS + RECORDED_MS };
    const folder = join(box.folder, 'data/recordings');
    // Among the events below, whatever the time is.
    const hour = Math.floor((Date.now() - 3 * DAY_MS) / HOUR_MS) * HOUR_MS;
    earlierMs = hour + 10 * 60_000;
    // So long that no busy machine plays it to the end before a test has paused it.
    await record(folder, 120, { path: 'front_door', wall: earlierMs });
    for (const span of [first, second]) {
      await recordClock(folder, 'front_door', span.startMs, RECORDED_MS / 1000);
    }
    await box.claim();
    await box.adopt();
    const start = new Date(first.startMs + 5_000).toISOString();
    await box.api('POST', 'events', { path: 'front_door', type: 'doorbell', start, text: '<b>Parcel</b>' });
    // Within an hour, so that they are on the same day.
    for (let i = 0; i < MANY; i += 1) {
      const start = new Date(hour + i * 6_000).toISOString();
      await box.api('POST', 'events', { path: 'front_door', type: 'motion', start });
    }
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  async function open(size: Size, query: string): Promise<Visit> {
    const visitor = await visit(viewer.browser, box, { size });
    await visitor.logIn(`#/rec/front_door?${query}`);
    await settled(visitor.page, VIDEO);
    return visitor;
  }
  const at = (ms: number) => `t=${new Date(ms).toISOString()}`;
  const pictureOf = (page: Page, ms: number) =>
    until(async () => {
      const clock = await timeShown(page);
      return clock !== undefined && Math.abs(clock - ms) <= EXACT_MS ? clock : undefined;
    });
  const clipOf = (page: Page, isRight: (clip: Span) => boolean = () => true) =>
    until(async () => {
      const clip = clipIn(page);
      return clip && isRight(clip) ? clip : undefined;
    });
  const protectedNow = async () =>
    (await box.api<{ items: readonly Protection[] }>('GET', 'recordings/protected')).items;
  async function fetched(page: Page, button: string): Promise<Download> {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: button, exact: true }).click(),
    ]);
    return download;
  }

  test.for(inShort(['phone', 'desktop'] as const, 'phone'))(
    'on a %s a clip is selected, the picture follows its dragged end, the file has that clip, and it is saved',
    async (size) => {
      await using visitor = await open(size, at(first.startMs + 3_000));
      const { page, complaints } = visitor;
      await page.getByRole('button', { name: 'Pause' }).click();
      await page.getByRole('button', { name: 'Mark a clip' }).click();
      const whole = await clipOf(page);
      expect(whole.endMs - whole.startMs).toBeLessThanOrEqual(30_000);
      expect(whole.endMs - whole.startMs).toBeGreaterThan(15_000);

      await page.keyboard.press('i');
      const started = await clipOf(page, ({ startMs }) => startMs !== whole.startMs);
      expect(started.endMs).toBe(whole.endMs);
      await page.goto(page.url().replace(/clip=\d+-\d+/, `clip=${first.startMs + 2_000}-${first.startMs + 7_000}`));
      await clipOf(page, ({ endMs }) => endMs === first.startMs + 7_000);
      await dragStart(page, size);
      // A fifth of five seconds. The address may follow a step behind.
      const { startMs } = await clipOf(page, (one) => Math.abs(one.startMs - first.startMs - 3_000) < 300);
      await pictureOf(page, startMs);
      await page.getByRole('slider', { name: 'End' }).press('ArrowLeft');
      const clip = await clipOf(page, ({ endMs }) => endMs === first.startMs + 6_000);
      await pictureOf(page, clip.endMs);
      expect(await axeFindings(page)).toEqual([]);

      const download = await fetched(page, 'Download');
      expect(download.suggestedFilename()).toMatch(/^Front door \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.mp4$/);
      const { codec, width, seconds } = await probed(download);
      expect([codec, width]).toEqual(['h264', 640]);
      expect(Math.abs(seconds - (clip.endMs - clip.startMs) / 1000)).toBeLessThan(0.5);

      await page.getByRole('switch', { name: 'Save clip' }).click();
      await page.getByRole('switch', { name: 'Saved', checked: true }).waitFor();
      const [kept] = await protectedNow();
      expect([Date.parse(kept?.start ?? ''), Date.parse(kept?.end ?? '')]).toEqual([clip.startMs, clip.endMs]);
      await page.keyboard.press('Escape');
      await page.keyboard.press('g');
      await page.getByRole('button', { name: 'Remove from Clips' }).click();
      await until(async () => ((await protectedNow()).length === 0 ? true : undefined));
      expect(complaints).toEqual([]);
    },
  );

  test('on a phone, Escape and G in quick succession close the clip and open the calendar, which Back closes', async () => {
    await using visitor = await open('phone', `clip=${first.startMs + 2_000}-${first.startMs + 5_000}`);
    const { page, complaints } = visitor;
    await settled(page, '.clip-panel');
    const entries = await page.evaluate(() => history.length);
    await page.evaluate(() => {
      for (const key of ['Escape', 'g']) {
        document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      }
    });
    await settled(page, '.calendar');
    await page.locator('.clip-panel').waitFor({ state: 'detached' });
    await page.waitForFunction(() => history.state?.sheet === 1);
    expect(await page.locator('.calendar').isVisible()).toBe(true);
    expect(await page.evaluate(() => history.length)).toBe(entries);
    await page.goBack();
    await page.locator('.calendar').waitFor({ state: 'detached' });
    await page.waitForFunction(() => !location.hash.includes('clip='));
    expect(page.url()).toMatch(/#\/rec\/front_door/);
    expect(complaints).toEqual([]);
  });

  test('a link selects a clip; over a gap the page reports the missing part, and the file has the rest', async () => {
    const [from, to] = [first.endMs - 3_000, second.startMs + 3_000].map(Math.round) as [number, number];
    await using visitor = await open('desktop', `clip=${from}-${to}`);
    const { page, complaints } = visitor;
    const gapS = Math.round((second.startMs - first.endMs) / 1000);
    await page.getByText(`${gapS} s are missing from this clip`).waitFor();
    const { seconds } = await probed(await fetched(page, 'Download'));
    expect(Math.abs(seconds - 6)).toBeLessThan(1);
    expect(complaints).toEqual([]);
  });

  test('the calendar marks days with recordings: one opens, another names the nearest', async () => {
    await using visitor = await open('phone', at(first.startMs + 3_000));
    const { page, complaints } = visitor;
    const old = new Date(Date.now() - 3 * DAY_MS);
    const chip = page.getByRole('button', { name: 'Go to date' });
    await chip.click();
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    const [lapse] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: /^Time-lapse of / }).click(),
    ]);
    expect(await probed(lapse)).toMatchObject({ codec: 'h264', width: 640 });
    if (old.getMonth() !== new Date().getMonth()) {
      await page.getByRole('button', { name: 'Previous month' }).click();
    }
    const empty = new Date(old.getTime() - DAY_MS);
    if (empty.getMonth() === old.getMonth()) {
      await page.getByRole('button', { name: nameOfDay(empty.getTime(), ', nothing recorded') }).click();
      await page.getByText('Nothing was recorded on this day. Nearest:').waitFor();
    }
    await page.getByRole('button', { name: nameOfDay(old.getTime()) }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await until(async () => {
      const ms = Date.parse(new URLSearchParams(page.url().split('?')[1]).get('t') ?? '');
      return new Date(ms).toDateString() === old.toDateString() ? true : undefined;
    });
    await page.waitForFunction((selector) => {
      const video = document.querySelector<HTMLVideoElement>(selector);
      return video !== null && video.readyState >= 2 && video.videoWidth < 640;
    }, VIDEO);
    expect(complaints).toEqual([]);
  });

  test('events are listed next to the picture and open three seconds earlier; a snapshot is a file in full size', async () => {
    await using visitor = await open('desktop', at(second.startMs + 2_000));
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Pause' }).click();
    const event = page.getByRole('region', { name: 'Events on this day' }).getByRole('button', { name: /^Doorbell/ });
    expect(await event.textContent()).toContain('<b>Parcel</b>');
    // Its thumbnail is loaded.
    await page.waitForFunction(
      () => (document.querySelector<HTMLCanvasElement>('.day-list .thumb canvas')?.width ?? 0) > 100,
    );
    await event.click();
    const opened = await until(async () => {
      const clock = await timeShown(page);
      // Before it has sought the player may show the first picture of the file.
      return clock !== undefined && clock > first.startMs && clock < first.endMs ? clock : undefined;
    });
    expect(opened).toBeGreaterThan(first.startMs + 5_000 - LEAD_MS - EXACT_MS);
    await page.getByRole('button', { name: 'Pause' }).click();
    expect(await axeFindings(page)).toEqual([]);
    const picture = await fetched(page, 'Snapshot');
    expect(picture.suggestedFilename()).toMatch(/^Front door .*\.jpg$/);
    expect(await probed(picture)).toMatchObject({ codec: 'mjpeg', width: 640 });
    expect(complaints).toEqual([]);
  });

  onlyBy('localhost', () =>
    test('a phone that shares files gets the clip; the page asks for a second tap if the first was too long ago', async () => {
      await using visitor = await open('desktop', `clip=${first.startMs + 2_000}-${first.startMs + 6_000}`);
      const { page, complaints } = visitor;
      await page.evaluate(() => {
        let taps = 0;
        const share = async ({ files }: ShareData) => {
          taps += 1;
          if (taps === 1) {
            throw new DOMException('too late', 'NotAllowedError');
          }
          document.title = `${files?.[0]?.type} ${files?.[0]?.size}`;
        };
        Object.assign(navigator, { canShare: () => true, share });
      });
      await page.keyboard.press('o');
      await page.getByRole('button', { name: 'Share', exact: true }).click();
      await page.getByRole('button', { name: 'Ready. Share now' }).click();
      await page.waitForFunction(() => /^video\/mp4 \d{5,}$/.test(document.title));
      expect(complaints).toEqual([]);
    }),
  );

  onlyBy('plain', () =>
    test('a phone without https reads why it cannot share the clip, with a link to the steps', async () => {
      await using visitor = await open('phone', `clip=${first.startMs + 2_000}-${first.startMs + 6_000}`);
      const { page, complaints } = visitor;
      await page.getByText('Sharing needs https.').waitFor();
      expect(await page.getByRole('link', { name: 'Open the steps' }).getAttribute('href')).toBe('trust');
      expect(await page.getByRole('button', { name: 'Share', exact: true }).count()).toBe(0);
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    }),
  );

  test('events too close together on the timeline are counted, and the count zooms in until one is alone', async () => {
    await using visitor = await open('desktop', at(earlierMs + 1_000));
    const { page, complaints } = visitor;
    const hint = page.getByText('Zoom in to see each event');
    await hint.waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    // Before its answer, a block has no events.
    let isAnswered = false;
    page.on('response', (response) => {
      const [from = '', to = ''] = ['from', 'to'].map((key) => new URL(response.url()).searchParams.get(key) ?? '');
      const minutes = (Date.parse(to) - Date.parse(from)) / 60_000;
      isAnswered ||= response.url().includes('/v3/timeline/') && minutes <= 2;
    });
    await until(async () => {
      await page.keyboard.press('+');
      return (isAnswered && (await hint.isHidden())) || undefined;
    });
    // In the list those that follow each other are one entry with their number.
    const counts = async () =>
      (await page.locator('.day-list li').allTextContents()).map((text) => Number(/× (\d+)/.exec(text)?.[1] ?? 1));
    await until(async () => {
      await page
        .getByRole('button', { name: 'Show earlier' })
        .click({ timeout: 1_000 })
        .catch(() => {});
      return (await counts()).reduce((sum, count) => sum + count, 0) >= MANY || undefined;
    });
    expect((await counts()).length).toBeLessThan(10);
    expect(await hint.isHidden()).toBe(true);
    expect(complaints).toEqual([]);
  });

  test('a viewer sees clips, events and saved clips, and cannot save any', async () => {
    await box.addUser({
      name: 'eve',
      password: 'a red kite flies',
      cameras: ['front_door'],
      recordings: true,
    });
    await using visitor = await visit(viewer.browser, box, { size: 'desktop' });
    const { page } = visitor;
    await visitor.go('#/live');
    await page.getByRole('button', { name: 'Use another name' }).click();
    await page.getByLabel('Your name').fill('eve');
    await page.getByLabel('Your password').fill('a red kite flies');
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('navigation').waitFor();
    visitor.complaints.length = 0;
    await visitor.go(`#/rec/front_door?clip=${first.startMs + 2_000}-${first.startMs + 6_000}`);
    expect((await probed(await fetched(page, 'Download'))).codec).toBe('h264');
    expect(await page.getByRole('switch').count()).toBe(0);
    const seen = page.getByRole('region', { name: 'Events on this day' }).locator('li');
    await seen.first().waitFor();
    expect(await seen.allTextContents()).toEqual([expect.stringContaining('Doorbell')]);
    // Live as well.
    const start = new Date(second.startMs + 2_000).toISOString();
    await box.api('POST', 'events', { path: 'front_door', type: 'person', start });
    await seen.filter({ hasText: 'Person' }).waitFor();
    const kept = { start: new Date(first.startMs).toISOString(), end: new Date(first.endMs).toISOString() };
    await box.api('POST', 'recordings/protect', { path: 'front_door', ...kept, note: 'a quarrel' });
    await page.keyboard.press('g');
    const list = page.locator('.protected li');
    await list.first().waitFor();
    expect([await list.count(), await page.getByText('a quarrel').count()]).toEqual([1, 0]);
    expect(await page.getByRole('button', { name: 'Remove from Clips' }).count()).toBe(0);
    await list.getByRole('button').click();
    await clipOf(page, ({ startMs, endMs }) => startMs === first.startMs && endMs === first.endMs);
    expect(visitor.complaints).toEqual([]);
  });
});
