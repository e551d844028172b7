import type { TrackRun } from '../../media/mp4/write/fragment.ts';
import { TrackRunBuffer } from '../../media/mp4/write/track-run.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';

/** A track being recorded: the samples of the current part, then the newest one, whose end is unknown. */
export class TrackBuffer extends TrackRunBuffer {
  nextTrack: Track | undefined;
  /** Video samples before the first key sample cannot be decoded. */
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

  /** The newest sample is the file's last. */
  close(): void {
    this.#isClosed = true;
  }

  /** Ticks of the complete samples. */
  get wholeTicks(): number {
    const { first, last } = this;
    return first && last ? (this.#isClosed ? this.endDtsOf(this.count) : last.dts) - first.dts : 0;
  }

  /** The complete samples. Their holds pass to the caller. */
  takeWhole(): TrackRun | undefined {
    const count = this.#isClosed ? this.count : this.count - 1;
    return count > 0 ? this.take(count) : undefined;
  }

  /** A DTS in seconds of stream time. */
  secondsOf(dts: number): number {
    return dts / this.track.clockRate;
  }

  ticksOf(seconds: number): number {
    return Math.round(seconds * this.track.clockRate);
  }
}

/** The track that determines cuts: the first video track, else the first. */
export function leadingTrackOf(tracks: readonly Track[]): number {
  return Math.max(
    0,
    tracks.findIndex((track) => track.kind === 'video'),
  );
}
