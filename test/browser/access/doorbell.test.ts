import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../peers/agent/agent.ts';
import { asOwner, startBox } from '../../peers/agent/paired-boxes.ts';
import { startViewer, type Viewer } from '../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../peers/browser/page-harness.ts';
import { visit } from '../../peers/browser/page-visit.ts';
import { send } from '../../peers/browser/webrtc-publisher.ts';
import { startGstCamera } from '../../peers/cameras/camera.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const LIMIT = { timeout: 120_000 };
const PASSWORD = 'a wren in the hedge';
const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 )';
/** Bytes of a second. */
const RATE_HZ = 8_000;

describeWith(['chromium', 'gstreamer'], 'talking at a door', () => {
  test('needs the right of a person, whose voice ends at once when it is taken back', LIMIT, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'perch-door-'));
    const heard = join(folder, 'heard.alaw');
    await using camera = await startGstCamera({ '/gate': VIDEO }, { backChannel: heard });
    await using agent = await startBox(['gate'], [], camera.url('/gate'));
    const change = (body: object) => asOwner(agent, 'PATCH', '/v3/users/anna', body);
    await asOwner(agent, 'POST', '/v3/users', { name: 'anna', password: PASSWORD, cameras: 'all', live: true });
    await using viewer = await startViewer();
    const context = await viewer.browser.newContext();
    const login = { data: { user: 'anna', password: PASSWORD }, headers: { 'Sec-Fetch-Site': 'same-origin' } };
    expect((await context.request.post(`${agent.url}/v3/session`, login)).status()).toBe(200);
    const page = await context.newPage();
    await page.goto(`${agent.url}/health`);
    const url = `${agent.url}/webrtc/gate/talk`;
    const talk = () => send(page, { url, audio: 'any', trickles: true });
    const talks = async () => {
      const { items } = await asOwner<{ items: { state: string }[] }>(agent, 'GET', '/v3/webrtcsessions/list');
      return items.filter(({ state }) => state === 'publish');
    };
    // By a request of its own: the page would ask for a password.
    const refused = async () =>
      (await context.request.post(url, { headers: { 'Content-Type': 'application/sdp' }, data: 'v=0' })).status();
    expect(await refused()).toBe(401);

    await change({ talk: true });
    const talking = await talk();
    expect(await talking.report()).toMatchObject({ status: 201, error: '' });
    await until(() => readFileSync(heard).length > RATE_HZ || undefined);
    expect(await talks()).toHaveLength(1);
    await change({ talk: false });
    // The answer comes after the end: what was on its way to the loudspeaker follows, and nothing else.
    expect(await talks()).toEqual([]);
    const { length } = readFileSync(heard);
    await until(async () => ((await talking.report()).connection === 'connected' ? undefined : true));
    expect(readFileSync(heard).length - length).toBeLessThan(RATE_HZ);
    expect(await refused()).toBe(401);
    // The loudspeaker is free for others.
    await change({ talk: true });
    const again = await until(async () => {
      const next = await talk();
      return (await next.report()).status === 201 ? next : undefined;
    });
    // Without the right to watch there is none to talk.
    await change({ live: false });
    expect(await talks()).toEqual([]);
    await until(async () => ((await again.report()).connection === 'connected' ? undefined : true));
    await context.close();
    rmSync(folder, { recursive: true });
  });
});

describeWith(['chromium', 'ffmpeg'], 'a doorbell on the page', () => {
  let viewer: Viewer;
  let box: PageHarness;
  let cameras: readonly string[];
  let people = 0;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness({ cameras: [{}, {}] })]);
    await box.claim();
    cameras = await box.adopt();
  }, 120_000);
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  async function openAs(user: string, place: string) {
    const visitor = await visit(viewer.browser, box, { size: 'desktop' });
    await visitor.context.request.post(`${visitor.url}/v3/session`, {
      data: { user, password: PASSWORD },
      headers: { 'Sec-Fetch-Site': 'same-origin' },
    });
    await visitor.go(place);
    return visitor;
  }

  test.for(['#/live', '#/wall'])(
    'rings at %s for those who may see the camera, until they may not any more',
    LIMIT,
    async (place) => {
      const [door = '', yard = ''] = cameras;
      people += 1;
      const [ann, ben] = [`ann${people}`, `ben${people}`];
      for (const [name, seen] of [
        [ann, [door, yard]],
        [ben, [yard]],
      ] as const) {
        await box.api('POST', 'users', { name, password: PASSWORD, cameras: seen, live: true });
      }
      await using seeing = await openAs(ann, place);
      await using other = await openAs(ben, place);
      const ringOf = ({ page }: typeof seeing) => page.getByText(/^Doorbell · /);
      for (const { page } of [seeing, other]) {
        await page.locator('.tile').first().waitFor();
      }
      await box.api('POST', 'events', { path: door, type: 'doorbell' });
      await ringOf(seeing).waitFor();
      await box.api('PATCH', `users/${ann}`, { cameras: [yard] });
      await ringOf(seeing).waitFor({ state: 'detached' });
      expect(await ringOf(other).count()).toBe(0);
    },
  );
});
