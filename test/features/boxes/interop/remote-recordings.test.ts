import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, type PairedBox, pairBox, revokeAll, startBox } from '../../../peers/agent/paired-boxes.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess, startProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const SECONDS = 40;

interface ListedEvent {
  readonly id: string;
  readonly path: string;
  readonly picture: string | null;
}

/** More than sockets buffer: 60 MB of filler data. @param folder of the path */
async function recordLong(folder: string, startMs: number): Promise<void> {
  const local = new Date(startMs - new Date(startMs).getTimezoneOffset() * 60_000).toISOString();
  const name = `${local.slice(0, 19).replace('T', '_').replaceAll(':', '-')}-000000.mp4`;
  const filler = ['-b:v', '16M', '-minrate', '16M', '-maxrate', '16M', '-bufsize', '1M', '-x264-params', 'nal-hrd=cbr'];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p', ...filler];
  const input = ['-nostdin', '-v', 'error', '-f', 'lavfi', '-i', 'color=s=320x240:r=10:d=32'];
  const fragments = ['-movflags', 'frag_keyframe+empty_moov+default_base_moof', '-f', 'mp4'];
  await runProcess('ffmpeg', [...input, ...coded, ...fragments, join(folder, name)]);
}

describeWith(['ffmpeg', 'curl'], 'recordings and events of two boxes on a server', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 120_000;
  const start = new Date(startMs).toISOString();
  const period = `start=${start}&duration=10`;
  let server: Agent;
  let house: PairedBox;
  let barn: PairedBox;

  const get = (agent: Agent, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${agent.url}${path}`, { ...init, headers: { ...agent.headers, ...init.headers } });
  const bytes = async (agent: Agent, path: string, headers: Record<string, string> = {}) => {
    const answer = await get(agent, path, { headers });
    return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const events = async (): Promise<readonly ListedEvent[]> => {
    const to = encodeURIComponent(new Date(Date.now() + 1_000).toISOString());
    return (await asOwner<{ readonly items: readonly ListedEvent[] }>(server, 'GET', `/v3/events/list?to=${to}`)).items;
  };
  const listed = (id: string): Promise<ListedEvent> => until(async () => (await events()).find((one) => one.id === id));
  const report = (agent: Agent, event: object) => asOwner(agent, 'POST', '/v3/events', event);
  const put = (agent: Agent, name: string, source: string) =>
    asOwner(agent, 'POST', `/v3/config/paths/replace/${name}`, { source });
  const cookie = (): readonly string[] => ['-H', `Cookie: ${server.headers['cookie']}`];

  beforeAll(async () => {
    const recording = (path: string) => ({ path, startMs, seconds: SECONDS });
    const [one, two] = await Promise.all([
      startBox(['garden', 'cellar'], [recording('garden'), recording('cellar')]),
      startBox(['stall', 'loft'], [recording('stall'), recording('loft')]),
    ]);
    await report(one, {
      path: 'garden',
      type: 'person',
      id: 'before',
      start,
      end: new Date(startMs + 2_000).toISOString(),
    });
    const tls = await freePort();
    server = await startAgent({ isOwned: true, listen: () => ({ tlsAddress: `127.0.0.1:${tls}` }) });
    house = await pairBox(server, one, ['garden']);
    barn = await pairBox(server, two);
    // The box does not share it.
    await put(server, 'hidden', `perch://${house.id}/cellar`);
  });

  afterAll(async () => {
    for (const agent of [server, house?.agent, barn?.agent]) {
      await agent?.[Symbol.asyncDispose]();
    }
  });

  test('lists name both boxes, with addresses of the server', async () => {
    const { items } = await asOwner<{ readonly items: readonly { readonly name: string }[] }>(
      server,
      'GET',
      '/v3/recordings/list',
    );
    expect(items.map(({ name }) => name)).toEqual(['garden', 'hidden', 'loft', 'stall']);
    const [span] = await asOwner<readonly { readonly start: string; readonly url: string }[]>(
      server,
      'GET',
      '/playback/list?path=stall',
    );
    expect(Date.parse(span?.start ?? '')).toBe(startMs);
    expect(span?.url).toMatch(new RegExp(`^${server.url}/playback/get\\?duration=[\\d.]+&path=stall&start=`));
    const one = await asOwner<{ readonly segments: readonly object[] }>(server, 'GET', '/v3/recordings/get/stall');
    expect(one.segments).toHaveLength(1);
  });

  test.for(['fmp4', 'mp4'])('curl downloads %s by ranges, byte for byte what the box has', async (format) => {
    const address = `/playback/get?path=garden&${period}&format=${format}`;
    const theirs = await bytes(house.agent, address);
    expect([theirs.status, theirs.bytes.length > 10_000]).toEqual([200, true]);
    const file = join(server.dataDir, `all.${format}`);
    const part = join(server.dataDir, `part.${format}`);
    await runProcess('curl', ['-sSf', ...cookie(), '-o', file, `${server.url}${address}`]);
    await runProcess('curl', ['-sSf', ...cookie(), '-r', '1000-4999', '-o', part, `${server.url}${address}`]);
    expect(readFileSync(file).equals(theirs.bytes)).toBe(true);
    expect(readFileSync(part).equals(theirs.bytes.subarray(1_000, 5_000))).toBe(true);
    const head = await get(server, address, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(theirs.bytes.length));
    const { streams } = await ffprobe(file);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
  });

  test('films of recordings here and there decode without an error', async () => {
    await recordClock(join(server.dataDir, 'recordings'), 'loft', startMs + 10_000, 10);
    const from = new Date(startMs + 3_500).toISOString();
    for (const format of ['fmp4', 'mp4']) {
      const answer = await get(server, `/playback/get?path=loft&start=${from}&duration=30&format=${format}`);
      expect([answer.status, answer.headers.get('perch-ends')]).toEqual([200, null]);
      const file = join(server.dataDir, `joined.${format}`);
      writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
      const { output } = await runProcess('ffmpeg', ['-v', 'warning', '-xerror', '-i', file, '-f', 'null', '-']);
      expect(output).toBe('');
      expect(Number((await ffprobe(file)).format.duration)).toBeCloseTo(30, 0);
    }
    const film = await get(server, `/playback/film?path=loft&path=garden&start=${from}&duration=20`);
    expect([film.status, film.headers.get('perch-missing')]).toEqual([200, null]);
    expect((await film.arrayBuffer()).byteLength).toBe(Number(film.headers.get('content-length')));
  });

  test('ffmpeg plays HLS, and stills are those of the box', async () => {
    const address = `${server.url}/playback/stall/index.m3u8?${period}`;
    const { streams } = await ffprobe(address, ['-headers', `Cookie: ${server.headers['cookie']}\r\n`]);
    expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264']);
    const frame = `/playback/stall/frame.mp4?time=${start}`;
    const [ours, theirs] = [await bytes(server, frame), await bytes(barn.agent, frame)];
    expect([ours.status, ours.bytes.equals(theirs.bytes)]).toEqual([200, true]);
  });

  test('the timeline is that of the box', async () => {
    const times = `from=${start}&to=${new Date(startMs + 60_000).toISOString()}`;
    const theirs = await asOwner<object>(house.agent, 'GET', `/v3/timeline/garden?${times}`);
    const ours = await asOwner<object>(server, 'GET', `/v3/timeline/garden?${times}`);
    expect(ours).toEqual({ ...theirs, protected: [] });
    expect(ours).toMatchObject({ events: [{ id: 'before', type: 'person' }] });
  });

  test('events of both boxes are in the list and the stream of the server', async () => {
    expect(await listed('before')).toMatchObject({ path: 'garden', picture: expect.stringMatching(/Z|\+/) });
    const listening = startProcess('curl', ['-sN', ...cookie(), `${server.url}/v3/events?types=event`]);
    await listening.waitFor(/retry/);
    await report(house.agent, { path: 'garden', type: 'car', id: 'live-1' });
    await report(barn.agent, { path: 'stall', type: 'person', id: 'live-2' });
    await report(house.agent, { path: 'cellar', type: 'person', id: 'secret' });
    await listening.waitFor(/"id":"live-1","path":"garden"/);
    await listening.waitFor(/"id":"live-2","path":"stall"/);
    await listed('live-1');
    await listed('live-2');
    expect((await events()).map(({ id }) => id)).not.toContain('secret');
    await listening.stop('SIGKILL');
  });

  test('a camera that the box does not share is not shown, and none of its settings are', async () => {
    for (const address of ['/playback/list?path=hidden', `/playback/get?path=hidden&${period}`]) {
      const answer = await get(server, address);
      expect(answer.status).toBe(503);
      expect(await answer.json()).toMatchObject({ why: 'boxRefuses' });
    }
    const from = `from=${start}&to=${new Date(startMs + 60_000).toISOString()}`;
    expect((await get(server, `/v3/timeline/hidden?${from}`)).status).toBeGreaterThanOrEqual(404);
  });

  test('a clip of a camera of a box is copied to the server, and stays when the box has deleted it', async () => {
    const [from, end] = [new Date(startMs + 12_000).toISOString(), new Date(startMs + 18_000).toISOString()];
    const clip = { path: 'loft', start: from, end, note: 'a cow' };
    const { id } = await asOwner<{ readonly id: string }>(server, 'POST', '/v3/recordings/protect', clip);
    const list = () =>
      asOwner<{ readonly items: readonly { id: string; copying: unknown; recordedSeconds: number; bytes: number }[] }>(
        server,
        'GET',
        '/v3/recordings/clips',
      );
    const copied = await until(async () => (await list()).items.find((one) => one.id === id && one.copying === null));
    expect([copied.recordedSeconds > 5.9, copied.bytes > 10_000]).toEqual([true, true]);
    await asOwner(barn.agent, 'DELETE', '/v3/recordings/deletepath/loft');
    const frame = await bytes(server, `/playback/loft/frame.mp4?time=${new Date(startMs + 15_000).toISOString()}`);
    expect([frame.status, frame.bytes.length > 500]).toEqual([200, true]);
    const file = join(server.dataDir, 'clip.mp4');
    const address = `${server.url}/playback/get?path=loft&start=${from}&duration=6&format=mp4`;
    await runProcess('curl', ['-sSf', ...cookie(), '-o', file, address]);
    expect(Number((await ffprobe(file)).format.duration ?? 0)).toBeGreaterThan(5.5);
  });

  test('two that show cameras of each other do not ask each other in a circle', async () => {
    const other = await pairBox(house.agent, server);
    await put(house.agent, 'mirror', `perch://${other.id}/circle`);
    await revokeAll(house.agent);
    house = await pairBox(server, house.agent);
    await put(server, 'circle', `perch://${house.id}/mirror`);
    await until(async () => ((await get(server, '/playback/list?path=garden')).ok ? true : undefined));
    expect((await get(server, '/playback/list?path=circle')).status).toBe(404);
    const from = `from=${start}&to=${new Date(startMs + 60_000).toISOString()}`;
    expect((await get(server, `/v3/timeline/circle?${from}`)).status).toBe(404);
  });

  test('a hung box holds nothing up', async () => {
    barn.agent.process.child.kill('SIGSTOP');
    const beganMs = performance.now();
    const [hung, other, all] = await Promise.all([
      get(server, '/playback/list?path=stall'),
      get(server, '/playback/list?path=garden'),
      events(),
    ]);
    const tookMs = performance.now() - beganMs;
    const said = await until(async () => {
      const { items } = await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list');
      return items.find(({ id, state }) => id === barn.id && state === 'away');
    });
    // All say the same: a request, the list and the path.
    const absent = await get(server, '/playback/list?path=stall');
    const path = await asOwner<{ readonly box: { readonly awaySince: string } }>(server, 'GET', '/v3/paths/get/stall');
    barn.agent.process.child.kill('SIGCONT');
    expect([hung.status, other.status, all.length >= 3]).toEqual([503, 200, true]);
    expect(await absent.json()).toMatchObject({ why: 'boxAway', since: said.since });
    expect(path.box.awaySince).toBe(said.since);
    expect(tookMs).toBeLessThan(8_000);
    await until(async () => ((await get(server, '/playback/list?path=stall')).ok ? true : undefined));
  });

  test('a box that hangs is away before it is asked for anything, and comes back', async () => {
    const state = async (wanted: string) => {
      const { items } = await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list');
      return items.find(({ id }) => id === barn.id)?.state === wanted ? true : undefined;
    };
    await until(() => state('connected'));
    barn.agent.process.child.kill('SIGSTOP');
    try {
      await until(() => state('away'));
    } finally {
      barn.agent.process.child.kill('SIGCONT');
    }
    await until(() => state('connected'));
  });

  test('a box that is away is a 503 with since, at once, and the others are shown', async () => {
    const { agent } = barn;
    await agent[Symbol.asyncDispose]();
    const away = await until(async () => {
      const answer = await get(server, '/playback/list?path=stall');
      return answer.status === 503 ? answer : undefined;
    });
    expect(await away.json()).toMatchObject({ why: 'boxAway', since: expect.any(String) });
    const beganMs = performance.now();
    expect((await get(server, `/playback/get?path=stall&${period}`)).status).toBe(503);
    expect(performance.now() - beganMs).toBeLessThan(1_500);
    expect((await get(server, '/playback/list?path=garden')).status).toBe(200);
    // Its events stay in the list.
    await listed('live-2');
  });

  test('a download ends when the box revokes the pairing', async () => {
    const longMs = startMs - 3_600_000;
    house = await pairBox(server, house.agent);
    await recordLong(join(house.agent.dataDir, 'recordings/garden'), longMs);
    const query = new URLSearchParams({ path: 'garden', start: new Date(longMs).toISOString(), duration: '30' });
    const answer = await get(server, `/playback/get?${query}`);
    expect([answer.status, Number(answer.headers.get('content-length')) > 32 << 20]).toEqual([200, true]);
    const reader = answer.body?.getReader() ?? expect.fail('no body');
    await reader.read();
    await revokeAll(house.agent);
    const rest = (async () => {
      for (let isDone = false; !isDone; ) {
        isDone = (await reader.read()).done;
      }
    })();
    await expect(rest).rejects.toThrow();
    const refused = await until(async () => {
      const answer = await get(server, '/playback/list?path=garden');
      return answer.status === 503 ? answer : undefined;
    });
    expect(await refused.json()).toMatchObject({ why: 'boxRefuses' });
  });
});
