import { type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../base/errors.ts';
import { parseJson } from '../../base/files/parse-json.ts';
import { isBoxAddress } from './invitation-text.ts';

/*
 * An order to dial: a fleet has a box open a link to one of its servers. It is a JWS in compact form (RFC 7515 §7.1) with Ed25519 (RFC 8037
 * §3.1). The time is the box's own, and the order is for one run of the box, as with signed requests: the clocks of both may be wrong, and the
 * nonces need not survive a restart.
 */

export const MAX_ORDER_S = 30;
const NONCE_BYTES = 16;
/** The only header that is read, so an order cannot choose its algorithm. */
const HEADER = base64url(JSON.stringify({ alg: 'EdDSA', typ: 'perch-dial' }));
const FORM = /^([\w-]+)\.([\w-]+)\.([\w-]{86})$/;

const Claims = Type.Object(
  {
    /** Id of the box. */
    aud: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    /** Id that the box has given to the server. */
    sub: Type.String({ pattern: '^[\\w-]{16}$' }),
    /** `host:port` of the server that the box is to dial. */
    addr: Type.String({ maxLength: 300 }),
    /** Identifies the run of the box. */
    run: Type.String({ minLength: 1, maxLength: 64 }),
    /** The box's own time in Unix seconds. */
    iat: Type.Integer({ minimum: 0 }),
    exp: Type.Integer({ minimum: 0 }),
    /** Nonce. */
    jti: Type.String({ pattern: '^[\\w-]{22}$' }),
    /** Pin of the certificate of that server, which no known authority has issued, and the proof by the key of the pairing. */
    pin: Type.Optional(Type.String({ pattern: '^(?:authority|key)\\.[\\w-]{20,100}$' })),
    by: Type.Optional(Type.String({ pattern: '^[\\w-]{86}$' })),
  },
  { additionalProperties: false },
);
export type OrderClaims = Static<typeof Claims>;

export interface DialOrder {
  /** Id of the box. */
  readonly box: string;
  /** Id that the box has given to the server, see `LinkedPairing.server`. */
  readonly server: string;
  /** `host:port` of one of the servers of the fleet that the box knows. */
  readonly address: string;
  /** Of the box, see `BoxDialer.now`. */
  readonly run: string;
  readonly timeS: number;
  /** Of the server's own certificate, and the private key of the server for this box. */
  readonly vouched?: { readonly pin: string; readonly key: KeyObject } | undefined;
}

/** @param key Ed25519, of the fleet */
export function writeDialOrder({ box, server, address, run, timeS, vouched }: DialOrder, key: KeyObject): string {
  const jti = randomBytes(NONCE_BYTES).toString('base64url');
  const plain: OrderClaims = { aud: box, sub: server, addr: address, run, iat: timeS, exp: timeS + MAX_ORDER_S, jti };
  const pinned = vouched && { ...plain, pin: vouched.pin };
  const claims = pinned ? { ...pinned, by: sign(null, pinText(pinned), vouched.key).toString('base64url') } : plain;
  const signed = `${HEADER}.${base64url(JSON.stringify(claims))}`;
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`;
}

/** What an order claims. @throws PerchError unauthorized for any other form */
export function readDialOrder(order: string): OrderClaims {
  const [, header, payload = ''] = order.length <= 2_000 ? (FORM.exec(order) ?? []) : [];
  const claims = header === HEADER ? parseJson(Buffer.from(payload, 'base64url').toString()) : undefined;
  if (!Check(Claims, claims) || !isBoxAddress(claims.addr)) {
    throw new PerchError('unauthorized', 'this is not an order to dial', { why: 'form' });
  }
  return claims;
}

/** @param order that `readDialOrder` has read @param key of the fleet */
export function isOrderSigned(order: string, key: KeyObject): boolean {
  const dot = order.lastIndexOf('.');
  return verify(null, Buffer.from(order.slice(0, dot)), key, Buffer.from(order.slice(dot + 1), 'base64url'));
}

/** Whether the server that the box calls has named the pin: who holds a credential of the fleet alone cannot. @param key of that server */
export const isPinProven = (claims: OrderClaims, key: KeyObject): boolean =>
  claims.by !== undefined && verify(null, pinText(claims), key, Buffer.from(claims.by, 'base64url'));

const pinText = ({ aud, sub, addr, jti, pin = '' }: OrderClaims): Buffer =>
  Buffer.from(['perch-pin', aud, sub, addr, jti, pin].join('\n'));

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}
