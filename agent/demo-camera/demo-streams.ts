import type { Clock } from '../base/clock.ts';
import { H264Encoder } from '../media/h264/encode/encoder.ts';
import type { G711Track, H264Track } from '../media/sample/track.ts';
import { Picture } from './picture.ts';

export const VIDEO_FPS = 15;
/** A key frame every four seconds. */
const GROUP_SECONDS = 4;
export const VIDEO_GROUP = GROUP_SECONDS * VIDEO_FPS;
const STEPS_PER_SECOND = 2 * VIDEO_FPS;
const VIDEO_CLOCK_HZ = 90_000;
export const SOUND_RATE_HZ = 8000;
export const SOUND_PACKET_SAMPLES = 160;
const SOUND_PACKET_MS = (SOUND_PACKET_SAMPLES / SOUND_RATE_HZ) * 1000;
const TICK_HZ = 1000;
const TICK_MS = 30;
const TICK_AMPLITUDE = 12_000;
/** After a longer stall missed pictures are skipped. */
const MAX_LAG_MS = 500;
/** The wall clock is derived from the monotonic one, and read again when they differ by more. */
const MAX_DRIFT_MS = 5;

/** Receives one of the streams. `ticks` is the RTP clock, `unixMs` the time of the picture or sound. */
export interface StreamListener {
  onVideo(unit: Uint8Array, ticks: number, unixMs: number): void;
  onSound(packet: Uint8Array, ticks: number, unixMs: number): void;
}

/** One size of the scene and its encoder, shared by all listeners. */
class DemoStream {
  readonly tracks: readonly [H264Track, G711Track];
  readonly listeners = new Set<StreamListener>();
  readonly #picture: Picture;
  readonly #encoder: H264Encoder;
  /** SPS and PPS as they go in front of every key frame: 4-byte length + NAL unit. */
  readonly #parameterSets: Uint8Array;
  readonly #group: number;
  #untilKey = 0;

  constructor(width: number, height: number, fps: number) {
    this.#group = GROUP_SECONDS * fps;
    this.#picture = new Picture(width, height);
    this.#encoder = new H264Encoder(width, height, fps);
    const { sps, pps } = this.#encoder;
    this.#parameterSets = Buffer.concat([
      Uint8Array.of(0, 0, 0, sps.length),
      sps,
      Uint8Array.of(0, 0, 0, pps.length),
      pps,
    ]);
    this.tracks = [
      { kind: 'video', codec: 'h264', clockRate: VIDEO_CLOCK_HZ, width, height, fps, sps, pps: [pps] },
      { kind: 'audio', codec: 'g711', clockRate: SOUND_RATE_HZ, law: 'a', channels: 1 },
    ];
  }

  /** Makes the next picture a key frame, so that the listener starts at once. */
  add(listener: StreamListener): void {
    this.listeners.add(listener);
    this.requestKeyFrame();
  }

  requestKeyFrame(): void {
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
    this.#untilKey = (isKey ? this.#group : this.#untilKey) - 1;
    for (const listener of this.listeners) {
      listener.onVideo(unit, ticks, unixMs);
    }
  }
}

/** What an RTSP session plays. */
export type PlayedStreams = Pick<DemoStreams, 'tracksOf' | 'listen'>;

/** The demo camera's pictures and sound, generated in real time while there are listeners. */
export class DemoStreams {
  readonly #clock: Clock;
  readonly #streams = new Map<string, DemoStream>();
  readonly #stepsPerPicture: number;
  #stop: AbortController | undefined;
  /** Unix milliseconds at monotonic time 0. */
  #wallOffsetMs = 0;
  #step = 0;
  #soundIndex = 0;

  /** @param fps a divisor of 30 */
  constructor(clock: Clock, sizes: ReadonlyMap<string, readonly [width: number, height: number]>, fps = VIDEO_FPS) {
    this.#clock = clock;
    this.#stepsPerPicture = STEPS_PER_SECOND / fps;
    for (const [name, [width, height]] of sizes) {
      this.#streams.set(name, new DemoStream(width, height, fps));
    }
  }

  tracksOf(name: string): readonly [H264Track, G711Track] | undefined {
    return this.#streams.get(name)?.tracks;
  }

  /** Makes the next picture of a stream a key frame. */
  requestKeyFrame(name: string): void {
    this.#streams.get(name)?.requestKeyFrame();
  }

  /** Plays a stream from its next picture on, which is a key frame. @returns a function that ends it */
  listen(name: string, listener: StreamListener): () => void {
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
   * Pictures and packets are on a fixed grid of monotonic time, so the RTP clock continues through pauses.
   * The loop wakes 30 times a second and sends the complete packets of sound: on a small box a wake-up costs more than the work.
   */
  async #run(signal: AbortSignal): Promise<void> {
    // No listener is called before `listen` has returned.
    await this.#clock.sleep(0, signal);
    this.#skipTo(this.#clock.monoMs());
    this.#readWall(true);
    while (!signal.aborted) {
      const nowMs = this.#clock.monoMs();
      const dueMs = (this.#step * 1000) / STEPS_PER_SECOND;
      if (dueMs > nowMs) {
        await this.#clock.sleep(dueMs - nowMs, signal);
      } else if (nowMs - dueMs > MAX_LAG_MS) {
        this.#skipTo(nowMs);
      } else {
        this.#makeStep(dueMs);
        this.#step += 1;
      }
    }
  }

  #skipTo(monoMs: number): void {
    this.#step = Math.ceil((monoMs * STEPS_PER_SECOND) / 1000);
    this.#soundIndex = Math.ceil(monoMs / SOUND_PACKET_MS);
  }

  #makeStep(monoMs: number): void {
    this.#readWall(false);
    if (this.#step % this.#stepsPerPicture === 0) {
      this.#makeVideo(monoMs);
    }
    // A packet of sound is complete at its end.
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
    const ticks = (this.#step * VIDEO_CLOCK_HZ) / STEPS_PER_SECOND;
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

/** A-law byte of a 16-bit sample, ITU-T G.711 §3: sign, 3 bits of segment, 4 bits of step, every second bit inverted. */
export function encodeALaw(sample: number): number {
  const sign = sample >= 0 ? 0x80 : 0;
  const magnitude = Math.min(4095, (sample >= 0 ? sample : -sample - 1) >> 3);
  const segment = magnitude < 32 ? 0 : 27 - Math.clz32(magnitude);
  const step = (magnitude >> Math.max(1, segment)) & 0x0f;
  return (sign | (segment << 4) | step) ^ 0x55;
}

const SILENCE = encodeALaw(0);
const TICK = Uint8Array.from({ length: (SOUND_RATE_HZ * TICK_MS) / 1000 }, (_, i) =>
  encodeALaw(Math.round(TICK_AMPLITUDE * Math.sin((2 * Math.PI * TICK_HZ * i) / SOUND_RATE_HZ))),
);

/**
 * 20 ms of the demo camera's sound: silence, and a tick in the first 30 ms of every second of the wall clock.
 * @param unixMs time of the first sample
 */
export function soundPacket(unixMs: number): Uint8Array {
  const packet = new Uint8Array(SOUND_PACKET_SAMPLES).fill(SILENCE);
  const first = Math.round((unixMs % 1000) * (SOUND_RATE_HZ / 1000));
  packet.set(TICK.subarray(first, first + packet.length));
  const untilNext = SOUND_RATE_HZ - first;
  if (untilNext < packet.length) {
    packet.set(TICK.subarray(0, packet.length - untilNext), untilNext);
  }
  return packet;
}
