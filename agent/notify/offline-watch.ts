import type { Clock } from '../base/clock.ts';

const POLL_MS = 10_000;
/** Cameras restart and lose their Wi-Fi for a while. */
const OFFLINE_MS = 120_000;

/** Tried, or retried after a pause. */
const PULLED: ReadonlySet<string | null> = new Set(['running', 'waiting']);

interface WatchedPath {
  readonly name: string;
  readonly ready: boolean;
  readonly sourceState: string | null;
}

interface OfflineWatchDeps {
  readonly clock: Clock;
  paths(): readonly WatchedPath[];
  onOffline(path: string): void;
}

/** Reports cameras that were connected and have been away for two minutes, once. */
export class OfflineWatch {
  readonly #deps: OfflineWatchDeps;
  /** Monotonic time since when the camera has been away, by path. */
  readonly #away = new Map<string, number>();
  readonly #connected = new Set<string>();
  readonly #stop: () => void;

  constructor(deps: OfflineWatchDeps) {
    this.#deps = deps;
    this.#stop = deps.clock.every(POLL_MS, () => this.#check());
  }

  close(): void {
    this.#stop();
  }

  #check(): void {
    const { clock, paths, onOffline } = this.#deps;
    const nowMs = clock.monoMs();
    const names = new Set<string>();
    for (const { name, ready, sourceState } of paths()) {
      names.add(name);
      if (ready || !PULLED.has(sourceState)) {
        this.#away.delete(name);
      }
      if (ready) {
        this.#connected.add(name);
      } else if (PULLED.has(sourceState)) {
        const sinceMs = this.#away.get(name) ?? nowMs;
        this.#away.set(name, sinceMs);
        if (nowMs - sinceMs >= OFFLINE_MS && this.#connected.delete(name)) {
          onOffline(name);
        }
      }
    }
    for (const name of [...this.#connected, ...this.#away.keys()]) {
      if (!names.has(name)) {
        this.#connected.delete(name);
        this.#away.delete(name);
      }
    }
  }
}
