import { unlessExpected } from '../../../base/errors.ts';
import type { NalTrack, Track } from '../../../media/sample/track.ts';
import type { MotionRules } from '../detection/region-detector.ts';
import { TrackMotion } from '../detection/track-motion.ts';
import { MovedSeconds } from './moved-seconds.ts';
import type { MovedWriter } from './moved-table.ts';

/** Looks for motion in recordings of one path. What it has learnt stays valid from file to file while the parameter sets are the same. */
export class RecordedDetection {
  readonly #rules: MotionRules;
  readonly #seconds: MovedSeconds;
  #track: Track | undefined;
  /** Undefined: the track cannot be read. */
  #motion: TrackMotion | undefined;

  constructor(rules: MotionRules, writer: MovedWriter) {
    this.#rules = rules;
    this.#seconds = new MovedSeconds(writer);
  }

  /** Begins with a track, or continues with it. @returns whether its blocks can be read */
  readonly wants = (track: Track): boolean => {
    if (track !== this.#track && !isSameVideo(track, this.#track)) {
      this.end();
      this.#motion = isNal(track) ? unlessExpected(() => new TrackMotion(track)) : undefined;
      if (this.#motion) {
        this.#motion.rules = this.#rules;
      }
    }
    this.#track = track;
    return this.#motion?.moved !== undefined;
  };

  add(data: Uint8Array, timeUs: number): void {
    this.#seconds.at(Math.floor(timeUs / 1e6), this.#motion?.moved);
    this.#motion?.add(data, timeUs / 1000);
  }

  end(): void {
    this.#seconds.end(this.#motion?.moved);
  }
}

const isNal = (track: Track): track is NalTrack => track.codec === 'h264' || track.codec === 'h265';

function isSameVideo(a: Track, b: Track | undefined): boolean {
  if (!b || !isNal(a) || !isNal(b) || a.codec !== b.codec) {
    return false;
  }
  const [sets, others] = [a, b].map(({ sps, pps }) => [sps, ...pps]) as [Uint8Array[], Uint8Array[]];
  return sets.length === others.length && sets.every((set, i) => Buffer.compare(set, others[i] as Uint8Array) === 0);
}
