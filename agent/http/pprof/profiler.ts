import type { Session } from 'node:inspector/promises';
import { freemem } from 'node:os';
import type { Readable } from 'node:stream';
import { getHeapSnapshot, getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';

/** Often enough to see what takes a millisecond, and no burden: one profile of a minute is some megabytes. */
const CPU_SAMPLE_US = 1_000;
/** One of so many bytes that are asked for is looked at. */
const HEAP_SAMPLE_BYTES = 32_768;
/**
 * Node builds a snapshot in memory first, and then its text: for 300,000 small objects on a heap of 52 MB that was 660 MB more.
 * Larger objects take less.
 */
const SNAPSHOT_FACTOR = 13;
const MB = 1e6;

/** How a profile is taken, and what it is asked for by. */
export type ProfileKind = 'cpu' | 'heap';

export interface ProfilerOptions {
  readonly clock: Pick<Clock, 'monoMs' | 'sleep'>;
  /** Bytes that this process may still get; the machine's, or the container's. */
  readonly availableBytes?: () => number;
  readonly takeSnapshot?: () => Readable;
}

/** What has been taken of the objects on the heap. */
export interface HeapFacts {
  readonly memory: NodeJS.MemoryUsage;
  readonly heap: ReturnType<typeof getHeapStatistics>;
  readonly spaces: ReturnType<typeof getHeapSpaceStatistics>;
  /** What a snapshot needs for a while, and what there is. */
  readonly snapshot: { readonly needsBytes: number; readonly availableBytes: number };
  /** What keeps the event loop going, counted by Node's names: sockets, timers, requests under way. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Takes profiles of this process, one at a time: two would measure each other. */
export class Profiler {
  readonly #clock: ProfilerOptions['clock'];
  readonly #availableBytes: () => number;
  readonly #takeSnapshot: () => Readable;
  /** What is being taken, and when it will be ready, monotonic; infinite for what takes as long as it takes. */
  #taken: { readonly untilMs: number } | undefined;

  constructor({ clock, availableBytes = available, takeSnapshot = getHeapSnapshot }: ProfilerOptions) {
    this.#clock = clock;
    this.#takeSnapshot = takeSnapshot;
    this.#availableBytes = availableBytes;
  }

  /**
   * Where CPU time goes (`.cpuprofile`), or by whom memory is asked for (`.heapprofile`), in the next `seconds`. Chrome's developer tools
   * read both.
   *
   * @param signal whoever asked has gone
   * @returns JSON; undefined when `signal` has aborted
   * @throws PerchError exhausted while another is being taken
   */
  async profile(kind: ProfileKind, seconds: number, signal: AbortSignal): Promise<string | undefined> {
    const end = this.#begin(seconds * 1_000);
    let session: Session | undefined;
    try {
      const inspector = await import('node:inspector/promises');
      session = new inspector.Session();
      session.connect();
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
    } finally {
      // Ends what is still being taken.
      session?.disconnect();
      end();
    }
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

  /**
   * The same after all garbage has been collected, which nothing else is done during: what is kept.
   * @throws PerchError exhausted while another is being taken
   */
  async keptHeap(): Promise<HeapFacts> {
    const end = this.#begin(Number.POSITIVE_INFINITY);
    let session: Session | undefined;
    try {
      const inspector = await import('node:inspector/promises');
      session = new inspector.Session();
      session.connect();
      // The second time takes what the first one's finalizers have let go.
      await session.post('HeapProfiler.collectGarbage');
      await session.post('HeapProfiler.collectGarbage');
      return this.heap();
    } finally {
      session?.disconnect();
      end();
    }
  }

  /**
   * All objects, with what they hold: passwords and media too. Nothing else is done while it is made, for seconds.
   * @throws PerchError exhausted while another is being taken, or where there is not memory enough
   */
  snapshot(): Readable {
    const { needsBytes, availableBytes } = this.heap().snapshot;
    if (needsBytes > availableBytes) {
      const message = `a heap snapshot needs some ${inMb(needsBytes)} MB of memory for a while, ${inMb(availableBytes)} MB are free`;
      throw new PerchError('exhausted', message);
    }
    const end = this.#begin(Number.POSITIVE_INFINITY);
    try {
      // The end comes before the answer's, so that the next may follow at once; whoever goes away only closes.
      return this.#takeSnapshot().once('end', end).once('close', end);
    } catch (error) {
      end();
      throw error;
    }
  }

  /** @returns to be called when it is over */
  #begin(ms: number): () => void {
    const nowMs = this.#clock.monoMs();
    if (this.#taken) {
      const leftMs = this.#taken.untilMs - nowMs;
      const retryAfterS = Math.max(1, Math.min(60, Math.ceil(leftMs / 1_000)));
      throw new PerchError('exhausted', 'another profile is being taken: one at a time', { retryAfterS });
    }
    const taken = { untilMs: nowMs + ms };
    this.#taken = taken;
    return () => {
      this.#taken = this.#taken === taken ? undefined : this.#taken;
    };
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

/** A container has less than its machine. */
const available = (): number => Math.min(process.availableMemory(), Math.max(freemem(), 0));
