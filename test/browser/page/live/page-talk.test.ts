import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { A_LAW } from '../../../../agent/media/g711/decode.ts';
import { until } from '../../../peers/agent/agent.ts';
import { startOwnedAgent } from '../../../peers/agent/owned-agent.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { axeFindings, onlyBy, type PageAddress, type Size, settled, visit } from '../../../peers/browser/page-visit.ts';
import { startGstCamera } from '../../../peers/cameras/camera.ts';
import { describeWith, inLong } from '../../../peers/programs/peers.ts';

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 )';
const RATE_HZ = 8_000;
/** Louder than silence in any encoding. */
const isLoud = (code: number): boolean => Math.abs(A_LAW[code] ?? 0) > 2_000;

/** The page of a camera with a loudspeaker. @param heard file of the received sound */
async function openGate(size: Size, openBy: PageAddress) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-talk-'));
  const heard = join(folder, 'heard.alaw');
  await using all = new AsyncDisposableStack();
  all.defer(() => rmSync(folder, { recursive: true }));
  const camera = all.use(await startGstCamera({ '/gate': VIDEO }, { backChannel: heard }));
  const config = `paths:\n  gate: { source: '${camera.url('/gate')}' }\n`;
  const agent = all.use(await startOwnedAgent({ config }));
  await until(async () => (await agent.json<{ ready: boolean }>('/v3/paths/get/gate')).ready || undefined);
  const viewer = all.use(await startViewer());
  const visitor = all.use(await visit(viewer.browser, agent, { size, openBy }));
  await visitor.logIn('#/live/gate');
  const { page, complaints } = visitor;
  await page.locator('.camera-view .surface.playing').waitFor();
  const open = all.move();
  return { page, complaints, heard, agent, viewer, url: visitor.url, [Symbol.asyncDispose]: () => open.disposeAsync() };
}

async function press(page: Page, name: string): Promise<void> {
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.getByRole('button', { name }).boundingBox()) ?? {};
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
}

