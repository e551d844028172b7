import type { Stream } from './stream.ts';

/**
 * `opus`: what WebRTC cannot carry (AAC-LC, LPCM, wide G.711) becomes Opus. `flac`: Opus becomes FLAC, for players without Opus.
 * What cannot be turned stays as it is.
 */
export type AudioForm = 'opus' | 'flac';

/** Makes other sound of a stream's, once for all who ask, and only while somebody reads it. */
export interface AudioForms {
  /** The stream itself where there is nothing to turn. Close the original, never the derived one. */
  of(stream: Stream, form: AudioForm): Stream;
}
