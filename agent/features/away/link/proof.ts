import { createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../../base/errors.ts';

/*
 * The first bytes of a link, one JSON object in each line:
 *
 *     server ─▶ box     challenge   version, nonce of the server
 *     box ─▶ server     hello       both ids, the box's key, nonce of the box, its proof; with the secret of an invitation, its name
 *     server ─▶ box     welcome     the server's proof, or the reason of a refusal; of a removal with its proof
 *
 * A proof is an Ed25519 signature over its role, both nonces, both ids and both keys. So it is valid for this link alone, cannot be passed on to
 * another server or box, and neither side's proof is one of the other. HTTP/2 begins after the welcome.
 */

const LINK_VERSION = 1;
/** Longest line: a hello with a name of 200 characters, each of which may be six in JSON. */
export const MAX_LINE_BYTES = 4_096;
const NONCE_BYTES = 32;
const Bytes32 = Type.String({ pattern: '^[\\w-]{43}$' });
const Proof = Type.String({ pattern: '^[\\w-]{86}$' });

const Challenge = Type.Object({ perchLink: Type.Integer(), nonce: Bytes32 });
const Hello = Type.Object({
  box: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  server: Type.String({ pattern: '^[\\w-]{16}$' }),
  key: Bytes32,
  nonce: Bytes32,
  proof: Proof,
  /** Of an invitation that is redeemed. */
  secret: Type.Optional(Type.String({ pattern: '^[\\w-]{22}$' })),
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
});
export type Hello = Static<typeof Hello>;
const Welcome = Type.Object({
  proof: Type.Optional(Proof),
  error: Type.Optional(Type.String({ maxLength: 300 })),
  why: Type.Optional(Type.String({ maxLength: 40 })),
  /** With a refusal: proves that this server has removed the box. */
  removal: Type.Optional(Proof),
});

/** What both sides of a link sign. */
export interface LinkFacts {
  readonly serverNonce: string;
  readonly boxNonce: string;
  readonly box: string;
  readonly server: string;
  readonly boxKey: string;
  readonly serverKey: string;
}

export const newNonce = (): string => randomBytes(NONCE_BYTES).toString('base64url');

/** `removed`: the server proves that it has ended the pairing. */
type Role = 'box' | 'server' | 'removed';

/** @param role of the one that proves itself */
export const prove = (role: Role, facts: LinkFacts, key: KeyObject): string =>
  sign(null, signedText(role, facts), key).toString('base64url');

/** Whether the proof is that of this role, by the key that `facts` names for it. */
export function isProven(role: Role, facts: LinkFacts, proof: string): boolean {
  const x = role === 'box' ? facts.boxKey : facts.serverKey;
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, signedText(role, facts), key, Buffer.from(proof, 'base64url'));
  } catch {
    // The bytes are no point of the curve.
    return false;
  }
}

/** No member can contain a line break: `read…` has checked all that came from outside. */
const signedText = (role: Role, facts: LinkFacts): Buffer => {
  const { serverNonce, boxNonce, box, server, boxKey, serverKey } = facts;
  const lines = [`perch link ${LINK_VERSION} ${role}`, serverNonce, boxNonce, box, server, boxKey, serverKey];
  return Buffer.from(lines.join('\n'));
};

export const writeChallenge = (nonce: string): string => line({ perchLink: LINK_VERSION, nonce });

export const writeHello = (hello: Hello): string => line(hello);

export const writeWelcome = (proof: string): string => line({ proof });

/** @param removal proof of that role */
export const writeRefusal = (error: string, why: string, removal?: string): string =>
  line({ error: error.slice(0, 300), why, ...(removal !== undefined && { removal }) });

/** The nonce of the server. @throws PerchError badInput */
export function readChallenge(text: string): string {
  const { perchLink, nonce } = read(Challenge, text, 'server');
  if (perchLink !== LINK_VERSION) {
    throw new PerchError(
      'badInput',
      `the server has version ${perchLink} of the link, not ${LINK_VERSION}: update both`,
    );
  }
  return nonce;
}

/** @throws PerchError badInput */
export const readHello = (text: string): Hello => read(Hello, text, 'box');

/** The proof of the server. @param facts by which a removal is verified @throws PerchError unauthorized with the server's reason, badInput */
export function readWelcome(text: string, facts?: LinkFacts): string {
  const { proof, error, why = '', removal = '' } = read(Welcome, text, 'server');
  if (proof === undefined) {
    const said = (error ?? 'no reason').replace(/[^\x20-\x7e\xa0-\uffff]/g, ' ');
    const isRemoved = facts !== undefined && isProven('removed', facts, removal);
    throw new PerchError('unauthorized', `the server says: ${said}`, { why: isRemoved ? 'removed' : why });
  }
  return proof;
}

const line = (message: object): string => `${JSON.stringify(message)}\n`;

function read<T extends Type.TSchema>(schema: T, text: string, from: string): Static<T> {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new PerchError('badInput', `the ${from} sends no JSON at the start of the link`);
  }
  if (!Check(schema, message)) {
    throw new PerchError('badInput', `the ${from} starts the link in another form: update both`);
  }
  return message;
}
