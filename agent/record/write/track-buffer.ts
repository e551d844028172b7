import type { TrackRun } from '../../media/mp4/write/fragment.ts';
import { TrackRunBuffer } from '../../media/mp4/write/track-run.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';

/** One track on its way into a file: the samples of the part being collected, then the newest one, whose end is not known yet. */
export class TrackBuffer extends TrackRunBuffer {
  /** The track from the next file on. */
  nextTrack: Track | undefined;
  /** Samples of a video track before its first key sample cannot be decoded. */
  wantsKey: boolean;
  #isClosed = false;

  constructor(number: number, track: Track) {
    super(number, track);
    this.wantsKey = track.kind === 'video';
  }

  override append(sample: Sample): boolean {
    this.#isClosed = false;
    return super.append(sample);
  }

  /** Nothing follows the newest sample in this file. */
  close(): void {
    this.#isClosed = true;
  }

  /** Ticks of the samples whose end is known. */
  get wholeTicks(): number {
    const { first, last } = this;
    return first && last ? (this.#isClosed ? this.endDtsOf(this.count) : last.dts) - first.dts : 0;
  }

  /** The samples whose end is known; undefined: there are none. Their holds pass to the caller. */
  takeWhole(): TrackRun | undefined {
    const count = this.#isClosed ? this.count : this.count - 1;
    return count > 0 ? this.take(count) : undefined;
  }

  /** Seconds on the stream's own scale. */
  secondsOf(dts: number): number {
    return dts / this.track.clockRate;
  }

  ticksOf(seconds: number): number {
    return Math.round(seconds * this.track.clockRate);
  }
}

/** The track that decides where files are cut: the first video track, else the first. */
export function leadingTrackOf(tracks: readonly Track[]): number {
  return Math.max(
    0,
    tracks.findIndex((track) => track.kind === 'video'),
  );
}
