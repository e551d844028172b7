import { FlacFromPcm, flacTrackOf } from '../media/flac/from-pcm.ts';
import type { PcmTrack } from '../media/flac/pcm.ts';
import { tsFormatOf } from '../media/mpegts/stream-format.ts';
import type { Sample } from '../media/sample.ts';
import { hold } from '../media/slab.ts';
import { CODEC_LABEL, type Track } from '../media/track.ts';
import { type Reader, Stream } from './stream.ts';

/** What recordings are stored in. */
export type Container = 'fmp4' | 'mpegts';

/** What a container holds in the place of a track; undefined: nothing. */
type Place = (track: Track) => Track | undefined;

const derived: Record<Container, WeakMap<Stream, StorableStream>> = { fmp4: new WeakMap(), mpegts: new WeakMap() };

/** MP4 has no place for them, or none that any player knows. */
const UNSTORABLE: ReadonlySet<Track['codec']> = new Set(['g722', 'lpcm', 'mpeg-ts']);
/** What FLAC is made of has the order of channels that everybody knows. */
const MAX_PCM_CHANNELS = 2;

/**
 * The stream as a container can hold it: the stream itself, or one derived stream for all who ask, without what it cannot hold; in MP4 with
 * FLAC in the place of G.711 and LPCM (which browsers refuse in MP4). Other samples are the same objects.
 * Close the original, never the derived one.
 */
export function storable(stream: Stream, container: Container = 'fmp4'): Stream {
  const place = PLACES[container];
  if (stream.tracks.every((track) => place(track) === track)) {
    return stream;
  }
  const known = derived[container].get(stream) ?? new StorableStream(stream, place);
  derived[container].set(stream, known);
  return known;
}

/** What the storable stream goes without, for people: LPCM as such is stored in MP4. */
export function unstorableLabels(stream: Stream, container: Container = 'fmp4'): string[] {
  const left = stream.tracks.filter((track) => PLACES[container](track) === undefined);
  return left.map(
    (track) =>
      CODEC_LABEL[track.codec] +
      (container === 'fmp4' && track.codec === 'lpcm' ? ` with ${track.channels} channels` : ''),
  );
}

const isPcm = (track: Track): track is PcmTrack =>
  track.codec === 'g711' || (track.codec === 'lpcm' && track.channels <= MAX_PCM_CHANNELS);

const PLACES: Record<Container, Place> = {
  fmp4: (track) => {
    if (isPcm(track)) {
      return flacTrackOf(track);
    }
    return UNSTORABLE.has(track.codec) ? undefined : track;
  },
  mpegts: (track) => (tsFormatOf(track) ? track : undefined),
};

/** How a track of the original comes into the derived stream. */
interface Lane {
  /** Its number there. */
  readonly number: number;
  /** undefined: samples pass untouched. */
  readonly converter: FlacFromPcm | undefined;
}

/** Reads its original only while it is read itself, so that an unread derived stream keeps no on-demand source running. */
class StorableStream extends Stream {
  readonly #origin: Stream;
  readonly #place: Place;
  readonly #feeder: Reader;
  /** By track of the original; undefined: it is left out. */
  readonly #lanes: (Lane | undefined)[] = [];
  #isFed = false;

  constructor(origin: Stream, place: Place) {
    super(origin.tracks.map(place).filter((track) => track !== undefined));
    this.#origin = origin;
    this.#place = place;
    this.onAudience = () => origin.countAudience();
    const hasAudience = () => this.audience > 0;
    this.#feeder = {
      type: 'hidden',
      id: 'storable',
      countsHolds: true,
      get isAudience() {
        return hasAudience();
      },
      onSample: (track, sample) => this.#take(track, sample),
      onTrack: (track, description) => this.#describe(track, description),
      onDiscontinuity: (track) => {
        const lane = this.#lanes[track];
        if (lane) {
          this.markDiscontinuity(lane.number);
        }
      },
      onEnd: () => this.close(),
    };
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
      this.forgetGroup();
    }
  }

  override countSent(bytes: number): void {
    super.countSent(bytes);
    this.#origin.countSent(bytes);
  }

  #feed(): void {
    this.#isFed = true;
    let number = 0;
    this.#origin.tracks.forEach((track, i) => {
      this.#lanes[i] = undefined;
      const stored = this.#place(track);
      if (stored) {
        const lane = this.#laneOf(number, track, stored);
        this.#lanes[i] = lane;
        // Parameter sets may have changed while nobody read.
        if (!lane.converter && track !== this.tracks[number]) {
          this.setTrack(number, track);
        }
        number += 1;
      }
    });
    // With what the original keeps, so that a new reader starts at once here too.
    this.#origin.addReader(this.#feeder, true);
  }

  #laneOf(number: number, track: Track, stored: Track): Lane {
    const isConverted = stored.codec !== track.codec && isPcm(track);
    const converter = isConverted ? new FlacFromPcm(track, (frame: Sample) => this.write(number, frame)) : undefined;
    return { number, converter };
  }

  #take(track: number, sample: Sample): void {
    const lane = this.#lanes[track];
    if (lane?.converter) {
      lane.converter.push(sample);
    } else if (lane) {
      hold(sample.data);
      this.write(lane.number, sample);
    }
  }

  #describe(track: number, description: Track): void {
    const number = this.#lanes[track]?.number;
    const stored = this.#place(description);
    if (number !== undefined && stored) {
      this.#lanes[track] = this.#laneOf(number, description, stored);
      this.setTrack(number, stored);
    }
  }
}
