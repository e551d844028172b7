import { PerchError } from '../../base/errors.ts';
import { codecOf } from '../../media/codecs.ts';
import { TsMuxer } from '../../media/mpegts/mux/mux.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';

/** The most unacknowledged packets, of 8,160 that fit: a reader above the limit waits for the next key picture. */
export const MAX_BUFFERED_PACKETS = 6_000;
/** Interval of the tables (PAT and PMT), in seconds: players expect them at least as often. */
const TABLES_EVERY_S = 0.5;
const NO_TRACK = -1;

/** Buffer shared by all outputs: filled and sent within one call. */
let scratch = new Uint8Array(256 << 10);

/** Sends `bytes[start, end)`, whole transport packets, which are valid during the call only. */
type SendTs = (bytes: Uint8Array, start: number, end: number) => void;

/** The stream of one reader as MPEG-TS: begins with a key picture. */
export class TsOutput {
  /** Frames left out because the reader was too slow. */
  discarded = 0;
  readonly #muxer: TsMuxer;
  /** Number in the multiplex of each track of the stream; -1: not in the multiplex. */
  readonly #numbers: readonly number[];
  readonly #tracks: Track[];
  readonly #leading: number;
  readonly #send: SendTs;
  readonly #isFull: () => boolean;
  #waitsForKey = true;
  #tablesS = Number.NEGATIVE_INFINITY;

  /** @throws PerchError unsupported if MPEG-TS can carry no track */
  constructor(tracks: readonly Track[], send: SendTs, isFull: () => boolean) {
    let count = 0;
    this.#numbers = tracks.map((track) => {
      count += codecOf(track).tsFormat?.(track) ? 1 : 0;
      return codecOf(track).tsFormat?.(track) ? count - 1 : NO_TRACK;
    });
    if (count === 0) {
      const labels = tracks.map((track) => codecOf(track).label).join(', ');
      throw new PerchError('unsupported', `MPEG-TS can carry no track of the stream: ${labels}`);
    }
    this.#muxer = new TsMuxer(tracks.filter((_, track) => this.#numbers[track] !== NO_TRACK));
    this.#tracks = [...tracks];
    this.#leading = tracks.findIndex(({ kind }, track) => kind === 'video' && this.#numbers[track] !== NO_TRACK);
    this.#send = send;
    this.#isFull = isFull;
  }

  onTrack(track: number, description: Track): void {
    const number = this.#numbers[track] ?? NO_TRACK;
    this.#tracks[track] = description;
    if (number !== NO_TRACK) {
      this.#muxer.describe(number, description);
    }
  }

  /** @returns bytes sent */
  onSample(track: number, sample: Sample): number {
    const number = this.#numbers[track] ?? NO_TRACK;
    if (number === NO_TRACK) {
      return 0;
    }
    if (this.#isFull()) {
      this.#waitsForKey = true;
      this.discarded += 1;
      return 0;
    }
    if (this.#waitsForKey) {
      if (this.#leading >= 0 && !(track === this.#leading && sample.key)) {
        this.discarded += Number.isFinite(this.#tablesS) ? 1 : 0;
        return 0;
      }
      this.#waitsForKey = false;
    }
    const muxer = this.#muxer;
    const room = muxer.tableBytes + muxer.maxBytesOf(number, sample);
    if (room > scratch.length) {
      scratch = new Uint8Array(2 ** Math.ceil(Math.log2(room)));
    }
    const seconds = sample.dts / (this.#tracks[track] as Track).clockRate;
    if (Math.abs(seconds - this.#tablesS) >= TABLES_EVERY_S) {
      this.#tablesS = seconds;
      muxer.begin(scratch);
    } else {
      muxer.resume(scratch);
    }
    muxer.write(number, sample, 0);
    this.#send(scratch, 0, muxer.sizeBytes);
    return muxer.sizeBytes;
  }
}
