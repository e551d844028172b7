import type { Clock } from '../../base/clock.ts';
import type { G711Track, H264Track } from '../../media/sample/track.ts';
import { H264Encoder } from './h264-encoder.ts';
import { Picture } from './picture.ts';
import { SOUND_PACKET_SAMPLES, SOUND_RATE_HZ, soundPacket } from './sound.ts';

export const VIDEO_FPS = 15;
/** A key frame every four seconds. */
export const VIDEO_GROUP = 60;
const BEATS_PER_PICTURE = 2;
const BEATS_PER_SECOND = VIDEO_FPS * BEATS_PER_PICTURE;
const VIDEO_CLOCK_HZ = 90_000;
const SOUND_PACKET_MS = (SOUND_PACKET_SAMPLES / SOUND_RATE_HZ) * 1000;
/** After a longer stall what was missed is left out. */
const MAX_LAG_MS = 500;
/** The wall clock is read through the monotonic one; it is taken anew when the two have come apart by this. */
const MAX_DRIFT_MS = 5;

/** Who plays one of the streams. `ticks` is the RTP clock, `unixMs` the moment that is shown or heard. */
export interface FeedListener {
  onVideo(unit: Uint8Array, ticks: number, unixMs: number): void;
  onSound(packet: Uint8Array, ticks: number, unixMs: number): void;
}

/** One stream of the feed: its own size of the scene and its own encoder, shared by all who play it. */
class Stream {
  readonly tracks: readonly [H264Track, G711Track];
  readonly listeners = new Set<FeedListener>();
  readonly #picture: Picture;
  readonly #encoder: H264Encoder;
  /** SPS and PPS as they go in front of every key frame: 4-byte length + NAL unit. */
  readonly #parameterSets: Uint8Array;
  #untilKey = 0;

  constructor(width: number, height: number) {
    this.#picture = new Picture(width, height);
    this.#encoder = new H264Encoder(width, height, VIDEO_FPS);
    const { sps, pps } = this.#encoder;
    this.#parameterSets = Buffer.concat([
      Uint8Array.of(0, 0, 0, sps.length),
      sps,
      Uint8Array.of(0, 0, 0, pps.length),
      pps,
    ]);
    this.tracks = [
      { kind: 'video', codec: 'h264', clockRate: VIDEO_CLOCK_HZ, width, height, fps: VIDEO_FPS, sps, pps: [pps] },
      { kind: 'audio', codec: 'g711', clockRate: SOUND_RATE_HZ, law: 'a', channels: 1 },
    ];
  }

  /** A newcomer starts at once, not at the next key frame. */
  add(listener: FeedListener): void {
    this.listeners.add(listener);
    this.wishKey();
  }

  wishKey(): void {
    this.#untilKey = 0;
  }

  makeVideo(ticks: number, unixMs: number): void {
    if (this.listeners.size === 0) {
      return;
    }
    this.#picture.draw(Math.round(unixMs));
    const isKey = this.#untilKey === 0;
    const slice = this.#encoder.encode(this.#picture.frame, isKey);
    const unit = isKey ? Buffer.concat([this.#parameterSets, slice]) : slice;
    this.#untilKey = (isKey ? VIDEO_GROUP : this.#untilKey) - 1;
    for (const listener of this.listeners) {
      listener.onVideo(unit, ticks, unixMs);
    }
  }
}

/** What an RTSP session plays. */
export type PlayedFeed = Pick<Feed, 'tracksOf' | 'listen'>;

/** The demo camera's pictures and sound, made on time while somebody plays them and not at all else. */
export class Feed {
  readonly #clock: Clock;
  readonly #streams = new Map<string, Stream>();
  #stop: AbortController | undefined;
  /** Unix milliseconds at monotonic time 0. */
  #wallOffsetMs = 0;
  #beat = 0;
  #soundIndex = 0;

  constructor(clock: Clock, sizes: ReadonlyMap<string, readonly [width: number, height: number]>) {
    this.#clock = clock;
    for (const [name, [width, height]] of sizes) {
      this.#streams.set(name, new Stream(width, height));
    }
  }

  tracksOf(name: string): readonly [H264Track, G711Track] | undefined {
    return this.#streams.get(name)?.tracks;
  }

  /** The next picture of a stream is a key frame. */
  wishKey(name: string): void {
    this.#streams.get(name)?.wishKey();
  }

  /** Plays a stream from its next picture on, which is a key frame; returns how to leave. */
  listen(name: string, listener: FeedListener): () => void {
    const stream = this.#streams.get(name);
    stream?.add(listener);
    if (!this.#stop) {
      this.#stop = new AbortController();
      void this.#run(this.#stop.signal);
    }
    return () => {
      stream?.listeners.delete(listener);
      if ([...this.#streams.values()].every(({ listeners }) => listeners.size === 0)) {
        this.#stop?.abort();
        this.#stop = undefined;
      }
    };
  }

  /**
   * Pictures and packets lie on a fixed grid of monotonic time, so the RTP clock runs on through pauses.
   * The loop wakes twice a picture and sends the sound that is whole by then: on a small machine waking up costs more than the work.
   */
  async #run(signal: AbortSignal): Promise<void> {
    // Nobody is called before `listen` has returned.
    await this.#clock.sleep(0, signal);
    this.#skipTo(this.#clock.monoMs());
    this.#readWall(true);
    while (!signal.aborted) {
      const nowMs = this.#clock.monoMs();
      const dueMs = (this.#beat * 1000) / BEATS_PER_SECOND;
      if (dueMs > nowMs) {
        await this.#clock.sleep(dueMs - nowMs, signal);
      } else if (nowMs - dueMs > MAX_LAG_MS) {
        this.#skipTo(nowMs);
      } else {
        this.#makeBeat(dueMs);
        this.#beat += 1;
      }
    }
  }

  #skipTo(monoMs: number): void {
    this.#beat = Math.ceil((monoMs * BEATS_PER_SECOND) / 1000);
    this.#soundIndex = Math.ceil(monoMs / SOUND_PACKET_MS);
  }

  #makeBeat(monoMs: number): void {
    this.#readWall(false);
    if (this.#beat % BEATS_PER_PICTURE === 0) {
      this.#makeVideo(monoMs);
    }
    // A packet of sound is whole at its end.
    while ((this.#soundIndex + 1) * SOUND_PACKET_MS <= monoMs) {
      this.#makeSound(this.#soundIndex * SOUND_PACKET_MS);
    }
  }

  #readWall(isFirst: boolean): void {
    const offsetMs = this.#clock.wallMs() - this.#clock.monoMs();
    if (isFirst || Math.abs(offsetMs - this.#wallOffsetMs) > MAX_DRIFT_MS) {
      this.#wallOffsetMs = offsetMs;
    }
  }

  #makeVideo(monoMs: number): void {
    const ticks = (this.#beat * VIDEO_CLOCK_HZ) / BEATS_PER_SECOND;
    for (const stream of this.#streams.values()) {
      stream.makeVideo(ticks, monoMs + this.#wallOffsetMs);
    }
  }

  #makeSound(monoMs: number): void {
    const unixMs = monoMs + this.#wallOffsetMs;
    const packet = soundPacket(unixMs);
    for (const { listeners } of this.#streams.values()) {
      for (const listener of listeners) {
        listener.onSound(packet, this.#soundIndex * SOUND_PACKET_SAMPLES, unixMs);
      }
    }
    this.#soundIndex += 1;
  }
}
