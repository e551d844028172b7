import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { MAIN_PROFILE, SUB_PROFILE } from '../../../onvif-camera/camera.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { KeptPages } from '../../../peers/browser/kept-pages.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, type Size, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const HOSTILE = '<img src=x onerror=alert(1)> "Garten" 🐦 مرحبا بالعالم und noch viel mehr';

describeWith(['chromium'], 'the settings of cameras', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let door: string;
  let garden: string;
  let drive: string;
  beforeAll(async () => {
    const slow = { ...MAIN_PROFILE, group: 150 };
    const credentials = { user: 'admin', password: 'none' };
    const cameras = [{ credentials }, { profiles: [slow, SUB_PROFILE] }, {}];
    const config = 'pathDefaults:\n  recordDeleteAfter: 1d\n';
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras, config })]);
    await box.claim();
    [door = '', garden = '', drive = ''] = await box.adopt();
    await box.api('POST', 'cameras/order', { paths: [door, garden, drive] });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const pages = new KeptPages(
    () => viewer,
    () => box,
    ['#/settings/cameras', '.settings-page:not(:has(dialog)) .row'],
  );
  const open = (size: Size, place: string) => pages.open({ size, isCalm: true }, place);
  const sheetOf = (name: string) => `#/settings/cameras/${name}`;
  const file = () => readFileSync(join(box.folder, 'perch.yml'), 'utf8');
  const configOf = (name: string) => box.api<Record<string, unknown>>('GET', `config/paths/get/${name}`);
  const readyTime = async (name: string) =>
    (await box.api<{ readyTime: string }>('GET', `paths/get/${name}`)).readyTime;
  const ordered = async () =>
    (await box.api<{ items: { path: string }[] }>('GET', 'cameras/list')).items.map(({ path }) => path);
  const toast = (page: Page, text: string | RegExp) => page.getByRole('status').filter({ hasText: text }).waitFor();
  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });

  test('pictures that the page had within half a minute are not asked for again', async () => {
    await using visitor = await open('desktop', '#/settings/cameras');
    const { page } = visitor;
    const pictures = async () => {
      await page.waitForFunction(() => document.querySelectorAll('.camera-thumbnail .surface.has-still').length === 3);
      await page.waitForFunction(() => document.querySelectorAll('.camera-thumbnail .playing').length === 0);
    };
    await pictures();
    const asked: string[] = [];
    page.on('request', (request) => request.method() === 'POST' && asked.push(request.url()));
    await visitor.go('#/settings/people');
    await settled(page, '.you');
    await visitor.go('#/settings/cameras');
    await pictures();
    await settled(page, '.settings-page .row');
    expect(asked).toEqual([]);
  });

  test.for(sizesInTurn())(
    'on a %s each has its picture and its state, and axe finds nothing, also on its own page',
    async (size) => {
      await using visitor = await open(size, '#/settings/cameras');
      const { page, complaints } = visitor;
      await page.getByText('Live · kept for one day').nth(2).waitFor();
      await page.waitForFunction(() => document.querySelectorAll('.camera-thumbnail .surface.has-still').length === 3);
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('link', { name: /^Front door/ }).click();
      await settled(page, '.sheet .stepper');
      expect(await axeFindings(page)).toEqual([]);
      const deeper = [
        [/^Picture/, '.sheet .card'],
        [/^Connection/, '.facts'],
        [/^Forwarding/, '.forwards'],
        [/^Pause or remove/, '.radio-card'],
      ] as const;
      for (const [name, sign] of deeper) {
        await page.getByRole('button', { name }).click();
        if (sign === '.radio-card') {
          await page.getByRole('button', { name: 'Remove', exact: true }).click();
        }
        await settled(page, sign);
        expect(await axeFindings(page), String(name)).toEqual([]);
        await page.goBack();
        await page.locator(sign).first().waitFor({ state: 'detached' });
      }
      await page.goBack();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      expect(new URL(page.url()).hash).toBe('#/settings/cameras');
      expect(complaints).toEqual([]);
    },
  );

  test('a change is written to the file without an interruption of the stream, and Undo reverts it', async () => {
    await using visitor = await open('phone', sheetOf(garden));
    const { page, complaints } = visitor;
    const before = [await readyTime(garden), file()];
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Name').fill('');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').filter({ hasText: 'Enter a name.' }).waitFor();
    await sheet.getByLabel('Name').fill(HOSTILE);
    await sheet.getByRole('radio', { name: 'On motion' }).check();
    await sheet.getByRole('spinbutton', { name: 'Keep for' }).press('ArrowUp');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await toast(page, 'Saved.');
    await page.getByRole('link', { name: HOSTILE }).waitFor();
    expect(await configOf(garden)).toMatchObject({
      ...{ record: 'motion', recordDeleteAfter: '2d', camera: { name: HOSTILE, user: 'admin' } },
    });
    expect(file()).toContain('recordDeleteAfter: 2d');
    await page.getByText('Live · on motion').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await until(async () => {
      expect(await configOf(garden)).toMatchObject({
        record: true,
        recordDeleteAfter: '1d',
        camera: { name: 'Garden' },
      });
    });
    expect([await readyTime(garden), file().match(/password: .*/g)]).toEqual([
      before[0],
      before[1]?.match(/password: .*/g),
    ]);
    expect(complaints).toEqual([]);
  });

  test('sound is switched off for both streams of a camera, with a note before and after that it restarts', async () => {
    await using visitor = await open('phone', sheetOf(garden));
    const { page, complaints } = visitor;
    const sheet = page.getByRole('dialog');
    const tracks = async () =>
      Promise.all([garden, `${garden}_sub`].map((name) => box.api<{ tracks: string[] }>('GET', `paths/get/${name}`)));
    const foot = (text: string) => sheet.getByRole('status').filter({ hasText: text }).waitFor();
    await foot('Applies immediately. Live video continues.');
    await sheet.getByRole('radio', { name: 'Off' }).check();
    await foot('Recording stops. Existing recordings are kept.');
    await sheet.getByRole('radio', { name: 'Always' }).check();
    await foot('Applies immediately.');
    await sheet.getByRole('switch', { name: 'Sound' }).click();
    await foot('Live video and recording pause for about 2 s.');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await toast(page, 'Saved. Garden restarts in about 2 s.');
    await until(async () => expect(await tracks()).toMatchObject([{ tracks: ['H264'] }, { tracks: ['H264'] }]));
    await page.getByRole('button', { name: 'Undo' }).click();
    const both = { tracks: ['H264', 'G711'] };
    await until(async () => expect(await tracks()).toMatchObject([both, both]));
    expect([await configOf(garden), await configOf(`${garden}_sub`)]).toMatchObject([{ audio: true }, { audio: true }]);
    expect(complaints).toEqual([]);
  });

  test("two concurrent editors: the other's change shows at its field, and either value can be kept", async () => {
    await box.api('PATCH', `config/paths/patch/${drive}`, { recordDeleteAfter: '1d', record: 'yes' });
    await using visitor = await open('desktop', sheetOf(drive));
    const { page } = visitor;
    const sheet = page.getByRole('dialog');
    const keep = sheet.getByRole('spinbutton', { name: 'Keep for' });
    await keep.press('ArrowUp');
    await box.api('PATCH', `config/paths/patch/${drive}`, { recordDeleteAfter: '30d', record: 'no' });
    const conflict = sheet
      .getByRole('alert')
      .filter({ hasText: 'You changed this in another window just now: 1 day → 30 days' });
    await conflict.waitFor();
    // Untouched fields follow.
    expect(await sheet.getByRole('radio', { name: 'Off' }).isChecked()).toBe(true);
    await sheet.getByRole('button', { name: 'Take theirs' }).click();
    expect(await keep.getAttribute('aria-valuetext')).toBe('30 days');
    await keep.press('ArrowUp');
    await box.api('PATCH', `config/paths/patch/${drive}`, { recordDeleteAfter: '7d', record: 'yes' });
    await sheet.getByRole('button', { name: 'Keep mine' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await toast(page, 'Saved.');
    expect(await configOf(drive)).toMatchObject({ recordDeleteAfter: '45d', record: true });
  });

  test('an unseen change is not overwritten: saving reports it', async () => {
    await box.api('PATCH', `config/paths/patch/${garden}`, { recordDeleteAfter: '1d', recordMaxSize: '0' });
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    const { page, complaints } = visitor;
    await page.route('**/v3/events*', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: ': none\n\n' }),
    );
    await visitor.logIn(sheetOf(garden));
    const sheet = page.getByRole('dialog');
    await sheet.getByRole('spinbutton', { name: 'Keep for' }).press('ArrowUp');
    await box.api('PATCH', `config/paths/patch/${garden}`, { recordDeleteAfter: '14d', recordMaxSize: '20G' });
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet
      .getByRole('alert')
      .filter({ hasText: 'You changed this in another window just now: 1 day → 14 days' })
      .waitFor();
    expect(await configOf(garden)).toMatchObject({ recordDeleteAfter: '14d', recordMaxSize: '20G' });
    await sheet.getByRole('button', { name: 'Keep mine' }).click();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await toast(page, 'Saved.');
    expect(await configOf(garden)).toMatchObject({ recordDeleteAfter: '2d', recordMaxSize: '20G' });
    expect(complaints.filter((one) => !/412/.test(one))).toEqual([]);
  });

  test('reports that a camera was followed to another address', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    const { page, complaints } = visitor;
    const moved = { time: new Date().toISOString(), path: garden, state: 'moved', from: '127.0.3.2', to: '127.0.3.20' };
    await page.route('**/v3/events*', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: `event: camera\ndata: ${JSON.stringify(moved)}\n\n` }),
    );
    await visitor.logIn('#/settings/cameras');
    await toast(page, 'Garden has a new address, 127.0.3.20. No action needed.');
    expect(complaints).toEqual([]);
  });

  test('cameras are reordered by keys, by mouse, and by holding and dragging with a finger', async () => {
    await box.api('POST', 'cameras/order', { paths: [door, garden, drive] });
    {
      await using visitor = await open('desktop', '#/settings/cameras');
      const { page, complaints } = visitor;
      await expectOrder(page, ['Front door', 'Garden', 'Driveway']);
      const first = page.getByRole('link', { name: /^Front door/ });
      await first.press('Alt+ArrowDown');
      await until(async () => expect(await ordered()).toEqual([garden, door, drive]));
      expect(await first.evaluate((link) => link === document.activeElement)).toBe(true);
      await page.getByRole('button', { name: 'Undo' }).click();
      await until(async () => expect(await ordered()).toEqual([door, garden, drive]));
      await expectOrder(page, ['Front door', 'Garden', 'Driveway']);
      const [from, to] = await Promise.all([boxOf(page, 'Driveway'), boxOf(page, 'Front door')]);
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(to.x, to.y - 4, { steps: 8 });
      await page.mouse.up();
      await until(async () => expect(await ordered()).toEqual([drive, door, garden]));
      expect(new URL(page.url()).hash).toBe('#/settings/cameras');
      expect(complaints).toEqual([]);
    }
    await using visitor = await open('phone', '#/settings/cameras');
    const { page } = visitor;
    await expectOrder(page, ['Driveway', 'Front door', 'Garden']);
    const [from, to] = await Promise.all([boxOf(page, 'Driveway'), boxOf(page, 'Garden')]);
    const touch = await visitor.context.newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', y?: number) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints: y === undefined ? [] : [{ x: from.x, y }] });
    await send('touchStart', from.y);
    await page.locator('.camera-list.dragged').waitFor();
    await send('touchMove', (from.y + to.y) / 2);
    await send('touchMove', to.y + 4);
    await send('touchEnd');
    await until(async () => expect(await ordered()).toEqual([door, garden, drive]));
    expect(new URL(page.url()).hash).toBe('#/settings/cameras');
  });

  test('a new login is tried first, and one that the camera rejects changes nothing', async () => {
    await using visitor = await open('phone', sheetOf(door));
    const { page, complaints } = visitor;
    const before = file();
    await page.getByRole('button', { name: /^Connection Simulated · 127\.0\.3\.1 · ONVIF/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Connection' });
    await sheet.getByLabel('Camera password').fill('wrong');
    await sheet.getByRole('button', { name: 'Test and save' }).click();
    await sheet.getByRole('alert').filter({ hasText: 'The camera rejects this login.' }).waitFor();
    expect(file()).toBe(before);
    await sheet.getByLabel('Camera password').fill('none');
    await sheet.getByRole('button', { name: 'Test and save' }).click();
    await toast(page, 'Saved. Front door restarts.');
    expect(complaints).toEqual([]);
  });

  test('a camera with too few key frames is set to send more', async () => {
    await using visitor = await open('desktop', sheetOf(garden));
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: /^Picture/ }).click();
    await page.getByText('Video starts up to 10 s late').waitFor();
    await page.getByRole('button', { name: 'Change' }).click();
    await toast(page, 'Saved.');
    expect(box.cameras[1]?.state.profiles.find(({ token }) => token === 'main')?.group).toBe(30);
    await page.getByText('Video starts up to 10 s late').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('a paused camera resumes where it is watched', async () => {
    await box.api('PATCH', `cameras/patch/${drive}`, { paused: true });
    // A page that is open asks for its picture until it learns that the camera is paused.
    await using visitor = await visit(viewer.browser, box, { size: 'phone', isCalm: true });
    await visitor.logIn(`#/live/${drive}`);
    const { page, complaints } = visitor;
    await page.getByText('Driveway is paused and not recorded.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('.camera-view .surface.playing').waitFor();
    expect(complaints).toEqual([]);
  });

  test('a camera is paused for an hour and resumes, and a missing one shows the cause and the remedy', async () => {
    await using visitor = await open('phone', sheetOf(drive));
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Pause or remove' }).click();
    await page.getByRole('button', { name: 'For one hour' }).click();
    await toast(page, 'Driveway is paused.');
    const { pausedUntil } = await box.api<{ pausedUntil: string }>('GET', `cameras/get/${drive}`);
    expect(Math.abs(Date.parse(pausedUntil) - Date.now() - 3_600_000)).toBeLessThan(60_000);
    await page.getByRole('dialog', { name: 'Driveway' }).getByRole('button', { name: 'Resume now' }).click();
    await toast(page, 'Driveway has resumed.');
    await until(async () => expect(await box.api('GET', `cameras/get/${drive}`)).toMatchObject({ state: 'running' }));
    // Missing for a while: the test does not wait for minutes.
    await page.route('**/v3/paths/list*', async (route) => {
      const list = await (await route.fetch()).json();
      const items = list.items.map((item: { offlineSince: string | null }) => ({
        ...item,
        offlineSince: item.offlineSince && new Date(Date.now() - 12 * 60_000).toISOString(),
      }));
      await route.fulfill({ json: { ...list, items } });
    });
    await box.cameras[2]?.stop({ isSilent: true });
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/^Offline since/).waitFor();
    // The simulated camera's machine rejects connections, as one does whose RTSP is off.
    await dialog.getByText('its port for video is closed').waitFor();
    await page.getByRole('button', { name: 'Restart camera' }).waitFor();
    await box.cameras[2]?.start();
    await toast(page, 'Driveway is back after 12 min.');
    await dialog.getByText(/^Offline since/).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
  });

  test('Undo restores a removed camera, and its recordings are deleted if the user wants that', async () => {
    if (!(await ordered()).includes(drive)) {
      await box.adopt(box.cameras.slice(2));
    }
    await box.api('POST', 'cameras/order', { paths: [door, garden, drive] });
    await box.api('PATCH', `config/paths/patch/${drive}`, { recordDeleteAfter: '14d' });
    await using visitor = await open('desktop', sheetOf(drive));
    const { page, complaints } = visitor;
    const bytesOf = async () =>
      (await box.api<{ items: { path: string; bytes: number }[] }>('GET', 'recordings/usage')).items.find(
        ({ path }) => path === drive,
      )?.bytes ?? 0;
    const before = await configOf(drive);
    await page.getByRole('button', { name: 'Pause or remove' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('group', { name: 'Remove Driveway?' }).waitFor();
    expect(await ordered()).toContain(drive);
    await page.getByRole('radio', { name: 'Keep (deleted after 14 days)' }).waitFor();
    await page.getByRole('button', { name: 'Remove camera' }).click();
    await toast(page, 'Driveway removed. Its recordings are deleted after 14 days.');
    await page.waitForFunction(() => document.querySelector('dialog') === null);
    expect(await ordered()).toEqual([door, garden]);
    await until(async () => expect(await bytesOf()).toBeGreaterThan(0));
    await page.getByRole('button', { name: 'Undo' }).click();
    await toast(page, 'Driveway is back.');
    expect(await configOf(drive)).toEqual(before);
    await page.getByRole('link', { name: /^Driveway/ }).click();
    await page.getByRole('button', { name: 'Pause or remove' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('radio', { name: /^Delete now \(/ }).check();
    await page.getByRole('button', { name: 'Remove camera' }).click();
    await toast(page, /^Driveway removed, .* deleted\.$/);
    expect([await ordered(), await bytesOf()]).toEqual([[door, garden], 0]);
    await expectOrder(page, ['Front door', 'Garden']);
    // Requests for its picture and its forwards may have been pending when it was removed.
    const ofGone = new RegExp(`/${drive}\\w*/whep(?:/[\\w-]+)?\\)?$|/forward/list\\?.*path=${drive}`);
    expect(complaints.filter((line) => !ofGone.test(line))).toEqual([]);
  });

  test('a camera that the file names as hall and hall_sub is removed as one, also for those who only watch', async () => {
    for (const [name, profile] of [
      ['hall', 'main'],
      ['hall_sub', 'sub'],
    ] as const) {
      await box.api('POST', `config/paths/add/${name}`, { source: box.cameras[2]?.rtspUrl(profile) });
    }
    const tiles = async (page: Page) => (await page.locator('.tile .name b').allTextContents()).sort();
    const all = ['Front door', 'Garden', 'Hall'];
    await using watcher = await open('phone', '#/live');
    await until(async () => expect(await tiles(watcher.page)).toEqual(all));
    await using visitor = await open('desktop', sheetOf('hall'));
    const { page } = visitor;
    await page.getByRole('button', { name: /^Remove/ }).click();
    await page.getByRole('group', { name: 'Remove Hall?' }).waitFor();
    await page.getByRole('button', { name: 'Remove camera' }).click();
    await toast(page, /^Hall removed\./);
    await expectOrder(page, ['Front door', 'Garden']);
    await until(async () => expect(await tiles(watcher.page)).toEqual(all.slice(0, 2)));
    await page.getByRole('button', { name: 'Undo' }).click();
    await toast(page, 'Hall is back.');
    await until(async () => expect(await tiles(watcher.page)).toEqual(all));
    await box.api('DELETE', 'cameras/forget/hall');
    await until(async () => expect(await tiles(watcher.page)).toEqual(all.slice(0, 2)));
  });

  test.for([
    ['en-GB', 'Incomplete', 'it was busy or starting (503)'],
    ['zh-CN', '尚未添加完整', '摄像头正忙或仍在启动（503）'],
  ] as const)('in %s the note of a camera that is not complete stays until it is', async ([locale, title, why]) => {
    const [, , camera] = box.cameras;
    if (!camera) {
      throw new Error('no camera');
    }
    camera.state.quirks.describes = { sub: 503 };
    const name = `half-${locale.toLowerCase()}`;
    await box.api('POST', 'cameras/adopt', { cameras: [{ onvif: camera.url, name, again: true }] });
    await using visitor = await visit(viewer.browser, box, { size: 'desktop', locale, isCalm: true });
    await visitor.logIn(sheetOf(name));
    const note = visitor.page.getByText(why);
    await note.waitFor();
    await visitor.page.getByText(title, { exact: true }).first().waitFor();
    camera.state.quirks.describes = {};
    await note.waitFor({ state: 'detached' });
    expect(visitor.complaints).toEqual([]);
    await box.api('DELETE', `cameras/forget/${name}`);
  });
});

async function boxOf(page: Page, title: string): Promise<{ readonly x: number; readonly y: number }> {
  const box = await page.getByRole('link', { name: new RegExp(`^${title}`) }).boundingBox();
  return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
}

const expectOrder = (page: Page, titles: readonly string[]): Promise<unknown> =>
  page.waitForFunction(
    (wanted) => [...document.querySelectorAll('.camera-list b')].map((b) => b.textContent).join() === wanted,
    titles.join(),
  );
