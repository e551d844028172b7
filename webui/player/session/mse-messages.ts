import { failureOf, PlayError } from './live-session.ts';

/** The text messages between the segments. */
export type MseMessage = MseInit | MseClock | MseError | { readonly type: 'skip' | 'unknown' };

export interface MseInit {
  readonly type: 'init';
  /** `video/mp4; codecs="avc1.640028,fLaC"` */
  readonly mimeCodec: string;
  readonly tracks: readonly { readonly kind: 'video' | 'audio'; readonly label: string }[];
  readonly leftOut: readonly { readonly kind: 'video' | 'audio' | 'other'; readonly label: string }[];
  /** Media time of the start. */
  readonly liveS: number;
}

export interface MseClock {
  readonly type: 'clock';
  readonly mediaS: number;
  /** Unix milliseconds of the box: capture and sending. */
  readonly captureMs: number;
  readonly nowMs: number;
}

interface MseError {
  readonly type: 'error';
  readonly code: string;
  readonly error: string;
  readonly labels?: readonly string[];
}

/** Unknown messages of a newer version are ignored. */
export function parseMessage(text: string): MseMessage {
  try {
    const message = JSON.parse(text) as MseMessage | null;
    return typeof message?.type === 'string' ? message : { type: 'unknown' };
  } catch {
    return { type: 'unknown' };
  }
}

/** HTTP statuses of close codes. */
const STATUS = new Map([
  ['unauthorized', 401],
  ['notFound', 404],
  // Cameras may return.
  ['ended', 404],
]);

export function failureOfMse({ code, error, labels = [] }: MseError): PlayError {
  if (code === 'codecs') {
    return new PlayError('codec', `${error} (${labels.join(', ')})`);
  }
  return failureOf(STATUS.get(code) ?? 500, error);
}

/** Age of the shown frame since its capture by the box, independent of the local clock. */
export const lagMs = ({ nowMs, captureMs, mediaS }: MseClock, sinceMs: number, positionS: number): number =>
  nowMs + sinceMs - captureMs - (positionS - mediaS) * 1000;
