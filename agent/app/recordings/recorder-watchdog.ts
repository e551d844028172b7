import { stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

const LOOK_MS = 15_000;
/** A recorder that writes nothing for so long, while its camera sends and the disk works, is dead. */
const STALLED_MS = 90_000;
/** Parts are written whole: so many of them have to be late. */
const STALLED_PARTS = 3;
/**
 * A stream that breaks its recorder each time would otherwise have Perch started anew over and over: so the other cameras lose some
 * seconds every ten minutes at most.
 */
const PATIENCE_MS = 10 * 60_000;

/** A path as far as it matters here. */
export interface WatchdogPath {
  readonly name: string;
  readonly bytesReceived: number;
  /** `why`: `fault` where the recorder has ended by one of its own. */
  readonly recording: { readonly error: string | null; readonly why?: string | null } | null;
}

interface WatchdogDeps {
  readonly clock: Pick<Clock, 'monoMs' | 'every'>;
  readonly log: Logger;
  /** What is being written for each path now. */
  readonly files: () => readonly { readonly path: string; readonly file: string; readonly partMs: number }[];
  /** The disk is what holds recordings up. */
  readonly isHeldUp: () => boolean;
  readonly sizeOf?: (file: string) => Promise<number>;
}

interface Mark {
  /** The same as long as nothing is written. */
  readonly written: string;
  readonly sinceMs: number;
  receivedBytes: number;
}

/**
 * Whether recorders live: one that should write and does not, though its camera sends and the disk works, is brought back by nothing but
 * a new start. An absent camera and a full, absent or hanging disk are none of its business.
 */
export class RecorderWatchdog {
  readonly #deps: WatchdogDeps;
  readonly #startedMs: number;
  readonly #marks = new Map<string, Mark>();
  #isLooking = false;
  #dead: readonly string[] = [];

  constructor(deps: WatchdogDeps) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monoMs();
  }

  /** The paths of recorders that are dead. */
  get dead(): readonly string[] {
    return this.#dead;
  }

  /** Looks until `signal` aborts. */
  begin(signal: AbortSignal, paths: () => readonly WatchdogPath[]): void {
    const stop = this.#deps.clock.every(LOOK_MS, () => {
      // A disk that does not even tell the size of a file hangs: the recorder is not to blame.
      if (!this.#isLooking) {
        this.#isLooking = true;
        void this.#look(paths()).finally(() => {
          this.#isLooking = false;
        });
      }
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  async #look(paths: readonly WatchdogPath[]): Promise<void> {
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

  /** Undefined: nothing has to be written, or the disk is what is wrong. */
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
