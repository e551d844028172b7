import { nkeys } from '@nats-io/transport-node';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { parseJson } from '../../../base/files/parse-json.ts';

/** Of an order to dial: the list that the server has, base64url of its JSON. */
export const HOSTS_HEADER = 'Perch-Hosts';

/** Hosts with ports that servers may name when they ask a box to connect. A box takes no more of a fleet. */
export const Hosts = Type.Array(Type.String({ minLength: 3, maxLength: 300 }), { maxItems: 32 });

/**
 * The hosts of a fleet, signed by its account key, which no server has. A box takes a later version from any server: so the owner changes the
 * list without a new credential of each box.
 */
export const HostList = Type.Object({
  hosts: Hosts,
  /** Grows with each change: Unix seconds, or one more than the former. */
  version: Type.Integer({ minimum: 1 }),
  /** Ed25519, base64url. */
  signature: Type.String({ pattern: '^[\\w-]{86}$' }),
});
export type HostList = Static<typeof HostList>;

/** No JWT, which the same key signs, begins like this. */
const signedText = ({ hosts, version }: Pick<HostList, 'hosts' | 'version'>): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(['perch-fleet-hosts', version, ...hosts]));

/** @param account its key */
export function signHosts(hosts: readonly string[], version: number, account: nkeys.KeyPair): HostList {
  const list = { hosts: [...hosts], version };
  return { ...list, signature: Buffer.from(account.sign(signedText(list))).toString('base64url') };
}

export const headerOf = (list: HostList): string => Buffer.from(JSON.stringify(list)).toString('base64url');

/**
 * The list of an order, if it is later than the one that the box has.
 * @param account public key of the fleet
 * @returns undefined also for one that the account has not signed: anybody may have written it
 */
export function laterHosts(header: string, version: number, account: string): HostList | undefined {
  const list = header.length > 20_000 ? undefined : parseJson(Buffer.from(header, 'base64url').toString());
  if (!Check(HostList, list) || list.version <= version) {
    return undefined;
  }
  const signature = Buffer.from(list.signature, 'base64url');
  return nkeys.fromPublic(account).verify(signedText(list), signature) ? list : undefined;
}
