import type { Clock } from '../../../base/clock.ts';
import { ignoreExpected } from '../../../base/errors.ts';
import { streamLogin } from '../../../cameras/stream-login.ts';
import { release } from '../../../media/sample/slab.ts';
import { replayUri } from '../../../onvif/recordings/card-services.ts';
import { rtspLoginTarget } from '../../../sources/rtsp/protocol.ts';
import { type ReplayControl, replayRecording } from '../../../sources/rtsp/replay/replay.ts';
import type { ReplayTrack } from '../../../sources/rtsp/replay/replay-track.ts';
import type { Channel } from './channels.ts';
import type { OpenRecorder } from './recorder-session.ts';

/** Enough for some groups of pictures. */
const SAMPLE_MS = 8_000;
const MAX_SAMPLE_BYTES = 16 << 20;
const NAME = 'recorder';

interface Measured {
  /** Of the recording, per second of it. */
  readonly bytesPerSecond: number;
  /** That came per second. */
  readonly speed: number;
}

/** Replays some seconds of the newest recording of a channel. @returns undefined if it sends nothing now @throws the reason of `signal` */
export async function measureReplay(
  { session, camera, fingerprint }: OpenRecorder,
  { recordings }: Channel,
  clock: Clock,
  signal: AbortSignal,
): Promise<Measured | undefined> {
  const newest = recordings.at(-1);
  const { fromMs = Number.NaN, untilMs = Number.NaN } = newest ?? {};
  if (!newest || Number.isNaN(untilMs - fromMs)) {
    return undefined;
  }
  const sample = new Sample(clock);
  try {
    const url = await replayUri(session, newest.token);
    const { user, password } = session.credentials ?? {};
    // What is being recorded now is not complete.
    const originMs = Math.max(fromMs, untilMs - 3 * SAMPLE_MS);
    await replayRecording(
      {
        ...{ name: NAME, url, user, password, fingerprint, hasSound: true, clock },
        loginWatch: streamLogin(() => rtspLoginTarget(url, NAME), camera),
        ...{ fromMs: originMs, untilMs, maxBytesPerSecond: () => MAX_SAMPLE_BYTES },
      },
      sample,
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    return ignoreExpected(error);
  }
  return sample.measured;
}

/** Counts what comes, and keeps nothing. */
class Sample implements ReplayControl {
  isDone = false;
  readonly #clock: Clock;
  #bytes = 0;
  #fromMs = Number.POSITIVE_INFINITY;
  #untilMs = Number.NEGATIVE_INFINITY;
  #firstMs: number | undefined;
  #lastMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get measured(): Measured | undefined {
    const seconds = (this.#untilMs - this.#fromMs) / 1_000;
    const tookSeconds = Math.max(0.1, (this.#lastMs - (this.#firstMs ?? 0)) / 1_000);
    return seconds > 0 ? { bytesPerSecond: this.#bytes / seconds, speed: this.#bytes / tookSeconds } : undefined;
  }

  onTrack(): void {}

  onUnit({ isVideo, times }: ReplayTrack, pts: number, _dts: number, _key: boolean, data: Uint8Array): void {
    const unixMs = times.unixMsOf(pts);
    this.#bytes += data.length;
    release(data);
    this.#lastMs = this.#clock.monoMs();
    this.#firstMs ??= this.#lastMs;
    if (isVideo) {
      this.#fromMs = Math.min(this.#fromMs, unixMs);
      this.#untilMs = Math.max(this.#untilMs, unixMs);
    }
    this.isDone ||= this.#untilMs - this.#fromMs >= SAMPLE_MS || this.#bytes >= MAX_SAMPLE_BYTES;
  }

  onHole(): void {}

  onDamage(): void {}
}
