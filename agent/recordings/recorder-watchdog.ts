import { stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';

const POLL_MS = 15_000;
/** A recorder without a write for this long, while its camera sends and the disk works, is stalled. */
const STALLED_MS = 90_000;
/** A recorder writes whole parts, so it is stalled only if this many are late. */
const STALLED_PARTS = 3;
/** Limits restarts for a stream that breaks its recorder every time: each costs the other cameras some seconds. */
const PATIENCE_MS = 10 * 60_000;

export interface WatchdogPath {
  readonly name: string;
  readonly bytesReceived: number;
  /** `why`: `fault` if the recorder failed by a bug. */
  readonly recording: { readonly error: string | null; readonly why?: string | null } | null;
}

interface WatchdogDeps {
  readonly clock: Pick<Clock, 'monoMs' | 'every'>;
  readonly log: Logger;
  readonly files: () => readonly { readonly path: string; readonly file: string; readonly partMs: number }[];
  readonly isHeldUp: () => boolean;
  readonly sizeOf?: (file: string) => Promise<number>;
}

interface Mark {
  /** File and size, which stay the same while nothing is written. */
  readonly written: string;
  readonly sinceMs: number;
  receivedBytes: number;
}

/**
 * Finds recorders that write nothing although their camera sends and the disk works: only a restart helps. An absent
 * camera and a full, missing or hanging disk do not count.
 */
export class RecorderWatchdog {
  readonly #deps: WatchdogDeps;
  readonly #startedMs: number;
  readonly #marks = new Map<string, Mark>();
  #isChecking = false;
  #dead: readonly string[] = [];

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monoMs();
  }

  get dead(): readonly string[] {
    return this.#dead;
  }

  begin(signal: AbortSignal, paths: () => readonly WatchdogPath[]): void {
    const stop = this.#deps.clock.every(POLL_MS, () => {
      // If the size of a file is not answered, the disk hangs, not the recorder.
      if (!this.#isChecking) {
        this.#isChecking = true;
        void this.#check(paths()).finally(() => {
          this.#isChecking = false;
        });
      }
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  async #check(paths: readonly WatchdogPath[]): Promise<void> {
    const { clock, log, files, isHeldUp } = this.#deps;
    const nowMs = clock.monoMs();
    const open = new Map(files().map((one) => [one.path, one]));
    const dead: string[] = [];
    for (const { name, bytesReceived, recording } of paths) {
      const one = open.get(name);
      const written = await this.#written(one?.file, recording);
      const before = this.#marks.get(name);
      if (written === undefined || isHeldUp()) {
        this.#marks.delete(name);
      } else if (before?.written !== written || bytesReceived <= before.receivedBytes) {
        this.#marks.set(name, { written, sinceMs: nowMs, receivedBytes: bytesReceived });
      } else {
        before.receivedBytes = bytesReceived;
        const longestMs = Math.max(STALLED_MS, STALLED_PARTS * (one?.partMs ?? 0));
        if (nowMs - before.sinceMs >= longestMs && nowMs - this.#startedMs >= PATIENCE_MS) {
          dead.push(name);
        }
      }
    }
    this.#forget(paths);
    if (dead.length > 0 && this.#dead.length === 0) {
      log.error({ paths: dead }, 'recorder has stopped while its camera sends: restart Perch');
    }
    this.#dead = dead;
  }

  /** Undefined if nothing has to be written, or the disk is at fault. */
  async #written(file: string | undefined, recording: WatchdogPath['recording']): Promise<string | undefined> {
    if (recording?.why === 'fault') {
      return 'nothing';
    }
    if (file === undefined || !recording || recording.error !== null) {
      return undefined;
    }
    const { sizeOf = async (path: string) => (await stat(path)).size } = this.#deps;
    const size = await sizeOf(file).catch(() => undefined);
    return size === undefined ? undefined : `${file} ${size}`;
  }

  #forget(paths: readonly WatchdogPath[]): void {
    const names = new Set(paths.map(({ name }) => name));
    for (const name of this.#marks.keys()) {
      if (!names.has(name)) {
        this.#marks.delete(name);
      }
    }
  }
}
