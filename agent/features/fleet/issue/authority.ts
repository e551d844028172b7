import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { type ConnectionType, encodeAccount, encodeOperator, encodeUser, type OperatorLimits } from '@nats-io/jwt';
import { nkeys } from '@nats-io/transport-node';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { type Credential, type Member, nameOf } from '../bus/credential.ts';
import { Hosts, signHosts } from '../bus/host-list.ts';
import {
  answerSubject,
  bucketSubject,
  eventSubject,
  inboxOf,
  requestSubject,
  STREAMS,
  stateKey,
  storedSubject,
} from '../bus/subjects.ts';
import { type BoxKeys, type Bundle, type FleetFacts, signFacts } from './bundle.ts';

/** The keys of a fleet, in a folder of its owner: no box and no server has them. */
const KEYS_NAME = 'fleet-keys.json';
const MAX_MEMBERS = 20_000;

const Key = Type.String({ pattern: '^U[A-Z2-7]{55}$' });
const Keys = Type.Object({
  /** Seeds. */
  operator: Type.String({ pattern: '^SO[A-Z2-7]{56}$' }),
  account: Type.String({ pattern: '^SA[A-Z2-7]{56}$' }),
  system: Type.String({ pattern: '^SA[A-Z2-7]{56}$' }),
  /** Signs orders to dial, which servers do. */
  orders: Type.Object({
    key: Type.String({ pattern: '^[\\w-]{43}$' }),
    secret: Type.String({ pattern: '^[\\w-]{43}$' }),
  }),
  /** Of the members. */
  natsURL: Type.String({ maxLength: 1_000 }),
  authority: Type.Optional(Type.String({ maxLength: 65_536 })),
  hosts: Hosts,
  /** Of `hosts`, see `HostList`; absent: they have not changed. */
  hostsVersion: Type.Optional(Type.Integer({ minimum: 1 })),
  /** Public keys that were issued, by name of the member. */
  issued: Type.Record(Type.String(), Type.Array(Key), { maxProperties: MAX_MEMBERS }),
  /** Revoked public keys, with the time in Unix seconds: what was issued until then is void. */
  revoked: Type.Record(Type.String(), Type.Integer(), { maxProperties: MAX_MEMBERS }),
});
type Keys = Static<typeof Keys>;

const UNLIMITED: OperatorLimits = {
  ...{ subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 },
  ...{ mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 },
};

interface FleetPlace {
  readonly natsURL: string;
  readonly authority?: string | undefined;
  readonly hosts: readonly string[];
}

/** Issues the credentials of a fleet, and revokes them. */
export class FleetAuthority {
  readonly #document: StoredDocument<typeof Keys>;
  #keys: Keys;

  /** @throws PerchError if the folder has the keys of a fleet, or cannot be written */
  static async create(folder: string, { natsURL, authority, hosts }: FleetPlace): Promise<FleetAuthority> {
    const document = new StoredDocument(join(folder, KEYS_NAME), Keys);
    if (await document.load()) {
      throw new PerchError('badInput', `${document.file} exists: it has the keys of a fleet`);
    }
    const keys = {
      ...{
        operator: seedOf(nkeys.createOperator()),
        account: seedOf(nkeys.createAccount()),
        system: seedOf(nkeys.createAccount()),
      },
      ...(authority !== undefined && { authority }),
      orders: newOrderKey(),
      ...{ natsURL, hosts: [...hosts], issued: {}, revoked: {} },
    };
    await document.save(() => keys);
    return new FleetAuthority(document, keys);
  }

  /** @throws PerchError */
  static async open(folder: string): Promise<FleetAuthority> {
    const document = new StoredDocument(join(folder, KEYS_NAME), Keys);
    const keys = await document.load();
    if (!keys) {
      throw new PerchError('notFound', `${document.file} does not exist: perch fleet create ${folder} makes it`);
    }
    return new FleetAuthority(document, keys);
  }

  private constructor(document: StoredDocument<typeof Keys>, keys: Keys) {
    this.#document = document;
    this.#keys = keys;
  }

  get natsURL(): string {
    return this.#keys.natsURL;
  }

  get authority(): string | undefined {
    return this.#keys.authority;
  }

