import type { Track } from '../media/sample/track.ts';
import type { Stream } from './stream.ts';

/** `flac`: Opus becomes FLAC, for players without Opus. What cannot be turned stays as it is. */
type AudioForm = 'flac';

/** Transcodes a stream's sound, once for all readers, and only while there is one. */
export interface AudioForms {
  /**
   * The stream itself where there is nothing to turn. Close the original, never the derived one.
   * Turning takes some milliseconds: sound comes a little later than the pictures, also that of a replay.
   */
  of(stream: Stream, form: AudioForm): Stream;
  /**
   * The same, once the sound of what the stream keeps has been turned, so that a replay has it. Never rejects; it does not take
   * longer than half a second, and the derived stream runs on for ten without a reader.
   */
  open(stream: Stream, form: AudioForm): Promise<Stream>;
}

/** Makes Opus of one track that browsers do not take over WebRTC: AAC-LC, PCM. */
export interface OpusSound {
  /** Why it cannot be done, in words for people without commas; undefined: it can. */
  whyNot(track: Track): string | undefined;
  /**
   * A stream of this one track, shared by all callers; it reads the original only while it is read. Close the original, never this one.
   * @param track number of a track for which nothing stands in the way
   */
  of(stream: Stream, track: number): Stream;
}
