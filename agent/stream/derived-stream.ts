import type { Sample } from '../media/sample/sample.ts';
import { hold } from '../media/sample/slab.ts';
import type { Track } from '../media/sample/track.ts';
import { type Reader, Stream } from './stream.ts';

/** Converts the samples of a track, at once or later, in order. */
export interface Converter {
  /** Reads the sample's data during the call only, or takes a hold. */
  push(sample: Sample): void;
  /** Nothing is emitted after this call. */
  close?(): void;
}

/** A track of the original in the derived stream. */
export interface DerivedTrack {
  readonly track: Track;
  /** Undefined if samples pass unchanged. */
  readonly convert?: (emit: (sample: Sample) => void) => Converter;
}

interface DerivedPlan {
  /** Id of the reader of the original stream, for messages. */
  readonly id: string;
  /**
   * Called for each track at the start, and again when its description changes.
   * Undefined if the track is left out; if it was present at the start, it is silent until it fits again.
   */
  place(track: Track, number: number): DerivedTrack | undefined;
  /** Replays the cached group of the original, so that a new reader starts at once. */
  readonly startsWithGroup: boolean;
}

interface TrackMapping {
  /** Track number in the derived stream. */
  readonly number: number;
  readonly converter: Converter | undefined;
}

const isAlike = (track: Track, other: Track | undefined): boolean =>
  track.clockRate === other?.clockRate && channelsOf(track) === channelsOf(other);
const channelsOf = (track: Track): number => (track.kind === 'audio' ? track.channels : 0);

/** Drops the samples of a track while `place` returns undefined for it. */
const MUTE: Converter = { push: () => {} };

/**
 * A stream with some tracks of another one converted. Samples of the other tracks are the same objects.
 * It reads the original only while it has readers itself, so that it does not keep an on-demand source running.
 * Close the original, never the derived one.
 */
export class DerivedStream extends Stream {
  readonly #origin: Stream;
  readonly #plan: DerivedPlan;
  readonly #feeder: Reader;
  /** Constant track number in this stream, by track of the original, or undefined if left out. */
  readonly #numbers: readonly (number | undefined)[];
  /** Mappings by track of the original, or undefined if left out. */
  readonly #mappings: (TrackMapping | undefined)[] = [];
  #isFed = false;

  constructor(origin: Stream, plan: DerivedPlan) {
    const places = origin.tracks.map((track, number) => plan.place(track, number)?.track);
    super(
      places.filter((track) => track !== undefined),
      { isOnDemand: origin.isOnDemand },
    );
    this.#origin = origin;
    this.#plan = plan;
    let count = 0;
    this.#numbers = places.map((track) => {
      count += track ? 1 : 0;
      return track && count - 1;
    });
    this.onAudience = () => origin.countAudience();
    this.onUrgentReader = () => origin.onUrgentReader?.();
    const hasAudience = () => this.audience > 0;
    const toleratedDelayMs = () => this.toleratedDelayMs;
    this.#feeder = {
      id: plan.id,
      countsHolds: true,
      get isAudience() {
        return hasAudience();
      },
      get toleratedDelayMs() {
        return toleratedDelayMs();
      },
      onSample: (track, sample) => this.#take(track, sample),
      onTrack: (track, description) => this.#describe(track, description),
      onDiscontinuity: (track) => {
        const mapping = this.#mappings[track];
        if (mapping) {
          this.markDiscontinuity(mapping.number);
        }
      },
      onEnd: () => {
        this.#closeMappings();
        this.close();
      },
    };
  }

  override get longestGroupMs(): number {
    return this.#origin.longestGroupMs;
  }

  override addReader(reader: Reader, replay: boolean): void {
    if (!this.#isFed && !this.isClosed) {
      this.#feed();
    }
    super.addReader(reader, replay);
  }

  override removeReader(reader: Reader): void {
    super.removeReader(reader);
    if (this.readers.length === 0 && this.#isFed) {
      this.#isFed = false;
      this.#origin.removeReader(this.#feeder);
      this.#closeMappings();
      this.forgetGroup();
    }
  }

  override countSent(bytes: number): void {
    super.countSent(bytes);
    this.#origin.countSent(bytes);
  }

  override requestKeyFrame(): boolean {
    return this.#origin.requestKeyFrame();
  }

  #feed(): void {
    this.#isFed = true;
    this.#numbers.forEach((number, i) => {
      if (number === undefined) {
        return;
      }
      const place = this.#plan.place(this.#origin.tracks[i] as Track, i);
      this.#mappings[i] = this.#mappingOf(number, place);
      // The track may have changed while there was no reader.
      if (place && (place.convert ? !isAlike(place.track, this.tracks[number]) : place.track !== this.tracks[number])) {
        this.setTrack(number, place.track);
      }
    });
    this.#origin.addReader(this.#feeder, this.#plan.startsWithGroup);
  }

  #mappingOf(number: number, place: DerivedTrack | undefined): TrackMapping {
    return { number, converter: place ? place.convert?.((sample) => this.write(number, sample)) : MUTE };
  }

  #take(track: number, sample: Sample): void {
    const mapping = this.#mappings[track];
    if (mapping?.converter) {
      mapping.converter.push(sample);
    } else if (mapping) {
      hold(sample.data);
      this.write(mapping.number, sample);
    }
  }

  #describe(track: number, description: Track): void {
    const mapping = this.#mappings[track];
    if (!mapping) {
      return;
    }
    const place = this.#plan.place(description, track);
    mapping.converter?.close?.();
    this.#mappings[track] = this.#mappingOf(mapping.number, place);
    if (place) {
      this.setTrack(mapping.number, place.track);
    }
  }

  #closeMappings(): void {
    for (const mapping of this.#mappings) {
      mapping?.converter?.close?.();
    }
    this.#mappings.length = 0;
  }
}
