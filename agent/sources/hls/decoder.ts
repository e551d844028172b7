import { PerchError } from '../../base/errors.ts';
import { NalCleaner, SegmentReader, type SegmentTrack } from '../../media/mp4/read/segment-reader.ts';
import { TsDemuxer, type TsStream } from '../../media/mpegts/demux/demuxer.ts';
import type { UnitSink } from '../../media/payload/depacketizer.ts';
import type { NalTrack, Track } from '../../media/sample/track.ts';
import type { PlayoutTrack } from './playout.ts';
import type { Chunk } from './rendition.ts';

const TS_CLOCK_HZ = 90_000;

/** A track that a rendition turns out to have. */
export interface FoundTrack {
  /** Name of the codec, such as `H264` or `avc1`. */
  readonly label: string;
  readonly isVideo: boolean;
  readonly isSupported: boolean;
  /** Ticks per second of its units' times. */
  readonly clockRate: number;
  /** Undefined: known with the first unit. */
  readonly track: Track | undefined;
}

/** Takes the tracks of a rendition. @returns where the units of each go, or undefined if they are dropped */
type OnTracks = (found: readonly FoundTrack[]) => readonly (PlayoutTrack | undefined)[];

/** Turns the segments of one rendition into units: fMP4 or MPEG-TS. */
export class SegmentDecoder {
  readonly #onTracks: OnTracks;
  #outputs: readonly (PlayoutTrack | undefined)[] = [];
  /** Labels and clock rates of the first tracks: later ones have to be the same. */
  #kinds: string | undefined;
  #timeline = -1;
  /** Capture time of the chunk's first unit, by the server, in Unix milliseconds, or undefined if not given. */
  #wallMs: number | undefined;
  #init: Uint8Array | undefined;
  #mp4: SegmentReader | undefined;
  #sinks: ReadonlyMap<number, UnitSink> = new Map();
  #ts: TsDemuxer | undefined;

  constructor(onTracks: OnTracks) {
    this.#onTracks = onTracks;
  }

  /** Time of the newest unit, on the common timeline. */
  get lastMs(): number {
    return this.#outputs.reduce((last, output) => Math.max(last, output?.lastMs ?? 0), 0);
  }

  /** @throws PerchError for damaged segments, and when the tracks have changed */
  take({ bytes, init, timeline, wallMs }: Chunk): void {
    this.#wallMs = wallMs;
    if (timeline !== this.#timeline) {
      this.#ts?.end();
      this.#ts = undefined;
      this.#timeline = timeline;
    }
    if (init) {
      this.#takeMp4(bytes, init);
    } else {
      this.#ts ??= this.#newDemuxer();
      this.#move();
      this.#ts.push(bytes);
    }
  }

  end(): void {
    this.#ts?.end();
  }

  #takeMp4(bytes: Uint8Array, init: Uint8Array): void {
    if (init !== this.#init) {
      this.#init = init;
      this.#mp4 = new SegmentReader(init);
      this.#openMp4(this.#mp4.tracks);
    }
    this.#move();
    this.#mp4?.read(bytes, (id) => this.#sinks.get(id));
  }

  #openMp4(tracks: readonly SegmentTrack[]): void {
    const isNew = this.#open(
      tracks.map(({ codec, isVideo, timescale, track }) => ({
        label: codec,
        isVideo,
        isSupported: track !== undefined,
        clockRate: timescale,
        track,
      })),
    );
    const sinks = new Map<number, UnitSink>();
    for (const [i, { id, track }] of tracks.entries()) {
      const output = this.#outputs[i];
      if (output && track) {
        if (!isNew) {
          output.onTrack(track);
        }
        const isNal = track.codec === 'h264' || track.codec === 'h265';
        sinks.set(id, isNal ? new NalCleaner(track as NalTrack, output) : output);
      }
    }
    this.#sinks = sinks;
  }

  #newDemuxer(): TsDemuxer {
    return new TsDemuxer({
      onProgram: (streams) => this.#openTs(streams),
    });
  }

  #openTs(streams: readonly TsStream[]): readonly (UnitSink | undefined)[] {
    this.#open(
      streams.map(({ label, isVideo, codec }) => ({
        label,
        isVideo,
        isSupported: codec !== undefined,
        clockRate: TS_CLOCK_HZ,
        track: undefined,
      })),
    );
    this.#move();
    return this.#outputs;
  }

  /** @returns whether these are the first tracks */
  #open(found: readonly FoundTrack[]): boolean {
    const kinds = found.map(({ label, clockRate }) => `${label}/${clockRate}`).join(' ');
    if (this.#kinds !== undefined) {
      if (kinds !== this.#kinds) {
        throw new PerchError('unavailable', 'the HLS stream has changed its tracks: starting again with them');
      }
      return false;
    }
    this.#kinds = kinds;
    this.#outputs = this.#onTracks(found);
    return true;
  }

  /** Tells the outputs which of the server's timelines the next units are on. */
  #move(): void {
    for (const output of this.#outputs) {
      if (output) {
        output.timeline = this.#timeline;
        output.wallMs = this.#wallMs ?? output.wallMs;
      }
    }
  }
}
