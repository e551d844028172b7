import { PerchError } from '../../base/errors.ts';

/** What the owner of a box gives to the owner of a server. */
interface InvitationFacts {
  /** `host:port` of https in the order in which they are tried, IPv6 in brackets. */
  readonly addresses: readonly string[];
  /** Pin of the certificate, see `agent/tls/pin.ts`. */
  readonly pin: string;
  readonly secret: string;
}

const START = 'perch://invitation?';
const MAX_CHARS = 2_000;
const MAX_ADDRESSES = 16;
const ADDRESS = /^(?:\[[\da-f:.]+(?:%[\w.~-]+)?\]|[\w.-]{1,253}):\d{1,5}$/i;
const PIN = /^(?:authority|key)\.[\w-]{20,100}$/;
const SECRET = /^[\w-]{22}$/;

export const isBoxAddress = (text: string): boolean => {
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return ADDRESS.test(text) && port >= 1 && port <= 65_535;
};

/** `perch://invitation?at=192.168.1.5:8443&at=perch.local:8443&pin=…&secret=…` */
export function writeInvitation({ addresses, pin, secret }: InvitationFacts): string {
  const at = addresses.slice(0, MAX_ADDRESSES).map((address) => ['at', address]);
  return START + new URLSearchParams([...at, ['pin', pin], ['secret', secret]]).toString();
}

/** @throws PerchError badInput that does not show the secret */
export function readInvitation(text: string): InvitationFacts {
  const given = text.trim();
  if (!given.startsWith(START) || given.length > MAX_CHARS) {
    throw fault(`it begins with ${START} and has at most ${MAX_CHARS} characters`);
  }
  const query = new URLSearchParams(given.slice(START.length));
  const [addresses, pin, secret] = [query.getAll('at'), query.get('pin') ?? '', query.get('secret') ?? ''];
  if (addresses.length === 0 || addresses.length > MAX_ADDRESSES || !addresses.every(isBoxAddress)) {
    throw fault(`it needs 1 to ${MAX_ADDRESSES} addresses (at=host:port)`);
  }
  if (!PIN.test(pin) || !SECRET.test(secret)) {
    throw fault('its pin or its secret is incomplete: copy all of it');
  }
  return { addresses, pin, secret };
}

const fault = (why: string): PerchError => new PerchError('badInput', `this is not an invitation of a box: ${why}`);
