import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';

export const AWAY_FILE = 'away.json';
/** An invitation that `perch connect` has left. */
export const LEFT_FILE = 'away-invitation.json';
export const MAX_SERVERS = 50;
export const MAX_REPLICAS = 32;
const KEY = '^[\\w-]{43}$';

/** An Ed25519 key pair, each base64url of 32 bytes. */
export interface StoredKey {
  readonly secret: string;
  readonly key: string;
}

const Fleet = Type.Object({
  /** Public key that signs orders. */
  key: Type.String({ pattern: KEY }),
  replicas: Type.Array(
    Type.Object({
      address: Type.String({ minLength: 3, maxLength: 300 }),
      pin: Type.Optional(Type.String({ maxLength: 120 })),
    }),
    { minItems: 1, maxItems: MAX_REPLICAS },
  ),
});

const Stored = Type.Object({
  /** The key pair by which this box proves itself. */
  secret: Type.String({ pattern: KEY }),
  key: Type.String({ pattern: KEY }),
  servers: Type.Array(
    Type.Object({
      /** Id that this box has given to the server. */
      server: Type.String({ pattern: '^[\\w-]{16}$' }),
      addresses: Type.Array(Type.String({ minLength: 3, maxLength: 300 }), { minItems: 1, maxItems: 8 }),
      pin: Type.Optional(Type.String({ maxLength: 120 })),
      /** Public key of the server. */
      key: Type.String({ pattern: KEY }),
      /** Whose orders to dial are obeyed. */
      fleet: Type.Optional(Fleet),
    }),
    { maxItems: MAX_SERVERS },
  ),
});
export const AwayFile = Type.Refine(Stored, isUsable);
export type StoredAway = Static<typeof Stored>;

/** An `away.json`; undefined if damaged. */
export const readAway = (stored: unknown): StoredAway | undefined => (Check(AwayFile, stored) ? stored : undefined);

export function newKey(): StoredKey {
  const { d: secret = '', x: key = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { secret, key };
}

/** @throws for a damaged key */
export const privateKeyOf = ({ secret, key }: StoredKey): KeyObject =>
  createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: secret, x: key }, format: 'jwk' });

function isUsable(stored: StoredKey): boolean {
  try {
    privateKeyOf(stored);
    return true;
  } catch {
    return false;
  }
}
