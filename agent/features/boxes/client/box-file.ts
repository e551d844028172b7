import { createPrivateKey, type KeyObject } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { Check, Clean } from 'typebox/value';
import { serverRights } from '../../../auth/pairing/paired-servers.ts';
import { putBounded } from '../../../base/bounded-map.ts';

export const BOXES_FILE = 'boxes.json';
export const MAX_BOXES = 2_000;
const MAX_ADDRESSES = 16;
export const MAX_CAMERAS = 500;
export const MAX_NAME_CHARS = 200;

const Address = Type.String({ minLength: 3, maxLength: 300 });

/** A camera that a box offers. */
export const OfferedCamera = Type.Object({
  path: Type.String({ minLength: 1, maxLength: 512 }),
  /** Name for people; null: the camera has none but its path. */
  name: Type.Union([Type.String({ maxLength: MAX_NAME_CHARS }), Type.Null()]),
  /** Codecs of its stream, named as in `/v3/paths`; empty while there is no stream. */
  codecs: Type.Array(Type.String({ maxLength: 40 }), { maxItems: 16 }),
});
export type OfferedCamera = Static<typeof OfferedCamera>;

/** The facts about a box that paired servers get. */
const BoxFacts = Type.Object({
  id: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  name: Type.String({ minLength: 1, maxLength: MAX_NAME_CHARS }),
  version: Type.String({ maxLength: 40 }),
  /** Addresses of the box's https port, each as `host:port`. */
  addresses: Type.Array(Address, { maxItems: MAX_ADDRESSES }),
  ...serverRights,
  cameras: Type.Array(OfferedCamera, { maxItems: MAX_CAMERAS }),
});
export type BoxFacts = Static<typeof BoxFacts>;

/** The facts in a box's answer, without unknown members, or undefined if the answer has another form. */
export const readFacts = (answer: unknown): BoxFacts | undefined =>
  Check(BoxFacts, answer) ? (Clean(BoxFacts, answer) as BoxFacts) : undefined;

const Timed = Type.Object({ time: Type.Integer({ minimum: 0, maximum: 8.64e15 }) });

/** The box's clock in its facts, Unix milliseconds, or undefined for another version. */
export const readTime = (answer: unknown): number | undefined => (Check(Timed, answer) ? answer.time : undefined);

/** The path of a camera at each of several servers with one database. */
const SharedPath = Type.Object({
  /** The path on the box. */
  path: OfferedCamera.properties.path,
  /** The path's name at the servers. */
  name: Type.String({ minLength: 1, maxLength: 512 }),
  /** When it was added last, Unix milliseconds: a server that had it before adds it again. */
  added: Type.Number(),
});
export type SharedPath = Static<typeof SharedPath>;

const StoredBox = Type.Object({
  ...BoxFacts.properties,
  pin: Type.String({ maxLength: 120 }),
  /** Id that the box has given to this server. */
  server: Type.String({ pattern: '^[\\w-]{16}$' }),
  /** Ed25519 private key, its 32 bytes in base64url. Only this pairing uses it, so that no box can use it for another one. */
  secret: Type.String({ pattern: '^[\\w-]{43}$' }),
  key: Type.String({ pattern: '^[\\w-]{43}$' }),
  /** Whether the box asks for signatures that name it. It gets no others from then on. */
  namesBox: Type.Optional(Type.Boolean()),
  /** Unix milliseconds. */
  created: Type.Number(),
  seen: Type.Number(),
  /** The part of `addresses` that a person has entered and the box does not report. */
  entered: Type.Optional(Type.Array(Address, { maxItems: MAX_ADDRESSES })),
  /** Name that the owner of this server gave to the box, which has a name of its own. */
  alias: Type.Optional(Type.String({ minLength: 1, maxLength: MAX_NAME_CHARS })),
  /** Absent without a database, and while no server has added one. */
  paths: Type.Optional(Type.Array(SharedPath, { maxItems: MAX_CAMERAS })),
});
export type StoredBox = Static<typeof StoredBox>;
/** A pairing that this server has ended. The box, which opens the connection, does not know that yet. */
const StoredRemoval = Type.Pick(StoredBox, ['id', 'pin', 'server', 'secret', 'key']);
export type StoredRemoval = Static<typeof StoredRemoval>;
/** An invitation that a removed box has used: the key that it gives, and the end of its validity. */
const UsedInvitation = Type.Object({ key: StoredBox.properties.key, untilMs: Type.Number() });
export type UsedInvitation = Static<typeof UsedInvitation>;
export const BoxesFile = Type.Refine(
  Type.Object({
    boxes: Type.Array(StoredBox, { maxItems: MAX_BOXES }),
    removed: Type.Optional(Type.Array(StoredRemoval, { maxItems: MAX_BOXES })),
    invitations: Type.Optional(Type.Array(UsedInvitation, { maxItems: MAX_BOXES })),
  }),
  ({ boxes, removed = [] }) => [...boxes, ...removed].every(hasKey),
);

/** A `boxes.json`; undefined if damaged. */
export const readBoxes = (stored: unknown): readonly StoredBox[] | undefined =>
  Check(BoxesFile, stored) ? stored.boxes : undefined;

/** Keys that were read before. The file is read with each change of another server, and reading 2,000 keys takes 0.2 s. */
const readKeys = new Map<string, true>();

function hasKey(box: StoredRemoval): boolean {
  const both = `${box.secret} ${box.key}`;
  try {
    if (!readKeys.has(both)) {
      boxPrivateKey(box);
      putBounded(readKeys, both, true, 2 * MAX_BOXES);
    }
    return true;
  } catch {
    return false;
  }
}

/** @throws for a damaged key */
export const boxPrivateKey = ({ secret, key }: Pick<StoredBox, 'secret' | 'key'>): KeyObject =>
  createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: secret, x: key }, format: 'jwk' });
