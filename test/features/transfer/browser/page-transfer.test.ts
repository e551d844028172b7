import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { filesBelow, record, WALL } from '../../../support/disks/recordings.ts';

const HOUR_MS = 3_600_000;

describeWith(['chromium'], 'recordings to another disk', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let disk: string;
  beforeAll(async () => {
    disk = mkdtempSync('/var/tmp/perch-page-disk-');
    const config = 'paths: { cam: { recordDeleteAfter: 0s } }\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ config })]);
    await box.claim();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    rmSync(disk, { recursive: true });
  });
  const moviesIn = (folder: string) => filesBelow(folder).filter((file) => file.endsWith('.mp4'));

  test.for(sizesInTurn())('on a %s the owner chooses a folder, and recordings go there', async (size) => {
    onTestFinished(async () => {
      await box.api('DELETE', 'recordings/deletepath/cam');
    });
    const from = mkdtempSync(join(box.folder, 'recordings-'));
    await box.api('PATCH', 'config/pathdefaults/patch', { recordPath: join(from, '%path/%Y-%m-%d_%H-%M-%S-%f') });
    for (let i = 0; i < 3; i += 1) {
      await record(from, 2, { wall: WALL + i * HOUR_MS });
    }
    await vi.waitFor(async () => {
      const { segments } = await box.api<{ segments: object[] }>('GET', 'recordings/get/cam');
      expect(segments).toHaveLength(3);
    });
    const to = mkdtempSync(join(disk, `of a ${size} `));
    for (let i = 0; i < 30; i += 1) {
      mkdirSync(join(to, `folder ${i}`));
    }
    const last = join(to, 'folder 9');
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/storage');
    await page.getByRole('link', { name: /^Move recordings/ }).click();
    await settled(page, '.transfer .choices');
    await page.getByText('Another folder', { exact: true }).click();
    for (const name of last.slice(1).split('/')) {
      // Every row can be reached, the last one below the fold, too.
      await page.locator('.folder-choice').getByRole('button', { name, exact: true }).click();
    }
    await page.getByText('No folders here.').waitFor();
    const typed = page.getByLabel('Path of the folder');
    const open = async (path: string) => {
      await typed.fill(path);
      await typed.press('Enter');
    };
    await open(join(last, 'nowhere'));
    await page.getByRole('alert').getByText('The box has no such folder').waitFor();
    for (const path of ['folder 9', '/proc/self', '/tmp/100%']) {
      await open(path);
      await page.getByRole('alert').getByText('Type a path that begins with /').waitFor();
    }
    expect(await axeFindings(page)).toEqual([]);
    const later = join(to, 'later');
    await open(later);
    await page.getByRole('alert').getByText('The box has no such folder').waitFor();
    // The same path once more, for a disk that has been mounted meanwhile.
    mkdirSync(later);
    await typed.press('Enter');
    await page.locator('.folder-choice b.folder').getByText(later, { exact: true }).waitFor();
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await open(to);
    await page.locator('.folder-choice b.folder').getByText(to, { exact: true }).waitFor();
    expect(await typed.inputValue()).toBe('');
    // One that cannot be opened says so, and leads back.
    rmdirSync(join(to, 'folder 8'));
    await page.locator('.folder-choice').getByRole('button', { name: 'folder 8', exact: true }).click();
    await page.getByRole('alert').getByText('The box has no such folder').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page
      .locator('.folder-choice')
      .getByRole('button', { name: /^Folder above/ })
      .click();
    await page.locator('.folder-choice').getByRole('button', { name: 'folder 9', exact: true }).click();
    await page.getByText('No folders here.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Use this folder' }).click();
    await page.getByText(/ in 3 recordings will be copied; /).waitFor();
    await page.getByRole('button', { name: 'Move recordings' }).click();
    await page.getByText('All recordings have been moved.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    expect(moviesIn(last)).toHaveLength(3);
    expect(moviesIn(from)).toEqual([]);
    expect(await box.api('GET', 'config/pathdefaults/get')).toMatchObject({
      recordPath: join(last, '%path/%Y-%m-%d_%H-%M-%S-%f'),
    });
    const { segments } = await box.api<{ segments: object[] }>('GET', 'recordings/get/cam');
    expect(segments).toHaveLength(3);
    // The folders that cannot be opened.
    expect(complaints.filter((text) => !/v3\/disks\/folders/.test(text))).toEqual([]);
  });

  test('a transfer that waits says why, is paused, continues and is canceled', async () => {
    const base = {
      ...{ kind: 'move', phase: 'waiting', from: null, to: '/mnt/new', files: { done: 3, total: 9 } },
      ...{ bytes: { done: 3e9, total: 9e9 }, bytesPerSecond: 2e7, remainingSeconds: 300, current: null },
      ...{ error: 'no room in /mnt/new', why: 'full', started: '2026-01-01T00:00:00Z' },
      leftOut: { count: 1, items: [{ file: '/mnt/old/a.mp4', why: 'taken', reason: 'another recording' }] },
    };
    let state: object = base;
    const asked: string[] = [];
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await page.route('**/v3/recordings/transfer', (route) => route.fulfill({ json: state }));
    await page.route(/\/v3\/recordings\/transfer\/\w+$/, (route) => {
      const step = route.request().url().split('/').at(-1) ?? '';
      expect(route.request().postDataJSON()).toEqual({});
      asked.push(step);
      const phase = { pause: 'paused', resume: 'running', cancel: 'canceled' }[step];
      state = { ...base, phase, error: null, why: null };
      return route.fulfill({ json: state });
    });
    await owner.logIn('#/settings/storage/move');
    await page.getByText('The disk is full. Make room there, or cancel.').waitFor();
    await page.getByText('3 GB of 9 GB · 3 of 9 recordings').waitFor();
    await page.getByText('One file stays where it is').click();
    await page.getByText('another recording there has its name').waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText(/20 MB per second · about 5 min/).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByText(/^What was moved stays on the new disk, the rest/).waitFor();
    await page.getByRole('button', { name: 'Cancel moving' }).click();
    await page.getByText('Canceled. What was copied stays.').waitFor();
    await page.getByRole('group', { name: 'Where to' }).waitFor();
    expect(asked).toEqual(['pause', 'resume', 'cancel']);
    expect(await axeFindings(page)).toEqual([]);
  });
});
