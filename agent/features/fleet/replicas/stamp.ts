import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';
import type { RequestOrigin } from '../../../http/auth/request-origin.ts';
import type { Replica } from './roster.ts';

/** On a forwarded request: what the server that forwards it knows of the client, signed for the server that answers. On the answer: its name. */
export const STAMP_HEADER = 'perch-forwarded';

const Stamp = Type.Object(
  {
    /** The server that answers. */
    to: Type.String(),
    /** Unix milliseconds at which it was written. */
    atMs: Type.Integer(),
    /** It goes on with the session of a server that has ended. */
    inherits: Type.Boolean(),
    origin: Type.Object(
      {
        ip: Type.String({ maxLength: 64 }),
        isPrivate: Type.Boolean(),
        isSameOrigin: Type.Boolean(),
        isForeign: Type.Boolean(),
        mayBeForged: Type.Boolean(),
        isSecure: Type.Boolean(),
        baseUrl: Type.String(),
        prefix: Type.String(),
        isUnknownProxy: Type.Boolean(),
        isProxied: Type.Boolean(),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
type Stamp = Static<typeof Stamp>;

/** A request for which a stamp is valid. */
interface Stamped {
  readonly method: string;
  readonly target: string;
}

const FORM = /^([\w-]{1,8000})\.([\w-]{43})$/;
/** Also how far the clocks of two servers may differ. */
const VALID_MS = 60_000;

/** @param origin as this server judges it @throws PerchError badInput if the other server would not take it */
export function writeStamp(
  { name, key }: Pick<Replica, 'name' | 'key'>,
  { method, target }: Stamped,
  { isLoopback: _, ...origin }: RequestOrigin,
  inherits: boolean,
  atMs: number,
): string {
  const stamp: Stamp = { to: name, atMs, inherits, origin };
  const payload = Buffer.from(JSON.stringify(stamp)).toString('base64url');
  const text = `${payload}.${signed(key, `request ${method} ${target} ${payload}`)}`;
  if (!FORM.test(text) || !Check(Stamp, stamp)) {
    throw new PerchError('badInput', `a Host or client address of ${payload.length} characters is too long`);
  }
  return text;
}

/** @returns undefined: no other server of the fleet has sent this to this one @throws PerchError unavailable: not lately, by its clock */
export function readStamp(
  { name, key }: Pick<Replica, 'name' | 'key'>,
  { method, target }: Stamped,
  text: string,
  nowMs: number,
): { readonly inherits: boolean; readonly origin: RequestOrigin } | undefined {
  const [, payload = '', signature = ''] = FORM.exec(text) ?? [];
  if (!isSame(signature, signed(key, `request ${method} ${target} ${payload}`))) {
    return undefined;
  }
  const stamp: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
  if (!Check(Stamp, stamp) || stamp.to !== name) {
    return undefined;
  }
  if (Math.abs(nowMs - stamp.atMs) > VALID_MS) {
    throw new PerchError('unavailable', 'the stamp of the other server is not of this minute: compare the clocks', {
      aheadMs: stamp.atMs - nowMs,
    });
  }
  // A program on the other machine is none of this one.
  return { inherits: stamp.inherits, origin: { ...stamp.origin, isLoopback: false } };
}

const SECRET = /^([0-9a-f-]{36})\.([0-9a-f]{12})([\w-]{16})$/;
const PROOF_CHARACTERS = 16;

/** A secret of a session of this path, which names the server. */
export function writeSecret({ name, key }: Pick<Replica, 'name' | 'key'>, path: string): string {
  const id = randomUUID();
  return `${id}.${name}${proofOf(key, id, path)}`;
}

/** The name of the server that a secret names. */
export const holderIn = (secret: string): string | undefined => SECRET.exec(secret)?.[2];

/** Whether this server has issued the secret, for this path. */
export function hasIssued({ key }: Pick<Replica, 'key'>, secret: string, path: string): boolean {
  const [, id = '', , proof = ''] = SECRET.exec(secret) ?? [];
  return isSame(proof, proofOf(key, id, path));
}

const proofOf = (key: string, id: string, path: string): string =>
  signed(key, `session ${id} ${path}`).slice(0, PROOF_CHARACTERS);

const signed = (key: string, text: string): string =>
  createHmac('sha256', Buffer.from(key, 'base64url')).update(text).digest('base64url');

const isSame = (one: string, other: string): boolean =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other));
