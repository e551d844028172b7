import type { Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import {
  axeFindings,
  enterSetupCode,
  expectMoving,
  settled,
  type Visit,
  type VisitOptions,
  visit,
} from '../../peers/browser/page-visit.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const SHARED = { user: 'admin', password: 'heron' };
const OTHER = { user: 'admin', password: 'osprey' };

async function makeItMine(visitor: Visit, box: PageHarness): Promise<void> {
  const { page } = visitor;
  await page.getByLabel('Your password', { exact: true }).fill(OWNER_PASSWORD);
  await enterSetupCode(page, box.app.accounts.setup?.code);
  await page.getByRole('button', { name: 'Find my cameras' }).click();
}

describeWith(['chromium'], 'first start and adding cameras', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    viewer = await startViewer();
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
  });
  const open = (box: PageHarness, options: VisitOptions) => visit(viewer.browser, box, options);
  const titles = async (box: PageHarness) =>
    (await box.api<{ items: { title: string }[] }>('GET', 'cameras/list')).items.map(({ title }) => title);

  test('cameras that reject the same password are one card, with one field for all of them', async () => {
    const credentials = OTHER;
    await using box = await startPageHarness({ cameras: [{ credentials }, { credentials }, { credentials }] });
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByRole('heading', { name: 'Three cameras found' }).waitFor();
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 3 cameras' }).click();
    await page.getByText('3 cameras reject this password.').waitFor();
    expect(await page.locator('.adding-troubles .message-card').count()).toBe(1);
    await page.getByText(/After \d more attempts some cameras lock/).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Enter password' }).click();
    const sheet = page.getByRole('dialog', { name: '3 cameras' });
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add 3 cameras' }).click();
    await page.getByRole('heading', { name: 'Three are live' }).waitFor();
    expect(await page.locator('.adding-troubles .message-card').count()).toBe(0);
  });

  test('a correct password of one camera is offered to the next that needs one', async () => {
    const credentials = OTHER;
    await using box = await startPageHarness({ cameras: [{ credentials }, { credentials }] });
    await using visitor = await open(box, { size: 'phone' });
    const { page, complaints } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByText('2 cameras reject this password.').waitFor();
    complaints.length = 0;
    await page.getByRole('button', { name: 'One by one' }).click();
    const offer = page.getByRole('button', { name: 'Use the password of Front door' });
    expect(await offer.count()).toBe(0);
    await page.getByRole('button', { name: 'Enter password' }).first().click();
    const sheet = page.getByRole('dialog', { name: 'Front door' });
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add one camera' }).click();
    await offer.click();
    await page.getByRole('heading', { name: 'Two are live' }).waitFor();
    expect(box.cameras.map(({ state }) => state.wrongLogins.length > 0)).toEqual([true, true]);
    expect(complaints).toEqual([]);
  });

  test('without an answer a camera is added by its address, and another by the address of its stream', async () => {
    await using box = await startPageHarness();
    await using first = await startOnvifCamera({ address: '127.0.4.1', port: 8899, credentials: SHARED });
    await using second = await startOnvifCamera({ address: '127.0.4.2', credentials: OTHER });
    await using visitor = await open(box, { size: 'desktop', theme: 'light' });
    const { page, complaints } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByText('No camera answers yet.').waitFor();
    complaints.length = 0;
    await settled(page, '.adding-none');
    expect(await axeFindings(page)).toEqual([]);

    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    const sheet = page.getByRole('dialog', { name: "Add one that isn't listed" });
    await sheet.getByLabel('Address', { exact: true }).last().fill(first.address);
    await sheet.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    await sheet.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('heading', { name: 'One camera found' }).waitFor();
    await sheet.waitFor({ state: 'detached' });

    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    await sheet.getByRole('radio', { name: 'Stream address (RTSP)' }).check();
    await sheet.getByLabel('Stream address (RTSP)').fill('nowhere');
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await sheet.getByText('Enter an address such as').waitFor();
    const stream = second.rtspUrl('main').replace('rtsp://', `rtsp://${OTHER.user}:${OTHER.password}@`);
    await sheet.getByLabel('Stream address (RTSP)').fill(stream);
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
    await sheet.waitFor({ state: 'detached' });
    expect(await page.locator('.ticks').textContent()).not.toContain(OTHER.password);

    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByRole('heading', { name: 'Two are live' }).waitFor();
    await expectMoving(visitor, 2);
    await settled(page, '.arriving');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('a camera is added later from the settings; one that does not answer shows that, and can be retried', async () => {
    await using box = await startPageHarness({ cameras: [{}, {}, { quirks: { onvifIsOff: 404 } }] });
    await box.claim();
    await using visitor = await open(box, { size: 'phone', theme: 'light' });
    const { page } = visitor;
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('heading', { name: 'Three cameras found' }).waitFor();
    await page.getByRole('checkbox', { name: /Front door/ }).uncheck();
    await box.cameras[1]?.stop({ isSilent: true });
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByText('Tap again if the cameras have none.').waitFor();
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByText('Garden does not answer.').waitFor();
    await page.getByText('ONVIF is off in this camera.').waitFor();
    const itsPage = page.getByRole('link', { name: "Open camera's web page" });
    expect(await itsPage.getAttribute('href')).toBe(`http://${box.cameras[2]?.address}/`);
    await page.setViewportSize({ width: 320, height: 640 });
    const sideways = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(await sideways()).toBe(0);
    await settled(page, '.message-card');
    expect(await axeFindings(page)).toEqual([]);
    await box.cameras[1]?.start();
    await page.locator('.message-card', { hasText: 'Garden' }).getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'One is live' }).waitFor();
    await expectMoving(visitor, 1);
    await page.getByRole('button', { name: 'Back' }).click();
    await page.waitForURL(/#\/settings\/cameras$/);
    expect(await titles(box)).toEqual(['Garden']);
  });

  test('a visitor of a device that has an owner by now is informed, and logs in', async () => {
    await using box = await startPageHarness({ cameras: [{}] });
    await using visitor = await open(box, { size: 'desktop', locale: 'zh-CN' });
    const { page } = visitor;
    await visitor.go('#/start');
    await page.getByRole('button', { name: '查找摄像头' }).waitFor();
    await box.claim();
    await page.locator('[name=password]').fill('an otter swims by');
    await enterSetupCode(page, box.app.accounts.setup?.code);
    await page.getByRole('button', { name: '查找摄像头' }).click();
    await page.getByText('此设备已有管理员，请登录。').waitFor();
    await page.locator('[name=password]').fill(OWNER_PASSWORD);
    await page.getByRole('button', { name: '登录' }).click();
    await page.getByRole('heading', { name: '找到 1 个摄像头' }).waitFor();
  });

  test('a camera is not called live before its first picture, and a label does not truncate its name', async () => {
    await using box = await startPageHarness({ cameras: [{}, {}, {}, {}] });
    await box.claim();
    await using visitor = await open(box, { size: 'phone' });
    const { page, complaints } = visitor;
    const held: Route[] = [];
    let isHeld = true;
    await page.route('**/whep*', (route) => (isHeld ? held.push(route) : route.continue()));
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('heading', { name: 'Four cameras found' }).waitFor();
    const add = page.getByRole('button', { name: 'Add 4 cameras' });
    await add.click();
    await page.getByText('Tap again if the cameras have none.').waitFor();
    await add.click();
    await expect.poll(() => held.length).toBe(4);
    const names = page.locator('.arriving .tile.first .name b');
    await expect.poll(() => names.count()).toBe(4);
    expect(await names.evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth).length)).toBe(0);
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Adding 4 cameras');
    isHeld = false;
    await Promise.all(held.map((route) => route.continue()));
    await page.getByRole('heading', { name: 'Four are live' }).waitFor();
    await expectMoving(visitor, 4);
    expect(complaints).toEqual([]);
  });
});
