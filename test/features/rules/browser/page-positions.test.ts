import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const HOSTILE = 'Bench <img src=x onerror=alert(1)> 🐦 مرحبا';
const GATE = { x: 0.5, y: 0.25, zoom: 0 };

describeWith(['chromium'], 'the position of a camera that nobody steers', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let yard: string;
  let fixed: string;

  beforeAll(async () => {
    const cameras = [{ quirks: { ptz: 'full' } }, { quirks: { ptz: 'none' } }] as const;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [yard = '', fixed = ''] = await box.adopt();
    const ptz = box.cameras[0]?.ptz;
    for (const [name, x] of [
      ['Gate', GATE.x],
      ['Door', -0.5],
      [HOSTILE, 0.75],
    ] as const) {
      ptz?.goTo({ ...GATE, x });
      await box.api('POST', `cameras/ptz/presets/${yard}`, { name });
    }
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const saved = () => box.api<Record<string, unknown>>('GET', `config/paths/get/${yard}`);

  test.for(sizesInTurn())('on a %s a guard position and a patrol are chosen, and ended', async (size) => {
    await box.api('PATCH', `config/paths/patch/${yard}`, { ptzGuard: '', ptzPatrol: [] });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn(`#/settings/cameras/${yard}`);
    const open = (habit: string) =>
      page.getByRole('button', { name: new RegExp(`^Guard and patrol.*${habit}$`) }).click();
    const sheet = page.getByRole('dialog', { name: 'Guard and patrol' });
    const save = async () => {
      await sheet.getByRole('button', { name: 'Save' }).click();
      await sheet.waitFor({ state: 'detached' });
    };

    await open('Stay');
    await settled(page, '.sheet .segment');
    await sheet.getByRole('radio', { name: 'Return' }).check();
    await sheet.getByRole('button', { name: 'Gate', pressed: true }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Door' }).click();
    await save();
    expect(await saved()).toMatchObject({ ptzGuard: 'Door', ptzPatrol: [] });

    await open('Return');
    await sheet.getByRole('radio', { name: 'Patrol' }).check();
    // Two presets are in it at first; those that are tapped again go to its end.
    await sheet.getByRole('button', { name: /^Bench/, pressed: false }).waitFor();
    await sheet.getByRole('button', { name: '1. Gate' }).click();
    await sheet.getByRole('button', { name: 'Gate', exact: true }).click();
    await sheet.getByRole('button', { name: '2. Gate', pressed: true }).waitFor();
    await sheet.getByRole('spinbutton', { name: 'Pause at each preset' }).press('ArrowUp');
    expect(await axeFindings(page)).toEqual([]);
    await save();
    const patrol = [
      { preset: 'Door', seconds: 45 },
      { preset: 'Gate', seconds: 45 },
    ];
    expect(await saved()).toMatchObject({ ptzPatrol: patrol });

    await open('Patrol');
    await sheet.getByRole('radio', { name: 'Stay' }).check();
    await save();
    expect(await saved()).toMatchObject({ ptzGuard: '', ptzPatrol: [] });
    expect(complaints).toEqual([]);
  });

  test('a patrol that is chosen turns the camera', async () => {
    await box.api('PATCH', `config/paths/patch/${yard}`, { ptzPatrol: [] });
    const head = box.cameras[0]?.ptz;
    head?.goTo({ x: 0, y: 0, zoom: 0 });
    await box.api('PATCH', `config/paths/patch/${yard}`, { ptzPatrol: [{ preset: 'Gate', seconds: 60 }] });
    await expect.poll(() => head?.position).toEqual(GATE);
  });

  test('a camera that answers late has its presets then, and the sheet says so until it does', async () => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await owner.logIn(`#/settings/cameras/${yard}`);
    const presets = `**/v3/cameras/ptz/presets/${yard}`;
    const error = 'the camera does not answer';
    await page.route(presets, (route) => route.fulfill({ status: 502, json: { status: 'error', error } }));
    await page.getByRole('button', { name: /^Guard and patrol/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Guard and patrol' });
    const status = sheet.getByText('The camera does not answer.');
    await status.waitFor();
    await page.unroute(presets);
    await status.waitFor({ state: 'detached' });
    await sheet.getByRole('radio', { name: 'Return' }).check();
    await sheet.getByRole('button', { name: 'Door' }).waitFor();
  });

  test('a camera without PTZ has no row', async () => {
    await using owner = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = owner;
    await owner.logIn(`#/settings/cameras/${fixed}`);
    await page.getByRole('button', { name: /^Motion detection/ }).waitFor();
    await page
      .getByRole('button', { name: /^Login|^Connection/ })
      .first()
      .waitFor();
    expect(await page.getByRole('button', { name: /^Guard and patrol/ }).count()).toBe(0);
  });
});
