import { globSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Agent, startAgent } from '../../peers/agent/agent.ts';
import { pull } from '../../support/clients/rtsp-pull.ts';
import { cameraUrls, names, recordingHasBegun, seconds, startCameras } from '../cameras/eight-cameras.ts';
import type { Figure } from '../measure/figure.ts';
import { pssMegabytes } from '../measure/proc.ts';

const CLIENTS = 1_000;
const BODY_BYTES = 1 << 20;
const RUNS = 3;
const SETTLED_SECONDS = 20;
const HOSTILE_SECONDS = 20;
const TARGETS = ['/v3/session', '/v3/claim', '/v3/guest'];
/** A viewer of 25 pictures a second that gets none for this long sees the picture freeze. */
const MAX_PAUSE_MS = 1_000;

const BODY = Buffer.alloc(BODY_BYTES - 1, 0x20);

/** Environment of Perch's Node in the packages: settings of the allocator and flags of V8. */
function packageSettings(): { env: Record<string, string>; flags: string[] } {
  const script = readFileSync(join(import.meta.dirname, '../../../packaging/linux/run'), 'utf8');
  const flags = /^exec node (--.*?) \//m.exec(script)?.[1]?.split(' ');
  const env = Object.fromEntries(
    [...script.matchAll(/\b(MALLOC_\w+)=(\d+)/g)].map(([, key = '', value = '']) => [key, value]),
  );
  if (!flags || Object.keys(env).length === 0) {
    throw new Error('packaging/linux/run names no flags or no settings of the allocator');
  }
  return { env, flags };
}

/** A client that announces a body of 1 MiB, sends all but its last byte as far as it is taken, and keeps its connection. */
function hostileClient(port: number, target: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  const head = ['Host: box', 'Content-Type: application/json', `Content-Length: ${BODY_BYTES}`].join('\r\n');
  socket.write(`POST ${target} HTTP/1.1\r\n${head}\r\n\r\n`);
  socket.write(BODY);
  return socket;
}

/** The longest time between two pieces that a viewer over RTSP got. */
async function watch(agent: Agent): Promise<{ reset(): void; longestMs(): number; end(): void }> {
  const viewer = await pull(agent.rtspUrl(names[0] ?? ''));
  let [lastMs, longestMs] = [performance.now(), 0];
  viewer.on('data', () => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  });
  return {
    reset: () => {
      longestMs = 0;
    },
    longestMs: () => Math.max(longestMs, performance.now() - lastMs),
    end: () => viewer.destroy(),
  };
}

interface Listed {
  readonly start: string;
  readonly duration: number;
}

/** @throws Error unless every camera has one recording without a gap, in one file */
async function checkRecordings(agent: Agent): Promise<void> {
  for (const name of names) {
    const answer = await fetch(`http://127.0.0.1:${agent.ports.playback}/list?path=${name}`);
    const listed = (await answer.json()) as Listed[];
    const files = globSync(join(agent.dataDir, `recordings/${name}/*.mp4`));
    const [first] = listed;
    const wantedS = (Date.now() - Date.parse(first?.start ?? '')) / 1000 - 10;
    if (listed.length !== 1 || files.length !== 1 || (first?.duration ?? 0) < wantedS) {
      throw new Error(`the recording of ${name} has a gap: ${JSON.stringify(listed)}, wanted ${wantedS} s`);
    }
  }
}

/** Requests of the page before a login, so that the flood is not charged for the first use of the code. */
async function visit(port: number): Promise<void> {
  const address = `http://127.0.0.1:${port}`;
  const headers = { 'Content-Type': 'application/json' };
  for (const target of TARGETS) {
    const wrong = await fetch(address + target, { method: 'POST', headers, body: '{"password": 7}' });
    await wrong.arrayBuffer();
  }
  for (const path of ['/', '/health', '/v3/session']) {
    await (await fetch(address + path)).arrayBuffer();
  }
}

export interface Attack {
  /** Addresses of its targets, by key. @param ports the free ports */
  listen(ports: Agent['ports']): Readonly<Record<string, string>>;
  /** Requests of ordinary clients, once a second until the attack. */
  prepare(agent: Agent): Promise<void>;
  /** @returns call to end it */
  begin(agent: Agent): () => void;
}

/** How much more memory Perch takes, in MB. @throws Error if the viewer saw a pause, or a recording has a gap */
async function measureUnder(attack: Attack, note: (text: string) => void): Promise<number> {
  await using cameras = await startCameras(SETTLED_SECONDS + HOSTILE_SECONDS + 120);
  const paths = cameraUrls(cameras).map((url, i) => `  ${names[i]}: { source: '${url}' }`);
  const config = ['playback: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n');
  await using agent = await startAgent({ config, ...packageSettings(), listen: (ports) => attack.listen(ports) });
  await recordingHasBegun(agent);
  const viewer = await watch(agent);
  for (let i = 0; i < SETTLED_SECONDS; i += 1) {
    await attack.prepare(agent);
    await seconds(1);
  }
  const before = pssMegabytes(agent.process.pid);
  viewer.reset();
  const end = attack.begin(agent);
  let most = 0;
  for (let i = 0; i < HOSTILE_SECONDS; i += 1) {
    await seconds(1);
    most = Math.max(most, pssMegabytes(agent.process.pid));
  }
  const pauseMs = viewer.longestMs();
  end();
  viewer.end();
  note(
    `${before.toFixed(1)} MB before, ${most.toFixed(1)} MB at most; the viewer waited ${pauseMs.toFixed(0)} ms at most`,
  );
  await checkRecordings(agent);
  if (pauseMs > MAX_PAUSE_MS) {
    throw new Error(`the viewer got nothing for ${pauseMs.toFixed(0)} ms`);
  }
  return most - before;
}

const LOGINS: Attack = {
  // On every address: listeners on loopback alone have a separate budget.
  listen: ({ main }) => ({ address: `:${main}` }),
  prepare: ({ port }) => visit(port),
  begin: ({ port }) => {
    const clients = Array.from({ length: CLIENTS }, (_, i) => hostileClient(port, TARGETS[i % TARGETS.length] ?? ''));
    return () => {
      for (const client of clients) {
        client.destroy();
      }
    };
  },
};

/** @returns the figure of each run */
export async function measureRuns(attack: Attack, note: (text: string) => void): Promise<number[]> {
  const added: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    added.push(await measureUnder(attack, note));
  }
  return added;
}

export const hostileClients: Figure = {
  name: 'hostile-clients',
  unit: 'MB',
  goal: 20,
  isAbsolute: false,
  about: `proportional set size that ${CLIENTS} clients add at most, each sending a body of 1 MiB to the login, while Perch records 8 cameras and one viewer watches without a pause; the same addresses were requested once before; with the packages' settings of allocator and V8`,
  measure: (note) => measureRuns(LOGINS, note),
};
