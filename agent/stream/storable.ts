import { FlacFromG711, flacTrackOf } from '../media/flac/from-g711.ts';
import type { Sample } from '../media/sample.ts';
import { hold } from '../media/slab.ts';
import type { Track } from '../media/track.ts';
import { type Reader, Stream } from './stream.ts';

const derived = new WeakMap<Stream, StorableStream>();

/**
 * The stream as MP4 can hold it: the stream itself, or, when it has G.711 (which browsers refuse in MP4), one derived stream for all
 * who ask, with FLAC in its place. Other samples are the same objects. Close the original, never the derived one.
 */
export function storable(stream: Stream): Stream {
  if (!stream.tracks.some((track) => track.codec === 'g711')) {
    return stream;
  }
  const known = derived.get(stream) ?? new StorableStream(stream);
  derived.set(stream, known);
  return known;
}

const storableTrack = (track: Track): Track => (track.codec === 'g711' ? flacTrackOf(track) : track);

/** Reads its original only while it is read itself, so that an unread derived stream keeps no on-demand source running. */
class StorableStream extends Stream {
  readonly #origin: Stream;
  readonly #feeder: Reader;
  /** By track; undefined where samples pass untouched. */
  #converters: (FlacFromG711 | undefined)[] = [];
  #isFed = false;

  constructor(origin: Stream) {
    super(origin.tracks.map(storableTrack));
    this.#origin = origin;
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
    this.#origin.tracks.forEach((track, i) => {
      this.#converters[i] = this.#converterOf(i, track);
      // Parameter sets may have changed while nobody read.
      if (track.codec !== 'g711' && track !== this.tracks[i]) {
        this.setTrack(i, track);
      }
    });
    // With what the original keeps, so that a new reader starts at once here too.
    this.#origin.addReader(this.#feeder, true);
  }

  #converterOf(track: number, description: Track): FlacFromG711 | undefined {
    return description.codec === 'g711'
      ? new FlacFromG711(description, (frame: Sample) => this.write(track, frame))
      : undefined;
  }

  #take(track: number, sample: Sample): void {
    const converter = this.#converters[track];
    if (converter) {
      converter.push(sample);
    } else {
      hold(sample.data);
      this.write(track, sample);
    }
  }

  #describe(track: number, description: Track): void {
    this.#converters[track] = this.#converterOf(track, description);
    this.setTrack(track, storableTrack(description));
  }
}
