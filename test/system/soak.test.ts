import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { HeapFacts } from '../../agent/http/pprof/profiler.ts';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { type GstCamera, playClip, smallClip, startGstCamera } from '../peers/cameras/camera.ts';
import { describeWith } from '../peers/programs/peers.ts';
import { freePorts } from '../support/base/free-port.ts';
import { sharesOf } from '../support/base/heap-shares.ts';
import { random } from '../support/base/random.ts';
import { SHIPPED_ENV, SHIPPED_FLAGS } from '../support/base/shipped-run.ts';
import { VIEWERS } from './soak-viewers.ts';

const MINUTES = Number(process.env['PERCH_SOAK_MINUTES'] ?? 30);
/** Caches are full by then. */
const FIRST_PART = 1 / 6;
const CAMERAS = 8;
const RESTART_SECONDS = 20;
const VIEWERS_AT_ONCE = 10;
const TOLERANCE = 1.03;
const LOOKS = 20;
/** Groups of pictures are a second long, and kept: whole seconds would see the same part of them each time. */
const LOOK_PAUSE_MS = 1_700;
/** The program stands still for seconds in each. */
const SNAPSHOTS = 2;

/**
 * The lowest of some readings without viewers and with every camera online: V8's heap as a whole, with optimized code,
 * and the objects in it.
 */
interface Kept {
  readonly heapBytes: number;
  readonly objectBytes: number;
  /** Outside V8's heap. */
  readonly buffersBytes: number;
  readonly sockets: number;
  readonly timers: number;
  /** All active resources of the event loop, including sockets and timers. */
  readonly resources: number;
  readonly descriptors: number;
  /** Functions that wait for events. */
  readonly listeners: number;
}

class Cameras implements AsyncDisposable {
  readonly #ports: readonly number[];
  readonly #launch: string;
  readonly #running: GstCamera[] = [];
  #isClosed = false;

  private constructor(ports: readonly number[], launch: string) {
    this.#ports = ports;
    this.#launch = launch;
  }

  static async open(): Promise<Cameras> {
    const cameras = new Cameras(await freePorts(CAMERAS), playClip(await smallClip(600), true));
    for (let i = 0; i < CAMERAS; i += 1) {
      await cameras.#open(i);
    }
    return cameras;
  }

  get urls(): readonly string[] {
    return this.#running.map((camera) => camera.url('/main'));
  }

  /** Each is killed every 20 s, another one every 2.5 s, and started again at once. */
  async restart(stop: AbortSignal): Promise<void> {
    for (let turn = 0; !stop.aborted && !this.#isClosed; turn += 1) {
      const index = turn % CAMERAS;
      await this.#running[index]?.[Symbol.asyncDispose]();
      await this.#open(index);
      await pause(RESTART_SECONDS / CAMERAS, stop);
    }
  }

  async #open(index: number): Promise<void> {
    const camera = await startGstCamera({ '/main': this.#launch }, { port: this.#ports[index] ?? 0 });
    this.#running[index] = camera;
    if (this.#isClosed) {
      await camera[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running.map((camera) => camera[Symbol.asyncDispose]()));
  }
}

const pause = (seconds: number, stop: AbortSignal): Promise<void> =>
  delay(seconds * 1_000, undefined, { signal: stop }).catch(() => {});

/** One after the other until `stop`: of another kind, at another camera, for 3 to 15 s. @returns media that came, by kind */
async function watch(agent: Agent, seed: number, stop: AbortSignal): Promise<Map<string, number>> {
  const next = random(seed);
  const seen = new Map<string, number>();
  const kinds = Object.entries(VIEWERS);
  for (let turn = seed; !stop.aborted; turn += 1) {
    const [kind, viewer] = kinds[turn % kinds.length] ?? ['', async () => 0];
    const leave = AbortSignal.any([stop, AbortSignal.timeout(3_000 + Math.floor(next() * 12_000))]);
    // Of a camera that is away just now.
    const came = await viewer(agent, `cam${1 + Math.floor(next() * CAMERAS)}`, leave).catch(() => 0);
    seen.set(kind, (seen.get(kind) ?? 0) + came);
    await pause(next(), stop);
  }
  return seen;
}

async function traffic(agent: Agent, cameras: Cameras, minutes: number): Promise<void> {
  const stop = AbortSignal.timeout(Math.round(minutes * 60_000));
  const viewers = Array.from({ length: VIEWERS_AT_ONCE }, (_, seed) => watch(agent, seed, stop));
  const [seen] = await Promise.all([Promise.all(viewers), cameras.restart(stop)]);
  for (const kind of Object.keys(VIEWERS)) {
    expect(
      seen.reduce((sum, one) => sum + (one.get(kind) ?? 0), 0),
      kind,
    ).toBeGreaterThan(0);
  }
}

interface Listed {
  readonly items: readonly { readonly ready: boolean; readonly readers: readonly unknown[] }[];
}

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
    const answer = await fetch(`http://127.0.0.1:${profiles}/debug/pprof/heapsnapshot`);
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
      descriptors: least('descriptors'),
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

describeWith(['ffmpeg', 'gstreamer'], `${CAMERAS} cameras that restart every ${RESTART_SECONDS} s`, () => {
  test(`and ${VIEWERS_AT_ONCE} viewers who join and leave keep no resources in ${MINUTES} minutes`, {
    timeout: (MINUTES + 12) * 60_000,
  }, async () => {
    const [profiles = 0] = await freePorts(1);
    await using cameras = await Cameras.open();
    await using agent = await startAgent({
      config: config(cameras.urls, profiles),
      flags: SHIPPED_FLAGS,
      env: SHIPPED_ENV,
    });
    await traffic(agent, cameras, MINUTES * FIRST_PART);
    const first = await look(agent, profiles);
    await traffic(agent, cameras, MINUTES * (1 - FIRST_PART));
    const last = await look(agent, profiles);
    process.stdout.write(`at first ${JSON.stringify(first)}\nat last ${JSON.stringify(last)}\n`);
    for (const key of Object.keys(first.kept) as (keyof Kept)[]) {
      expect(last.kept[key], key).toBeLessThanOrEqual(first.kept[key] * TOLERANCE);
    }
    expect(agent.process.output()).not.toMatch(/MaxListenersExceeded|unhandled/i);
  });
});