describeWith(['chromium', 'gstreamer'], 'talking through a camera on the page', () => {
  onlyBy('localhost', () =>
    inLong(() =>
      test.for(['phone', 'desktop'] as const)('holding the button sends sound to the camera, on a %s', async (size) => {
        await using gate = await openGate(size, 'localhost');
        const { page, complaints, heard } = gate;
        await press(page, 'Hold to talk');
        await page.getByRole('button', { name: 'Speak now' }).waitFor();
        // The browser's own microphone beeps.
        await until(() => readFileSync(heard).filter(isLoud).length > RATE_HZ / 100 || undefined);
        await page.mouse.up();
        await page.getByRole('button', { name: 'Hold to talk' }).waitFor();
        expect(complaints).toEqual([]);
      }),
    ),
  );

  onlyBy('localhost', () =>
    test('a doorbell offers talking at once', async () => {
      await using gate = await openGate('phone', 'localhost');
      const { page, complaints } = gate;
      await page.goto(page.url().replace(/#.*$/, '#/events'));
      await page.getByRole('heading', { name: 'Events', exact: true }).waitFor();
      const data = { path: 'gate', type: 'doorbell', start: new Date().toISOString() };
      const headers = { 'Sec-Fetch-Site': 'same-origin' };
      expect((await page.request.post(new URL('/v3/events', page.url()).href, { data, headers })).ok()).toBe(true);
      const call = page.getByRole('dialog', { name: 'Doorbell · Gate' });
      await call.getByRole('button', { name: 'Hold to talk' }).waitFor();
      await settled(page, '.sheet');
      expect(await axeFindings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    }),
  );

  onlyBy('localhost', () =>
    test('a withdrawn right to talk ends the voice, and the page says so at once', async () => {
      await using gate = await openGate('phone', 'localhost');
      const { agent, viewer } = gate;
      const ask = async (method: string, path: string, data: object) => {
        const headers = { 'Sec-Fetch-Site': 'same-origin' };
        const answer = await gate.page.request.fetch(new URL(`/v3/${path}`, gate.page.url()).href, {
          ...{ method, data, headers },
        });
        expect(answer.status()).toBe(200);
      };
      const anna = { name: 'anna', password: 'a wren in the hedge' };
      await ask('POST', 'users', { ...anna, cameras: 'all', live: true, talk: true });
      await using visitor = await visit(viewer.browser, agent, { size: 'phone', openBy: 'localhost' });
      const { page } = visitor;
      const login = {
        data: { user: anna.name, password: anna.password },
        headers: { 'Sec-Fetch-Site': 'same-origin' },
      };
      expect((await visitor.context.request.post(`${visitor.url}/v3/session`, login)).status()).toBe(200);
      await visitor.go('#/live/gate');
      await page.locator('.camera-view .surface.playing').waitFor();
      await press(page, 'Hold to talk');
      const speaking = page.getByRole('button', { name: 'Speak now' });
      await speaking.waitFor();
      await ask('PATCH', 'users/anna', { talk: false });
      // A browser takes at least fifteen seconds to give up a connection that is silent.
      await speaking.waitFor({ state: 'detached', timeout: 10_000 });
    }),
  );

  onlyBy('localhost', () =>
    test('Talk of a notification starts the voice, and the same address as a link does not', async () => {
      await using gate = await openGate('phone', 'localhost');
      const { page, complaints } = gate;
      const open = () => page.goto(page.url().replace(/#.*$/, '#/live/gate?talk'));
      const speaking = page.getByRole('button', { name: 'Speak now' });
      let talks = 0;
      page.on('request', (request) => {
        talks += request.method() === 'POST' && request.url().endsWith('/talk') ? 1 : 0;
      });
      // What the service worker notes when the button is pressed.
      const note = () =>
        page.evaluate(async () => {
          const cache = await caches.open('perch-pressed');
          const pressed = { link: '#/live/gate?talk', at: Date.now() };
          await cache.put('perch-pressed', new Response(JSON.stringify(pressed)));
        });
      // The page deletes the note whenever it has looked for one.
      await page.evaluate(() => {
        const { delete: remove } = Cache.prototype;
        let looks = 0;
        Cache.prototype.delete = async function (...of) {
          const isRemoved = await remove.apply(this, of);
          looks += 1;
          Object.assign(window, { looks });
          return isRemoved;
        };
      });
      const looks = () => page.evaluate(() => (window as { looks?: number }).looks ?? 0);
      const openLink = async () => {
        const before = await looks();
        await open();
        await page.waitForURL((url) => url.hash === '#/live/gate');
        await expect.poll(looks).toBe(before + 1);
        await page.getByRole('button', { name: 'Hold to talk' }).waitFor();
        expect(await speaking.count()).toBe(0);
      };
      await openLink();
      await note();
      await open();
      await speaking.waitFor();
      await speaking.click();
      await page.getByRole('button', { name: 'Hold to talk' }).waitFor();
      await openLink();
      // A page that is opened by the button.
      await note();
      await page.goto('about:blank');
      await page.goto(`${gate.url}/#/live/gate?talk`);
      await speaking.waitFor();
      expect(talks, 'by the two presses').toBe(2);
      expect(complaints).toEqual([]);
    }),
  );

  onlyBy('plain', () =>
    test('without https the page explains that it may not use the microphone, and the remedy', async () => {
      await using gate = await openGate('phone', 'plain');
      const { page, complaints } = gate;
      await page.getByRole('button', { name: 'Hold to talk' }).click();
      await page.getByRole('dialog').getByText('The microphone needs https.').waitFor();
      await settled(page, 'dialog');
      expect(await axeFindings(page)).toEqual([]);
      const [steps] = await Promise.all([
        page.context().waitForEvent('page'),
        page.getByRole('link', { name: 'Open the steps' }).click(),
      ]);
      await steps.getByRole('heading', { name: 'Trust this box' }).waitFor();
      expect(complaints).toEqual([]);
    }),
  );
});
