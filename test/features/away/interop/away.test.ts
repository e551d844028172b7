import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwayServerItem } from '../../../../agent/features/away/routes.ts';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { A_LAW } from '../../../../agent/media/g711/decode.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { deviceOf, rtspUrlOf } from '../../../peers/agent/device-passwords.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { startViewer } from '../../../peers/browser/browser.ts';
import { send } from '../../../peers/browser/webrtc-publisher.ts';
import { type GstCamera, startGstCamera } from '../../../peers/cameras/camera.ts';
import { type FarBox, type Home, openHome, startFarBox } from '../../../peers/host/far-box.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 )';
const CUT_MS = 20_000;
const NOTICED_MS = 15_000;
/** Two cores run two Perches, a camera and a browser. */
const BUSY_MS = 5_000;

const isLoud = (file: string): boolean =>
  readFileSync(file).filter((code) => Math.abs(A_LAW[code] ?? 0) > 2_000).length > 800;

interface Item {
  readonly id: string;
  readonly path: string;
  readonly user: string;
}

describeWith(['chromium', 'gstreamer', 'ffmpeg', 'namespaces'], 'a box behind a router that lets nothing in', () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-link-'));
  const heard = join(folder, 'heard.alaw');
  const programs: RunningProcess[] = [];
  let home: Home;
  let camera: GstCamera;
  let server: Agent;
  let box: FarBox;
  let player: string;

  const itemOf = async (): Promise<BoxAnswer | undefined> =>
    (await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list')).items[0];
  const linkOf = async (): Promise<AwayServerItem | undefined> =>
    (await box.asOwner<{ readonly items: readonly AwayServerItem[] }>('GET', '/v3/away/servers/list')).items[0];
  const stateOf = (state: BoxAnswer['state']): Promise<BoxAnswer> =>
    until(async () => {
      const item = await itemOf();
      return item?.state === state ? item : undefined;
    });
  /** @returns the invitation */
  const connect = async (): Promise<string> => {
    const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
    await box.asOwner('POST', '/v3/away/servers', { invitation });
    await until(async () => (await itemOf())?.cameras[0]?.here ?? undefined);
    return invitation;
  };
  const play = (): RunningProcess => {
    const said = ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-progress', 'pipe:1', '-i', player];
    const running = startProcess('ffmpeg', [...said, '-c', 'copy', '-f', 'null', '-']);
    programs.push(running);
    return running;
  };

  beforeAll(async () => {
    home = await openHome();
    const tls = await freePort();
    const tlsAddress = `${home.router.hostIp}:${tls}`;
    [camera, server, box] = await Promise.all([
      startGstCamera({ '/gate': VIDEO }, { backChannel: heard, namespace: home.box }),
      startAgent({ isOwned: true, listen: () => ({ tlsAddress }) }),
      startFarBox(home),
    ]);
    await box.asOwner('POST', '/v3/config/paths/add/gate', {
      source: camera.url('/gate'),
      rtspTransport: 'tcp',
      record: 'yes',
    });
    expect(await connect()).toContain(encodeURIComponent(tlsAddress));
    player = rtspUrlOf(server, await deviceOf(server, 'player', { paths: 'all' }), 'gate');
  }, 120_000);

  afterAll(async () => {
    for (const program of programs) {
      await program.stop('SIGKILL');
    }
    for (const one of [box, server, camera, home]) {
      await one?.[Symbol.asyncDispose]();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test('connects by itself, and both say since when; nothing from outside reaches it', async () => {
    const item = await stateOf('connected');
    expect(item).toMatchObject({ linked: true, addresses: [], cameras: [{ path: 'gate', here: 'gate' }] });
    const link = await linkOf();
    expect(link).toMatchObject({ state: 'connected', error: null });
    expect(Math.abs(Date.parse(link?.since ?? '') - Date.parse(item.since))).toBeLessThan(NOTICED_MS);
    await expect(fetch(`${box.url}/health`, { signal: AbortSignal.timeout(1_000) })).rejects.toThrow();
    const wrong = ask('PATCH', `/v3/boxes/${item.id}`, { addresses: ['192.0.2.1:8443'] });
    await expect(wrong).rejects.toThrow('needs no address');
  });

  const ask = (method: string, path: string, body?: object) => asOwner(server, method, path, body);

  test('shows live pictures, recordings and events on the server', async () => {
    await play().waitFor(/frame=\s*[1-9]\d/);
    const span = await until(async () => {
      const answer = await fetch(`${server.url}/playback/list?path=gate`, { headers: server.headers });
      const spans = answer.ok ? ((await answer.json()) as { readonly start: string; readonly duration: number }[]) : [];
      return spans.find(({ duration }) => duration >= 3);
    });
    const query = new URLSearchParams({ path: 'gate', start: span.start, duration: '2' });
    const film = await fetch(`${server.url}/playback/get?${query}`, { headers: server.headers });
    expect(film.status).toBe(200);
    expect((await film.arrayBuffer()).byteLength).toBeGreaterThan(5_000);
    await box.asOwner('POST', '/v3/events', { path: 'gate', type: 'person', id: 'visitor' });
    const seen = await until(async () => {
      const to = new Date(Date.now() + 60_000).toISOString();
      const { items } = await server.json<{ readonly items: readonly Item[] }>(`/v3/events/list?to=${to}`);
      return items.find(({ path, id }) => path === 'gate' && id === 'visitor');
    });
    expect(seen).toMatchObject({ type: 'person' });
  });

  test('takes a talk through its camera, when its owner allows it', async () => {
    const { id } = (await linkOf()) as AwayServerItem;
    await box.asOwner('PATCH', `/v3/pairedservers/${id}`, { talk: true });
    await ask('PATCH', `/v3/boxes/${(await itemOf())?.id}`, { cameras: 'all' });
    await using viewer = await startViewer();
    const context = await viewer.browser.newContext();
    const [name = '', value = ''] = (server.headers['cookie'] ?? '').split('=');
    await context.addCookies([{ name, value, url: server.url }]);
    const page = await context.newPage();
    await page.goto(`${server.url}/health`);
    // One that an earlier try has left without its end is noticed later.
    const talk = async () => {
      const talking = await send(page, { url: `${server.url}/webrtc/gate/talk`, audio: 'any', trickles: true });
      return await talking.report();
    };
    await expect.poll(talk).toMatchObject({ status: 201, error: '' });
    await until(() => isLoud(heard) || undefined);
    await context.close();
  });

  test('a cut of twenty seconds is noticed within fifteen, and the pictures are back by themselves', {
    timeout: 120_000,
  }, async () => {
    const before = await stateOf('connected');
    await home.router.plug(false);
    const cutMs = performance.now();
    const away = await stateOf('away');
    expect(performance.now() - cutMs).toBeLessThan(NOTICED_MS + BUSY_MS);
    expect(Date.parse(away.since)).toBeGreaterThan(Date.parse(before.since));
    const refusedMs = performance.now();
    const refused = await fetch(`${server.url}/playback/list?path=gate`, { headers: server.headers });
    expect([refused.status, ((await refused.json()) as { readonly why: string }).why]).toEqual([503, 'boxAway']);
    expect(performance.now() - refusedMs).toBeLessThan(2_000);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, CUT_MS - (performance.now() - cutMs))));
    await home.router.plug(true);
    const back = await stateOf('connected');
    expect(Date.parse(back.since)).toBeGreaterThan(Date.parse(away.since));
    await play().waitFor(/frame=\s*[1-9]\d/);
  });

  test('a revoked pairing ends what is playing and the link, and the server knows it', async () => {
    const item = await itemOf();
    // An earlier try has revoked it.
    if (item?.state !== 'connected') {
      await (item && ask('DELETE', `/v3/boxes/${item.id}`));
      await connect();
    }
    const playing = play();
    await playing.waitFor(/frame=\s*[1-9]\d/);
    const { id } = (await linkOf()) as AwayServerItem;
    await box.asOwner('DELETE', `/v3/pairedservers/${id}`);
    const { items } = await box.asOwner<{ readonly items: readonly Item[] }>('GET', '/v3/rtspsessions/list');
    expect(items.filter(({ user }) => user.startsWith('server:'))).toEqual([]);
    await stateOf('refused');
    expect(await linkOf()).toBeUndefined();
    await ask('DELETE', `/v3/boxes/${(await itemOf())?.id}`);
    expect(await itemOf()).toBeUndefined();
    expect(box.output()).not.toMatch(/"level":(?:50|60)|TypeError|Unhandled/);
  });
});
