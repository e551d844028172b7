import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { mergedItems } from '../../base/files/merged-items.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import { RevokedKey, UnsavedRevocations } from '../../base/files/unsaved-revocations.ts';
import type { Logger } from '../../base/log.ts';
import { limitedPerson, type Person, type Rights } from './person.ts';
import { type SecretKey, SIGNATURE_CHARS } from './secret-key.ts';
import { CameraSelection } from './users.ts';

const MAX_GUESTS = 200;
const ID_BYTES = 12;
const ID_CHARS = 16;
const MAX_NOTE_CHARS = 200;
/** How often the running time of links is saved: SD cards wear with every write. */
const OPEN_STEP_MS = 3_600_000;

/** Part of a path's recordings. Times are Unix microseconds. */
const Clip = Type.Object({ path: Type.String({ maxLength: 512 }), startUs: Type.Number(), endUs: Type.Number() });
export type GuestClip = Static<typeof Clip>;

const Guest = Type.Object({
  id: Type.String({ pattern: `^[\\w-]{${ID_CHARS}}$` }),
  cameras: CameraSelection,
  live: Type.Boolean(),
  recordings: Type.Boolean(),
  /** Clip that the link shows instead of cameras. */
  clip: Type.Optional(Clip),
  /** Unix milliseconds. */
  created: Type.Number(),
  until: Type.Number(),
  note: Type.String({ maxLength: MAX_NOTE_CHARS }),
  /** Milliseconds that the program has run since the link was created. */
  open: Type.Number({ minimum: 0 }),
});
type Stored = Static<typeof Guest>;
const Id = Type.String({ pattern: `^[\\w-]{${ID_CHARS}}$` });
/** Maximum number of revoked links that are kept, so that an older backup does not restore them. The oldest is dropped first. */
const MAX_REVOKED = 2_000;
const GuestsFile = Type.Object({
  guests: Type.Array(Guest, { maxItems: MAX_GUESTS }),
  /** Absent in files of earlier versions. */
  revoked: Type.Optional(Type.Array(Id, { maxItems: MAX_REVOKED })),
});

type GuestsFile = Static<typeof GuestsFile>;

/** Link ids of a `guests.json` from a backup; undefined if damaged. */
export const guestIds = (stored: unknown): ReadonlySet<string> | undefined =>
  Check(GuestsFile, stored) ? new Set(stored.guests.map(({ id }) => id)) : undefined;

/**
 * The links after a restore: those of the backup except for those revoked since, each with the longer of its running times. Idempotent.
 *
 * @param now the current `guests.json`; anything else if there is none
 * @param backup that of the backup
 */
export function restoredGuests(now: unknown, backup: unknown): GuestsFile {
  const [present, former] = [now, backup].map((stored) => (Check(GuestsFile, stored) ? stored : { guests: [] }));
  const revoked = [...new Set([...(former?.revoked ?? []), ...(present?.revoked ?? [])])].slice(-MAX_REVOKED);
  const openMs = new Map(present?.guests.map(({ id, open }) => [id, open]));
  const guests = (former?.guests ?? [])
    .filter(({ id }) => !revoked.includes(id))
    .map((guest) => ({ ...guest, open: Math.max(guest.open, openMs.get(guest.id) ?? 0) }));
  return { guests, revoked };
}

export interface NewGuest extends Rights {
  /** Unix milliseconds. */
  readonly untilMs: number;
  readonly note: string;
  /** Clip to show instead of cameras. */
  readonly clip?: GuestClip | undefined;
}

export interface GuestItem extends NewGuest {
  readonly id: string;
  readonly createdMs: number;
  readonly isOver: boolean;
}

interface Guest extends Stored {
  /** Monotonic time from which `open` counts in this run. */
  sinceMonoMs: number;
  readonly person: Person;
}

const NAME_PREFIX = 'guest:';

/**
 * Links that show some cameras or one clip for some time, in `guests.json` of the data folder. A link's token is `id.signature`; the signature covers
 * cameras, rights and times. The file has no tokens, so it grants no access.
 *
 * A link ends when the wall clock passes its time, at the latest after the program has run that long: a clock at 1970 does not make it
 * permanent. An expired link is rejected, not removed, because the clock may be wrong.
 */
