import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, type VisitOptions, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';

const HOSTILE = '<img src=x onerror=alert(1)> 🐦 مرحبا ';

describeWith(['chromium'], 'PTZ on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let garden: string;
  /** Without PTZ. */
  let gate: string;
  beforeAll(async () => {
    const relays = { out: {}, gate: { mode: 'Monostable', delaySeconds: 2 } } as const;
    /** Of the other camera: the page asks every two seconds. */
    const slowRelays = { out: {}, gate: { mode: 'Monostable', delaySeconds: 3_600 } } as const;
    const commands = ['tt:WhiteLight|On', 'tt:WhiteLight|Off', 'tt:Siren|On', 'tt:Siren|Off'];
    const cameras = [
      { quirks: { ptz: 'full', relays: slowRelays, tellsRelays: 'active', commands } },
      { quirks: { ptz: 'none', relays } },
    ] as const;
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras })]);
    await box.claim();
    [garden = '', gate = ''] = await box.adopt();
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: `Bench ${HOSTILE}` });
    await box.api('POST', `cameras/ptz/presets/${garden}`, { name: 'Fence' });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });
  const open = async (options: VisitOptions) => {
    const visitor = await visit(viewer.browser, box, options);
    await visitor.logIn(`#/live/${garden}`);
    // The large one, without the small one above it that plays until then.
    await visitor.page.locator('.camera-view .picture:only-child .surface.playing').waitFor();
    // It appears later, and the pad makes room for it.
    await visitor.page.locator('.rewind .time').waitFor();
    return visitor;
  };
  const head = () => {
    const { ptz } = box.cameras[0] ?? {};
    if (!ptz) {
      throw new Error('no camera');
    }
    return ptz;
  };
  const outputs = (camera: number) => box.cameras[camera]?.state.outputs;
  const operations = (camera: number, wanted: string) =>
    box.cameras[camera]?.operations.filter((name) => name === wanted).length ?? 0;
  const moves = (expected: { x: number; y: number; zoom: number }) =>
    expect.poll(() => head().velocity, { timeout: 10_000 }).toEqual(expected);
  const rests = () => expect.poll(() => head().moving, { timeout: 10_000 }).toBe(false);
  const scaleOf = (page: Page) =>
    page.locator('.enlarged').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).a);
  /** Presses the pad at a distance from its centre, as a share of its radius. */
  const press = async (page: Page, x: number, y: number) => {
    const pad = await page.locator('.pad').boundingBox();
    const radius = (pad?.width ?? 0) / 2;
    await page.mouse.move((pad?.x ?? 0) + radius + x * radius, (pad?.y ?? 0) + radius + y * radius);
    await page.mouse.down();
  };

  test('a person with the right to move cameras has the pad, no way to save positions, and switches with another right', async () => {
    const ann = { name: 'ann', password: 'a wren in the hedge' };
    await box.addUser({ ...ann, turn: true });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page, complaints } = visitor;
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    await visitor.context.request.post(`${visitor.url}/v3/session`, {
      data: { user: 'ann', password: ann.password },
      headers,
    });
    await visitor.go(`#/live/${garden}`);
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    await press(page, 0.6, 0);
    await moves({ x: 0.6, y: 0, zoom: 0 });
    await page.mouse.up();
    await rests();
    await page.getByRole('button', { name: 'Fence' }).waitFor();
    expect(await page.locator('.presets fieldset [aria-haspopup]').count()).toBe(0);
    const switches = page.getByRole('button', { name: 'Lights and relays' });
    expect(await switches.count()).toBe(0);
    await box.api('PATCH', 'users/ann', { turn: false, switch: true });
    await page.reload();
    await switches.click();
    expect(await page.locator('.pad').count()).toBe(0);
    await page.getByRole('button', { name: 'Relay 1: On' }).click();
    await expect.poll(() => outputs(0)?.isActive('out'), { timeout: 10_000 }).toBe(true);
    await page.getByRole('button', { name: 'Relay 1: Off' }).click();
    await expect.poll(() => outputs(0)?.isActive('out'), { timeout: 10_000 }).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('the head follows the pad, faster farther out, continues while it is held, and stops on release', async () => {
    await using visitor = await open({ size: 'phone' });
    const { page, complaints } = visitor;
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    expect(await axeFindings(page)).toEqual([]);
    await press(page, 0.6, 0);
    await moves({ x: 0.6, y: 0, zoom: 0 });
    await page.mouse.move(0, 0);
    // Up and to the left, at full speed.
    await expect.poll(() => Math.hypot(head().velocity.x, head().velocity.y), { timeout: 10_000 }).toBeGreaterThan(0.9);
    expect(head().velocity.y).toBeGreaterThan(0.7);
    const before = operations(0, 'ContinuousMove');
    // Longer than a movement lasts without renewal: the page renews it.
    await expect.poll(() => operations(0, 'ContinuousMove'), { timeout: 15_000 }).toBeGreaterThan(before + 2);
    expect(head().moving).toBe(true);
    await page.mouse.up();
    await rests();
    expect(complaints).toEqual([]);
  });

  test('the pad follows once the box has read the camera, also after a request that failed', async () => {
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    let isRead = false;
    let failures = 0;
    // As after a start of the box, whose first requests keep the camera busy.
    await page.route('**/v3/cameras/list?*', async (route) => {
      const response = await route.fetch();
      const answer = (await response.json()) as { items: readonly object[] };
      const items = isRead ? answer.items : answer.items.map((item) => ({ ...item, description: null }));
      await route.fulfill({ response, json: { ...answer, items } });
    });
    await page.route('**/v3/cameras/ptz/get/*', async (route) => {
      failures += 1;
      await (failures === 1 ? route.fulfill({ status: 504, json: { error: 'no answer' } }) : route.continue());
    });
    const listed = page.waitForResponse('**/v3/cameras/list?*');
    await visitor.logIn(`#/live/${garden}`);
    await listed;
    await page.locator('.camera-view .surface.playing').first().waitFor();
    expect(await page.locator('.pad').count()).toBe(0);
    isRead = true;
    await page.locator('.pad').waitFor();
    expect(failures).toBe(2);
  });

  test('held keys turn it, and so do buttons that are pressed repeatedly', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    await page.locator('.pad').waitFor();
    await settled(page, '.pad');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.down('ArrowUp');
    await moves({ x: 0, y: 0.5, zoom: 0 });
    await page.keyboard.up('ArrowUp');
    await rests();
    const nearer = page.getByRole('button', { name: 'Zoom in' });
    await nearer.focus();
    await page.keyboard.press('Enter');
    await moves({ x: 0, y: 0, zoom: 0.5 });
    expect(await nearer.getAttribute('aria-pressed')).toBe('true');
    await page.keyboard.press('Enter');
    await rests();
    expect(complaints).toEqual([]);
  });

  test('closing the page with the finger on the pad stops the camera', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.locator('.pad').waitFor();
    await press(page, -1, 0);
    await moves({ x: -1, y: 0, zoom: 0 });
    const stops = () => operations(0, 'Stop');
    const before = stops();
    await page.close({ runBeforeUnload: true });
    // On a busy machine it is stopped more than once: by the missing renewal, and by the closing page.
    await expect.poll(stops).toBeGreaterThan(before);
    await rests();
  });

  inLong(() =>
    test('moves to a preset by its name, for any name', async () => {
      await using visitor = await open({ size: 'phone' });
      const { page } = visitor;
      const { position } = [...head().presets.values()][1] ?? {};
      head().goTo({ x: 1, y: 1, zoom: 1 });
      await page.getByRole('button', { name: `Bench ${HOSTILE}`.trim() }).waitFor();
      await page.getByRole('button', { name: 'Fence' }).click();
      await expect.poll(() => head().position, { timeout: 10_000 }).toEqual(position);
      await page.setViewportSize({ width: 320, height: 640 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    }),
  );

  test('saves the position as a preset, moves it under the same name, returns to it, and deletes it', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    const save = async (position: { x: number; y: number; zoom: number }) => {
      head().goTo(position);
      await page.getByRole('button', { name: 'Save or remove a preset' }).click();
      await page.getByRole('textbox', { name: 'Preset name' }).fill('Gate 🐦');
      await page.getByRole('button', { name: 'Save this position' }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      return [...head().presets.values()].filter(({ name }) => name === 'Gate 🐦').map((one) => one.position);
    };
    await page.getByRole('button', { name: 'Fence' }).waitFor();
    expect(await save({ x: 0.5, y: 0.25, zoom: 0 })).toEqual([{ x: 0.5, y: 0.25, zoom: 0 }]);
    expect(await save({ x: -0.5, y: 0, zoom: 0.5 })).toEqual([{ x: -0.5, y: 0, zoom: 0.5 }]);
    head().goTo({ x: 1, y: 1, zoom: 1 });
    await page.getByRole('button', { name: 'Gate 🐦' }).click();
    await expect.poll(() => head().position, { timeout: 10_000 }).toEqual({ x: -0.5, y: 0, zoom: 0.5 });
    await page.getByRole('button', { name: 'Save or remove a preset' }).click();
    const row = page.getByRole('dialog').getByRole('button', { name: 'Remove Gate 🐦' });
    await row.click();
    await page.getByText('Press again to remove this preset.').waitFor();
    await settled(page, 'dialog');
    expect(await axeFindings(page)).toEqual([]);
    await row.click();
    await row.waitFor({ state: 'detached' });
    expect([...head().presets.values()].map(({ name }) => name)).not.toContain('Gate 🐦');
    expect(complaints).toEqual([]);
  });

  test('in the mode for it a tap on the picture turns the camera there, and two taps do not enlarge it', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page, complaints } = visitor;
    const mode = page.getByRole('button', { name: 'Tap to centre' });
    await mode.waitFor();
    const { x = 0, y = 0, width = 0, height = 0 } = (await page.locator('.camera-view .screen').boundingBox()) ?? {};
    const tap = (across: number, down: number) => page.mouse.click(x + across * width, y + down * height);
    head().setPreset('Oak', 'oak');
    await page.reload();
    const preset = page.getByRole('button', { name: 'Oak', exact: true });
    await preset.click();
    expect(await preset.getAttribute('aria-pressed')).toBe('true');
    head().goTo({ x: 0, y: 0, zoom: 0 });
    const before = operations(0, 'RelativeMove');
    await tap(0.6, 0.4);
    await page.keyboard.press('c');
    expect(await mode.getAttribute('aria-pressed')).toBe('true');
    expect(head().position).toEqual({ x: 0, y: 0, zoom: 0 });
    await tap(0.6, 0.4);
    await expect.poll(() => head().position.x, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(head().position.y).toBeGreaterThan(0);
    await expect.poll(() => preset.getAttribute('aria-pressed')).toBe('false');
    await tap(0.6, 0.4);
    await expect.poll(() => operations(0, 'RelativeMove'), { timeout: 10_000 }).toBe(before + 2);
    expect(await scaleOf(page)).toBe(1);
    await settled(page, '.presets');
    expect(await axeFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await mode.getAttribute('aria-pressed')).toBe('false');
    expect(page.url()).toContain(`#/live/${garden}`);
    expect(complaints).toEqual([]);
  });

  test('lights, sirens and relays are switched in a sheet, also those of a camera without PTZ', async () => {
    const commandsBefore = outputs(0)?.commands.length;
    outputs(0)?.switch('out', false);
    outputs(0)?.switch('gate', false);
    await using visitor = await open({ size: 'phone' });
    const { page, complaints } = visitor;
    const switches = page.getByRole('button', { name: 'Lights and relays' });
    await switches.click();
    const light = page.getByRole('button', { name: 'White light: On' });
    await light.waitFor();
    await settled(page, 'dialog');
    expect(await axeFindings(page)).toEqual([]);
    expect(await light.getAttribute('aria-pressed')).toBe('false');
    await light.click();
    await expect.poll(() => light.getAttribute('aria-pressed')).toBe('true');
    await page.getByText('White light: on.').waitFor();
    // The camera says it, also when another program has switched the relay.
    const relay = page.getByRole('button', { name: 'Relay 1: On' });
    expect(await relay.getAttribute('aria-pressed')).toBe('false');
    outputs(0)?.switch('out', true);
    await expect.poll(() => relay.getAttribute('aria-pressed'), { timeout: 10_000 }).toBe('true');
    outputs(0)?.switch('out', false);
    await expect.poll(() => relay.getAttribute('aria-pressed'), { timeout: 10_000 }).toBe('false');
    const momentary = page.getByRole('button', { name: 'Relay 2: On' });
    outputs(0)?.switch('gate', true);
    await expect.poll(() => momentary.getAttribute('aria-pressed'), { timeout: 10_000 }).toBe('true');
    outputs(0)?.switch('gate', false);
    await expect.poll(() => momentary.getAttribute('aria-pressed'), { timeout: 10_000 }).toBe('false');
    // The camera does not say it: the page knows what it has done.
    await page.keyboard.press('Escape');
    await light.waitFor({ state: 'detached' });
    await switches.click();
    await expect.poll(() => light.getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: 'Siren: Off' }).click();
    await expect
      .poll(() => outputs(0)?.commands.slice(commandsBefore), { timeout: 10_000 })
      .toEqual(['device tt:WhiteLight|On', 'device tt:Siren|Off']);
    await visitor.go(`#/live/${gate}`);
    expect(await page.locator('.pad').count()).toBe(0);
    await switches.click();
    await page.getByText('Switches off after 2 s').waitFor();
    expect(await page.getByRole('button', { name: 'Relay 2: Off' }).count()).toBe(0);
    const switchedBefore = operations(1, 'SetRelayOutputState');
    await page.getByRole('button', { name: 'Relay 2: On' }).click();
    await page.getByText('Relay 2: on.').waitFor();
    expect(operations(1, 'SetRelayOutputState')).toBe(switchedBefore + 1);
    await expect.poll(() => outputs(1)?.isActive('gate'), { timeout: 10_000 }).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('a PTZ camera on demand that is paused is asked for nothing until it resumes', async () => {
    await box.api('PATCH', `config/paths/patch/${garden}`, { sourceOnDemand: true });
    await box.api('PATCH', `cameras/patch/${garden}`, { paused: true });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    await visitor.logIn(`#/live/${garden}`);
    const { page, complaints } = visitor;
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    expect(await page.locator('.pad').count()).toBe(0);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('.camera-view .surface.playing').first().waitFor();
    await page.locator('.pad').waitFor();
    await box.api('PATCH', `config/paths/patch/${garden}`, { sourceOnDemand: false });
    expect(complaints).toEqual([]);
  });

  test('on a PTZ camera Z zooms the picture, and the arrow keys move it until the zoom is reset', async () => {
    await using visitor = await open({ size: 'desktop' });
    const { page } = visitor;
    await page.locator('.rocker').waitFor();
    const moved = () => operations(0, 'ContinuousMove');
    const before = moved();
    await page.mouse.move(700, 300);
    await page.mouse.wheel(0, -200);
    await page.keyboard.press('z');
    await expect.poll(() => scaleOf(page)).toBe(2);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('+');
    await expect.poll(() => scaleOf(page)).toBe(3);
    expect(moved()).toBe(before);
    await page.keyboard.press('Escape');
    await page.keyboard.down('+');
    await moves({ x: 0, y: 0, zoom: 0.5 });
    await page.keyboard.up('+');
    await rests();
    expect(await scaleOf(page)).toBe(1);
  });
});
