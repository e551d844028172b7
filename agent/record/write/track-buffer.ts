import type { TrackRun } from '../../media/mp4/write/fragment.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';

/** One track on its way into a file: the newest sample, held until its end is known, and those of the part being collected. */
export class TrackBuffer {
  readonly number: number;
  description: Track;
  /** What the track becomes with the next file. */
  nextDescription: Track | undefined;
  /** The newest sample; its duration is known when the next one comes. */
  held: Sample | undefined;
  /** Whole samples of the part being collected, and the decode time at which the last one ends. */
  samples: Sample[] = [];
  endDts = 0;
  /** Decode time that the file being written counts from. */
  baseDts = 0;
  /** The duration of the last whole sample, for one that has no successor. */
  lastDuration = 0;
  /** Samples of a video track before its first key sample cannot be decoded. */
  wantsKey: boolean;

  constructor(number: number, description: Track) {
    this.number = number;
    this.description = description;
    this.wantsKey = description.kind === 'video';
  }

  /** Seconds on the stream's own scale. */
  secondsOf(dts: number): number {
    return dts / this.description.clockRate;
  }

  ticksOf(seconds: number): number {
    return Math.round(seconds * this.description.clockRate);
  }

  run(): TrackRun {
    const first = this.samples[0] as Sample;
    return { track: this.number, baseTime: first.dts - this.baseDts, samples: this.samples, endDts: this.endDts };
  }
}

/** Which track decides where files are cut: the first with pictures, else the first. */
export function leadingTrackOf(tracks: readonly Track[]): number {
  return Math.max(
    0,
    tracks.findIndex((track) => track.kind === 'video'),
  );
}
