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

/** What the packages' start script gives Perch's Node: settings of the allocator and flags of V8. */
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

/** What the page of an ordinary client asks before its login, so that the first use of the code is not counted as the flood's. */
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

async function measureOnce(note: (text: string) => void): Promise<number> {
  await using cameras = await startCameras(SETTLED_SECONDS + HOSTILE_SECONDS + 120);
  const paths = cameraUrls(cameras).map((url, i) => `  ${names[i]}: { source: '${url}' }`);
  const config = ['playback: yes', 'pathDefaults: { record: yes }', 'paths:', ...paths, ''].join('\n');
  // Every address: what listens on loopback alone has a budget of its own.
  await using agent = await startAgent({
    config,
    ...packageSettings(),
    listen: ({ main }) => ({ address: `:${main}` }),
  });
  await recordingHasBegun(agent);
  const viewer = await watch(agent);
  for (let i = 0; i < SETTLED_SECONDS; i += 1) {
    await visit(agent.port);
    await seconds(1);
  }
  const before = pssMegabytes(agent.process.pid);
  viewer.reset();
  const clients = Array.from({ length: CLIENTS }, (_, i) =>
    hostileClient(agent.port, TARGETS[i % TARGETS.length] ?? ''),
  );
  let most = 0;
  for (let i = 0; i < HOSTILE_SECONDS; i += 1) {
    await seconds(1);
    most = Math.max(most, pssMegabytes(agent.process.pid));
  }
  const pauseMs = viewer.longestMs();
  for (const client of clients) {
    client.destroy();
  }
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

export const hostileClients: Figure = {
  name: 'hostile-clients',
  unit: 'MB',
  goal: 20,
  isAbsolute: false,
  about: `how much more memory (proportional set size) Perch takes at most with ${CLIENTS} clients that send a body of 1 MiB to the log-in, recording 8 cameras and watched by one viewer, who sees no pause; an ordinary client has asked the same addresses before; started with the packages' settings of the allocator and of V8`,
  measure: async (note) => {
    const added: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      added.push(await measureOnce(note));
    }
    return added;
  },
};
