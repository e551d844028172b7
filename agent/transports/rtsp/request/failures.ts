import { type ErrorCode, PerchError } from '../../../base/errors.ts';
import { type Peer, phraseOf } from '../../tls/peer.ts';
import { type Address, hostPortOf } from './address.ts';

/** Why a camera delivers no video, for programs. `refuses`: the camera answers; `closed`: its port is closed; `silent`: no answer. */
export type NoVideoReason =
  | 'password'
  | 'forbidden'
  | 'noStream'
  | 'noRoom'
  | 'refuses'
  | 'closed'
  | 'silent'
  | 'unknownName'
  | 'noNetwork';

type Refusals = Readonly<Record<number, readonly [ErrorCode, string, NoVideoReason?]>>;

/** Messages for a camera's refusals, by status code; `%` is the path's name. */
const REFUSALS: Refusals = {
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

/** Messages for refusals by servers that streams are published to. */
const PUBLISH_REFUSALS: Refusals = {
  401: ['unauthorized', "destination rejected the password (401): check user and password in its URL, path '%'"],
  403: ['unauthorized', "destination forbids this user to publish (403), path '%'"],
  404: ['notFound', "destination has no such address (404): check its URL, path '%'"],
};

/** The error for a status code that ends the attempt. */
export function refusal(method: string, status: number, reason: string, peer: Peer, hadPassword: boolean): PerchError {
  const { noun, path } = peer;
  const known = (noun === 'destination' ? PUBLISH_REFUSALS : REFUSALS)[status];
  const context = { path, method, status, absence: known?.[2] ?? 'refuses' };
  if (status === 401 && !hadPassword) {
    const message = `${noun} requires a password (401): set user and password of path '${path}'`;
    return new PerchError('unauthorized', message, context);
  }
  if (known) {
    return new PerchError(
      known[0],
      known[1].replace('%', () => path),
      context,
    );
  }
  const words = reason.replace(/[^\x20-\x7e]/g, '').slice(0, 60);
  const message = `${noun} answered ${method} with ${`${status} ${words}`.trim()}, path '${path}'`;
  return new PerchError('unavailable', message, context);
}

/** A hint for a connection that ends before any reply: a TLS port rejects plain RTSP as a broken handshake. */
function hintAt(address: Address, hasAnswered: boolean): string {
  const { isSecure, tunnel } = address;
  const mayWantTls = !hasAnswered && !isSecure && tunnel === 'none';
  return mayWantTls
    ? ` before any reply: if this port is for TLS, write ${protocolOf(address).toLowerCase()}s:// in the URL`
    : '';
}

/** The error for a connection that the other end closed. */
export function connectionEnd(address: Address, { noun, path }: Peer, hasAnswered: boolean): PerchError {
  const message = `${noun} closed the connection of path '${path}'${hintAt(address, hasAnswered)}`;
  return new PerchError('unavailable', message, { path, absence: 'refuses' });
}

/**
 * The error for a connection that could not be made (`isUnreachable`), or broke.
 * @param hasAnswered the camera has sent RTSP on this connection
 */
export function connectionFailure(
  cause: NodeJS.ErrnoException,
  address: Address,
  peer: Peer,
  hasAnswered: boolean,
): PerchError {
  const { noun, path } = peer;
  const where = hostPortOf(address);
  const silence = `nothing answers at ${where}: is the ${phraseOf(peer)} on?`;
  const noNetwork = `no network route to ${where} (path '${path}')`;
  const barred = `the firewall of this machine blocks ${where} (path '${path}')`;
  const broken = `${noun} broke the connection of path '${path}'${hintAt(address, hasAnswered)}`;
  const messages: Record<string, string> = {
    ECONNREFUSED: `connection refused by ${where}: check address and port of path '${path}', and that ${protocolOf(address)} is on in the ${noun}`,
    ENOTFOUND: `no device with the name '${address.host}' is known: check the URL of path '${path}'`,
    EAI_AGAIN: `the name '${address.host}' cannot be looked up now (path '${path}')`,
    EHOSTUNREACH: silence,
    EHOSTDOWN: silence,
    ETIMEDOUT: silence,
    ENETUNREACH: noNetwork,
    ENETDOWN: noNetwork,
    EADDRNOTAVAIL: noNetwork,
    EACCES: barred,
    EPERM: barred,
    EINVAL: `${where} cannot be reached from here: check the URL of path '${path}'`,
    ECONNRESET: broken,
    EPIPE: broken,
  };
  const code = cause.code ?? cause.message;
  const message =
    messages[code] ??
    tlsFailure(code, where, address, peer) ??
    `connection to ${where} failed (${code}), path '${path}'`;
  const isUnreachable = code in messages && message !== broken;
  const absence = message === broken ? 'refuses' : ABSENCES[code];
  return new PerchError('unavailable', message, {
    path,
    host: address.host,
    errno: code,
    isUnreachable,
    absence,
  });
}

/** `RTSP` or `RTMP`. */
const protocolOf = ({ uri }: Address): string => uri.slice(0, 4).toUpperCase();

const ABSENCES: Readonly<Record<string, NoVideoReason>> = {
  ECONNREFUSED: 'closed',
  ENOTFOUND: 'unknownName',
  EHOSTUNREACH: 'silent',
  EHOSTDOWN: 'silent',
  ETIMEDOUT: 'silent',
  ENETUNREACH: 'noNetwork',
  ENETDOWN: 'noNetwork',
  EADDRNOTAVAIL: 'noNetwork',
};

/** The message for an error code of OpenSSL, or undefined for another error. */
function tlsFailure(code: string, where: string, address: Address, { noun, path }: Peer): string | undefined {
  if (!/^(?:ERR_SSL_|EPROTO)/.test(code)) {
    return undefined;
  }
  const scheme = protocolOf(address).toLowerCase();
  // A port without TLS answers the handshake with text, which looks like a record of an unknown version.
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code)
    ? `${where} does not speak TLS: check port and scheme of the URL of path '${path}' (${scheme}s uses TLS, ${scheme} does not)`
    : `no TLS version or cipher in common with the ${noun} at ${where} (${code}), path '${path}'`;
}
