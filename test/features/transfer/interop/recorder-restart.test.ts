import { createHash } from 'node:crypto';
import { mkdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { filledCard } from '../../../onvif-camera/card/filled-card.ts';
import type { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { type Agent, ownerOf, startAgent, until } from '../../../peers/agent/agent.ts';
import { random } from '../../../support/base/random.ts';
import { filesBelow, temporaryFolder } from '../../../support/disks/recordings.ts';
import { openPlayback } from '../../../support/harness/playback.ts';

const LOGIN = { user: 'admin', password: 'pässword' };
const START_MS = Date.UTC(2026, 2, 1, 12);
const SECONDS = 120;
/** Groups of four seconds: a file ends within one. */
const GROUP = 40;
/** Times real time: it has to last longer than a slow machine takes to stop and start Perch three times. */
const PACE = 1;
/** What comes before an interruption, at most. */
const COMES_MS = 2_000;
const LIMIT = { timeout: 180_000 };
const digest = (bytes: Uint8Array): string => createHash('sha1').update(bytes).digest('hex');

interface Transfer {
  readonly phase: string;
  readonly leftOut: { readonly count: number };
}

function withoutSets(unit: Uint8Array): Uint8Array {
  const bytes = Buffer.from(unit);
  let at = 0;
  while ([7, 8].includes((bytes[at + 4] ?? 0) & 0x1f)) {
    at += 4 + bytes.readUInt32BE(at);
  }
  return bytes.subarray(at);
}

const onCard = ({ units }: SdCard): string[] =>
  units
    .filter(({ track }) => track === 0)
    .map(({ unixMs, data }) => `${(unixMs - START_MS) / 1_000} ${digest(withoutSets(data))}`);

async function recorded(folder: string): Promise<string[]> {
  await using playback = openPlayback(folder, ':memory:');
  const all: string[] = [];
  const range = { fromUs: 0, toUs: Date.now() * 1_000, signal: new AbortController().signal, wants: () => true };
  for await (const { data, timesUs } of playback.video('yard', range)) {
    data.forEach((one, i) => {
      all.push(`${Math.round((timesUs[i] ?? 0) / 1_000 - START_MS) / 1_000} ${digest(one)}`);
    });
  }
  return all;
}

const seed = Date.now() % 1_000_000;

test(
  `a stop, a kill and a power cut of the service interrupt an import, which goes on by itself and doubles nothing (${seed})`,
  LIMIT,
  async ({ onTestFinished }) => {
    const next = random(seed);
    const folder = temporaryFolder();
    onTestFinished(() => folder[Symbol.dispose]());
    const card = filledCard({ fromMs: START_MS, seconds: SECONDS, group: GROUP });
    const camera = await startOnvifCamera({ quirks: { replayPace: PACE }, credentials: LOGIN, card });
    onTestFinished(() => camera[Symbol.asyncDispose]());
    const config =
      `recordPath: '${join(folder.path, '%path/%Y-%m-%d_%H-%M-%S-%f')}'\n` +
      'pathDefaults: { recordDeleteAfter: 0s }\npaths: { yard: { source: publisher } }\n';
    const dataDir = join(folder.path, 'data');
    mkdirSync(dataDir);
    mkdirSync(join(folder.path, 'yard'));
    const start = async (before?: Agent): Promise<Agent> => {
      const agent = await startAgent({ config, dataDir, env: { TZ: 'UTC' }, ...(before && { ports: before.ports }) });
      onTestFinished(async () => void (await agent.process.stop('SIGKILL')));
      return { ...agent, headers: before?.headers ?? (await ownerOf(agent.url, dataDir)) };
    };
    const call = async (agent: Agent, path: string, body?: unknown) => {
      const { url, headers } = agent;
      const answer = await fetch(`${url}/v3/recordings/transfer${path}`, {
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      });
      expect(answer.status).toBe(200);
      return answer.json();
    };
    const stateOf = async (agent: Agent) => (await call(agent, '')) as Transfer;
    const bytesStored = () => filesBelow(join(folder.path, 'yard')).reduce((sum, file) => sum + statSync(file).size, 0);
    /** Until recordings come. */
    const inImport = async (agent: Agent) => {
      const bytes = bytesStored();
      await until(async () => ((await stateOf(agent)).phase === 'running' && bytesStored() > bytes) || undefined);
    };

    let agent = await start();
    const recorder = { address: camera.url, ...LOGIN };
    const { groups } = (await call(agent, '/look', { recorder })) as { groups: { group: string }[] };
    await call(agent, '', { kind: 'recorder', recorder, items: [{ group: groups[0]?.group, path: 'yard' }] });
    const kept: number[] = [];
    for (const how of ['SIGTERM', 'SIGKILL', 'power cut']) {
      await inImport(agent);
      await new Promise((resolve) => setTimeout(resolve, next() * COMES_MS));
      const code = await agent.process.stop(how === 'SIGTERM' ? 'SIGTERM' : 'SIGKILL');
      expect(code).toBe(how === 'SIGTERM' ? 0 : null);
      if (how === 'power cut') {
        const [newest = ''] = filesBelow(join(folder.path, 'yard')).sort(
          (a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs,
        );
        truncateSync(newest, Math.floor(next() * statSync(newest).size));
      }
      agent = await start(agent);
      kept.push((await recorded(folder.path)).length);
    }
    // What has come stays, but for what the power cut takes of the newest file.
    const [stopped = 0, killed = 0] = kept;
    expect(stopped).toBeGreaterThan(0);
    expect(killed).toBeGreaterThanOrEqual(stopped);
    delete camera.state.quirks.replayPace;
    const over = await until(async () => {
      const state = await stateOf(agent);
      return state.phase === 'done' ? state : undefined;
    });
    expect(over.leftOut.count).toBe(0);
    expect(await recorded(folder.path)).toEqual(onCard(card));
  },
);
