import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readRecordingHead } from '../../../../agent/record/file/recording-file.ts';
import type { TransferState } from '../../../../agent/recordings/copy/transfer-kind.ts';
import { type Agent, startAgent, until } from '../../../peers/agent/agent.ts';
import { smallClip } from '../../../peers/cameras/camera.ts';
import { publishClip } from '../../../peers/clients/publisher.ts';
import { ffmpegWarnings, packetTimes } from '../../../peers/programs/ffmpeg.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const SLACK_MS = 100;

/** A data folder in memory, and a folder on the disk: two file systems. */
function twoDisks() {
  const [dataDir, disk] = [mkdtempSync(join(tmpdir(), 'perch-data-')), mkdtempSync('/var/tmp/perch-disk-')];
  onTestFinished(() => {
    rmSync(dataDir, { recursive: true });
    rmSync(disk, { recursive: true });
  });
  const config = `playback: yes
api: yes
pathDefaults: { recordSegmentDuration: 1s, recordPath: ${dataDir}/old/%path/%Y-%m-%d_%H-%M-%S-%f }
paths: { yard: { record: yes } }
`;
  const filesIn = (folder: string) => globSync(`${folder}/yard/*.mp4`).sort();
  return { dataDir, disk, config, filesIn, old: join(dataDir, 'old') };
}

const stateOf = (agent: Agent) => agent.json<TransferState>('/v3/recordings/transfer');

/** @param headers of the owner's session */
async function post(agent: Agent, path: string, body: object, headers = agent.headers): Promise<TransferState> {
  const answer = await fetch(`${agent.url}/v3/recordings/transfer${path}`, {
    ...{ method: 'POST', body: JSON.stringify(body) },
    headers: { ...headers, 'content-type': 'application/json' },
  });
  expect([answer.status, answer.ok ? '' : await answer.text()]).toEqual([200, '']);
  return (await answer.json()) as TransferState;
}

async function listOf(agent: Agent, headers = agent.headers) {
  const answer = await fetch(`${agent.url}/playback/list?path=yard`, { headers });
  const spans = (await answer.json()) as { start: string; duration: number }[];
  return spans.map(({ start, duration }) => ({
    start,
    startMs: Date.parse(start),
    endMs: Date.parse(start) + duration * 1000,
  }));
}

const ended = (agent: Agent) =>
  until(async () => {
    const state = await stateOf(agent);
    return ['done', 'failed'].includes(state.phase) ? state : undefined;
  });

describeWith(['ffmpeg'], 'recordings to another disk', () => {
  test('the camera is recorded without a gap while its recordings move', { timeout: 90_000 }, async () => {
    const { dataDir, disk, config, filesIn, old } = twoDisks();
    await using agent = await startAgent({ config, dataDir, isOwned: true });
    await using _ = await publishClip(agent, 'yard', await smallClip(10), { isEndless: true });
    await until(() => (filesIn(old).length > 5 ? true : undefined));
    const foreseen = await post(agent, '/foresee', { kind: 'move', to: disk });
    expect(foreseen).toMatchObject({ files: expect.any(Number), bytes: expect.any(Number) });
    const bytes = await until(async () => {
      const finished = new Map<string, Buffer>();
      for (const file of filesIn(old)) {
        await using handle = await open(file);
        // Of a new file there is no header yet.
        if ((await readRecordingHead(handle).catch(() => undefined))?.isFinished) {
          finished.set(basename(file), readFileSync(file));
        }
      }
      return finished.size > 3 ? finished : undefined;
    });
    await post(agent, '', { kind: 'move', to: disk });
    const state = await ended(agent);
    expect(state).toMatchObject({ kind: 'move', phase: 'done', to: disk, error: null, leftOut: { count: 0 } });
    expect(state.files.done).toBe(state.files.total);
    expect(filesIn(old)).toEqual([]);
    for (const [name, before] of bytes) {
      expect(readFileSync(join(disk, 'yard', name)).equals(before)).toBe(true);
    }
    const count = filesIn(disk).length;
    await until(() => (filesIn(disk).length > count + 1 ? true : undefined));
    const spans = await listOf(agent);
    for (const [i, { startMs }] of spans.entries()) {
      // A recorder begins with the key frame before its start.
      expect(startMs).toBeLessThan((spans[i - 1]?.endMs ?? startMs) + SLACK_MS);
    }
    const metrics = await (await fetch(`${agent.url}/metrics`, { headers: agent.headers })).text();
    const lost = metrics
      .split('\n')
      .filter((line) => /^\w*recording_(?:parts|samples)_lost_total\{.* [1-9]/.test(line));
    expect(lost).toEqual([]);
    const query = new URLSearchParams({ path: 'yard', start: spans[0]?.start ?? '', duration: '4', format: 'mp4' });
    const file = join(dataDir, 'played.mp4');
    const answer = await fetch(`${agent.url}/playback/get?${query}`, { headers: agent.headers });
    writeFileSync(file, Buffer.from(await answer.arrayBuffer()));
    expect(await ffmpegWarnings(['-i', file])).toBe('');
    expect((await packetTimes(file, 'v')).length).toBeGreaterThan(30);
  });

  test('a move continues after the program was killed, and after it was paused', { timeout: 120_000 }, async () => {
    const { dataDir, disk, config, filesIn, old } = twoDisks();
    const bytes = new Map<string, Buffer>();
    let owner: Agent['headers'];
    {
      await using agent = await startAgent({ config, dataDir, isOwned: true });
      owner = agent.headers;
      await using _ = await publishClip(agent, 'yard', await smallClip(10), { isEndless: true });
      await until(() => (filesIn(old).length > 7 ? true : undefined));
    }
    for (const file of filesIn(old)) {
      for (let month = 1; month <= 10; month += 1) {
        const name = basename(file).replace(/^\d{4}-\d{2}-\d{2}/, `2025-${String(month).padStart(2, '0')}-01`);
        copyFileSync(file, join(old, 'yard', name));
      }
    }
    for (const file of filesIn(old)) {
      bytes.set(basename(file), readFileSync(file));
    }
    let listed: unknown;
    {
      await using agent = await startAgent({ config, dataDir });
      listed = await listOf(agent, owner);
      await post(agent, '', { kind: 'move', to: disk }, owner);
      await until(() => (filesIn(disk).length > 0 ? true : undefined));
      agent.process.child.kill('SIGKILL');
      await agent.process.exited;
    }
    expect(filesIn(old).length).toBeGreaterThan(0);
    {
      await using agent = await startAgent({ config: config.replace(old, disk), dataDir });
      expect(await post(agent, '/pause', {}, owner)).toMatchObject({ phase: 'paused', kind: 'move' });
      const there = filesIn(disk).length;
      await post(agent, '/resume', {}, owner);
      await until(() => (filesIn(old).length === 0 ? true : undefined));
      expect(filesIn(disk).length).toBeGreaterThan(there);
      expect(await listOf(agent, owner)).toEqual(listed);
    }
    expect(new Map(filesIn(disk).map((file) => [basename(file), readFileSync(file)]))).toEqual(bytes);
    expect(globSync(`${disk}/yard/.*`)).toEqual([]);
  });
});
