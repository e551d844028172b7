import type { Session } from 'node:inspector/promises';
import { freemem } from 'node:os';
import type { Readable } from 'node:stream';
import { getHeapSnapshot, getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

/** Shows what takes a millisecond; a profile of a minute has some megabytes. */
const CPU_SAMPLE_US = 1_000;
/** Sampling interval in allocated bytes. */
const HEAP_SAMPLE_BYTES = 32_768;
/**
 * Node builds a snapshot in memory first, then its text: 660 MB more for 300,000 small objects on a heap of 52 MB. Larger objects need
 * less.
 */
const SNAPSHOT_FACTOR = 13;
const MB = 1e6;

/** Kinds of profiles. */
export type ProfileKind = 'cpu' | 'heap';

interface ProfilerOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  /** Memory still available to this process, of the box or the container. */
  readonly availableBytes?: () => number;
  readonly takeSnapshot?: () => Readable;
}

/** Result of a heap snapshot's size check. */
export interface HeapFacts {
  readonly memory: NodeJS.MemoryUsage;
  readonly heap: ReturnType<typeof getHeapStatistics>;
  readonly spaces: ReturnType<typeof getHeapSpaceStatistics>;
  /** Memory in bytes that the snapshot needs temporarily, and that is available. */
  readonly snapshot: { readonly needsBytes: number; readonly availableBytes: number };
  /** What keeps the event loop alive, by Node's names: sockets, timers, pending requests. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Takes profiles of this process, one at a time, because two would measure each other. */
export class Profiler {
  readonly #clock: ProfilerOptions['clock'];
  readonly #availableBytes: () => number;
  readonly #takeSnapshot: () => Readable;
  /** The current profile and its end, monotonic; infinite if unknown. */
  #taken: { readonly untilMs: number } | undefined;

  constructor({ clock, availableBytes = available, takeSnapshot = getHeapSnapshot }: ProfilerOptions) {
    this.#clock = clock;
    this.#takeSnapshot = takeSnapshot;
    this.#availableBytes = availableBytes;
  }

  /**
   * Profile of CPU time (`.cpuprofile`) or allocations (`.heapprofile`) of the next `seconds`, for Chrome's developer tools.
   * @param signal the client has left
   * @returns JSON; undefined after an abort
   * @throws PerchError exhausted while another one runs
   */
  async profile(kind: ProfileKind, seconds: number, signal: AbortSignal): Promise<string | undefined> {
    return this.#inspect(seconds * 1_000, async (session) => {
      if (kind === 'cpu') {
        await session.post('Profiler.enable');
        await session.post('Profiler.setSamplingInterval', { interval: CPU_SAMPLE_US });
        await session.post('Profiler.start');
      } else {
        await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLE_BYTES });
      }
      await this.#clock.sleep(seconds * 1_000, signal);
      const taken =
        kind === 'cpu' ? await session.post('Profiler.stop') : await session.post('HeapProfiler.stopSampling');
      return signal.aborted ? undefined : JSON.stringify(taken.profile);
    });
  }

  heap(): HeapFacts {
    const heap = getHeapStatistics();
    const snapshot = { needsBytes: heap.used_heap_size * SNAPSHOT_FACTOR, availableBytes: this.#availableBytes() };
    return {
      memory: process.memoryUsage(),
      heap,
      spaces: getHeapSpaceStatistics(),
      snapshot,
      resources: countOf(process.getActiveResourcesInfo()),
    };
  }

  /** Live objects: the same after a full garbage collection, which blocks. @throws PerchError exhausted while another one runs */
  async keptHeap(): Promise<HeapFacts> {
    return this.#inspect(Number.POSITIVE_INFINITY, async (session) => {
      // The second collection frees what finalizers of the first have released.
      await session.post('HeapProfiler.collectGarbage');
      await session.post('HeapProfiler.collectGarbage');
      return this.heap();
    });
  }

  /**
   * All objects with their contents, passwords and media included. Blocks for seconds.
   * @throws PerchError exhausted while another one runs, or without enough memory
   */
  snapshot(): Readable {
    const { needsBytes, availableBytes } = this.heap().snapshot;
    if (needsBytes > availableBytes) {
      const message = `a heap snapshot needs some ${inMb(needsBytes)} MB of memory for a while, ${inMb(availableBytes)} MB are free`;
      throw new PerchError('exhausted', message);
    }
    const end = this.#begin(Number.POSITIVE_INFINITY);
    try {
      // Ends before the reply does, so that the next may follow at once; an abort only closes.
      return this.#takeSnapshot().once('end', end).once('close', end).once('close', forgetObjects);
    } catch (error) {
      end();
      throw error;
    }
  }

  async #inspect<T>(ms: number, work: (session: Session) => Promise<T>): Promise<T> {
    const end = this.#begin(ms);
    let session: Session | undefined;
    try {
      const inspector = await import('node:inspector/promises');
      session = new inspector.Session();
      session.connect();
      return await work(session);
    } finally {
      // Also ends a running profile.
      session?.disconnect();
      end();
    }
  }

  /** @returns to be called at the end */
  #begin(ms: number): () => void {
    const nowMs = this.#clock.monoMs();
    if (this.#taken) {
      const leftMs = this.#taken.untilMs - nowMs;
      const retryAfterS = Math.max(1, Math.min(60, Math.ceil(leftMs / 1_000)));
      throw new PerchError('exhausted', 'another profile is being recorded: one at a time', { retryAfterS });
    }
    const taken = { untilMs: nowMs + ms };
    this.#taken = taken;
    return () => {
      this.#taken = this.#taken === taken ? undefined : this.#taken;
    };
  }
}

/** After a snapshot V8 follows each object through every collection, which then takes twice the time, until the inspector ends that. */
function forgetObjects(): void {
  try {
    const { Session } = process.getBuiltinModule('node:inspector');
    const session = new Session();
    session.connect();
    session.post('HeapProfiler.enable');
    session.post('HeapProfiler.disable');
    session.disconnect();
  } catch {
    // This Node was built without the inspector.
  }
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const inMb = (bytes: number): number => Math.ceil(bytes / MB);

/** Available memory in bytes: that of the container, if it has less than the machine. */
const available = (): number => Math.min(process.availableMemory(), Math.max(freemem(), 0));