export class Guests {
  readonly #document: StoredDocument<typeof GuestsFile>;
  readonly #key: SecretKey;
  readonly #clock: Clock;
  readonly #guests = new Map<string, Guest>();
  #revoked: readonly string[] = [];
  #savedMonoMs: number;
  #onRevoked: (name: string) => void = () => {};
  readonly #unsaved: UnsavedRevocations<typeof RevokedKey>;
  readonly isCurrent = (): boolean => this.#document.isCurrent;

  static async open(dataDir: string, key: SecretKey, clock: Clock, log: Logger): Promise<Guests> {
    const guests = new Guests(dataDir, key, clock, log);
    await guests.#load();
    return guests;
  }

  private constructor(dataDir: string, key: SecretKey, clock: Clock, log: Logger) {
    const document = new StoredDocument(join(dataDir, 'guests.json'), GuestsFile, log);
    this.#document = document;
    const save = (id: string) => {
      this.#guests.delete(id);
      this.#revoked = [...this.#revoked.filter((one) => one !== id), id].slice(-MAX_REVOKED);
      return document.save(() => this.#stored());
    };
    this.#unsaved = new UnsavedRevocations({ document, schema: RevokedKey, save, log });
    this.#key = key;
    this.#clock = clock;
    this.#savedMonoMs = clock.monoMs();
  }

  /** The links, newest first. */
  list(): readonly GuestItem[] {
    return [...this.#guests.values()].map((guest) => this.#shown(guest)).reverse();
  }

  /** @returns the link's token, which is not shown again */
  async add(request: NewGuest): Promise<{ readonly item: GuestItem; readonly token: string }> {
    const nowMs = this.#clock.wallMs();
    checkTimes(request.untilMs, nowMs);
    this.#makeRoom();
    const stored: Stored = {
      id: randomBytes(ID_BYTES).toString('base64url'),
      cameras: request.cameras === 'all' ? 'all' : [...new Set(request.cameras)],
      live: request.live,
      recordings: request.recordings,
      ...(request.clip && { clip: request.clip }),
      created: nowMs,
      until: request.untilMs,
      note: request.note.slice(0, MAX_NOTE_CHARS),
      open: 0,
    };
    const guest = this.#add(stored);
    try {
      await this.#document.save(() => this.#stored());
    } catch (error) {
      // With a database, a save that timed out may have succeeded: this removes the link from it later.
      this.#guests.delete(guest.id);
      throw error;
    }
    return { item: this.#shown(guest), token: `${guest.id}.${this.#key.sign('guest', termsOf(guest))}` };
  }

  /** Called with the name of each guest whose link another server has revoked, or can no longer be confirmed. */
  onRevoked(listener: (name: string) => void): void {
    this.#onRevoked = listener;
  }

  /** @returns false if there is no such link @throws PerchError if that cannot be saved, so that it would work after a restart */
  async remove(id: string): Promise<boolean> {
    const isThere = this.#guests.delete(id);
    if (isThere) {
      await this.#unsaved.save(id, null);
    }
    return isThere;
  }

  /** The guest of a link's token; undefined if it is invalid, revoked or expired. */
  find(token: string): Person | undefined {
    const guest =
      token.length === ID_CHARS + 1 + SIGNATURE_CHARS ? this.#guests.get(token.slice(0, ID_CHARS)) : undefined;
    const isOurs =
      guest !== undefined &&
      this.#document.isCurrent &&
      this.#key.isSigned('guest', termsOf(guest), token.slice(ID_CHARS + 1));
    if (!isOurs || token[ID_CHARS] !== '.' || this.#isOver(guest)) {
      return undefined;
    }
    if (this.#clock.monoMs() - this.#savedMonoMs >= OPEN_STEP_MS) {
      void this.#document.trySave(() => this.#stored(), 'saving guest links failed');
    }
    return guest.person;
  }

  /** The guest of this name, while the link is valid. */
  person(name: string): Person | undefined {
    const guest = name.startsWith(NAME_PREFIX) ? this.#guests.get(name.slice(NAME_PREFIX.length)) : undefined;
    return guest && this.#document.isCurrent && !this.#isOver(guest) ? guest.person : undefined;
  }

  /** The clip of the link of this name, while the link is valid. */
  clip(name: string): GuestClip | undefined {
    return this.person(name) && this.#guests.get(name.slice(NAME_PREFIX.length))?.clip;
  }

  /** When the link of this name ends. */
  untilMs(name: string): number | undefined {
    return this.#guests.get(name.slice(NAME_PREFIX.length))?.until;
  }

  #isOver(guest: Guest): boolean {
    return this.#clock.wallMs() >= guest.until || this.#openMs(guest) >= guest.until - guest.created;
  }

  #openMs({ open, sinceMonoMs }: Guest): number {
    return open + this.#clock.monoMs() - sinceMonoMs;
  }

  #add(stored: Stored): Guest {
    const person = limitedPerson(NAME_PREFIX + stored.id, 'guest', stored);
    const guest = { ...stored, sinceMonoMs: this.#clock.monoMs(), person };
    this.#guests.set(guest.id, guest);
    return guest;
  }

  /** Drops an expired link if the list is full. */
  #makeRoom(): void {
    if (this.#guests.size < MAX_GUESTS) {
      return;
    }
    const over = [...this.#guests.values()].find((guest) => this.#isOver(guest));
    if (!over) {
      throw new PerchError('badInput', `there are ${MAX_GUESTS} links to guests, which is the limit: remove one`, {
        why: 'limit',
      });
    }
    this.#guests.delete(over.id);
  }

  #shown(guest: Guest): GuestItem {
    const { id, cameras, live, recordings, clip, note, created, until } = guest;
    const isOver = this.#isOver(guest);
    return { id, cameras, live, recordings, clip, note, createdMs: created, untilMs: until, isOver };
  }