  /** A new credential. Former ones of the member stay valid until they are revoked. */
  async issue(member: Member): Promise<Credential> {
    const { account, authority, hosts, hostsVersion = 1, issued, orders } = this.#keys;
    const user = nkeys.createUser();
    const limits = member.role === 'box' ? boxLimits(member.id) : serverLimits(member.id);
    const jwt = await encodeUser(nameOf(member), user, keyOf(account), limits);
    const name = nameOf(member);
    this.#keys = { ...this.#keys, issued: { ...issued, [name]: [...(issued[name] ?? []), user.getPublicKey()] } };
    await this.#document.save(() => this.#keys);
    return {
      ...{ format: 'perch-fleet', jwt, seed: seedOf(user) },
      ...(authority !== undefined && { authority }),
      orders: member.role === 'box' ? { key: orders.key } : { ...orders },
      hosts: [...hosts],
      ...(hosts.length > 0 && { list: signHosts(hosts, hostsVersion, keyOf(account)) }),
    };
  }

  /**
   * Credentials for keys that boxes have made. For a revoked one there is a JWT that has expired: from that the box knows that it needs
   * another key.
   * @returns also why boxes get none, by id: a wrong key of one does not stop the others
   */
  async issueBundle(
    boxes: BoxKeys['boxes'],
  ): Promise<{ readonly bundle: Bundle; readonly refused: ReadonlyMap<string, string> }> {
    const { account, natsURL, authority, orders, hosts, hostsVersion = 1, revoked } = this.#keys;
    const issued = { ...this.#keys.issued };
    const owners = new Map(Object.entries(issued).flatMap(([name, keys]) => keys.map((key) => [key, name] as const)));
    const jwts: Record<string, string> = {};
    const refused = new Map<string, string>();
    for (const { id, key } of boxes) {
      const name = nameOf({ role: 'box', id });
      const owner = owners.get(key) ?? name;
      if (!isKey(key)) {
        refused.set(id, 'its key is damaged');
      } else if (revoked[key] !== undefined) {
        refused.set(
          id,
          'its key is revoked: hand this bundle out, and the box makes another one; then collect and sign again',
        );
        jwts[id] = await encodeUser(name, nkeys.fromPublic(key), keyOf(account), {}, { exp: 1 });
      } else if (owner !== name) {
        refused.set(id, `its key is that of ${owner}`);
      } else {
        owners.set(key, name);
        jwts[id] = await encodeUser(name, nkeys.fromPublic(key), keyOf(account), boxLimits(id));
        issued[name] = [...new Set([...(issued[name] ?? []), key])];
      }
    }
    this.#keys = { ...this.#keys, issued };
    await this.#document.save(() => this.#keys);
    const facts: FleetFacts = {
      ...{ format: 'perch-fleet-facts', natsURL, orders: orders.key, version: hostsVersion },
      ...(authority !== undefined && { authority }),
      ...(hosts.length > 0 && { list: signHosts(hosts, hostsVersion, keyOf(account)) }),
    };
    const fleet = signFacts(facts, keyOf(account));
    return { bundle: { format: 'perch-fleet-bundle', fleet, boxes: jwts }, refused };
  }

  get hosts(): readonly string[] {
    return this.#keys.hosts;
  }

  /** Credentials that are issued from now on have these hosts. */
  async setHosts(hosts: readonly string[], nowMs: number): Promise<void> {
    // A folder that was restored from an older copy does not know which versions boxes have.
    const hostsVersion = Math.max((this.#keys.hostsVersion ?? 1) + 1, Math.floor(nowMs / 1000));
    this.#keys = { ...this.#keys, hosts: [...hosts], hostsVersion };
    await this.#document.save(() => this.#keys);
  }

  /** Names of the servers that have a credential which is not revoked. */
  get servers(): readonly string[] {
    const { issued, revoked } = this.#keys;
    return Object.entries(issued).flatMap(([name, keys]) =>
      name.startsWith('server.') && keys.some((key) => revoked[key] === undefined)
        ? [name.slice('server.'.length)]
        : [],
    );
  }

  /**
   * Revokes all credentials of the member that were issued so far; NATS servers know it from the account's new JWT. What was revoked before
   * is revoked again.
   * @param id of a box or a server
   * @throws PerchError notFound
   */
  async revoke(id: string, nowMs: number): Promise<void> {
    const { issued, revoked } = this.#keys;
    const keys = (['box', 'server'] as const).flatMap((role) => issued[nameOf({ role, id })] ?? []);
    if (keys.length === 0) {
      throw new PerchError('notFound', `no credential of '${id.slice(0, 64)}' was issued`);
    }
    const gone = Object.fromEntries(keys.map((key) => [key, Math.ceil(nowMs / 1000)]));
    this.#keys = { ...this.#keys, revoked: { ...revoked, ...gone } };
    await this.#document.save(() => this.#keys);
  }

  /** Signed by the operator's key. */
  accountJwt(): Promise<string> {
    const { operator, account, revoked } = this.#keys;
    return encodeAccount(
      'fleet',
      keyOf(account),
      { limits: UNLIMITED, revocations: revoked },
      { signer: keyOf(operator) },
    );
  }

  /** Of a user with all rights for a quarter of an hour, in the fleet's account or in that of the system, which replaces JWTs of accounts. */
  async ownerCredential(account: 'account' | 'system', nowMs: number): Promise<Pick<Credential, 'jwt' | 'seed'>> {
    const user = nkeys.createUser();
    const exp = Math.floor(nowMs / 1000) + 900;
    return { jwt: await encodeUser('perch', user, keyOf(this.#keys[account]), {}, { exp }), seed: seedOf(user) };
  }

  /** What the configuration of each NATS server has to include; it does not change. @param store folder in which the server keeps accounts */
  async serverConfig(store: string): Promise<string> {
    const { operator, system } = this.#keys;
    const [operatorKey, systemKey] = [keyOf(operator), keyOf(system)];
    const systemId = systemKey.getPublicKey();
    const operatorJwt = await encodeOperator('perch', operatorKey, { system_account: systemId });
    const systemJwt = await encodeAccount('system', systemKey, { limits: SYSTEM_LIMITS }, { signer: operatorKey });
    return [
      `operator: ${operatorJwt}`,
      `system_account: ${systemId}`,
      `resolver: { type: full, dir: ${JSON.stringify(store)}, allow_delete: false, interval: "2m" }`,
      // The account of the fleet is published: a preloaded one would void its revocations with each restart.
      'resolver_preload: {',
      `  ${systemId}: ${systemJwt}`,
      '}',
      '',
    ].join('\n');
  }
}

const SYSTEM_LIMITS: OperatorLimits = { ...UNLIMITED, mem_storage: 0, disk_storage: 0, streams: 0, consumer: 0 };

function newOrderKey(): Keys['orders'] {
  const { d: secret = '', x: key = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return { secret, key };
}

const seedOf = (key: nkeys.KeyPair): string => new TextDecoder().decode(key.getSeed());
const keyOf = (seed: string): nkeys.KeyPair => nkeys.fromSeed(new TextEncoder().encode(seed));

/** Whether its checksum is right. */
function isKey(key: string): boolean {
  try {
    return nkeys.fromPublic(key).getPublicKey() === key;
  } catch {
    return false;
  }
}

const STANDARD: ConnectionType[] = ['STANDARD'];

/**
 * A box reaches its own subjects, and answers on these alone: with `resp` it could publish wherever a message names. NATS does not check the
 * subject to which a message wants its answer, so nothing may answer what a box publishes: see `stores.ts`.
 */
const boxLimits = (box: string) => ({
  pub: { allow: [eventSubject(box), bucketSubject(stateKey(box)), answerSubject(box, '*', '*')] },
  sub: { allow: [requestSubject(box, '>'), storedSubject(box), `${inboxOf(box)}.>`] },
  // A picture of a camera is not among the messages of a box.
  ...{ payload: 256 << 10, subs: 16, data: -1 },
  bearer_token: false,
  allowed_connection_types: STANDARD,
});

const API = '$JS.API';
/** A server reads events and states and asks boxes. It deletes nothing that is stored; its consumers deliver wherever a member subscribes. */
const serverLimits = (server: string) => ({
  pub: {
    allow: [
      requestSubject('*', '>'),
      ...[`${API}.INFO`, `${API}.STREAM.NAMES`],
      ...STREAMS.flatMap((stream) => [
        ...[`${API}.STREAM.CREATE.${stream}`, `${API}.STREAM.INFO.${stream}`],
        ...[`${API}.STREAM.MSG.GET.${stream}`, `${API}.DIRECT.GET.${stream}`, `${API}.DIRECT.GET.${stream}.>`],
        ...[`${API}.CONSUMER.*.${stream}`, `${API}.CONSUMER.*.${stream}.>`, `${API}.CONSUMER.MSG.NEXT.${stream}.*`],
        ...[`$JS.ACK.${stream}.>`, `$JS.FC.${stream}.>`],
      ]),
    ],
  },
  sub: { allow: [`${inboxOf(server)}.>`, answerSubject('*', server, '*')] },
  ...{ payload: -1, subs: -1, data: -1 },
  bearer_token: false,
  allowed_connection_types: STANDARD,
});
