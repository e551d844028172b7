import { type Codec, codecIn } from './codecs.ts';

/** The ways that pictures come, the best one first. */
export type Technology = 'WebRTC' | 'MSE' | 'HLS';

/** What the "i" shows. */
export interface SessionFacts {
  /** `H.264`, if the session knows it. */
  readonly codec?: string;
  readonly bytesReceived?: number;
  readonly packetsLost?: number;
  /** Names of tracks that do not come this way, such as `MPEG-4 Audio`. */
  readonly leftOut?: readonly string[];
  /** From the camera's picture at the box to its showing here, if the session knows it. */
  readonly lagMs?: number;
  /** WebRTC's statistics, of which more can be said. */
  readonly report?: RTCStatsReport;
}

/** One connection to the box that feeds a `<video>`. */
export interface LiveSession {
  readonly technology: Technology;
  /** The camera has sound that does not come this way. */
  readonly lacksSound: boolean;
  /** Only where the stream has no picture: how far its sound has come, in any unit. While that stands still nothing comes. */
  readonly soundAlone: (() => number) | undefined;
  /** Resolves with the reason when no more pictures will come. Never rejects. */
  readonly ended: Promise<string>;
  facts(): Promise<SessionFacts>;
  /** Ends it here and in the box. */
  close(): void;
}

/**
 * `codec`: this browser cannot decode it. `transport`: the box answers, the media does not come through.
 * `absent`: there is no such picture now. `refused`: not logged in. `away`: the box does not answer.
 */
export type FailureKind = 'codec' | 'transport' | 'absent' | 'refused' | 'away';

export class PlayError extends Error {
  override readonly name = 'PlayError';
  readonly kind: FailureKind;
  /** What cannot be decoded, if that is known. */
  readonly codec: Codec | undefined;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
    this.codec = kind === 'codec' ? codecIn(message) : undefined;
  }
}

/** The names in the box's `Perch-Left-Out`: kinds and reasons are the box's words, which the page has in its own language. */
export const leftOutOf = (header: string | null): string[] =>
  entriesOf(header).map((track) => track.replace(/^(?:audio|video) /, '').replace(/ \([^()]*\)$/, ''));

/** Whether a sound stands among them: its track is there, and silent. */
export const isSoundLeftOut = (header: string | null): boolean =>
  entriesOf(header).some((track) => track.startsWith('audio '));

const entriesOf = (header: string | null): string[] => (header ?? '').split(', ').filter((track) => track !== '');

/** What the box's answer to a request for a picture means. */
export function failureOf(status: number, message: string): PlayError {
  // 503 are the box's own words: this way is not open now, another may be.
  if (status === 0 || status === 502 || status >= 504) {
    return new PlayError('away', message);
  }
  if (status === 401 || status === 403) {
    return new PlayError('refused', message);
  }
  // Of a path that was taken out of the configuration the box says so by 400.
  if (status === 404 || message.endsWith(' is not configured')) {
    return new PlayError('absent', message);
  }
  const isCodec = /codec|no browser takes|B-frames/i.test(message);
  return new PlayError(isCodec ? 'codec' : 'transport', message);
}

/** The end of a session, which before the first picture is a failure with a kind. */
export class Ending {
  readonly ended: Promise<string>;
  readonly failed: Promise<PlayError>;
  fail: (error: PlayError) => void = () => {};

  constructor() {
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
    this.ended = this.failed.then((error) => error.message);
  }
}
