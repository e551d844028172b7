import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { HeapFacts } from '../../../agent/http/pprof/profiler.ts';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { freePorts } from '../../support/base/free-port.ts';
import { sharesOf } from '../../support/base/heap-shares.ts';
import { SHIPPED_ENV, SHIPPED_FLAGS } from '../../support/base/shipped-run.ts';
import { RESTART_SECONDS } from './soak-cameras.ts';
import { grown, type Kept } from './soak-limits.ts';

export const SOAK_MINUTES = Number(process.env['PERCH_SOAK_MINUTES'] ?? 30);
/** Looks, as shares of the time: at the first caches are full, and the second halves what is left. */
const LOOKS_AT = [1 / 6, 7 / 12, 1] as const;
const LOOKS = 20;
/** Groups of pictures are a second long, and kept: whole seconds would see the same part of them each time. */
const LOOK_PAUSE_MS = 1_700;
/** The program stands still for seconds in each. */
const SNAPSHOTS = 2;

interface Listed {
  readonly items: readonly { readonly ready: boolean; readonly readers: readonly unknown[] }[];
}

/** What the agent holds without viewers. */
interface Look {
  readonly kept: Kept;
  readonly compiledBytes: number;
  /** Active resources of the event loop, by kind, at the last reading. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Every camera is online, and there are no viewers. */
async function isQuiet(agent: Agent): Promise<boolean> {
  const { items } = await agent.json<Listed>('/v3/paths/list');
  return items.every(({ ready, readers }) => ready && readers.length === 0);
}

async function look(agent: Agent, profiles: number): Promise<Look> {
  await until(async () => (await isQuiet(agent)) || undefined);
  // Until the cameras that came last have whole groups too.
  await delay(RESTART_SECONDS * 1_000);
  let kinds: Readonly<Record<string, number>> = {};
  const looks: Omit<Kept, 'objectBytes' | 'listeners'>[] = [];
  for (let i = 0; i < LOOKS; i += 1) {
    await delay(LOOK_PAUSE_MS);
    const answer = await fetch(`http://127.0.0.1:${profiles}/debug/pprof/heap?gc=1`);
    const { heap, memory, resources } = (await answer.json()) as HeapFacts;
    kinds = resources;
    const count = (pattern: RegExp) =>
      Object.entries(resources).reduce((sum, [name, number]) => sum + (pattern.test(name) ? number : 0), 0);
    looks.push({
      heapBytes: heap.used_heap_size,
      buffersBytes: memory.arrayBuffers,
      sockets: count(/TCP|UDP|TLS/),
      timers: count(/Timeout|Immediate/),
      resources: count(/./),
      descriptors: readdirSync(`/proc/${agent.process.pid}/fd`).length,
    });
  }
  expect(await isQuiet(agent), 'every camera is still online, and there are no viewers').toBe(true);
  const shares = [];
  for (let i = 0; i < SNAPSHOTS; i += 1) {
    const answer = await fetch(`http://127.0.0.1:${profiles}/debug/pprof/heapsnapshot`, { headers: agent.headers });
    expect(answer.status).toBe(200);
    shares.push(sharesOf(await answer.text()));
  }
  const least = (key: keyof (typeof looks)[number]) => Math.min(...looks.map((one) => one[key]));
  return {
    kept: {
      heapBytes: least('heapBytes'),
      objectBytes: Math.min(...shares.map(({ objectBytes }) => objectBytes)),
      buffersBytes: least('buffersBytes'),
      sockets: least('sockets'),
      timers: least('timers'),
      resources: least('resources'),
      // The lowest would be that of a moment when every recorder closes a file and opens the next.
      descriptors: looks.map((one) => one.descriptors).sort((a, b) => a - b)[LOOKS / 2] ?? 0,
      listeners: Math.min(...shares.map(({ listeners }) => listeners)),
    },
    compiledBytes: Math.min(...shares.map(({ compiledBytes }) => compiledBytes)),
    resources: kinds,
  };
}

/** Recordings go after two minutes, so that their index does not grow; what is said goes nowhere, so that the kept log does not. */
const config = (urls: readonly string[], profiles: number): string => `playback: yes
logLevel: error
pprof: yes
pprofAddress: 127.0.0.1:${profiles}
hlsVariant: fmp4
hlsMuxerCloseAfter: 5s
pathDefaults: { record: yes, recordSegmentDuration: 30s, recordDeleteAfter: 2m }
paths:
${urls.map((url, i) => `  cam${i + 1}: { source: '${url}' }\n`).join('')}`;

/**
 * Traffic, with three looks: nothing may have grown.
 * @param urls of cameras: `cam1` and so on
 * @param watch viewers who come and go until `stop` aborts
 */
export async function expectNoGrowth(
  urls: readonly string[],
  watch: (agent: Agent, stop: AbortSignal) => Promise<void>,
): Promise<void> {
  const [profiles = 0] = await freePorts(1);
  await using agent = await startAgent({
    config: config(urls, profiles),
    // A snapshot is for the owner only.
    isOwned: true,
    flags: SHIPPED_FLAGS,
    env: SHIPPED_ENV,
  });
  const looks: Look[] = [];
  let passed = 0;
  for (const share of LOOKS_AT) {
    await watch(agent, AbortSignal.timeout(Math.round(SOAK_MINUTES * (share - passed) * 60_000)));
    passed = share;
    looks.push(await look(agent, profiles));
    process.stdout.write(`look ${looks.length}: ${JSON.stringify(looks.at(-1))}\n`);
  }
  expect(grown(looks.map(({ kept }) => kept) as [Kept, Kept, Kept])).toEqual([]);
  expect(agent.process.output()).not.toMatch(/MaxListenersExceeded|unhandled/i);
}
