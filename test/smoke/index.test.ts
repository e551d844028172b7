import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { AGENT, startAgent, until } from '../peers/agent/agent.ts';
import { runProcess } from '../peers/programs/process.ts';
import { record, temporaryFolder, WALL } from '../support/disks/recordings.ts';

const reindex = (...args: string[]) => runProcess(process.execPath, [...AGENT, 'reindex', ...args]);

interface Timeline {
  readonly coverage: readonly (readonly [number, number])[];
  readonly gaps: readonly (readonly [number, number])[];
}

interface IndexState {
  readonly state: string;
  readonly files: number;
  readonly unreadable: { readonly count: number; readonly files: readonly { readonly file: string }[] };
}

/** Where the agent of a test records, when nothing says otherwise. */
const recordingsOf = (dataDir: string) => join(dataDir, 'recordings');

/** A path's recordings of a removed camera, and a file that is no recording. */
async function leaveBehind(dataDir: string): Promise<string> {
  const [clip = ''] = await record(join(dataDir, 'made'), 5);
  const file = join(recordingsOf(dataDir), 'old/gate', basename(clip));
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(clip, file);
  const broken = file.replace('_12-', '_13-');
  writeFileSync(broken, 'no recording');
  return broken;
}

const QUERY = `from=${new Date(WALL - 10_000).toISOString()}&to=${new Date(WALL + 10_000).toISOString()}`;

test('recordings of a path that is not configured are named, listed, played and shown on the timeline', async () => {
  using folder = temporaryFolder();
  const broken = await leaveBehind(folder.path);
  const config = `pathDefaults:\n  recordPath: ${recordingsOf(folder.path)}/%path/%Y-%m-%d_%H-%M-%S-%f\npaths: {}\n`;
  await using agent = await startAgent({ dataDir: folder.path, config, env: { TZ: 'UTC' } });
  const { items } = await agent.json<{ items: readonly object[] }>('/v3/recordings/list');
  expect(items).toEqual([{ name: 'old/gate', segments: [{ start: '2026-07-01T12:00:00Z' }] }]);
  const [span] = await agent.json<readonly { duration: number; url: string }[]>('/playback/list?path=old/gate');
  expect(span).toMatchObject({ start: '2026-07-01T12:00:00Z', duration: 5 });
  const clip = await fetch(span?.url ?? '');
  expect(clip.status).toBe(200);
  expect((await clip.arrayBuffer()).byteLength).toBeGreaterThan(1_000);
  const timeline = await agent.json<Timeline>(`/v3/timeline/old/gate?${QUERY}`);
  expect(timeline).toMatchObject({
    coverage: [[10, 5]],
    gaps: [
      [0, 10],
      [15, 5],
    ],
  });
  const state = await until(async () => {
    const now = await agent.json<IndexState>('/v3/recordings/index');
    return now.state === 'ready' ? now : undefined;
  });
  expect(state).toMatchObject({ files: 2, unreadable: { count: 1, files: [{ file: broken, path: 'old/gate' }] } });
  const unknown = await fetch(`${agent.url}/v3/timeline/never?${QUERY}`);
  expect([unknown.status, await unknown.json()]).toEqual([
    400,
    { status: 'error', error: "path 'never' is not configured" },
  ]);
});

test('perch reindex rebuilds the index and lists omitted files; while Perch runs it fails with the reason', async () => {
  using folder = temporaryFolder();
  await leaveBehind(folder.path);
  {
    await using agent = await startAgent({ dataDir: folder.path });
    const { code, output } = await reindex('--data', agent.dataDir);
    expect(code).toBe(1);
    expect(output).toContain('a running Perch updates its index itself');
    expect(output).toMatch(/is in use by another Perch \(process \d+\)/);
    await agent.process.stop('SIGTERM');
  }
  rmSync(recordingsOf(folder.path), { recursive: true });
  const broken = await leaveBehind(folder.path);
  const { code, output } = await reindex('--data', folder.path);
  expect([code, output.replace(/in [\d.]+ s/, 'in a moment').split(broken)[0]]).toEqual([
    0,
    '2 recordings of one path in a moment\nskipped one that cannot be read:\n  ',
  ]);
});
