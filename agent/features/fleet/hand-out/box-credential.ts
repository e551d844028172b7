import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import Type from 'typebox';
import { PerchError } from '../../../base/errors.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import type { Logger } from '../../../base/log.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';
import { Credential, credentialIn, type Member, memberOf, nameOf, readCredential } from '../bus/credential.ts';
import { type HandOutPart, readPart, shortKey } from '../issue/bundle.ts';

/** In the data folder, and in no backup, as the credential. */
const NEXT_KEY_FILE = 'fleet-next-key.json';

const NextKey = Type.Object({ seed: Credential.properties.seed });

/** What the box answers to a server. */
export interface Membership {
  /** Public key of the credential that this box takes next. */
  readonly key: string;
  /** Public key of the account of its fleet; null: it has no credential that it may use. */
  readonly account: string | null;
}

interface BoxCredentialOptions {
  readonly dataDir: string;
  /** Whether the member may be this Perch. @throws PerchError */
  readonly check: (member: Member) => void;
  /** False: the server that handed it out no longer has the right. */
  readonly mayUse: (credential: Credential) => boolean;
  readonly log: Logger;
}

/** The credential of this box, as a server hands it out. Seeds of its keys never leave it, and each new credential may have another one. */
export class BoxCredential {
  readonly #options: BoxCredentialOptions;
  readonly #document: StoredDocument<typeof Credential>;
  readonly #nextKey: StoredDocument<typeof NextKey>;
  readonly #turns = new SerialQueue();

  constructor(options: BoxCredentialOptions) {
    this.#options = options;
    this.#document = credentialIn(options.dataDir);
    this.#nextKey = new StoredDocument(join(options.dataDir, NEXT_KEY_FILE), NextKey, options.log);
  }

  /** @throws PerchError if a file cannot be read or written */
  membership(): Promise<Membership> {
    return this.#turns.run(async () => {
      const credential = await readCredential(this.#options.dataDir);
      const key = publicOf(await this.#nextSeed(credential));
      const isUsed = credential !== undefined && this.#options.mayUse(credential);
      return { key, account: isUsed ? memberOf(credential.jwt).account : null };
    });
  }

  /**
   * Saves a credential that is signed for a key of this box. Until then, and after a power cut, it has the former one.
   * @param part unchecked
   * @param server id of the paired server
   * @throws PerchError badInput
   */
  take(part: unknown, server: string): Promise<void> {
    const { dataDir, check, mayUse, log } = this.#options;
    return this.#turns.run(async () => {
      const { member, facts } = readPart(part);
      check(member);
      if (member.role !== 'box') {
        throw new PerchError('badInput', `this is the JWT of server ${member.id}: boxes alone get one from a server`);
      }
      const former = await readCredential(dataDir);
      const before = former && memberOf(former.jwt);
      if (before?.role === 'server') {
        throw new PerchError('badInput', `this Perch is ${nameOf(before)} of a fleet`);
      }
      const isSame = before?.account === member.account;
      if (former && before && !isSame && mayUse(former)) {
        const [now, then] = [shortKey(before.account), shortKey(member.account)];
        throw new PerchError(
          'badInput',
          `this box belongs to the fleet of account ${now}, and ${then} is another one: perch fleet join on the box moves it`,
        );
      }
      const seeds = [await this.#nextSeed(former), ...(former ? [former.seed] : [])];
      const seed = seeds.find((one) => publicOf(one) === member.key);
      if (seed === undefined) {
        throw new PerchError(
          'badInput',
          `the JWT is for key ${shortKey(member.key)}, and this box has ${seeds.map((one) => shortKey(publicOf(one))).join(' and ')}: collect the keys again (perch fleet boxes FILE)`,
        );
      }
      if (member.isVoid) {
        if (seed === seeds[0]) {
          await this.#nextKey.save(() => ({ seed: newSeed() }));
        }
        throw new PerchError(
          'badInput',
          'its key is revoked, and this box has another one now: collect the keys again (perch fleet boxes FILE)',
        );
      }
      if (isSame && (member.issuedS < before.issuedS || facts.version < (former?.version ?? 0))) {
        throw new PerchError('badInput', 'this credential is older than the one that this box has');
      }
      const { natsURL, authority, orders, list, version } = facts;
      const credential: Credential = {
        ...{ format: 'perch-fleet', jwt: (part as HandOutPart).jwt, seed, natsURL, server, version },
        orders: { key: orders },
        ...(authority !== undefined && { authority }),
        ...(list && { list }),
        hosts: list?.hosts ?? [],
      };
      await this.#document.save(() => credential);
      log.info({ account: member.account, server }, 'this box has a credential of its fleet from a server');
    });
  }

  /** Of a key that no credential has. */
  async #nextSeed(credential: Credential | undefined): Promise<string> {
    const stored = await this.#nextKey.open('the next key of this box cannot be read: it gets another one');
    if (stored && stored.seed !== credential?.seed) {
      return stored.seed;
    }
    const seed = newSeed();
    await this.#nextKey.save(() => ({ seed }));
    return seed;
  }
}

const newSeed = (): string => new TextDecoder().decode(nkeys.createUser().getSeed());
const publicOf = (seed: string): string => nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();
