import { generateKeyPairSync } from 'node:crypto';
import Type from 'typebox';
import { Check } from 'typebox/value';
import { isBoxAddress, readInvitation } from '../../../auth/pairing/invitation-text.ts';
import {
  isLinkPin,
  type LinkedBoxes,
  type LinkedPairing,
  linkPinOf,
  type NewLinkedBox,
} from '../../../auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { mergedItems } from '../../../base/files/merged-items.ts';
import type { Logger } from '../../../base/log.ts';
import type { PathBox } from '../../../paths/path-status.ts';
import { BoxClient, type BoxRequest, type BoxResponse, type BoxUpgrade, jsonOf } from './box-client.ts';
import {
  type BoxFacts,
  boxPrivateKey,
  MAX_BOXES,
  MAX_NAME_CHARS,
  type OfferedCamera,
  readFacts,
  type SharedPath,
  type StoredBox,
} from './box-file.ts';
import { BoxLink, type BoxState, SELF_PATH } from './box-link.ts';
import { BoxSearch, type FindBoxes } from './box-search.ts';
import { notSaved, StoredBoxes } from './stored-boxes.ts';

const PAIR_PATH = '/v3/pairedservers/pair';
const END_MS = 3_000;

const Paired = Type.Object({ server: Type.String({ pattern: '^[\\w-]{16}$' }), box: Type.Unknown() });

export interface BoxItem extends BoxState {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly addresses: readonly string[];
  readonly live: boolean;
  readonly recordings: boolean;
  readonly talk: boolean;
  readonly turn: boolean;
  readonly switch: boolean;
  readonly settings: boolean;
  readonly fleet: boolean;
  readonly cameras: readonly OfferedCamera[];
  /** Whether the box makes the connection, so that it has no addresses. */
  readonly linked: boolean;
}

interface BoxesOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Searches the local networks for boxes, or undefined to try their known addresses only. */
  readonly findBoxes?: FindBoxes | undefined;
  /** Connections that boxes make; absent: none. */
  readonly boxLinks?: LinkedBoxes;
}

/** The paths of the box's cameras at all servers. @param taken names of paths of other boxes */
type PathPlan = (box: StoredBox, taken: ReadonlySet<string>) => readonly SharedPath[];

/** Boxes whose cameras this server shows, in `boxes.json` of the data folder. */
export class Boxes {
  readonly #options: BoxesOptions;
  readonly #stored: StoredBoxes;
  readonly #links = new Map<string, BoxLink>();
  /** Cached names for people by id of the box, or undefined if they have to be computed again. */
  #names: ReadonlyMap<string, string> | undefined;
  readonly #search: BoxSearch | undefined;
  readonly #listeners = new Set<() => void>();
  /** Paths that are about to be shared, by id of the box. */
  readonly #plans = new Map<string, PathPlan>();

