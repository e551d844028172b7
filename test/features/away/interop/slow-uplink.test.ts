import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { deviceOf, rtspUrlOf } from '../../../peers/agent/device-passwords.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { type GstCamera, startGstCamera } from '../../../peers/cameras/camera.ts';
import { type FarBox, type Home, openHome, startFarBox } from '../../../peers/host/far-box.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { type RunningProcess, runProcess, startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';

const UPLINK_KBITS = 5_000;
/** The queue of the router: 160 ms. */
const SHAPER = ['tbf', 'rate', `${UPLINK_KBITS}kbit`, 'burst', '6000', 'limit', '100000'];
const VIDEO =
  '( videotestsrc is-live=1 ! video/x-raw,width=320,height=240,framerate=10/1 ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=500 key-int-max=20 ! rtph264pay name=pay0 pt=96 )';
const REQUESTS = 20;
/** Measured on an idle machine: 110 and 150. */
const MAX_DELAY_MS = 900;

/** 10 s of filler data at 16 Mbit/s: 20 MB. @param folder of the path */
async function recordLong(folder: string, startMs: number): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const local = new Date(startMs - new Date(startMs).getTimezoneOffset() * 60_000).toISOString();
  const name = `${local.slice(0, 19).replace('T', '_').replaceAll(':', '-')}-000000.mp4`;
  const filler = ['-b:v', '16M', '-minrate', '16M', '-maxrate', '16M', '-bufsize', '1M', '-x264-params', 'nal-hrd=cbr'];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p', ...filler];
  const input = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=s=320x240:r=10:d=10'];
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4'];
  expect(await runProcess('ffmpeg', [...input, ...coded, ...fragments, join(folder, name)])).toMatchObject({ code: 0 });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

describeWith(['gstreamer', 'ffmpeg', 'namespaces'], 'a box whose uplink has 5 Mbit/s', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 120_000;
  const period = `start=${new Date(startMs).toISOString()}&duration=10`;
  const programs: RunningProcess[] = [];
  let home: Home;
  let camera: GstCamera;
  let server: Agent;
  let box: FarBox;

  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${server.url}${path}`, { ...init, headers: { ...server.headers } });

  beforeAll(async () => {
    home = await openHome();
    const within = ['netns', 'exec', home.router.name, 'tc', 'qdisc', 'add', 'dev', home.router.farInterface, 'root'];
    expect(await runProcess('ip', [...within, ...SHAPER])).toMatchObject({ code: 0 });
    const tls = await freePort();
    [camera, server, box] = await Promise.all([
      startGstCamera({ '/gate': VIDEO }, { namespace: home.box }),
      startAgent({ isOwned: true, listen: () => ({ tlsAddress: `${home.router.hostIp}:${tls}` }) }),
      startFarBox(home),
    ]);
    await recordLong(join(box.dataDir, 'recordings/yard'), startMs);
    await box.asOwner('POST', '/v3/config/paths/add/gate', { source: camera.url('/gate'), rtspTransport: 'tcp' });
    await box.asOwner('POST', '/v3/config/paths/add/yard', { source: 'publisher' });
    const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
    await box.asOwner('POST', '/v3/away/servers', { invitation });
    await until(async () => {
      const { items } = await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list');
      return items[0]?.cameras.every(({ here }) => here !== null) || undefined;
    });
  }, 120_000);

  afterAll(async () => {
    for (const program of programs) {
      await program.stop('SIGKILL');
    }
    for (const one of [box, server, camera, home]) {
      await one?.[Symbol.asyncDispose]();
    }
  });

  /** Delay of each picture at a viewer of the server, in ms, less that of the fastest one. */
  async function watch(): Promise<{ readonly late: number[] }> {
    const url = rtspUrlOf(server, await deviceOf(server, 'player', { paths: 'all' }), 'gate');
    const said = ['-nostdin', '-v', 'error', '-rtsp_transport', 'tcp', '-i', url];
    const running = startProcess('ffmpeg', [...said, '-c', 'copy', '-flush_packets', '1', '-f', 'framecrc', '-']);
    programs.push(running);
    const late: number[] = [];
    let first: number | undefined;
    let rest = '';
    running.child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((one) => /^0,/.test(one))) {
        const ms = performance.now() - Number(line.split(',')[2]) / 90;
        first = Math.min(first ?? ms, ms);
        late.push(ms - first);
      }
    });
    await until(() => late.length > 20 || undefined);
    return { late };
  }

  /** Times of small requests to the box through the server, in ms. */
  async function ask(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i += 1) {
      const began = performance.now();
      const answer = await get(`/playback/list?path=gate&_=${i}`);
      await answer.text();
      times.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    return times;
  }

  test('a download that takes all it gets delays the pictures and requests of another camera by little', {
    timeout: 120_000,
  }, async () => {
    const { late } = await watch();
    await ask(3);
    const stop = new AbortController();
    const film = await get(`/playback/get?path=yard&${period}`, { signal: stop.signal });
    expect(film.status).toBe(200);
    let bytes = 0;
    const reading = (async () => {
      for await (const chunk of film.body ?? []) {
        bytes += chunk.length;
      }
    })().catch(() => {});
    // The window of the link has been sized when some seconds of it have passed.
    await until(() => bytes > 1_500_000 || undefined);
    const [beganMs, before] = [performance.now(), bytes];
    late.length = 0;
    const times = await ask(REQUESTS);
    const kbits = ((bytes - before) * 8) / (performance.now() - beganMs);
    stop.abort();
    await reading;
    // Without turns and a window that fits, it is 1,900 and 1,500 ms, of which the queue of the router is 160.
    expect(median(times)).toBeLessThan(MAX_DELAY_MS);
    expect(median(late)).toBeLessThan(MAX_DELAY_MS);
    expect(late.length).toBeGreaterThan(REQUESTS / 2);
    expect(kbits).toBeGreaterThan(UPLINK_KBITS / 2);
  });
});
