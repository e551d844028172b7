import { putBounded } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { joinSignals } from '../../base/joined-signal.ts';
import { type Config, resolvePath } from '../../config/load/load.ts';
import type { PathTable } from '../../paths/path-table.ts';
import { CODE, failure } from '../../zlm/call.ts';
import type { PictureRequest } from '../../zlm/calls.ts';
import { CameraSnapshots } from '../recordings/snapshots.ts';

/** Concurrent camera requests. */
const MAX_ASKED = 4;
/** Cached pictures, 60 kB each at most. */
const MAX_KEPT = 50;
const NO_PICTURE = 'no picture: the stream is not MJPEG, and the camera has no ONVIF service in the configuration';

export interface ZlmPicturesDeps {
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
  readonly takenMs: number;
}

/** Live pictures as JPEG, without decoding: frames of MJPEG streams, else the camera's own snapshots. */
export class ZlmPictures {
  readonly #deps: ZlmPicturesDeps;
  readonly #stills: CameraSnapshots;
  /** By path, monotonic. */
  readonly #kept = new Map<string, Kept>();
  #asked = 0;

  constructor(deps: ZlmPicturesDeps) {
    this.#deps = deps;
    this.#stills = new CameraSnapshots(deps.config);
  }

  /** @throws PerchError with ZLMediaKit's code */
  async picture(path: string, { timeoutMs, maxAgeMs }: PictureRequest): Promise<Uint8Array> {
    if (resolvePath(this.#deps.config(), path)?.settings?.isPrivate) {
      throw failure(CODE.failed, 'no picture: the camera is private in the present mode');
    }
    return this.#inStream(path) ?? (await this.#young(path, maxAgeMs)) ?? (await this.#ask(path, timeoutMs));
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
    const stills = this.#stills.sourceOf(path);
    if (!stills) {
      throw failure(CODE.failed, NO_PICTURE);
    }
    if (this.#asked >= MAX_ASKED) {
      throw failure(CODE.failed, `${MAX_ASKED} pictures are being fetched: try again`);
    }
    const over = joinSignals([this.#deps.signal], timeoutMs);
    this.#asked += 1;
    try {
      const jpeg = await stills.fetch(over.signal);
      putBounded(this.#kept, path, { jpeg, takenMs: this.#deps.clock.monoMs() }, MAX_KEPT);
      return jpeg;
    } catch (error) {
      if (over.signal.aborted) {
        throw failure(CODE.failed, `no picture within ${timeoutMs / 1000} s`);
      }
      throw error instanceof PerchError ? failure(CODE.failed, explain(error)) : error;
    } finally {
      over.release();
      this.#asked -= 1;
    }
  }
}
