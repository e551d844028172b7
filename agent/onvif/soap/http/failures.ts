import { type ErrorCode, PerchError } from '../../../base/errors.ts';

/** Camera failures by what the user can do about them; in a PerchError's context as `camera`. */
export type CameraTrouble =
  | 'unreachable'
  | 'timeout'
  /** Another device answers at the camera's address. */
  | 'otherCamera'
  /** The https certificate differs from the one at adoption. */
  | 'otherCertificate'
  | 'wrongPassword'
  /** The login is correct; the operation needs more rights. */
  | 'noRights'
  | 'lockedOut'
  | 'clock'
  | 'onvifOff'
  /** The camera's web page accepts this login, ONVIF does not: ONVIF has its own users. */
  | 'onvifUser'
  /** The device has no stream at this address. */
  | 'noStream'
  | 'notSupported'
  | 'badReply'
  | 'notOnvif'
  /** The camera takes the password only unencrypted. */
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
  noStream: 'notFound',
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

export function troubleOf(error: unknown): CameraTrouble | undefined {
  const camera = error instanceof PerchError ? error.context['camera'] : undefined;
  return typeof camera === 'string' && camera in CODES ? (camera as CameraTrouble) : undefined;
}

export const isTrouble = (error: unknown, ...troubles: readonly CameraTrouble[]): boolean =>
  troubles.some((trouble) => trouble === troubleOf(error));

/** No reply in time. */
export const isNoReply = (error: unknown): boolean => isTrouble(error, 'timeout', 'unreachable');

/** The camera does not answer, or another device does. */
export const isUnreachable = (error: unknown): boolean =>
  isNoReply(error) || isTrouble(error, 'otherCamera', 'otherCertificate');

/** The failure concerns only this operation; an unreachable camera is another matter. */
export const isOperationFault = (error: unknown): boolean => isTrouble(error, 'notSupported', 'badReply', 'noRights');

/** The result of a call, or undefined if the camera rejects this operation. */
export function unlessFault<T>(call: Promise<T>): Promise<T | undefined> {
  return call.catch((error: unknown) => {
    if (!isOperationFault(error)) {
      throw error;
    }
    return undefined;
  });
}

/** The camera has closed the connection instead of a reply or within it. */
export function isReset(error: unknown): boolean {
  const errno = error instanceof PerchError ? error.context['errno'] : (error as NodeJS.ErrnoException).code;
  return typeof errno === 'string' && ['ECONNRESET', 'ECUT', 'EPIPE'].includes(errno);
}