  /** Puts the links of another server in memory, with the changes of this one that are not saved yet. */
  #merge(theirs: GuestsFile | undefined, former: GuestsFile | undefined): void {
    this.#revoked = [...new Set([...(theirs?.revoked ?? []), ...this.#revoked])].slice(-MAX_REVOKED);
    const mine = this.#stored().guests;
    const merged = mergedItems({
      // The running time alone is no change.
      former: mine
        .filter(({ id }) => former?.guests.some((one) => one.id === id))
        .concat(former?.guests.filter(({ id }) => !this.#guests.has(id)) ?? []),
      mine,
      theirs: theirs?.guests ?? [],
      keyOf: ({ id }) => id,
      both: (here, there) => ({ ...there, open: Math.max(here.open, there.open) }),
    });
    const before = [...this.#guests.values()];
    this.#guests.clear();
    for (const stored of merged.filter(({ id }) => !this.#revoked.includes(id))) {
      const open = Math.max(stored.open, mine.find(({ id }) => id === stored.id)?.open ?? 0);
      this.#add({ ...stored, open });
    }
    for (const { id, person } of before) {
      if (!this.#guests.has(id)) {
        this.#onRevoked(person.name);
      }
    }
  }

  async #load(): Promise<void> {
    this.#document.follow((theirs, former) => this.#merge(theirs, former), {
      merges: true,
      outdated: () => {
        for (const { person } of this.#guests.values()) {
          this.#onRevoked(person.name);
        }
      },
      answers: () => this.#unsaved.saveAgain(),
    });
    const { guests, revoked } = (await this.#document.open('guest links are lost: create new ones')) ?? { guests: [] };
    for (const guest of guests) {
      this.#add(guest);
    }
    this.#revoked = revoked ?? [];
    await this.#unsaved.open();
  }

  #stored(): { readonly guests: readonly Stored[]; readonly revoked: readonly string[] } {
    this.#savedMonoMs = this.#clock.monoMs();
    const guests = [...this.#guests.values()].map(({ person, sinceMonoMs, ...stored }) => ({
      ...stored,
      open: Math.round(this.#openMs({ ...stored, sinceMonoMs, person })),
    }));
    return { guests, revoked: this.#revoked };
  }
}

/** The data that the signature covers, so that none of it can be edited in the file. */
const termsOf = ({ id, cameras, live, recordings, clip, created, until }: Stored): string =>
  JSON.stringify([
    id,
    cameras,
    live,
    recordings,
    created,
    until,
    ...(clip ? [clip.path, clip.startUs, clip.endUs] : []),
  ]);

function checkTimes(untilMs: number, nowMs: number): void {
  const now = new Date(nowMs).toISOString();
  if (!(untilMs > nowMs)) {
    throw new PerchError('badInput', `until is in the past: the clock of this box says ${now}`);
  }
  if (untilMs - nowMs > 366 * 86_400_000) {
    throw new PerchError('badInput', `until is more than 366 days away: the clock of this box says ${now}`);
  }
}