  constructor(options: BoxesOptions) {
    this.#options = options;
    this.#search = options.findBoxes && new BoxSearch(options.findBoxes, options.clock);
    this.#stored = new StoredBoxes({
      ...options,
      present: () => this.#present(),
      merge: (theirs, former) => this.#merge(theirs, former),
      forget: (server) => this.#forgetRevoked(server),
    });
    options.boxLinks?.onChange((id) => this.#links.get(id)?.linkChanged());
    options.boxLinks?.bus.onChange(() => {
      for (const link of this.#links.values()) {
        link.busChanged();
      }
    });
  }

  list(): readonly BoxItem[] {
    return [...this.#links.values()].map((link) => boxItem(link, this.#nameOf(link)));
  }

  item(id: string): BoxItem | undefined {
    const link = this.#links.get(id);
    return link && boxItem(link, this.#nameOf(link));
  }

  /** Called when a box connects, goes away, or offers other cameras. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Signed, over TLS with the pinned certificate. An error status is a response.
   * @param path of the box, encoded, without query
   * @throws PerchError unavailable at once while the box is away, timeout, notFound: no such box
   */
  async request(id: string, method: string, path: string, request: BoxRequest = {}): Promise<BoxResponse> {
    return this.#link(id).request(method, path, request);
  }

  /** See `BoxLink.noteSilence`. */
  noteSilence(id: string, sentMs: number): void {
    void this.#links.get(id)?.noteSilence(sentMs);
  }

  /** Opens a WebSocket at the box. */
  async upgrade(
    id: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<BoxUpgrade> {
    return this.#link(id).upgrade(path, headers, signal);
  }

  /** Pairs with the box of an invitation. @param name of this server, for the box's owner */
  async add(invitation: string, name: string): Promise<BoxItem> {
    const { addresses, pin, secret } = readInvitation(invitation);
    this.#checkRoom();
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const { d = '' } = privateKey.export({ format: 'jwk' });
    const { x: key = '' } = publicKey.export({ format: 'jwk' });
    const { clock } = this.#options;
    const client = new BoxClient({ pin, clock });
    try {
      await client.connect(addresses).catch(unlessRefused);
      const paired = await jsonOf(
        await client.request('POST', PAIR_PATH, { body: JSON.stringify({ secret, name, key }) }),
      ).catch(unlessRefused);
      const box = Check(Paired, paired) ? readFacts(paired.box) : undefined;
      if (!Check(Paired, paired) || !box) {
        throw new PerchError('badInput', 'the box answers in another form: update both');
      }
      const { server } = paired;
      await this.#replace(box, pin);
      this.#checkRoom();
      const all = [...new Set([client.address, ...box.addresses, ...addresses])].slice(0, 16);
      const nowMs = clock.wallMs();
      const stored = { ...box, addresses: all, pin, server, secret: d, key, created: nowMs, seen: nowMs };
      this.#add(stored);
      await this.#stored.save().catch(async (error: unknown) => {
        await this.#forget(box.id);
        throw error;
      });
      this.#options.log.info({ box: box.name, id: box.id }, 'box paired');
      return this.item(box.id) as BoxItem;
    } finally {
      client.close();
    }
  }

  /** @throws PerchError unavailable while pairings cannot be saved */
  mayAdd(): void {
    const { away } = this.#stored;
    if (away !== undefined) {
      throw notSaved(away);
    }
  }

  /** Pairs with a box that connects to this server, and reads why not. @throws PerchError */
  async addLinked({ boxKey, server, secret, key, ...box }: NewLinkedBox): Promise<void> {
    this.#checkRoom();
    const pin = linkPinOf(boxKey);
    const isSpent = () => this.#isSpent({ key, id: box.id }, this.#boxes());
    // Another server of the database may have let a box in with it.
    await this.#stored.ask();
    if (isSpent()) {
      throw spent();
    }
    await this.#replace(box, pin);
    this.#checkRoom();
    if (isSpent()) {
      throw spent();
    }
    const facts = { version: '', addresses: [], live: false, recordings: false, cameras: [] };
    const nowMs = this.#options.clock.wallMs();
    this.#add({ ...facts, ...box, pin, server, secret, key, namesBox: true, created: nowMs, seen: nowMs });
    await this.#stored.save().catch(async (error: unknown) => {
      await this.#forget(box.id);
      const isAway = this.#stored.isShared && error instanceof PerchError && error.code === 'unavailable';
      throw isAway ? notSaved(error) : error;
    });
    // Another server was faster, see `#merge`.
    if (this.#links.get(box.id)?.box.server !== server) {
      throw spent();
    }
    this.#options.log.info({ box: box.name, id: box.id }, 'box paired');
  }

  /** @throws PerchError badInput: there are as many boxes as are kept */
  #checkRoom(): void {
    if (this.#links.size >= MAX_BOXES) {
      throw new PerchError('badInput', `there are ${MAX_BOXES} boxes, which is the limit`, { why: 'limit' });
    }
  }

  /** Whether another box, or one that was removed, has used the invitation of a box. */
  #isSpent({ key, id }: Pick<StoredBox, 'key' | 'id'>, boxes: readonly StoredBox[]): boolean {
    return this.#stored.isUsed(key) || boxes.some((other) => other.key === key && other.id !== id);
  }

  async #forget(id: string): Promise<void> {
    const link = this.#links.get(id);
    this.#links.delete(id);
    this.#names = undefined;
    await link?.close();
  }

  /** See `BoxPairings.has`. */
  isLinked(id: string): boolean {
    const link = this.#links.get(id);
    return link !== undefined && isLinkPin(link.box.pin);
  }

  /** See `BoxPairings.find`. */
  linked(id: string, server?: string): LinkedPairing | undefined {
    const present = this.#links.get(id)?.box;
    const removed = this.#stored.removal(id, server);
    const box = removed ?? present;
    return box && isLinkPin(box.pin)
      ? {
          server: box.server,
          privateKey: boxPrivateKey(box),
          key: box.key,
          boxKey: box.pin.slice(linkPinOf('').length),
          ...(removed && { isRemoved: true as const }),
        }
      : undefined;
  }

  /** Asks the box to end the pairing: if it does not answer, and makes the connection, with its next one. @returns false: there is no such box */
  async remove(id: string): Promise<boolean> {
    const link = this.#links.get(id);
    if (!link) {
      return false;
    }
    await this.#endPairing(link);
    await this.#forget(id);
    this.#options.boxLinks?.drop(id);
    this.#notify();
    await this.#stored.saveRevoked(link.box.server);
    this.#options.log.info({ box: link.box.name, id }, 'box removed');
    return true;
  }

  async #forgetRevoked(server: string): Promise<void> {
    const box = [...this.#links.values()].find((link) => link.box.server === server)?.box;
    if (box) {
      this.#stored.noteUsed(box);
      this.#stored.noteRemoval(box);
      await this.#forget(box.id);
    }
  }

  /** The boxes that all servers of the database know, with the paths of their cameras; undefined: there is no such database. */
  get shared(): readonly StoredBox[] | undefined {
    return this.#stored.shared;
  }

  get isShared(): boolean {
    return this.#stored.isShared;
  }

  /**
   * Saves the paths of a box's cameras for all servers of the database.
   * @param plan called again if another server has changed the boxes meanwhile
   * @throws PerchError notFound, unavailable
   */
  async sharePaths(id: string, plan: PathPlan): Promise<void> {
    this.#link(id);
    this.#plans.set(id, plan);
    await this.#stored.save().finally(() => {
      if (this.#plans.get(id) === plan) {
        this.#plans.delete(id);
      }
    });
  }

  /** With every save: one that is waiting, of whatever else, takes the paths along. */
  #present(): readonly StoredBox[] {
    for (const [id, plan] of this.#plans) {
      const link = this.#links.get(id);
      const others = [...this.#links.values()].filter((one) => one !== link).flatMap(({ box }) => box.paths ?? []);
      link?.setPaths(plan(link.box, new Set(others.map(({ name }) => name))));
    }
    return this.#boxes();
  }

  #boxes(): readonly StoredBox[] {
    return [...this.#links.values()].map(({ box }) => box);
  }

  /** @throws PerchError badInput, notFound */
  setAddresses(id: string, addresses: readonly string[]): void {
    const wrong = addresses.find((address) => !isBoxAddress(address));
    if (wrong !== undefined || addresses.length === 0) {
      throw new PerchError('badInput', `'${wrong ?? ''}' is not host:port of the box's https`);
    }
    const link = this.#link(id);
    if (isLinkPin(link.box.pin)) {
      throw new PerchError('badInput', `box '${link.name}' connects to this server: it needs no address`);
    }
    link.setAddresses(addresses);
  }

  /** Sets the owner's name of a box. @param name empty: the box's own name @throws PerchError notFound */
  rename(id: string, name: string): void {
    this.#link(id).rename(name.trim().slice(0, MAX_NAME_CHARS));
  }

  /** Undefined: there is no such box. */
  presence(id: string): PathBox | undefined {
    const link = this.#links.get(id);
    return link && presenceOf(link, this.#nameOf(link));
  }

  /** Asks the box now what it offers. @throws PerchError notFound */
  refresh(id: string): Promise<void> {
    return this.#link(id).refresh();
  }

  async close(): Promise<void> {
    this.#search?.close();
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    await this.#stored.close();
  }

  #nameOf({ box, name }: BoxLink): string {
    this.#names ??= distinctNames([...this.#links.values()]);
    return this.#names.get(box.id) ?? name;
  }

  #link(id: string): BoxLink {
    const link = this.#links.get(id);
    if (!link) {
      throw new PerchError(
        'notFound',
        `there is no box '${id.slice(0, 64)}': it was removed, or its invitation is missing`,
      );
    }
    return link;
  }

  #add(box: StoredBox): void {
    const { clock, log, boxLinks } = this.#options;
    const search = this.#search;
    const link = new BoxLink(box, {
      clock,
      log,
      boxLinks,
      ...(search && { search: (id: string) => search.addressesOf(id) }),
      changed: (_, isWorthSaving) => {
        if (isWorthSaving) {
          this.#names = undefined;
          this.#stored.saveSoon();
          this.#notify();
        }
      },
    });
    this.#links.set(box.id, link);
    this.#names = undefined;
    link.start();
  }

  /** The box was paired before: its former pairing ends. */
  async #replace({ id, name }: Pick<BoxFacts, 'id' | 'name'>, pin: string): Promise<void> {
    const link = this.#links.get(id);
    if (!link) {
      return;
    }
    if (link.box.pin !== pin) {
      const message = `box '${name}' is paired already, with another key (${link.box.name}): remove that one first`;
      throw new PerchError('badInput', message, { isTaken: true });
    }
    await this.#endPairing(link);
    this.#links.delete(id);
    await link.close();
    // The box does not know the new pairing there.
    this.#options.boxLinks?.drop(id);
  }

  /** Takes the boxes of another server of the database, with the changes of this one that are not saved yet. */
  #merge(theirs: readonly StoredBox[], former: readonly StoredBox[]): void {
    const mine = this.#boxes();
    const [nowById, formerById] = [byId(theirs), byId(former)];
    const isNew = ({ id }: StoredBox) => !nowById.has(id);
    const merged = mergedItems({ former, mine, theirs, keyOf: ({ id }) => id, both: (here) => here }).filter(
      (box) => !(isNew(box) && this.#isSpent(box, theirs)),
    );
    const kept = byId(merged);
    for (const link of [...this.#links.values()]) {
      const now = nowById.get(link.box.id);
      if (!kept.has(link.box.id) || (now && now.server !== link.box.server)) {
        this.#links.delete(link.box.id);
        this.#options.boxLinks?.drop(link.box.id);
        void link.close();
      } else if (now) {
        link.take(now, formerById.get(now.id));
      }
    }
    for (const box of merged.filter(({ id }) => !this.#links.has(id))) {
      this.#add(nowById.get(box.id) ?? box);
    }
    this.#names = undefined;
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }

  /** Connects to the boxes of the file. */
  async open(): Promise<void> {
    for (const box of await this.#stored.open()) {
      this.#add(box);
    }
    await this.#stored.saveRevocations();
  }

  /** Ends the pairing on the box, if it is reachable. */
  async #endPairing(link: BoxLink): Promise<void> {
    this.#stored.noteUsed(link.box);
    let isTold = false;
    try {
      const { status, body } = await link.request('DELETE', SELF_PATH, { signal: AbortSignal.timeout(END_MS) });
      isTold = status === 200;
      body.resume();
    } catch {
      // Of a box with an address, its owner has to revoke it.
    }
    if (!isTold) {
      this.#stored.noteRemoval(link.box);
    }
  }
}

