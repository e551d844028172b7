import { join } from 'node:path';
import type { Static } from 'typebox';
import { INVITATION_MS, SERVERS_DRIFT_MS } from '../../../auth/pairing/invitations.ts';
import { isLinkPin } from '../../../auth/pairing/linked-boxes.ts';
import type { Clock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { mergedItems } from '../../../base/files/merged-items.ts';
import { StoredDocument } from '../../../base/files/stored-document.ts';
import { RevokedKey, UnsavedRevocations } from '../../../base/files/unsaved-revocations.ts';
import type { Logger } from '../../../base/log.ts';
import {
  BOXES_FILE,
  BoxesFile,
  MAX_BOXES,
  type StoredBox,
  type StoredRemoval,
  type UsedInvitation,
} from './box-file.ts';

/** Of all boxes: a file of 5 MB with names of ordinary length. One above the 16 MB that are read is not saved. */
const MAX_ALL_CAMERAS = 20_000;

interface StoredBoxesOptions {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The boxes to save. */
  present(): readonly StoredBox[];
  /** Takes the boxes of another server of the database. @param former as both servers knew them */
  merge(theirs: readonly StoredBox[], former: readonly StoredBox[]): void;
  /** Forgets the box with this pairing, if there is one. */
  forget(server: string): Promise<void>;
}

/** `boxes.json` of the data folder, or of the database of several servers: pairings, those that have ended, and used invitations. */
export class StoredBoxes {
  readonly #options: StoredBoxesOptions;
  readonly #document: StoredDocument<typeof BoxesFile>;
  /** By the id of the pairing. */
  readonly #unsaved: UnsavedRevocations<typeof RevokedKey>;
  /** Oldest first. */
  #removed: readonly StoredRemoval[] = [];
  #used: readonly UsedInvitation[] = [];

  constructor(options: StoredBoxesOptions) {
    const { dataDir, log } = options;
    this.#options = options;
    this.#document = new StoredDocument(join(dataDir, BOXES_FILE), BoxesFile, log);
    this.#document.follow(
      (theirs, former) => {
        const [now = [], before = [], mine] = [theirs?.removed, former?.removed, this.#removed];
        this.#removed = mergedItems({
          former: before,
          mine,
          theirs: now,
          keyOf: (one) => one.server,
          both: (one) => one,
        }).slice(-MAX_BOXES);
        const used = [...(theirs?.invitations ?? []), ...this.#used];
        this.#used = [...new Map(used.map((one) => [one.key, one])).values()].slice(-MAX_BOXES);
        options.merge(theirs?.boxes ?? [], former?.boxes ?? []);
      },
      { merges: true, answers: () => this.#unsaved.saveAgain() },
    );
    const save = async (server: string) => {
      await options.forget(server);
      await this.save();
    };
    this.#unsaved = new UnsavedRevocations({ document: this.#document, schema: RevokedKey, save, log });
  }

  async open(): Promise<readonly StoredBox[]> {
    const stored = await this.#document.open('boxes cannot be read: pair them again');
    const { boxes = [], removed = [], invitations = [] } = stored ?? {};
    this.#removed = removed;
    this.#used = invitations;
    return boxes;
  }

  /** Call this once the boxes that `open` has returned are present. */
  saveRevocations(): Promise<void> {
    return this.#unsaved.open();
  }

  get isShared(): boolean {
    return this.#document.isShared;
  }

  /** Why nothing can be saved at present, see `StoredDocument.away`. */
  get away(): string | undefined {
    return this.#document.away;
  }

  /** The boxes that all servers of the database know; undefined without one, and in one that never had any. */
  get shared(): readonly StoredBox[] | undefined {
    return this.#document.shared?.boxes;
  }

  /** Asks the database for what other servers have saved. @throws PerchError */
  async ask(): Promise<void> {
    await this.#document.ask().catch((error: unknown) => {
      throw this.isShared ? notSaved(error) : error;
    });
  }

  /** @throws PerchError */
  save(): Promise<void> {
    return this.#document.save(() => this.#stored());
  }

  /** Saves later if it fails. */
  saveSoon(): void {
    void this.#document.trySave(() => this.#stored(), 'saving the boxes failed');
  }

  /** Saves that the box is forgotten, also if the database cannot take that now. @param server id of the pairing */
  saveRevoked(server: string): Promise<void> {
    return this.#unsaved.save(server, null);
  }

  /** Whether a box that was removed has used the invitation with this key. */
  isUsed(key: string): boolean {
    return this.#used.some((one) => one.key === key);
  }

  removal(id: string, server: string | undefined): StoredRemoval | undefined {
    return this.#removed.find((one) => one.id === id && one.server === server);
  }

  noteUsed({ pin, key, created }: StoredBox): void {
    if (isLinkPin(pin)) {
      this.#used = [...this.#used, { key, untilMs: created + INVITATION_MS + SERVERS_DRIFT_MS }].slice(-MAX_BOXES);
    }
  }

  noteRemoval({ id, pin, server, secret, key }: StoredBox): void {
    if (isLinkPin(pin)) {
      this.#removed = [...this.#removed, { id, pin, server, secret, key }].slice(-MAX_BOXES);
    }
  }

  /** Resolves when all saves have ended. */
  close(): Promise<void> {
    return this.#document.close();
  }

  #stored(): Static<typeof BoxesFile> {
    const boxes = [...this.#options.present()];
    // Another server may have paired the last one at the same moment. More are not read.
    if (boxes.length > MAX_BOXES) {
      throw new PerchError('badInput', `there are ${MAX_BOXES} boxes, which is the limit`, { why: 'limit' });
    }
    const cameras = boxes.reduce((sum, box) => sum + box.cameras.length, 0);
    if (cameras > MAX_ALL_CAMERAS) {
      throw new PerchError('badInput', `the boxes offer ${cameras} cameras, at most ${MAX_ALL_CAMERAS} are kept`);
    }
    const [removed, nowMs] = [[...this.#removed], this.#options.clock.wallMs()];
    const invitations = this.#used.filter(({ untilMs }) => untilMs > nowMs);
    return { boxes, ...(removed.length > 0 && { removed }), ...(invitations.length > 0 && { invitations }) };
  }
}

/** For the box, too: where the database is stands in the log. */
export const notSaved = (cause: unknown): PerchError =>
  new PerchError('unavailable', 'no box can be paired now: the database does not answer', {}, cause);
