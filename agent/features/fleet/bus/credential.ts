import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { decode } from '@nats-io/jwt';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { CREDENTIAL_FILE } from './credential-file.ts';
import { HostList, Hosts } from './host-list.ts';

/** Who a member of the fleet is: a box has its id, a server a name that its owner has chosen. */
export interface Member {
  readonly role: 'box' | 'server';
  readonly id: string;
}

/** What `perch fleet box` and `perch fleet server` issue. */
export const Credential = Type.Object({
  format: Type.Literal('perch-fleet'),
  /** JWT of the member, signed by the account's key. */
  jwt: Type.String({ maxLength: 16_384 }),
  /** Seed of its nkey. */
  seed: Type.String({ pattern: '^SU[A-Z2-7]{56}$' }),
  /** PEM of the authority that issued the certificates of the NATS servers; absent: a known one. */
  authority: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** Ed25519 key that signs orders to dial, base64url of 32 bytes each; `secret` is for servers alone. */
  orders: Type.Optional(
    Type.Object({
      key: Type.String({ pattern: '^[\\w-]{43}$' }),
      secret: Type.Optional(Type.String({ pattern: '^[\\w-]{43}$' })),
    }),
  ),
  /** Hosts of the fleet: a server gives them to boxes, which connect to no other. */
  list: Type.Optional(HostList),
  /** Of a credential that a server has handed out: the NATS servers, unless the configuration names others. */
  natsURL: Type.Optional(Type.String({ maxLength: 1_000 })),
  /** Of such a credential: id of the paired server, without whose right `fleet` this box does not use it. */
  server: Type.Optional(Type.String({ maxLength: 64 })),
  /** Of such a credential: version of what it says of the fleet. */
  version: Type.Optional(Type.Integer()),
  /** `list` without a signature. Credentials of before have no `list`, and programs of before require this one. */
  hosts: Type.Optional(Hosts),
});
export type Credential = Static<typeof Credential>;

interface Claims {
  readonly iss: string;
  readonly name: string;
  readonly sub: string;
  readonly iat: number;
  readonly exp?: number | undefined;
}

/** What its JWT says of a member. */
export interface IssuedMember extends Member {
  /** Public key of the fleet. */
  readonly account: string;
  /** Public key of the member. */
  readonly key: string;
  /** Unix seconds. */
  readonly issuedS: number;
  /** The JWT expires. Credentials never do, so such a JWT tells the box that its key is revoked. */
  readonly isVoid: boolean;
}

/** Name of a member in its JWT. */
export const nameOf = ({ role, id }: Member): string => `${role}.${id}`;

/** The member that a JWT is for, by whose key it is signed. @throws PerchError badInput also for a JWT with a wrong signature */
export function memberOf(jwt: string): IssuedMember {
  const { iss, name, sub: key, iat: issuedS, exp } = claimsOf(jwt);
  const [, role, id] = /^(box|server)\.([A-Za-z0-9-]{1,64})$/.exec(name) ?? [];
  if (id === undefined || !/^A[A-Z2-7]{55}$/.test(iss)) {
    throw new PerchError('badInput', 'the JWT is not that of a box or a server of a fleet');
  }
  return { role: role as Member['role'], id, account: iss, key, issuedS, isVoid: exp !== undefined };
}

function claimsOf(jwt: string): Claims {
  try {
    const { iss, name, sub, iat, exp } = decode(jwt);
    return { iss: String(iss), name: String(name), sub: String(sub), iat: Number(iat), exp };
  } catch (cause) {
    throw new PerchError('badInput', 'the JWT is damaged', {}, cause);
  }
}

/** Whether a JWT names this subject among those that it permits. One that was issued by an earlier version permits fewer. */
export function permits(jwt: string, way: 'pub' | 'sub', subject: string): boolean {
  const { nats } = decode<Partial<Record<'pub' | 'sub', { readonly allow?: readonly string[] }>>>(jwt);
  return nats[way]?.allow?.includes(subject) === true;
}

export const credentialIn = (dataDir: string): StoredDocument<typeof Credential> =>
  new StoredDocument(join(dataDir, CREDENTIAL_FILE), Credential);

/**
 * The credential of this Perch; undefined: it has none. A file that others may read is closed to them.
 * @throws PerchError badInput if it is damaged, unavailable if it cannot be read
 */
export async function readCredential(dataDir: string): Promise<Credential | undefined> {
  const document = credentialIn(dataDir);
  const credential = await document.load();
  if (credential && ((await stat(document.file)).mode & 0o077) !== 0) {
    await chmod(document.file, 0o600);
  }
  return credential;
}

/** The credential of this Perch if it is that of a box with this id. @throws PerchError */
export async function credentialOfBox(dataDir: string, box: string): Promise<Credential | undefined> {
  const credential = await readCredential(dataDir);
  const member = credential && memberOf(credential.jwt);
  return member?.role === 'box' && member.id === box ? credential : undefined;
}
