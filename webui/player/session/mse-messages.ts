import { failureOf, PlayError } from './live-session.ts';

/** What the device says between the pieces: of its protocol what a player looks at. */
export type MseMessage = MseInit | MseClock | MseError | { readonly type: 'skip' | 'unknown' };

export interface MseInit {
  readonly type: 'init';
  /** `video/mp4; codecs="avc1.640028,fLaC"` */
  readonly mimeCodec: string;
  readonly tracks: readonly { readonly kind: 'video' | 'audio'; readonly label: string }[];
  readonly leftOut: readonly { readonly kind: 'video' | 'audio' | 'other'; readonly label: string }[];
  /** Media time at which playing begins. */
  readonly liveS: number;
}

export interface MseClock {
  readonly type: 'clock';
  readonly mediaS: number;
  /** Unix milliseconds by the device's clock: when that was captured, and when it was said. */
  readonly captureMs: number;
  readonly nowMs: number;
}

interface MseError {
  readonly type: 'error';
  readonly code: string;
  readonly error: string;
  readonly labels?: readonly string[];
}

/** What is not understood is passed over: a newer box may say more. */
export function parseMessage(text: string): MseMessage {
  try {
    const message = JSON.parse(text) as MseMessage | null;
    return typeof message?.type === 'string' ? message : { type: 'unknown' };
  } catch {
    return { type: 'unknown' };
  }
}

/** HTTP's status for what the device's codes mean. */
const STATUS = new Map([
  ['unauthorized', 401],
  ['notFound', 404],
  // Cameras come again.
  ['ended', 404],
]);

export function failureOfMse({ code, error, labels = [] }: MseError): PlayError {
  if (code === 'codecs') {
    return new PlayError('codec', `${error} (${labels.join(', ')})`);
  }
  return failureOf(STATUS.get(code) ?? 500, error);
}

/** How far behind the camera's picture at the device the one that is shown is, whatever the clock here says. */
export const lagMs = ({ nowMs, captureMs, mediaS }: MseClock, sinceMs: number, positionS: number): number =>
  nowMs + sinceMs - captureMs - (positionS - mediaS) * 1000;
