import { type ErrorCode, PerchError } from '../../../base/errors.ts';

/** What a person has to do something about, each of it something else. In a failure's context as `camera`. */
export type CameraTrouble =
  | 'unreachable'
  | 'timeout'
  /** Somebody answers there who is not the camera that was meant. */
  | 'otherCamera'
  /** Over https it shows another certificate than when it was added. */
  | 'otherCertificate'
  | 'wrongPassword'
  /** The login is right, what was asked for needs more rights. */
  | 'noRights'
  | 'lockedOut'
  | 'clock'
  | 'onvifOff'
  /** The web page takes this login, ONVIF does not: it has users of its own. */
  | 'onvifUser'
  | 'notSupported'
  | 'badReply'
  | 'notOnvif'
  /** It would have to be sent so that anybody in between can read it. */
  | 'clearPassword';

const CODES: Record<CameraTrouble, ErrorCode> = {
  unreachable: 'unavailable',
  timeout: 'timeout',
  otherCamera: 'unavailable',
  otherCertificate: 'unavailable',
  wrongPassword: 'unauthorized',
  noRights: 'unauthorized',
  lockedOut: 'unavailable',
  clock: 'unauthorized',
  onvifOff: 'notFound',
  onvifUser: 'unauthorized',
  notSupported: 'unsupported',
  badReply: 'unavailable',
  notOnvif: 'badInput',
  clearPassword: 'unauthorized',
};

export function cameraError(
  camera: CameraTrouble,
  message: string,
  context: Record<string, unknown> = {},
  cause?: unknown,
): PerchError {
  return new PerchError(CODES[camera], message, { ...context, camera }, cause);
}

/** What is the matter with the camera, when that is what the error says. */
export function troubleOf(error: unknown): CameraTrouble | undefined {
  const camera = error instanceof PerchError ? error.context['camera'] : undefined;
  return typeof camera === 'string' && camera in CODES ? (camera as CameraTrouble) : undefined;
}

/** The camera that was meant does not answer, whoever else does. */
export const isAway = (error: unknown): boolean =>
  ['unreachable', 'timeout', 'otherCamera', 'otherCertificate'].includes(troubleOf(error) ?? '');

/** For what one can do without; a bug stays one. */
export function toNothing(error: unknown): undefined {
  if (!(error instanceof PerchError)) {
    throw error;
  }
}

/** The camera has broken the connection, in the place of an answer or inside it. */
export function isReset(error: unknown): boolean {
  const errno = error instanceof PerchError ? error.context['errno'] : (error as NodeJS.ErrnoException).code;
  return typeof errno === 'string' && ['ECONNRESET', 'ECUT', 'EPIPE'].includes(errno);
}
