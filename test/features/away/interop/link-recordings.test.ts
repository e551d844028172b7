import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwayServerItem } from '../../../../agent/features/away/routes.ts';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import type { TransferState } from '../../../../agent/recordings/copy/transfer-kind.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner } from '../../../peers/agent/paired-boxes.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { runProcess } from '../../../peers/programs/process.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const SECONDS = 40;
const TRANSFER = '/v3/recordings/transfer';

describeWith(['ffmpeg', 'curl'], 'recordings of a box that connects by itself', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 120_000;
  const start = new Date(startMs).toISOString();
  const stack = new AsyncDisposableStack();
  let server: Agent;
  let box: Agent;
  let id: string;

  const get = (agent: Agent, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${agent.url}${path}`, { ...init, headers: { ...agent.headers, ...init.headers } });
  const bytes = async (agent: Agent, path: string, headers: Record<string, string> = {}) => {
    const answer = await get(agent, path, { headers });
    return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
  };
  const boxOf = async (): Promise<BoxAnswer | undefined> =>
    (await asOwner<{ readonly items: readonly BoxAnswer[] }>(server, 'GET', '/v3/boxes/list')).items[0];
  const linkOf = async (): Promise<AwayServerItem | undefined> =>
    (await asOwner<{ readonly items: readonly AwayServerItem[] }>(box, 'GET', '/v3/away/servers/list')).items[0];

  beforeAll(async () => {
    const tlsAddress = `127.0.0.1:${await freePort()}`;
    let camera: Agent;
    [camera, server, box] = await Promise.all([
      startAgent({ config: 'api: yes\npaths:\n  stage:\n' }),
      startAgent({ isOwned: true, listen: () => ({ tlsAddress }) }),
      startAgent({ isOwned: true, listen: () => ({ tlsAddress: '' }) }),
    ]);
    for (const one of [camera, server, box]) {
      stack.use(one);
    }
    stack.use(await publishClip(camera, 'stage', await smallClip(10), { isEndless: true }));
    await recordClock(join(box.dataDir, 'recordings'), 'garden', startMs, SECONDS);
    await asOwner(box, 'POST', '/v3/config/paths/add/garden', { source: 'publisher', recordDeleteAfter: '0s' });
    const source = camera.rtspUrl('stage');
    await asOwner(box, 'POST', '/v3/config/paths/add/live', { source, rtspTransport: 'tcp', record: 'yes' });
    const { invitation } = await asOwner<{ readonly invitation: string }>(server, 'POST', '/v3/away/invitations', {});
    await asOwner(box, 'POST', '/v3/away/servers', { invitation });
    const item = await until(async () => {
      const found = await boxOf();
      return found?.cameras.length === 2 && found.cameras.every(({ here }) => here !== null) ? found : undefined;
    });
    id = item.id;
  }, 120_000);
  afterAll(() => stack.disposeAsync());

  test.for(['fmp4', 'mp4'])('curl downloads %s whole and by ranges, byte for byte what the box has', async (format) => {
    const address = `/playback/get?path=garden&start=${start}&duration=10&format=${format}`;
    const theirs = await bytes(box, address);
    expect([theirs.status, theirs.bytes.length > 10_000]).toEqual([200, true]);
    const cookie = ['-H', `Cookie: ${server.headers['cookie']}`];
    const file = join(server.dataDir, `all.${format}`);
    await runProcess('curl', ['-sSf', ...cookie, '-o', file, `${server.url}${address}`]);
    expect(readFileSync(file).equals(theirs.bytes)).toBe(true);
    const part = await bytes(server, address, { range: 'bytes=1000-4999' });
    expect([part.status, part.bytes.equals(theirs.bytes.subarray(1_000, 5_000))]).toEqual([206, true]);
  });

  test('ffmpeg plays HLS of recordings, and the rewind of a live camera', async () => {
    const headers = ['-headers', `Cookie: ${server.headers['cookie']}\r\n`];
    const played = async (path: string) => {
      const { streams } = await ffprobe(`${server.url}${path}`, headers);
      return streams.map(({ codec_name }) => codec_name);
    };
    expect(await played(`/playback/garden/index.m3u8?start=${start}&duration=10`)).toEqual(['h264']);
    await until(async () => (await get(server, '/hls/live/rewind.m3u8?back=30')).ok || undefined);
    expect(await played('/hls/live/rewind.m3u8?back=30')).toContain('h264');
  });

  test('stills and the timeline are those of the box', async () => {
    const frame = `/playback/garden/frame.mp4?time=${start}`;
    const [ours, theirs] = [await bytes(server, frame), await bytes(box, frame)];
    expect([ours.status, ours.bytes.equals(theirs.bytes)]).toEqual([200, true]);
    const timeline = `/v3/timeline/garden?from=${start}&to=${new Date(startMs + 60_000).toISOString()}`;
    expect(await asOwner<object>(server, 'GET', timeline)).toEqual(await asOwner<object>(box, 'GET', timeline));
  });

  test('a saved clip is copied to the server, and stays when the box has deleted it', async () => {
    const [from, end] = [new Date(startMs + 12_000).toISOString(), new Date(startMs + 18_000).toISOString()];
    const clip = { path: 'garden', start: from, end, note: 'a fox' };
    const saved = await asOwner<{ readonly id: string }>(server, 'POST', '/v3/recordings/protect', clip);
    const copied = await until(async () => {
      const { items } = await asOwner<{
        readonly items: readonly { id: string; copying: unknown; recordedSeconds: number }[];
      }>(server, 'GET', '/v3/recordings/clips');
      return items.find((one) => one.id === saved.id && one.copying === null);
    });
    expect(copied.recordedSeconds).toBeGreaterThan(5.9);
  });

  test('all recordings are fetched, also when the link ends meanwhile', { timeout: 120_000 }, async () => {
    const items = [{ group: 'garden', name: 'attic' }];
    const request = { kind: 'fetch', box: id, items };
    const look = await asOwner<{ readonly bytes: number }>(server, 'POST', `${TRANSFER}/foresee`, request);
    await asOwner(server, 'POST', TRANSFER, { ...request, maxBytesPerSecond: Math.ceil(look.bytes / 4) });
    const { since = '' } = (await linkOf()) ?? {};
    // The box stops with the link open, and starts again.
    box.process.child.kill('SIGSTOP');
    await until(async () => ((await boxOf())?.state === 'away' ? true : undefined));
    box.process.child.kill('SIGCONT');
    const done = await until(async () => {
      const state = await asOwner<TransferState>(server, 'GET', TRANSFER);
      return state.phase === 'done' ? state : undefined;
    });
    expect(done).toMatchObject({ error: null, leftOut: { count: 0 } });
    expect((await linkOf())?.since).not.toBe(since);
    expect(filesOf(server, 'attic')).toEqual(filesOf(box, 'garden'));
  });

  test('the owner of the server who removes the box ends the pairing on both sides, and the link', async () => {
    await until(async () => ((await linkOf())?.state === 'connected' ? true : undefined));
    await asOwner(server, 'DELETE', `/v3/boxes/${id}`);
    expect(await boxOf()).toBeUndefined();
    await until(async () => ((await linkOf()) === undefined ? true : undefined));
  });
});

const filesOf = (agent: Agent, path: string): string[] => {
  const folder = join(agent.dataDir, 'recordings', path);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.mp4'))
    .map(
      (name) =>
        `${name} ${createHash('sha256')
          .update(readFileSync(join(folder, name)))
          .digest('hex')}`,
    );
};
