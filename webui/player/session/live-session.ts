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
  /** From the camera's picture at the device to its showing here, if the session knows it. */
  readonly lagMs?: number;
  /** WebRTC's statistics, of which more can be said. */
  readonly report?: RTCStatsReport;
}

/** One connection to the device that feeds a `<video>`. */
export interface LiveSession {
  readonly technology: Technology;
  /** The camera has sound that does not come this way. */
  readonly lacksSound: boolean;
  /** Only where the stream has no picture: how far its sound has come, in any unit. While that stands still nothing comes. */
  readonly soundAlone: (() => number) | undefined;
  /** Resolves with the reason when no more pictures will come. Never rejects. */
  readonly ended: Promise<string>;
  facts(): Promise<SessionFacts>;
  /** Ends it here and in the device. */
  close(): void;
}

/**
 * `codec`: this browser cannot decode it. `transport`: the device answers, the media does not come through.
 * `absent`: there is no such picture now. `refused`: not logged in. `away`: the device does not answer.
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

/** The names in the device's `Perch-Left-Out`: kinds and reasons are the device's words, which the page has in its own language. */
export const leftOutOf = (header: string | null): string[] =>
  entriesOf(header).map((track) => track.replace(/^(?:audio|video) /, '').replace(/ \([^()]*\)$/, ''));

/** Whether a sound stands among them: its track is there, and silent. */
export const isSoundLeftOut = (header: string | null): boolean =>
  entriesOf(header).some((track) => track.startsWith('audio '));

const entriesOf = (header: string | null): string[] => (header ?? '').split(', ').filter((track) => track !== '');

/** What the device's answer to a request for a picture means. */
export function failureOf(status: number, message: string): PlayError {
  // 503 are the device's own words: this way is not open now, another may be.
  if (status === 0 || status === 502 || status >= 504) {
    return new PlayError('away', message);
  }
  if (status === 401 || status === 403) {
    return new PlayError('refused', message);
  }
  // Of a path that was taken out of the configuration the device says so by 400.
  if (status === 404 || message.endsWith(' is not configured')) {
    return new PlayError('absent', message);
  }
  const isCodec = /codec|no browser takes|B-frames/i.test(message);
  return new PlayError(isCodec ? 'codec' : 'transport', message);
}

/** The end of a session, which before the first picture is a failure with a kind. */
export class SessionEnd {
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

/** Begins to play; without the sound where the browser lets a page make none before it was tapped. */
export async function playOrMute(video: HTMLVideoElement): Promise<void> {
  try {
    await video.play();
  } catch (error) {
    if (!isRefusal(error)) {
      return;
    }
    if (!video.muted) {
      video.muted = true;
      await playOrMute(video);
      return;
    }
    // Nothing moves before a tap (a phone that saves its battery).
    document.addEventListener('pointerup', () => video.play().catch(() => {}), { once: true });
  }
}

const isRefusal = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotAllowedError';

/** Resolves when there is a picture to show; rejects when there will be none. */
export async function waitForPicture(
  video: HTMLVideoElement,
  failed: Promise<PlayError>,
  limitMs: number,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onData = () => {};
  const shown = new Promise<undefined>((resolve) => {
    onData = () => resolve(undefined);
    video.addEventListener('loadeddata', onData, { once: true });
  });
  const late = new Promise<PlayError>((resolve) => {
    const text = `no picture within ${limitMs / 1000} s`;
    timer = setTimeout(() => resolve(new PlayError('transport', text)), limitMs);
  });
  const failure = await Promise.race([shown, failed, late]);
  clearTimeout(timer);
  video.removeEventListener('loadeddata', onData);
  if (failure) {
    throw failure;
  }
}
