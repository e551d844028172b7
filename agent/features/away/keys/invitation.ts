import { isBoxAddress } from '../../../auth/pairing/invitation-text.ts';
import { PerchError } from '../../../base/errors.ts';

/** What the owner of a server gives to the owner of a box. */
export interface AwayInvitation {
  /** `host:port` of https of the server, in the order of preference, IPv6 in brackets. */
  readonly addresses: readonly string[];
  /** Pin of the server's own certificate, see `agent/tls/pin.ts`. Absent: a known authority has issued it. */
  readonly pin?: string | undefined;
  /** Ed25519 public key of the server for this box. */
  readonly key: string;
  readonly secret: string;
  /** The server's name for people. */
  readonly name: string;
}

/** Path at the server of the WebSocket that a box opens. */
export const LINK_PATH = '/v3/away/link';
const START = 'perch://server?';
export const MAX_CHARS = 2_000;
export const MAX_ADDRESSES = 8;
const MAX_NAME_CHARS = 64;
const PIN = /^(?:authority|key)\.[\w-]{20,100}$/;
const KEY = /^[\w-]{43}$/;
const SECRET = /^[\w-]{22}$/;

/** `perch://server?at=cloud.example:443&pin=…&key=…&secret=…&name=…` */
export function writeAwayInvitation({ addresses, pin, key, secret, name }: AwayInvitation): string {
  const at = addresses.slice(0, MAX_ADDRESSES).map((address) => ['at', address]);
  const pinned = pin === undefined ? [] : [['pin', pin]];
  const rest = [
    ['key', key],
    ['secret', secret],
    ['name', name.slice(0, MAX_NAME_CHARS)],
  ];
  return START + new URLSearchParams([...at, ...pinned, ...rest]).toString();
}

/** @throws PerchError badInput that does not show the secret */
export function readAwayInvitation(text: string): AwayInvitation {
  const given = text.trim();
  if (!given.startsWith(START) || given.length > MAX_CHARS) {
    throw fault(`it begins with ${START} and has at most ${MAX_CHARS} characters`);
  }
  const query = new URLSearchParams(given.slice(START.length));
  const addresses = query.getAll('at');
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES || !addresses.every(isBoxAddress)) {
    throw fault(`it needs 1 to ${MAX_ADDRESSES} addresses (at=host:port)`);
  }
  const [pin, key, secret] = [query.get('pin') ?? undefined, query.get('key') ?? '', query.get('secret') ?? ''];
  if (!KEY.test(key) || !SECRET.test(secret) || (pin !== undefined && !PIN.test(pin))) {
    throw fault('its key, its secret or its pin is incomplete: copy all of it');
  }
  const name = (query.get('name') ?? '').trim().slice(0, MAX_NAME_CHARS) || 'Perch';
  return { addresses, pin, key, secret, name };
}

const fault = (why: string): PerchError =>
  new PerchError('badInput', `this is not an invitation of a server: ${why}`, { why: 'invitationForm' });
