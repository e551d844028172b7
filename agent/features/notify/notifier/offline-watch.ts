import type { Clock } from '../../../base/clock.ts';

const POLL_MS = 10_000;
/** A camera is reported after this time: cameras restart, and lose their Wi-Fi for a while. */
const OFFLINE_MS = 120_000;

/** States of a source that is connecting or connected, or that waits for the next attempt. */
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

/** Reports once each camera that was connected and has been disconnected for two minutes. */
export class OfflineWatch {
  readonly #deps: OfflineWatchDeps;
  /** Monotonic time when the camera was first seen disconnected, by path. */
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