const byId = (boxes: readonly StoredBox[]): ReadonlyMap<string, StoredBox> =>
  new Map(boxes.map((box) => [box.id, box]));

const spent = (): PerchError =>
  new PerchError('unauthorized', 'the invitation was used: create a new one', { why: 'invitation' });

/** Reports another machine or a used invitation as a fault of the request (badInput), not of its login. */
function unlessRefused(error: unknown): never {
  if (error instanceof PerchError && error.code === 'unauthorized') {
    throw new PerchError('badInput', error.message, error.context);
  }
  throw error;
}

/** Names by box id. If several boxes have the same name, those that were paired later get a number. */
function distinctNames(links: readonly BoxLink[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const { box, name } of links) {
    let free = name;
    for (let number = 2; taken.has(free); number += 1) {
      free = `${name} ${number}`;
    }
    taken.add(free);
    names.set(box.id, free);
  }
  return names;
}

const boxItem = ({ box, state }: BoxLink, name: string): BoxItem => {
  const { id, version, addresses, live, recordings, talk = false, fleet = false } = box;
  const rights = { live, recordings, talk, fleet, ...furtherRights(box) };
  return { id, name, version, addresses, ...rights, cameras: box.cameras, linked: isLinkPin(box.pin), ...state };
};

const presenceOf = ({ box, awaySince }: BoxLink, name: string): PathBox => ({
  id: box.id,
  name,
  awaySince,
  ...furtherRights(box),
});

const furtherRights = ({ turn = false, switch: switches = false, settings = false }: StoredBox) => ({
  turn,
  switch: switches,
  settings,
});
