import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

describeWith(['chromium', 'ffmpeg'], 'the motion detection of a camera', () => {
  let viewer: Viewer;
  let box: PageHarness;

  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}] })]);
    await box.claim();
    await box.adopt();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const saved = () => box.api('GET', 'config/paths/get/front_door');

  test.for(sizesInTurn())('on a %s its source and sensitivity are chosen, and it is shown what moves', async (size) => {
    await box.api('PATCH', 'config/paths/patch/front_door', { motionSource: 'camera', motionSensitivity: 50 });
    await using owner = await visit(viewer.browser, box, { size });
    const { page, complaints } = owner;
    await owner.logIn('#/settings/cameras/front_door');
    await page.getByRole('button', { name: /^Motion detection.*Camera$/ }).click();
    const sheet = page.getByRole('dialog', { name: 'Motion detection' });
    await settled(page, '.sheet .segment');
    expect(await axeFindings(page)).toEqual([]);
    expect(await sheet.getByText('Sensitivity').count()).toBe(0);

    await sheet.getByRole('radio', { name: 'Video' }).check();
    await sheet.getByText('After saving you see here how much moves.').waitFor();
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionSource: 'stream', motionSensitivity: 50 });

    await page.getByRole('button', { name: /^Motion detection.*Video$/ }).click();
    await sheet.getByRole('meter', { name: 'Moves now' }).waitFor();
    await settled(page, '.sheet meter');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('spinbutton', { name: 'Sensitivity' }).press('ArrowUp');
    await sheet.getByRole('button', { name: 'Save' }).click();
    await sheet.waitFor({ state: 'detached' });
    expect(await saved()).toMatchObject({ motionSource: 'stream', motionSensitivity: 60 });
    expect(complaints).toEqual([]);
  });
});
