import { putBounded } from '../../base/bounded-map.ts';
import { type Clock, endsWithin } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { CameraSnapshots } from './snapshots.ts';

/** Concurrent camera requests. */
const MAX_ASKED = 16;
/** Cached pictures, 60 kB each at most. */
const MAX_KEPT = 50;
/** A camera may answer after its caller's time-out: the next caller gets that picture. */
const MAX_REQUEST_MS = 30_000;
const NO_PICTURE = 'no picture: the stream is not MJPEG, and the camera has no ONVIF service in the configuration';

interface PictureLimits {
  /** How long to wait for the camera. */
  readonly timeoutMs: number;
  /** Largest age of a kept picture; 0: take a new one. */
  readonly maxAgeMs: number;
}

/** For the picture of an event that starts now: within 2 s, and taken at most 2 s before it. */
export const OF_EVENT: PictureLimits = { timeoutMs: 1_800, maxAgeMs: 2_000 };

interface LivePicturesDeps {
  config(): Config;
  readonly paths: Pick<PathTable, 'openStreams'>;
  /** Snapshots next to recordings: the nearest to a time in Unix microseconds. @throws PerchError without one */
  readonly recordings: {
    readonly playback: { snapshot(path: string, timeUs: number): Promise<{ jpeg: Uint8Array; timeUs: number }> };
  };
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface Kept {
  readonly jpeg: Uint8Array;
  /** When it was requested. */
  readonly takenMs: number;
}

/** Live pictures as JPEG, without decoding: frames of MJPEG streams, else the camera's own snapshots. */
export class LivePictures {
  readonly #deps: LivePicturesDeps;
  readonly #snapshots: CameraSnapshots;
  /** By path, monotonic. */
  readonly #kept = new Map<string, Kept>();
  /** By path: callers at the same time share a request. */
  readonly #asked = new Map<string, Promise<Uint8Array>>();

  constructor(deps: LivePicturesDeps) {
    this.#deps = deps;
    this.#snapshots = new CameraSnapshots(deps.config);
  }

  /** A JPEG. @throws PerchError unavailable, timeout, unsupported, exhausted, or the camera's failure */
  async picture(path: string, { timeoutMs, maxAgeMs }: PictureLimits): Promise<Uint8Array> {
    if (this.#isPrivate(path)) {
      throw new PerchError('unavailable', 'no picture: the camera is private in the present mode', { path });
    }
    return this.#inStream(path) ?? (await this.#young(path, maxAgeMs)) ?? (await this.#ask(path, timeoutMs));
  }

  /** Whether `picture` may succeed: the stream is MJPEG, or the camera has an ONVIF service and is not switched off. */
  hasPicture(path: string): boolean {
    return (
      !this.#isPrivate(path) && (this.#snapshots.sourceOf(path) !== undefined || this.#inStream(path) !== undefined)
    );
  }

  #isPrivate(path: string): boolean {
    return resolvePath(this.#deps.config(), path)?.settings?.isPrivate === true;
  }

  #inStream(path: string): Uint8Array | undefined {
    const stream = this.#deps.paths.openStreams().find(([name]) => name === path)?.[1];
    let picture: Uint8Array | undefined;
    stream?.replayKey({
      onSample: (track, { data }) => {
        if (stream.tracks[track]?.codec === 'mjpeg') {
          // A copy: the stream releases it with its GOP.
          picture = data.slice();
        }
      },
    });
    return picture;
  }

  /** From the cache, or from next to a recording. */
  async #young(path: string, maxAgeMs: number): Promise<Uint8Array | undefined> {
    const { clock, recordings } = this.#deps;
    const kept = this.#kept.get(path);
    if (kept && clock.monoMs() - kept.takenMs < maxAgeMs) {
      return kept.jpeg;
    }
    const nowUs = clock.wallMs() * 1000;
    try {
      const { jpeg, timeUs } = await recordings.playback.snapshot(path, nowUs);
      return nowUs - timeUs < maxAgeMs * 1000 ? jpeg : undefined;
    } catch (error) {
      if (error instanceof PerchError) {
        return undefined;
      }
      throw error;
    }
  }

  async #ask(path: string, timeoutMs: number): Promise<Uint8Array> {
    const answer = this.#asked.get(path) ?? this.#request(path);
    if (!(await endsWithin(this.#deps.clock, timeoutMs, answer))) {
      throw new PerchError('timeout', `no picture within ${timeoutMs / 1000} s`, { path });
    }
    return answer;
  }

  #request(path: string): Promise<Uint8Array> {
    const snapshots = this.#snapshots.sourceOf(path);
    if (!snapshots) {
      throw new PerchError('unsupported', NO_PICTURE, { path });
    }
    if (this.#asked.size >= MAX_ASKED) {
      throw new PerchError('exhausted', `${MAX_ASKED} pictures are being fetched: try again`, { path });
    }
    const { clock, signal } = this.#deps;
    const takenMs = clock.monoMs();
    const over = joinSignals([signal], MAX_REQUEST_MS);
    const answer = snapshots
      .fetch(over.signal)
      .then((jpeg) => {
        putBounded(this.#kept, path, { jpeg, takenMs }, MAX_KEPT);
        return jpeg;
      })
      .finally(() => {
        over.release();
        this.#asked.delete(path);
      });
    // Its callers may have timed out.
    answer.catch(() => {});
    this.#asked.set(path, answer);
    return answer;
  }
}
