import { type Codec, codecIn } from './codecs.ts';

/** In order of preference. */
export type Technology = 'WebRTC' | 'MSE' | 'HLS';

/** For the info card. */
export interface SessionFacts {
  /** `H.264`, if known. */
  readonly codec?: string;
  readonly bytesReceived?: number;
  readonly packetsLost?: number;
  /** Labels of tracks that are left out, such as `MPEG-4 Audio`. */
  readonly leftOut?: readonly string[];
  /** From arrival at the box to display, if known. */
  readonly lagMs?: number;
  /** Raw WebRTC statistics. */
  readonly report?: RTCStatsReport;
}

/** Reason of an end: the box has restarted, or another server of its fleet answers now. */
export const GONE = 'the server no longer has this session';

/** A connection to the box that feeds a `<video>`. */
export interface LiveSession {
  readonly technology: Technology;
  /** The technology leaves out the camera's audio. */
  readonly lacksSound: boolean;
  /** Only for streams without video: progress of the audio in any unit. */
  readonly soundAlone: (() => number) | undefined;
  /** Resolves with the reason of the end. Never rejects. */
  readonly ended: Promise<string>;
  /** Asks the box whether it still has the session, and ends it with `GONE` if not. Absent: its connection shows that. */
  check?(): Promise<void>;
  facts(): Promise<SessionFacts>;
  /** Ends the session here and on the box. */
  close(): void;
}

/**
 * `codec`: not decodable here. `transport`: media are not received. `absent`: no such stream now. `refused`: not
 * permitted. `away`: the box does not answer.
 */
export type FailureKind = 'codec' | 'transport' | 'absent' | 'refused' | 'away';

export class PlayError extends Error {
  override readonly name = 'PlayError';
  readonly kind: FailureKind;
  /** The codec, if known. */
  readonly codec: Codec | undefined;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.kind = kind;
    this.codec = kind === 'codec' ? codecIn(message) : undefined;
  }
}

/** Labels in the box's `Perch-Left-Out` header. */
export const leftOutOf = (header: string | null): string[] =>
  entriesOf(header).map((track) => track.replace(/^(?:audio|video) /, '').replace(/ \([^()]*\)$/, ''));

/** Whether audio was left out. */
export const isSoundLeftOut = (header: string | null): boolean =>
  entriesOf(header).some((track) => track.startsWith('audio '));

const entriesOf = (header: string | null): string[] => (header ?? '').split(', ').filter((track) => track !== '');

/** The error of a response. */
export function failureOf(status: number, message: string): PlayError {
  // 503 has the box's reason: another technology may work.
  if (status === 0 || status === 502 || status >= 504) {
    return new PlayError('away', message);
  }
  if (status === 401 || status === 403) {
    return new PlayError('refused', message);
  }
  // 400: the path was removed from the configuration.
  if (status === 404 || message.endsWith(' is not configured')) {
    return new PlayError('absent', message);
  }
  const isCodec = /codec|no browser takes|B-frames/i.test(message);
  return new PlayError(isCodec ? 'codec' : 'transport', message);
}

/** The end of a session; before the first frame it is an error with a kind. */
export class SessionEnd {
  readonly ended: Promise<string>;
  readonly failed: Promise<PlayError>;
  #settle: (error: PlayError) => void = () => {};

  constructor() {
    this.failed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.ended = this.failed.then((error) => error.message);
  }

  fail(error: PlayError): void {
    this.#settle(error);
  }
}

/** Starts playback; muted if the browser requires a gesture for audio. */
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
    // Autoplay is blocked, as in low power mode.
    document.addEventListener('pointerup', () => video.play().catch(() => {}), { once: true });
  }
}

const isRefusal = (error: unknown): boolean => error instanceof DOMException && error.name === 'NotAllowedError';

/** Opens a session by `open`; closes it after a failure or abort. */
export async function openSession<T extends LiveSession>(
  session: T,
  signal: AbortSignal,
  open: () => Promise<void>,
): Promise<T> {
  const onAbort = () => session.close();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await open();
    return session;
  } catch (error) {
    session.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Resolves with the first frame; rejects if there will be none. */
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
