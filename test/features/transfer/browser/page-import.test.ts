import { globSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, type Visit, visit } from '../../../peers/browser/page-visit.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { ffmpegWarnings, packetTimes } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { filesBelow } from '../../../support/disks/recordings.ts';

const FPS = 25;
const startMs = new Date(2026, 6, 1, 14, 0, 0).getTime();
const two = (number: number) => String(number).padStart(2, '0');

async function ffmpeg(...args: string[]): Promise<void> {
  const { code, output } = await runProcess('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args]);
  expect([code, output]).toEqual([0, '']);
}

/** What ffmpeg writes in the folders of Frigate and of MediaMTX, and by time, with damaged files between them. */
async function makeSource(folder: string): Promise<void> {
  const clip = await smallClip(30);
  const frigate = join(folder, 'frigate/2026-07-01/12/front');
  const [mediamtx, nas] = [join(folder, 'mediamtx/garden'), join(folder, 'nas')];
  for (const one of [frigate, mediamtx, nas]) {
    mkdirSync(one, { recursive: true });
  }
  const parts = ['-i', clip, '-c', 'copy', '-f', 'segment', '-segment_time', '10', '-reset_timestamps', '1'];
  await ffmpeg(...parts, '-segment_format', 'mp4', join(frigate, '00.%d0.mp4'));
  const fragmented = ['-segment_format_options', 'movflags=frag_keyframe+empty_moov+default_base_moof'];
  await ffmpeg(...parts, ...fragmented, join(mediamtx, '2026-07-01_14-00-%d0-000000.mp4'));
  await ffmpeg('-i', clip, '-t', '10', '-c', 'copy', '-movflags', '+faststart', join(nas, '20260701_140000.mp4'));
  await ffmpeg('-i', clip, '-t', '10', '-c', 'copy', '-f', 'mpegts', join(nas, '20260701_140100.ts'));
  await ffmpeg('-i', clip, '-t', '10', '-c', 'copy', join(nas, '20260701_140200.mp4'));
  truncateSync(join(nas, '20260701_140200.mp4'), 10_000);
  writeFileSync(join(nas, 'holiday.mp4'), 'without a time');
  for (const file of filesBelow(folder)) {
    utimesSync(file, 1e9, 1e9);
  }
}

describeWith(['chromium', 'ffmpeg'], 'recordings of other programs', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let source: string;
  beforeAll(async () => {
    source = mkdtempSync('/var/tmp/perch-page-import-');
    const config = 'playback: yes\npaths: { garden: { recordDeleteAfter: 0s } }\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config }), makeSource(source)]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    rmSync(source, { recursive: true });
  });

  async function spansOf({ context, url }: Visit, path: string) {
    const answer = await context.request.get(`${url}/playback/list?path=${path}`);
    return (await answer.json()) as { start: string; duration: number }[];
  }

  /** @returns ffmpeg's warnings, and how many pictures it decoded */
  async function played({ context, url }: Visit, path: string, start: string, seconds: number) {
    const query = new URLSearchParams({ path, start, duration: `${seconds}`, format: 'mp4' });
    const answer = await context.request.get(`${url}/playback/get?${query}`);
    const file = join(box.folder, `${path}.mp4`);
    writeFileSync(file, await answer.body());
    return [await ffmpegWarnings(['-i', file]), (await packetTimes(file, 'v')).length];
  }

  test.for(sizesInTurn())('on a %s the owner imports three layouts, and they play', async (size) => {
    onTestFinished(async () => {
      for (const path of ['front', 'garden', 'old_recorder']) {
        await box.api('DELETE', `recordings/deletepath/${path}`).catch(() => {});
      }
      for (const path of ['front', 'old_recorder']) {
        await box.api('DELETE', `config/paths/delete/${path}`).catch(() => {});
      }
    });
    const before = filesBelow(source).map((file) => [file, statSync(file).mtimeMs, statSync(file).size]);
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/storage');
    await page.getByRole('link', { name: /^Import recordings/ }).click();
    await page.getByRole('button', { name: /^All folders/ }).click();
    for (const name of source.slice(1).split('/')) {
      await page.locator('.folder-choice').getByRole('button', { name, exact: true }).click();
    }
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Look for recordings here' }).click();
    await page.getByRole('heading', { name: 'Whose recordings are they?' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);

    const front = page.getByRole('region', { name: 'front', exact: true });
    const garden = page.getByRole('region', { name: 'mediamtx/garden' });
    const nas = page.getByRole('region', { name: 'nas', exact: true });
    await front.getByText(/^Frigate · 3 recordings · /).waitFor();
    await front.getByText('1 July 2026').waitFor();
    await nas.getByText(/3 recordings/).waitFor();
    // The camera of the same name is chosen already.
    expect(await garden.getByRole('combobox').inputValue()).toBe('garden');
    expect(await front.getByLabel('Name of the new camera').inputValue()).toBe('Front');
    await page.getByText('One file cannot be imported').click();
    await page.getByText('has no date and time in its name').last().waitFor();
    await nas.getByLabel('Name of the new camera').fill('');
    await page.getByText('Give the camera a name.').waitFor();
    expect(await page.getByRole('button', { name: 'Import', exact: true }).count()).toBe(0);
    await nas.getByLabel('Name of the new camera').fill('Old recorder');
    await page.getByText(/ in 9 recordings will be copied; /).waitFor();
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByText('The import is complete.').waitFor();
    await page.getByText('8 recordings imported', { exact: true }).waitFor();
    await page.getByText('2 files were not imported').click();
    await page.getByText('is damaged or empty').waitFor();
    expect(await axeFindings(page)).toEqual([]);

    expect(filesBelow(source).map((file) => [file, statSync(file).mtimeMs, statSync(file).size])).toEqual(before);
    expect(globSync(`${box.folder}/**/.import-*`)).toEqual([]);
    const utcMs = Date.UTC(2026, 6, 1, 12, 0, 0);
    for (const [path, atMs, seconds] of [
      ['front', utcMs, 30],
      ['garden', startMs, 30],
      ['old_recorder', startMs, 10],
    ] as const) {
      const [span] = await spansOf(owner, path);
      expect(Date.parse(span?.start ?? '')).toBe(atMs);
      expect(span?.duration).toBeCloseTo(seconds, 0);
      // Inside each file nothing is wrong; where two meet, their sound overlaps by a frame.
      for (let at = 1; at < seconds; at += 10) {
        const [warnings, count] = await played(owner, path, new Date(atMs + at * 1000).toISOString(), 8);
        expect([path, at, warnings]).toEqual([path, at, '']);
        expect(count).toBeGreaterThanOrEqual(8 * FPS);
      }
      const [, pictures] = await played(owner, path, span?.start ?? '', seconds);
      expect(pictures).toBeGreaterThanOrEqual(seconds * FPS - 2);
    }
    expect((await spansOf(owner, 'old_recorder')).map(({ duration }) => Math.round(duration))).toEqual([10, 10]);
    // Nothing is expected of the new cameras.
    const all = await box.api<{ items: { name: string; paused: boolean }[] }>('GET', 'paths/list');
    expect(all.items.filter(({ paused }) => paused).map(({ name }) => name)).toEqual(['front', 'old_recorder']);
    await page.getByRole('link', { name: 'Watch Front' }).click();
    await settled(page, '.recorded');
    await owner.go(`#/rec/old_recorder?t=${new Date(startMs + 62_000).toISOString()}`);
    await settled(page, '.recorded');
    expect(complaints).toEqual([]);

    // The same again takes nothing twice.
    await owner.go('#/settings/storage/import');
    const items = [{ group: 'frigate:front', path: 'front' }];
    await box.api('POST', 'recordings/transfer', { kind: 'import', from: source, items });
    await page.getByText('0 recordings imported · 3 were there already').waitFor();
  });

  test('a folder without recordings says what is needed, and another one can be chosen', async () => {
    const empty = join(source, `no recordings ${two(1)}`);
    mkdirSync(empty);
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await owner.logIn('#/settings/storage/import');
    await page.getByRole('button', { name: /^All folders/ }).click();
    for (const name of empty.slice(1).split('/')) {
      await page.locator('.folder-choice').getByRole('button', { name, exact: true }).click();
    }
    await page.getByRole('button', { name: 'Look for recordings here' }).click();
    await page.getByText('No recordings to import here').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Choose another folder' }).click();
    await page.getByRole('button', { name: 'Folder above' }).waitFor();
    rmSync(empty, { recursive: true });
  });

  test('an import that waits is paused, continues and is canceled; too old ones and missing room are named', async () => {
    const base = {
      ...{ kind: 'import', phase: 'waiting', from: '/mnt/usb', to: null, files: { done: 3, total: 9 }, present: 2 },
      ...{ bytes: { done: 3e9, total: 9e9 }, bytesPerSecond: 2e7, remainingSeconds: 300, current: null },
      ...{ error: 'no room', why: 'full', started: '2026-01-01T00:00:00Z', paths: ['garden'] },
      leftOut: { count: 120, items: [{ file: 'a.mp4', why: 'overlap', reason: 'recordings of 3 of 9 seconds' }] },
    };
    let state: object = base;
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await page.route('**/v3/recordings/transfer', (route) => route.fulfill({ json: state }));
    await page.route(/\/v3\/recordings\/transfer\/(?:pause|resume|cancel)$/, (route) => {
      const step = route.request().url().split('/').at(-1) ?? '';
      const phase = { pause: 'paused', resume: 'running', cancel: 'canceled' }[step];
      state = { ...base, phase, error: null, why: null };
      return route.fulfill({ json: state });
    });
    await page.route('**/v3/recordings/transfer/foresee', (route) =>
      route.fulfill({ json: { files: 4, bytes: 3e9, freeBytes: 5e9, keptFreeBytes: 4e9, missingBytes: 2e9, old: 5 } }),
    );
    await owner.logIn('#/settings/storage/import');
    await page.getByText('The disk is full. Make room there, or cancel.').waitFor();
    await page.getByText('3 GB of 9 GB · 3 of 9 recordings · 2 were there already').waitFor();
    await page.getByText('120 files were not imported').click();
    await page.getByText('overlaps recordings that the camera has').waitFor();
    await page.getByText('and 119 more').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText(/20 MB per second · about 5 min/).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText(/^What was imported stays\. If you import the same folder again/).waitFor();
    await page.getByRole('button', { name: 'Cancel the import' }).click();
    await page.getByText('Canceled. What was copied stays.').waitFor();
    await page.getByRole('button', { name: /^All folders/ }).click();
    for (const name of source.slice(1).split('/')) {
      await page.locator('.folder-choice').getByRole('button', { name, exact: true }).click();
    }
    await page.getByRole('button', { name: 'Look for recordings here' }).click();
    await page.getByText(/^Room for 2 GB is missing\./).waitFor();
    await page.getByText(/^5 recordings are older than the camera keeps/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });
});
