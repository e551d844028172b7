import { stat } from 'node:fs/promises';
import { NalCleaner } from '../../media/mp4/read/segment-reader.ts';
import type { NalTrack, Track } from '../../media/sample/track.ts';
import { type Clip, type ClipTrack, readAt, versionOf } from './clip.ts';
import type { OfflineMedia, OfflineSample } from './offline-media.ts';

/** How far samples are read ahead of playback. */
const AHEAD_MS = 2_000;
/** With more bytes than this in memory, samples are read `MIN_AHEAD_MS` ahead only. */
const MAX_AHEAD_BYTES = 8 << 20;
const MIN_AHEAD_MS = 200;

interface PlayerEvents {
  /** The file has another content now; nothing more is read. */
  onChanged(): void;
  /** The file cannot be read. */
  onFailed(cause: unknown): void;
}

/** Plays a clip in a loop: reads samples shortly before they are due. Owns the open file. */
export class ClipPlayer {
  readonly tracks: readonly ClipMedia[];
  readonly #clip: Clip;
  readonly #path: string;
  readonly #events: PlayerEvents;
  #isReading = false;
  #isClosed = false;

  constructor(clip: Clip, path: string, events: PlayerEvents) {
    this.#clip = clip;
    this.#path = path;
    this.#events = events;
    this.tracks = clip.tracks.map((track) => new ClipMedia(track, clip.lengthMs, () => void this.#read()));
  }

  /** Begins to read. */
  start(): void {
    void this.#read();
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#isReading) {
      this.#release();
    }
  }

  /** Ignores errors: the file is open for reading only, so nothing can be lost. */
  #release(): void {
    this.#clip.handle.close().catch(() => {});
  }

  async #read(): Promise<void> {
    if (this.#isReading || this.#isClosed) {
      return;
    }
    this.#isReading = true;
    try {
      for (let next = this.#nextTrack(); next && !this.#isClosed; next = this.#nextTrack()) {
        if (next.isAtStart && next === this.tracks[0] && (await this.#isChanged())) {
          this.#isClosed = true;
          this.#events.onChanged();
          break;
        }
        const { offset, size } = next.place;
        next.add(await readAt(this.#clip.handle, offset, size));
      }
    } catch (error) {
      if (!this.#isClosed) {
        this.#isClosed = true;
        this.#events.onFailed(error);
      }
    } finally {
      this.#isReading = false;
      if (this.#isClosed) {
        this.#release();
      }
    }
  }

  /** The track that runs out of samples first, or undefined if enough is read. */
  #nextTrack(): ClipMedia | undefined {
    let neediest: ClipMedia | undefined;
    let bytes = 0;
    for (const track of this.tracks) {
      bytes += track.bytes;
      neediest = !neediest || track.aheadMs < neediest.aheadMs ? track : neediest;
    }
    const limitMs = bytes > MAX_AHEAD_BYTES ? MIN_AHEAD_MS : AHEAD_MS;
    return neediest && neediest.aheadMs < limitMs ? neediest : undefined;
  }

  /** Whether the file was changed or replaced. A deleted file still plays, because it is open. */
  async #isChanged(): Promise<boolean> {
    const version = await stat(this.#path)
      .then(versionOf)
      .catch(() => this.#clip.version);
    return version !== this.#clip.version;
  }
}

/** One track of a clip, in a loop. */
export class ClipMedia implements OfflineMedia {
  track: Track;
  /** Time from the beginning of the clip to the first sample. */
  readonly leadTicks: number;
  readonly #place: ClipTrack;
  readonly #loopTicks: number;
  readonly #onTaken: () => void;
  readonly #cleaner: NalCleaner | undefined;
  readonly #waiting: { readonly sample: OfflineSample; readonly track: Track }[] = [];
  /** The track with the parameter sets that have been read so far. */
  #readTrack: Track;
  #cleaned: Uint8Array | undefined;
  #index: number;
  #aheadTicks = 0;
  bytes = 0;

  constructor(place: ClipTrack, loopMs: number, onTaken: () => void) {
    const { track, leadMs } = place;
    this.track = track;
    this.#readTrack = track;
    this.#place = place;
    this.#index = place.first;
    this.#loopTicks = Math.round((loopMs * track.clockRate) / 1_000);
    this.leadTicks = Math.round((leadMs * track.clockRate) / 1_000);
    this.#onTaken = onTaken;
    const isNal = track.codec === 'h264' || track.codec === 'h265';
    this.#cleaner = isNal ? new NalCleaner(track as NalTrack, this.#sink()) : undefined;
  }

  get aheadMs(): number {
    return (this.#aheadTicks / this.track.clockRate) * 1_000;
  }

  /** Whether the next sample to read is the first of the clip. */
  get isAtStart(): boolean {
    return this.#index === this.#place.first;
  }

  /** Place of the next sample to read, in bytes of the file. */
  get place(): { readonly offset: number; readonly size: number } {
    const { offsets, sizes } = this.#place.samples;
    return { offset: offsets[this.#index] as number, size: sizes[this.#index] as number };
  }

  /** @param data of the sample at `place` */
  add(data: Uint8Array): void {
    const { samples, first, end, shiftTicks, timescale } = this.#place;
    const i = this.#index;
    this.#index = i + 1 < end ? i + 1 : first;
    const isKey = samples.keys[i] === 1;
    const untilTicks = this.#index === first ? this.#loopTicks : this.#ticksOf(this.#index);
    const ticks = Math.max(1, untilTicks - this.#ticksOf(i));
    const offset = (samples.compositionOffsets[i] as number) - shiftTicks;
    const ptsOffset = Math.round((offset * this.track.clockRate) / timescale);
    const sample = { data: this.#clean(data, isKey), isKey, ticks, ptsOffset };
    this.#waiting.push({ sample, track: this.#readTrack });
    this.#aheadTicks += ticks;
    this.bytes += sample.data.length;
  }

  next(): OfflineSample | undefined {
    const next = this.#waiting.shift();
    if (next) {
      this.track = next.track;
      this.#aheadTicks -= next.sample.ticks;
      this.bytes -= next.sample.data.length;
    }
    this.#onTaken();
    return next?.sample;
  }

  /** Decode time of a sample, from the first one. */
  #ticksOf(i: number): number {
    const { samples, first, timescale } = this.#place;
    const ticks = (samples.times[i] as number) - (samples.times[first] as number);
    return Math.round((ticks * this.track.clockRate) / timescale);
  }

  /** Empty: nothing of the sample can be used. */
  #clean(data: Uint8Array, isKey: boolean): Uint8Array {
    if (!this.#cleaner) {
      return data;
    }
    this.#cleaned = undefined;
    this.#cleaner.onUnit(0, 0, isKey, data);
    return this.#cleaned ?? data.subarray(0, 0);
  }

  #sink() {
    return {
      onUnit: (_pts: number, _dts: number, _key: boolean, data: Uint8Array) => {
        this.#cleaned = data;
      },
      onTrack: (track: Track) => {
        this.#readTrack = track;
      },
      onDamage: () => {},
    };
  }
}
