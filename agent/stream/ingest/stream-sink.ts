import type { Track } from '../../media/sample/track.ts';
import type { Stream } from '../stream.ts';

/** What a source or a publisher is given by its path. */
export interface StreamSink {
  /** Samples are labelled with the sender's own clock, as its reports tell it. */
  readonly usesSenderClock?: boolean;
  /** Its sound is not taken. */
  readonly isSilent?: boolean;
  /** Media is there: makes the stream that its samples are written to. Called once in a connection, when every track is known. */
  open(tracks: readonly Track[]): Stream;
}
