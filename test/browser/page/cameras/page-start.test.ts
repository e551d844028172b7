import type { Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import {
  axeFindings,
  enterSetupCode,
  expectMoving,
  settled,
  type Visit,
  type VisitOptions,
  visit,
} from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

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
  const open = (box: PageHarness, options: VisitOptions) => visit(viewer.browser, box, { isCalm: true, ...options });
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
    const sheet = page.getByRole('dialog', { name: 'Password for 3 cameras' });
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add 3 cameras' }).click();
    await page.getByRole('heading', { name: 'Three are live' }).waitFor();
    expect(await page.locator('.adding-troubles .message-card').count()).toBe(0);
    // The next camera is not sent what these have rejected.
    const missing = page.getByRole('button', { name: "Add one that isn't listed" });
    await missing.click();
    await page.getByRole('heading', { name: 'Looking for cameras…' }).waitFor();
    await missing.click();
    const field = page.getByRole('dialog').getByLabel('Camera password', { exact: true });
    expect(await field.inputValue()).toBe(OTHER.password);
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
    await sheet.getByLabel('Address', { exact: true }).fill(first.address);
    await sheet.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await settled(page, '.sheet');
    expect(await axeFindings(page)).toEqual([]);
    const search = sheet.getByRole('button', { name: 'Search', exact: true });
    await search.click();
    await sheet.getByRole('button', { name: 'Searching…' }).waitFor();
    await page.getByRole('heading', { name: 'One camera found' }).waitFor();
    await sheet.waitFor({ state: 'detached' });
    // As in discovery.
    await page.locator('.ticks').getByText('Front door').waitFor();
    await page.locator('.ticks').getByText('Simulated Sim 1 · 127.0.4.1').waitFor();

    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    await sheet.getByLabel('Address', { exact: true }).fill('ftp://nowhere');
    await search.click();
    await sheet.getByText('Enter an address or a host name, such as 192.168.1.20 or camera.local').waitFor();
    const stream = second.rtspUrl('main').replace('rtsp://', `rtsp://${OTHER.user}:${OTHER.password}@`);
    await sheet.getByLabel('Address', { exact: true }).fill(stream);
    await sheet.getByLabel('Low-resolution address').waitFor();
    expect(await sheet.getByLabel('Camera password', { exact: true }).count()).toBe(0);
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
    await sheet.waitFor({ state: 'detached' });
    expect(await page.locator('.ticks').textContent()).not.toContain(OTHER.password);

    // Both logins are known.
    expect(await page.locator('[type=password]').count()).toBe(0);
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByRole('heading', { name: 'Two are live' }).waitFor();
    await expectMoving(visitor, 2);
    await settled(page, '.arriving');
    expect(await axeFindings(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('the password is for the cameras without one of their own, and the page says for which', async () => {
    await using box = await startPageHarness({ cameras: [{ credentials: SHARED }] });
    await using second = await startOnvifCamera({ address: '127.0.4.4', credentials: OTHER });
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByRole('heading', { name: 'One camera found' }).waitFor();
    await page.getByText("The cameras' own: set in the maker's app").waitFor();
    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    const sheet = page.getByRole('dialog', { name: "Add one that isn't listed" });
    await sheet.getByLabel('Address', { exact: true }).fill(second.rtspUrl('main'));
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await sheet.waitFor({ state: 'detached' });
    await page.getByText('Password for Front door').waitFor();
    await page.getByRole('button', { name: 'Add 2 cameras' }).click();
    await page.getByText('No password for Front door. Press again if there is none.').waitFor();
  });

  test('cameras that are added while the configuration cannot be written: the page says so, in its language', async () => {
    await using box = await startPageHarness({ cameras: [{ credentials: SHARED }] });
    await box.claim();
    await using visitor = await open(box, { size: 'desktop', locale: 'zh-CN' });
    const { page } = visitor;
    let isAdopted = false;
    await page.route('**/v3/cameras/adopt/*', async (route) => {
      isAdopted = true;
      await route.continue();
    });
    await page.route('**/v3/session', async (route) => {
      const response = await route.fetch();
      const warning = { why: 'notSaved', file: '/etc/perch.yml', text: 'mounted read-only' };
      await route.fulfill({ response, json: { ...(await response.json()), warnings: isAdopted ? [warning] : [] } });
    });
    // Its tile waits for the first picture until axe has seen it.
    await page.route('**/whep*', () => {});
    await visitor.logIn('#/settings/cameras/add');
    await page.locator('.ticks').getByText('Front door').waitFor();
    await page.locator('[type=password]').fill(SHARED.password);
    await page.locator('button[type=submit]').click();
    await page.getByText('/etc/perch.yml 无法写入').waitFor();
    await page.getByRole('button', { name: 'Front door 等待首帧…', exact: true }).waitFor();
    await settled(page, '.notice');
    expect(await axeFindings(page)).toEqual([]);
  });

  test('no camera accepts its password: setup continues without them, and so does adding from the settings', async () => {
    const credentials = OTHER;
    await using box = await startPageHarness({ cameras: [{ credentials }, { credentials }] });
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    for (const [there, address] of [
      ['#/live', /#\/live$/],
      ['#/settings/cameras', /#\/settings\/cameras$/],
    ] as const) {
      await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
      await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password + there);
      await page.getByRole('button', { name: 'Add 2 cameras' }).click();
      await page.getByText('2 cameras reject this password.').waitFor();
      await page.getByRole('heading', { name: 'No camera added yet' }).waitFor();
      expect(await page.locator('.arriving .tile', { hasText: 'Not added' }).count()).toBe(2);
      await settled(page, '.message-card');
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('link', { name: 'Later' }).click();
      await page.waitForURL(address);
      // The address changes before the page does.
      await page.locator('.arriving').waitFor({ state: 'detached' });
      await visitor.go('#/settings/cameras/add');
    }
    await page.getByRole('heading', { name: 'Two cameras found' }).waitFor();
  });

  test('on a phone the reasons why some of many cameras were not added are one tap away', async () => {
    const refusing = { credentials: OTHER };
    const good = { credentials: SHARED };
    await using box = await startPageHarness({ cameras: [good, good, good, good, good, refusing, refusing] });
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByRole('heading', { name: 'Seven cameras found' }).waitFor();
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 7 cameras' }).click();
    await page.getByRole('heading', { name: 'Five are live' }).waitFor();
    const enter = page.getByRole('button', { name: 'Enter password' });
    const isSeen = () =>
      enter.evaluate((one) =>
        one.contains(document.elementFromPoint(innerWidth / 3, one.getBoundingClientRect().y + 9)),
      );
    expect(await isSeen()).toBe(false);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: '2 cameras were not added. Show why' }).click();
    await expect.poll(isSeen).toBe(true);
  });

  test('of many found cameras none is selected, and those that fail for one reason are one card', async () => {
    const found = (i: number, more: object = {}) => ({
      endpoint: `urn:uuid:${i}`,
      address: `192.168.20.${i}`,
      onvif: `http://192.168.20.${i}/onvif/device_service`,
      foundFrom: '192.168.20.1',
      onCameraNetwork: false,
      name: `Camera ${i}`,
      manufacturer: null,
      hardware: null,
      location: null,
      firstSeen: '2026-01-01T00:00:00Z',
      lastSeen: '2026-01-01T00:00:00Z',
      path: null,
      perch: null,
      ...more,
    });
    const many = Array.from({ length: 24 }, (_, i) => found(i + 10));
    const offered = [101, 102, 103].map((i) => found(i, { perch: '0123456789' }));
    const items = [...many, found(10, { address: '10.0.0.10' }), ...offered];
    await using box = await startPageHarness();
    await box.claim();
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    const hidden = new Set<string>();
    const findIn = async (one: typeof page) => {
      const shown = () => items.map((item) => ({ ...item, hidden: hidden.has(item.endpoint) }));
      await one.route('**/v3/cameras/found*', (route) =>
        route.fulfill({ json: { itemCount: 1, pageCount: 1, items: shown() } }),
      );
      await one.route('**/v3/cameras/discover*', (route) =>
        route.fulfill({ json: { isLooking: false, items: shown() } }),
      );
      await one.route('**/v3/cameras/hide', async (route) => {
        const body = route.request().postDataJSON() as { endpoints: string[]; hidden: boolean };
        for (const endpoint of body.endpoints) {
          if (body.hidden) {
            hidden.add(endpoint);
          } else {
            hidden.delete(endpoint);
          }
        }
        await route.continue();
      });
    };
    await findIn(page);
    let failed: object[] = [];
    await page.route('**/v3/cameras/adopt?wait=no', (route) => {
      const { cameras } = route.request().postDataJSON() as { cameras: { endpoint?: string }[] };
      failed = cameras.map(({ endpoint }) => ({
        ...{ status: 'error', path: null, paths: [], trouble: null, triesLeft: null },
        error: `no room for 192.168.20.${endpoint?.slice(9) ?? '9'}`,
      }));
      return route.fulfill({ json: { id: 'some', state: 'running', items: [], warning: null } });
    });
    await page.route('**/v3/cameras/adopt/some', (route) =>
      route.fulfill({ json: { id: 'some', state: 'done', items: failed, warning: null } }),
    );
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('heading', { name: '24 cameras found' }).waitFor();
    const ticked = page.locator('.ticks input:checked');
    expect(await ticked.count()).toBe(0);
    await page.getByText('192.168.20.10, 10.0.0.10').waitFor();
    await page.getByText('3 cameras of another Perch').waitFor();
    expect(await page.getByText('Camera 102').isVisible()).toBe(false);
    expect(await axeFindings(page)).toEqual([]);
    await page.getByLabel('Search the found cameras').fill('camera 1');
    await page.getByRole('button', { name: 'Select all' }).click();
    await page.getByLabel('Search the found cameras').fill('');
    expect(await ticked.count()).toBe(10);
    await page.getByRole('button', { name: 'Hide the others' }).click();
    await page.getByRole('heading', { name: '10 cameras found' }).waitFor();
    await using other = await open(box, { size: 'desktop' });
    await findIn(other.page);
    await other.logIn('#/settings/cameras/add');
    await other.page.getByRole('heading', { name: '10 cameras found' }).waitFor();
    await other.page.getByRole('button', { name: 'Show 14 hidden cameras' }).click();
    // The event of the box brings it to the first browser.
    await page.getByRole('heading', { name: '24 cameras found' }).waitFor();
    await page.getByRole('button', { name: 'Hide the others' }).click();
    await other.page.getByRole('heading', { name: '10 cameras found' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: '10 cameras found' }).waitFor();
    await page.getByRole('button', { name: 'Show 14 hidden cameras' }).click();
    await page.getByRole('heading', { name: '24 cameras found' }).waitFor();
    await page.getByRole('button', { name: 'Select all' }).click();
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 24 cameras' }).click();
    await page.getByText('24 cameras were not added.').waitFor();
    expect(await page.locator('.message-card').count()).toBe(1);
    await page.getByText('No room for 192.168.20.10.').waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.locator('.message-card').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: '24 cameras found' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);

    const add = page.getByRole('button', { name: "Add one that isn't listed" });
    await page.getByRole('button', { name: 'Select none' }).click();
    await add.click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('Address', { exact: true }).fill('rtsp://192.168.20.9/one');
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await page.getByRole('button', { name: 'Add one camera' }).click();
    await page.getByRole('button', { name: 'Edit address' }).click();
    expect(await sheet.getByLabel('Address', { exact: true }).inputValue()).toBe('rtsp://192.168.20.9/one');
    await sheet.getByLabel('Address', { exact: true }).fill('rtsp://192.168.20.9/two');
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await sheet.waitFor({ state: 'detached' });
    // It is tried again meanwhile.
    await page.locator('.message-card').waitFor();
  });

  test('setup continues without the cameras that were found', async () => {
    await using box = await startPageHarness({ cameras: [{ credentials: OTHER }] });
    await using visitor = await open(box, { size: 'desktop' });
    const { page } = visitor;
    await visitor.go('#/start');
    await makeItMine(visitor, box);
    await page.getByRole('heading', { name: 'One camera found' }).waitFor();
    await page.getByRole('link', { name: 'Later' }).click();
    await page.waitForURL(/#\/live$/);
  });

  test('a camera that is slow to describe its stream is added, and the page says that it is slow', async () => {
    await using box = await startPageHarness();
    await box.claim();
    const quirks = { describeMs: 6_000 };
    await using camera = await startOnvifCamera({ address: '127.0.4.3', credentials: OTHER, quirks });
    await using visitor = await open(box, { size: 'phone' });
    const { page, complaints } = visitor;
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('button', { name: "Add one that isn't listed" }).click();
    const sheet = page.getByRole('dialog', { name: "Add one that isn't listed" });
    await sheet.getByLabel('Address', { exact: true }).fill(camera.rtspUrl('main'));
    await sheet.getByLabel('Camera password', { exact: true }).fill(OTHER.password);
    await sheet.getByRole('button', { name: 'Add to list' }).click();
    await page.getByRole('button', { name: 'Add one camera' }).click();
    await page.locator('.arriving').getByText('Answers slowly…').waitFor();
    await page.getByRole('heading', { name: 'One is live' }).waitFor();
    expect(await titles(box)).toEqual(['127.0.4.3 main']);
    expect(complaints).toEqual([]);
  });

  test('a camera that cannot be added has a plain reason, and a long name does not cut its button', async () => {
    await using box = await startPageHarness();
    await box.claim();
    const name = 'summer-house-with-a-name-that-is-long-to-type-twice'.replaceAll('-', '');
    const quirks = { streamPaths: { main: `/${name}`, sub: '/other' }, tellsPathsBeforeLogin: true };
    await using camera = await startOnvifCamera({ address: '127.0.4.4', credentials: OTHER, quirks });
    const stream = camera.rtspUrl('main');
    await using visitor = await open(box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/settings/cameras/add');
    const add = async (address: string) => {
      await page.getByRole('button', { name: "Add one that isn't listed" }).click();
      const sheet = page.getByRole('dialog', { name: "Add one that isn't listed" });
      await sheet.getByLabel('Address', { exact: true }).fill(address);
      await sheet.getByRole('button', { name: 'Add to list' }).click();
      await sheet.waitFor({ state: 'detached' });
    };
    const login = `rtsp://${OTHER.user}:${OTHER.password}@`;
    await add(stream.replace('rtsp://', login));
    await add(stream.replace(name, 'pond').replace('rtsp://', login));
    await add(stream.replace(name, 'other').replace('rtsp://', login.replace(OTHER.password, 'wrong')));
    await page.getByRole('button', { name: 'Add 3 cameras' }).click();
    await page.getByText('Pond was not added.').waitFor();
    await page.getByText('There is no stream at this address.').waitFor();
    const offer = page.getByRole('button', { name: /^Use the password of Summer/ });
    await offer.waitFor();
    const overflow = (of: Element) => of.scrollWidth > of.clientWidth;
    expect(await offer.evaluate(overflow)).toBe(false);
    expect(
      await page.locator('.message-card').evaluateAll((all) => all.some((of) => of.scrollWidth > of.clientWidth)),
    ).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  });

  test('tiles do not move while pictures arrive in any order', async () => {
    const cameras = [{}, { credentials: OTHER }, {}, {}];
    await using box = await startPageHarness({ cameras });
    await box.claim();
    await using visitor = await open(box, { size: 'desktop', isCalm: false });
    const { page } = visitor;
    const held: Route[] = [];
    let isHeld = true;
    await page.route('**/whep*', (route) => (isHeld ? held.push(route) : route.continue()));
    await visitor.logIn('#/settings/cameras/add');
    await page.getByRole('heading', { name: 'Four cameras found' }).waitFor();
    await page.getByLabel('Camera password', { exact: true }).fill(SHARED.password);
    await page.getByRole('button', { name: 'Add 4 cameras' }).click();
    const places = () =>
      page.locator('.arriving .tile').evaluateAll((all) =>
        all.map((tile) => {
          const { x, y, width, height } = tile.getBoundingClientRect();
          return [tile.querySelector('b')?.textContent, x, y, width, height];
        }),
      );
    await expect.poll(() => page.locator('.arriving .tile').count()).toBe(4);
    const before = await places();
    await page
      .getByText('Garden rejects this password.')
      .or(page.getByText('Garden has a different password.'))
      .waitFor();
    // A page that waits for long asks again.
    await expect.poll(() => new Set(held.map((route) => route.request().url())).size).toBe(3);
    expect(await places()).toEqual(before);
    isHeld = false;
    for (const route of held.toReversed()) {
      await route.continue();
    }
    await page.getByRole('heading', { name: 'Three are live' }).waitFor();
    // The failed one goes last when all others have arrived.
    const after = (await places()).map(([name]) => name);
    expect(after.at(-1)).toBe('Garden');
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
    await page.getByText('Press again if there is none.').waitFor();
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

  test('a link with the setup code also holds after a reload', async () => {
    await using box = await startPageHarness({ cameras: [{}] });
    await using visitor = await open(box, { size: 'phone' });
    const { page, complaints } = visitor;
    await visitor.go(`#/setup/${box.app.accounts.setup?.code}`);
    await page.locator('[name=password]').waitFor();
    await page.reload();
    await page.locator('[name=password]').fill('an otter swims by');
    expect(await page.locator('[name=code]').count()).toBe(0);
    await page.getByRole('button', { name: 'Find my cameras' }).click();
    await page.getByRole('heading', { name: 'One camera found' }).waitFor();
    expect(complaints).toEqual([]);
  });

  test('a visitor of a box that has an owner by now is informed, and logs in', async () => {
    await using box = await startPageHarness({ cameras: [{}] });
    await using visitor = await open(box, { size: 'desktop', locale: 'zh-CN' });
    const { page } = visitor;
    await visitor.go('#/start');
    await page.getByRole('button', { name: '搜索摄像头' }).waitFor();
    // The page asks for it every two seconds.
    const session = await (await page.request.get(`${visitor.url}/v3/session`)).json();
    await page.route('**/v3/session', (route) => route.fulfill({ json: session }));
    const code = box.app.accounts.setup?.code;
    await box.claim();
    await page.locator('[name=password]').fill('an otter swims by');
    await enterSetupCode(page, code);
    const refused = page.waitForResponse('**/v3/claim');
    await page.getByRole('button', { name: '搜索摄像头' }).click();
    await refused;
    await page.unroute('**/v3/session');
    await page.getByText('此主机已有管理员，请登录。').waitFor();
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
    await page.getByText('Press again if there is none.').waitFor();
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
