import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { saveSnapshot, snapshotName } from '../../../../agent/record/snapshots/snapshot-files.ts';
import type { ImportForecast, TransferState } from '../../../../agent/recordings/copy/transfer-kind.ts';
import { type Agent, freeAgentPorts, startAgent, until } from '../../../peers/agent/agent.ts';
import { asOwner, inviteServer, pairBox } from '../../../peers/agent/paired-boxes.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffmpegWarnings } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { recordClock } from '../../../support/disks/recorded-clock.ts';

const HOUR_MS = 3_600_000;
const SECONDS = 20;
const SLACK_MS = 100;

/** A Perch that can be started again with its data, owner and ports. */
async function openPerch() {
  const dataDir = mkdtempSync(join(tmpdir(), 'perch-fetch-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const [ports, tls] = [await freeAgentPorts(), await freePort()];
  let headers: Agent['headers'] | undefined;
  const recordings = join(dataDir, 'recordings');
  return {
    recordings,
    filesOf: (path: string) => globSync(`${recordings}/${path}/*.mp4`).sort(),
    start: async (): Promise<Agent> => {
      const listen = () => ({ tlsAddress: `127.0.0.1:${tls}` });
      const agent = await startAgent({ dataDir, ports, listen, isOwned: headers === undefined });
      headers ??= agent.headers;
      return Object.assign(agent, { headers });
    },
  };
}

const kill = async (agent: Agent): Promise<void> => {
  agent.process.child.kill('SIGKILL');
  await agent.process.exited;
};
const TRANSFER = '/v3/recordings/transfer';
const stateOf = (agent: Agent) => asOwner<TransferState>(agent, 'GET', TRANSFER);
const untilPhase = (agent: Agent, phase: TransferState['phase']) =>
  until(async () => {
    const state = await stateOf(agent);
    return state.phase === phase ? state : undefined;
  });
const contentOf = (files: readonly string[]) =>
  new Map(files.map((file) => [basename(file), readFileSync(file, 'hex')]));
const listOf = (agent: Agent, path: string) =>
  asOwner<readonly { readonly start: string; readonly duration: number }[]>(
    agent,
    'GET',
    `/playback/list?path=${path}`,
  );
const bare = (spans: Awaited<ReturnType<typeof listOf>>) =>
  spans.map(({ start, duration }) => [Date.parse(start), Math.round(duration)]);

describeWith(['ffmpeg'], 'recordings of a box are fetched', () => {
  const startMs = Math.floor(Date.now() / 1000) * 1000 - 24 * HOUR_MS;

  test('over kills of both, a box that is away, and a revoked right', { timeout: 180_000 }, async () => {
    const [house, office] = [await openPerch(), await openPerch()];
    for (let i = 0; i < 6; i += 1) {
      await recordClock(house.recordings, i === 5 ? 'cellar' : 'garden', startMs + i * HOUR_MS, SECONDS);
    }
    let box = await house.start();
    let server = await office.start();
    onTestFinished(async () => {
      await server[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    });
    for (const name of ['garden', 'cellar']) {
      await asOwner(box, 'POST', `/v3/config/paths/add/${name}`, { source: 'publisher', recordDeleteAfter: '0s' });
    }
    const seen = { type: 'person', id: 'seen', start: new Date(startMs + 5 * HOUR_MS + 2_000).toISOString() };
    const end = new Date(startMs + 5 * HOUR_MS + 4_000).toISOString();
    await asOwner(box, 'POST', '/v3/events', { ...seen, path: 'cellar', text: 'by the wine', end });
    const times = { start: new Date(startMs).toISOString(), end: new Date(startMs + 5_000).toISOString() };
    await asOwner(box, 'POST', '/v3/recordings/protect', { path: 'garden', ...times, note: 'the fox' });
    await saveSnapshot(house.filesOf('garden')[0] ?? '', Buffer.from([0xff, 0xd8, 0xff, 0xd9]), startMs + 1_500);
    const { id } = await pairBox(server, box);
    const look = await asOwner<ImportForecast>(server, 'POST', `${TRANSFER}/look`, { box: id });
    expect(look.groups).toMatchObject([
      { group: 'cellar', files: 1, program: 'perch', first: new Date(startMs + 5 * HOUR_MS).toISOString() },
      { group: 'garden', files: 5, bytes: expect.any(Number) },
    ]);
    const listed = bare(await listOf(server, 'garden'));
    expect(listed).toHaveLength(5);
    const items = [
      { group: 'garden', path: 'garden' },
      { group: 'cellar', name: 'attic' },
    ];
    const request = { kind: 'fetch', box: id, items };
    const foreseen = await asOwner<object>(server, 'POST', `${TRANSFER}/foresee`, request);
    expect(foreseen).toMatchObject({ files: 6, missingBytes: 0, old: 0 });
    const size = look.groups.reduce((sum, { bytes }) => sum + bytes, 0);
    // A second for each file, so that there is a middle.
    await asOwner(server, 'POST', TRANSFER, { ...request, maxBytesPerSecond: Math.ceil(size / 6) });
    const filesHere = () => [...office.filesOf('garden'), ...office.filesOf('attic')];
    await until(() => filesHere().length > 0 || undefined);
    await kill(server);
    await kill(box);
    server = await office.start();
    expect(await untilPhase(server, 'waiting')).toMatchObject({
      ...{ kind: 'fetch', why: 'boxAway', error: expect.stringMatching(/^box '.*' is away since /) },
    });
    box = await house.start();
    await untilPhase(server, 'running');
    const { items: paired } = await asOwner<{ items: { id: string }[] }>(box, 'GET', '/v3/pairedservers/list');
    const rights = (recordings: boolean) => asOwner(box, 'PATCH', `/v3/pairedservers/${paired[0]?.id}`, { recordings });
    await rights(false);
    const refused = await until(async () => {
      const state = await stateOf(server);
      return state.phase === 'waiting' && state.why === 'boxRefuses' ? state : undefined;
    });
    expect(refused.error).toContain('does not let this server have recordings');
    await rights(true);
    const done = await untilPhase(server, 'done');
    expect(done).toMatchObject({ error: null, leftOut: { count: 0 }, phase: 'done' });
    // The kill may have lost the count of one.
    expect([5, 6]).toContain(done.files.done);
    expect(contentOf(office.filesOf('garden'))).toEqual(contentOf(house.filesOf('garden')));
    expect(contentOf(office.filesOf('attic'))).toEqual(contentOf(house.filesOf('cellar')));
    expect(globSync(`${office.recordings}/**/.fetch*`)).toEqual([]);
    const still = snapshotName(office.filesOf('garden')[0] ?? '', 1);
    expect(readFileSync(still, 'hex')).toBe('ffd8ffd9');
    expect(statSync(still).mtimeMs).toBe(startMs + 1_500);
    // Both have them: each is listed once.
    expect(bare(await listOf(server, 'garden'))).toEqual(listed);
    // The camera that was new then is there now.
    expect(await asOwner(server, 'POST', `${TRANSFER}/foresee`, request)).toMatchObject({ files: 0, bytes: 0 });
    await asOwner(server, 'POST', TRANSFER, request);
    expect(await untilPhase(server, 'done')).toMatchObject({
      files: { done: 0, total: 0 },
      paths: ['garden', 'attic'],
    });
    // The box is emptied, and gone.
    await kill(box);
    const clips = await asOwner<{ items: object[] }>(server, 'GET', '/v3/recordings/clips');
    expect(clips.items).toMatchObject([{ path: 'garden', note: 'the fox', recordedSeconds: 5, copying: null }]);
    const list = `/v3/events/list?path=attic&to=${new Date().toISOString()}`;
    const { items: events } = await asOwner<{ items: object[] }>(server, 'GET', list);
    const short = (time: string) => time.replace('.000Z', 'Z');
    const seenAt = { start: short(seen.start), end: short(end) };
    expect(events).toMatchObject([{ ...seen, ...seenAt, path: 'attic', text: 'by the wine' }]);
    expect(bare(await listOf(server, 'garden'))).toEqual(listed);
    const query = `path=garden&start=${new Date(startMs).toISOString()}&duration=10&format=mp4`;
    const answer = await fetch(`${server.url}/playback/get?${query}`, { headers: server.headers });
    expect(answer.status).toBe(200);
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
  });

  test('while both record, without a lost frame', { timeout: 120_000 }, async () => {
    const [house, office] = [await openPerch(), await openPerch()];
    const [box, server] = [await house.start(), await office.start()];
    onTestFinished(async () => {
      await server[Symbol.asyncDispose]();
      await box[Symbol.asyncDispose]();
    });
    await using camera = await startAgent({ config: 'api: yes\npaths:\n  stage:\n' });
    await using _clip = await publishClip(camera, 'stage', await smallClip(10), { isEndless: true });
    const pulled = { source: camera.rtspUrl('stage'), rtspTransport: 'tcp' };
    const settings = { ...pulled, record: true, recordSegmentDuration: '1s' };
    await asOwner(box, 'POST', '/v3/config/paths/add/yard', settings);
    await asOwner(server, 'POST', '/v3/config/paths/add/front', settings);
    await until(() => house.filesOf('yard').length > 6 || undefined);
    const invitation = await inviteServer(box);
    const { id } = await asOwner<{ id: string }>(server, 'POST', '/v3/boxes', { invitation, cameras: [] });
    const first = house.filesOf('yard').slice(0, -2);
    await asOwner(server, 'POST', TRANSFER, {
      ...{ kind: 'fetch', box: id, items: [{ group: 'yard', name: 'yard' }] },
    });
    const state = await untilPhase(server, 'done');
    expect(state.leftOut.items.filter(({ why }) => why !== 'busy')).toEqual([]);
    expect(state.files.done).toBeGreaterThanOrEqual(first.length);
    for (const file of first) {
      expect(readFileSync(join(office.recordings, 'yard', basename(file))).equals(readFileSync(file))).toBe(true);
    }
    for (const [agent, path] of [
      [box, 'yard'],
      [server, 'front'],
    ] as const) {
      const spans = (await listOf(agent, path)).map(
        ({ start, duration }) => [Date.parse(start), duration * 1000] as const,
      );
      for (const [i, [beganMs]] of spans.entries()) {
        const [lastMs, lengthMs] = spans[i - 1] ?? [beganMs, 0];
        expect(beganMs).toBeLessThan(lastMs + lengthMs + SLACK_MS);
      }
      const metrics = await (await fetch(`${agent.url}/metrics`, { headers: agent.headers })).text();
      expect(metrics.match(/^\w*recording_(?:parts|samples)_lost_total\{.* [1-9].*$/gm)).toBeNull();
    }
    const [file = ''] = office.filesOf('yard');
    expect(await ffmpegWarnings(['-i', file])).toBe('');
  });
});
