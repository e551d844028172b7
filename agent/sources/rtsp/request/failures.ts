import { type ErrorCode, PerchError } from '../../../base/errors.ts';
import { type Address, placeOf } from './address.ts';

/** Why a camera delivers no video, for programs. `refuses`: the camera answers; `closed`: its port is closed; `silent`: no answer. */
export type Absence =
  | 'password'
  | 'forbidden'
  | 'noStream'
  | 'noRoom'
  | 'refuses'
  | 'closed'
  | 'silent'
  | 'unknownName'
  | 'noNetwork';

/** Messages by status code; `%` is the path's name. */
const REFUSALS: Record<number, readonly [ErrorCode, string, Absence?]> = {
  401: ['unauthorized', "camera rejected the password (401): check user and password of path '%'", 'password'],
  403: [
    'unauthorized',
    "camera forbids this user to watch (403): check the permissions of the user of path '%'",
    'forbidden',
  ],
  404: ['notFound', "camera has no stream at this address (404): check the URL of path '%'", 'noStream'],
  453: ['exhausted', "camera has no room for another connection (453): close other viewers of path '%'", 'noRoom'],
  454: ['unavailable', "camera has forgotten the session (454) of path '%'"],
  503: ['unavailable', "camera is busy or still starting (503), path '%'"],
};

const MAX_REASON_LENGTH = 60;

/** The camera answered with a status that ends the attempt. */
export function refusal(
  method: string,
  status: number,
  reason: string,
  name: string,
  hadPassword: boolean,
): PerchError {
  const known = REFUSALS[status];
  const context = { path: name, method, status, absence: known?.[2] ?? 'refuses' };
  if (status === 401 && !hadPassword) {
    const message = `camera requires a password (401): set user and password of path '${name}'`;
    return new PerchError('unauthorized', message, context);
  }
  if (known) {
    return new PerchError(
      known[0],
      known[1].replace('%', () => name),
      context,
    );
  }
  const words = reason.replace(/[^\x20-\x7e]/g, '').slice(0, MAX_REASON_LENGTH);
  const message = `camera answered ${method} with ${`${status} ${words}`.trim()}, path '${name}'`;
  return new PerchError('unavailable', message, context);
}

/** For a connection that ends before any reply: a TLS port drops plain RTSP as a broken handshake. */
function hintAt({ isSecure, tunnel }: Address, hasAnswered: boolean): string {
  const mayWantTls = !hasAnswered && !isSecure && tunnel === 'none';
  return mayWantTls ? ' before any reply: if this port is for TLS, write rtsps:// in the URL' : '';
}

/** The camera closed the connection. */
export function connectionEnd(address: Address, name: string, hasAnswered: boolean): PerchError {
  const message = `camera closed the connection of path '${name}'${hintAt(address, hasAnswered)}`;
  return new PerchError('unavailable', message, { path: name, absence: 'refuses' });
}

/**
 * The connection could not be made (`isUnreachable`), or broke.
 * @param hasAnswered the camera has sent RTSP on this connection
 */
export function connectionFailure(
  cause: NodeJS.ErrnoException,
  address: Address,
  name: string,
  hasAnswered: boolean,
): PerchError {
  const where = placeOf(address);
  const silence = `nothing answers at ${where}: is the camera of path '${name}' on?`;
  const noNetwork = `no network route to ${where} (path '${name}')`;
  const barred = `the firewall of this machine blocks ${where} (path '${name}')`;
  const broken = `camera broke the connection of path '${name}'${hintAt(address, hasAnswered)}`;
  const messages: Record<string, string> = {
    ECONNREFUSED: `connection refused by ${where}: check address and port of path '${name}', and that RTSP is on in the camera`,
    ENOTFOUND: `no device with the name '${address.host}' is known: check the URL of path '${name}'`,
    EAI_AGAIN: `the name '${address.host}' cannot be looked up now (path '${name}')`,
    EHOSTUNREACH: silence,
    EHOSTDOWN: silence,
    ETIMEDOUT: silence,
    ENETUNREACH: noNetwork,
    ENETDOWN: noNetwork,
    EADDRNOTAVAIL: noNetwork,
    EACCES: barred,
    EPERM: barred,
    EINVAL: `${where} cannot be reached from here: check the URL of path '${name}'`,
    ECONNRESET: broken,
    EPIPE: broken,
  };
  const code = cause.code ?? cause.message;
  const message =
    messages[code] ?? tlsFailure(code, where, name) ?? `connection to ${where} failed (${code}), path '${name}'`;
  const isUnreachable = code in messages && message !== broken;
  const absence = message === broken ? 'refuses' : ABSENCES[code];
  return new PerchError('unavailable', message, {
    path: name,
    host: address.host,
    errno: code,
    isUnreachable,
    absence,
  });
}

const ABSENCES: Readonly<Record<string, Absence>> = {
  ECONNREFUSED: 'closed',
  ENOTFOUND: 'unknownName',
  EHOSTUNREACH: 'silent',
  EHOSTDOWN: 'silent',
  ETIMEDOUT: 'silent',
  ENETUNREACH: 'noNetwork',
  ENETDOWN: 'noNetwork',
  EADDRNOTAVAIL: 'noNetwork',
};

/** OpenSSL's codes. */
function tlsFailure(code: string, where: string, name: string): string | undefined {
  if (!/^(?:ERR_SSL_|EPROTO)/.test(code)) {
    return undefined;
  }
  // A port without TLS answers the handshake with text, which looks like a record of an unknown version.
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code)
    ? `${where} does not speak TLS: check port and scheme of the URL of path '${name}' (rtsps uses TLS, rtsp does not)`
    : `no TLS version or cipher in common with the camera at ${where} (${code}), path '${name}'`;
}
