import { nkeys } from '@nats-io/transport-node';
import Type, { type Static, type TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../../../base/errors.ts';
import { parseJson } from '../../../base/files/parse-json.ts';
import { checkSyntax } from '../../../config/schema/syntax.ts';
import { type IssuedMember, memberOf } from '../bus/credential.ts';
import { HostList } from '../bus/host-list.ts';

/** Boxes of a file of keys, and of a bundle. */
const MAX_BOXES = 20_000;
/** Of a file of keys, and of a bundle. */
export const MAX_FILE_BYTES = 16 << 20;

const BoxId = Type.String({ pattern: '^[0-9a-f]{16}$' });
const Jwt = Type.String({ maxLength: 16_384 });

/** Public keys of boxes, which a server has collected: what the owner of a fleet signs. */
export const BoxKeys = Type.Object({
  format: Type.Literal('perch-fleet-keys'),
  boxes: Type.Array(
    Type.Object({
      id: BoxId,
      name: Type.String({ maxLength: 200 }),
      key: Type.String({ pattern: '^U[A-Z2-7]{55}$' }),
    }),
    { maxItems: MAX_BOXES },
  ),
});
export type BoxKeys = Static<typeof BoxKeys>;

/** What the boxes of a fleet have to know of it, as the account key signs it. */
const FleetFacts = Type.Object({
  format: Type.Literal('perch-fleet-facts'),
  natsURL: Type.String({ minLength: 1, maxLength: 1_000 }),
  authority: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** Public key that signs orders to dial. */
  orders: Type.String({ pattern: '^[\\w-]{43}$' }),
  list: Type.Optional(HostList),
  /** Grows when they change. */
  version: Type.Integer({ minimum: 1 }),
});
export type FleetFacts = Static<typeof FleetFacts>;

const SignedFacts = Type.Object({
  /** JSON of `FleetFacts`. */
  text: Type.String({ maxLength: 131_072 }),
  /** Ed25519, base64url. */
  signature: Type.String({ pattern: '^[\\w-]{86}$' }),
});

/** What one box gets. The account key signs both. */
export const HandOutPart = Type.Object({ fleet: SignedFacts, jwt: Jwt });
export type HandOutPart = Static<typeof HandOutPart>;

/** Credentials of many boxes without their seeds, which no box gives away. */
export const Bundle = Type.Object({
  format: Type.Literal('perch-fleet-bundle'),
  fleet: SignedFacts,
  boxes: Type.Record(BoxId, Jwt, { maxProperties: MAX_BOXES }),
});
export type Bundle = Static<typeof Bundle>;

export function signFacts(facts: FleetFacts, account: nkeys.KeyPair): Bundle['fleet'] {
  const text = JSON.stringify(facts);
  return { text, signature: Buffer.from(account.sign(new TextEncoder().encode(text))).toString('base64url') };
}

/**
 * Checks who has signed what a box gets.
 * @returns the member that its JWT is for, and the facts
 * @throws PerchError badInput
 */
export function readPart(part: unknown): { readonly member: IssuedMember; readonly facts: FleetFacts } {
  const { fleet, jwt } = parsedAs(HandOutPart, part, 'this is not a credential of a bundle');
  const member = memberOf(jwt);
  return { member, facts: factsOf(fleet, member.account) };
}

function factsOf({ text, signature }: Bundle['fleet'], account: string): FleetFacts {
  const isSigned = nkeys
    .fromPublic(account)
    .verify(new TextEncoder().encode(text), Buffer.from(signature, 'base64url'));
  if (!isSigned) {
    throw new PerchError('badInput', `account ${shortKey(account)}, which signed the JWT, did not sign the rest`);
  }
  const facts = parsedAs(FleetFacts, parseJson(text), 'what the account has signed has another form');
  checkSyntax('natsUrl', facts.natsURL);
  return facts;
}

/** What the account has signed last. @throws PerchError badInput */
export const laterFleet = (
  now: Bundle['fleet'],
  former: Bundle['fleet'] | undefined,
  account: string,
): Bundle['fleet'] => (former && factsOf(former, account).version > factsOf(now, account).version ? former : now);

/** Checks all of a bundle, as each box does its part. @returns the account, too @throws PerchError badInput */
export function readBundle(text: string): { readonly bundle: Bundle; readonly account: string } {
  const bundle = parsedAs(Bundle, parseJson(text), 'this is no bundle of perch fleet box FOLDER --keys FILE BUNDLE');
  const checked = new Set<string>();
  for (const [id, jwt] of Object.entries(bundle.boxes)) {
    try {
      const { role, id: named, account } = memberOf(jwt);
      if (role !== 'box' || named !== id) {
        throw new PerchError('badInput', `its JWT is that of ${role} ${named}`);
      }
      if (!checked.has(account)) {
        factsOf(bundle.fleet, account);
        checked.add(account);
      }
    } catch (error) {
      throw new PerchError('badInput', `the bundle is damaged: box ${id}: ${explain(error)}`);
    }
  }
  const [account] = checked;
  if (account === undefined) {
    throw new PerchError('badInput', 'the bundle has no credentials');
  }
  return { bundle, account };
}

/** @throws PerchError badInput */
export const readBoxKeys = (text: string): BoxKeys =>
  parsedAs(BoxKeys, parseJson(text), 'this is not a file of perch fleet boxes FILE');

/** Text of a box or a server, for a line of a terminal. */
export const oneLine = (text: string): string => text.replaceAll(/[\p{C}\s]+/gu, ' ').trim();

/** Begin of a key, for people. */
export const shortKey = (key: string): string => `${key.slice(0, 8)}…`;

function parsedAs<Schema extends TSchema>(schema: Schema, value: unknown, message: string): Static<Schema> {
  if (!Check(schema, value)) {
    throw new PerchError('badInput', message);
  }
  return value;
}
