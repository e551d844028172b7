import { createHash } from 'node:crypto';
import Type, { type Static } from 'typebox';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

/** With more people, the marks that have not changed for longest are dropped. */
const MAX_PEOPLE = 100;
/** Limit of single marks per person: some days of one who reviews the newest first. */
const MAX_SINGLE = 1_000;
/** Of these, the newest that the release before `older` reads: it takes a file with more for damaged. */
const NEWEST = 200;

/** Start, and hash of path and id. */
const Marks = Type.Array(Type.Tuple([Type.Number(), Type.String({ maxLength: 16 })]), { maxItems: MAX_SINGLE });

const SeenFile = Type.Object({
  people: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, maxLength: 256 }),
      /** Unix milliseconds, like all times in this file. */
      upTo: Type.Number(),
      events: Marks,
      /** Before those of `events`; one text, because the file is indented, and has at most 4 MiB. */
      older: Type.Optional(Type.String({ maxLength: 32 * MAX_SINGLE })),
    }),
    { maxItems: MAX_PEOPLE },
  ),
});

interface SeenEvent {
  readonly path: string;
  readonly id: string;
  /** Unix milliseconds. */
  readonly startMs: number;
}

/** What one person has seen: all events up to a time, and single later ones. */
export interface SeenMark {
  /** Unix milliseconds; 0: none. */
  readonly upToMs: number;
  /** Number of single marks. */
  readonly count: number;
  has(event: SeenEvent): boolean;
}

/** Stores which events each person has seen, in one small document. */
export class SeenMarks {
  readonly #document: StoredDocument<typeof SeenFile>;
  #people: Promise<Map<string, PersonMark>> | undefined;

  constructor(file: string, log: Logger) {
    this.#document = new StoredDocument(file, SeenFile, log);
    this.#document.follow((stored) => {
      this.#people = Promise.resolve(peopleOf(stored));
    });
  }

  async of(person: string): Promise<SeenMark> {
    return (await this.#all()).get(person) ?? new PersonMark();
  }

  /** @throws PerchError unavailable if the disk or the database rejects it */
  mark(person: string, events: readonly SeenEvent[]): Promise<void> {
    return this.#change(person, (mark) => mark.add(events));
  }

  /** @returns the time up to which the person had seen all events. @throws PerchError unavailable */
  markUpTo(person: string, upToMs: number): Promise<number> {
    return this.#change(person, (mark) => {
      const beforeMs = mark.upToMs;
      mark.upToMs = upToMs;
      return beforeMs;
    });
  }

  close(): Promise<void> {
    return this.#document.close();
  }

  #change<T>(person: string, edit: (mark: PersonMark) => T): Promise<T> {
    return this.#document.change(async () => {
      const people = new Map(await this.#all());
      const mark = people.get(person)?.copy() ?? new PersonMark();
      const result = edit(mark);
      people.delete(person);
      people.set(person, mark);
      const [first = ''] = people.keys();
      if (people.size > MAX_PEOPLE) {
        people.delete(first);
      }
      await this.#document.save(() => ({ people: [...people].map(([name, one]) => ({ name, ...one.toJson() })) }));
      this.#people = Promise.resolve(people);
      return result;
    });
  }

  #all(): Promise<Map<string, PersonMark>> {
    this.#people ??= this.#document.open('the marks of seen events are lost').then(peopleOf, (error: unknown) => {
      this.#people = undefined;
      throw error;
    });
    return this.#people;
  }
}

const peopleOf = (stored: Static<typeof SeenFile> | undefined) =>
  new Map(
    stored?.people.map(({ name, upTo, events, older = '' }) => [
      name,
      new PersonMark(upTo, [...readOlder(older), ...events]),
    ]),
  );

class PersonMark implements SeenMark {
  upToMs: number;
  /** Start times of single marks by hash of the event, oldest first. */
  #single: Map<string, number>;

  constructor(upToMs = 0, single: readonly (readonly [number, string])[] = []) {
    this.upToMs = upToMs;
    this.#single = new Map(single.map(([startMs, hash]) => [hash, startMs]));
  }

  copy(): PersonMark {
    return new PersonMark(
      this.upToMs,
      [...this.#single].map(([hash, startMs]) => [startMs, hash]),
    );
  }

  get count(): number {
    return this.#single.size;
  }

  has(event: SeenEvent): boolean {
    return event.startMs <= this.upToMs || this.#single.has(hashOf(event));
  }

  /** Beyond the limit the oldest single mark becomes the time up to which all events are seen. */
  add(events: readonly SeenEvent[]): void {
    const all = new Map([...this.#single, ...events.map((event) => [hashOf(event), event.startMs] as const)]);
    const sorted = [...all].sort(([, one], [, other]) => one - other);
    for (const [, startMs] of sorted.splice(0, Math.max(0, sorted.length - MAX_SINGLE))) {
      this.upToMs = Math.max(this.upToMs, startMs);
    }
    this.#single = new Map(sorted);
  }

  toJson() {
    const all = [...this.#single].map(([hash, startMs]) => [startMs, hash] as const);
    const older = all.slice(0, -NEWEST);
    return {
      upTo: this.upToMs,
      events: all.slice(-NEWEST),
      ...(older.length > 0 && { older: older.map((mark) => mark.join(' ')).join(' ') }),
    };
  }
}

const hashOf = ({ path, id }: SeenEvent): string =>
  createHash('sha256').update(`${id} ${path}`).digest('base64url').slice(0, 12);

/** Start and hash in turn. */
function readOlder(text: string): (readonly [number, string])[] {
  const words = text.split(' ');
  return words.flatMap((hash, i) => {
    const startMs = i % 2 === 1 ? Number(words[i - 1]) : Number.NaN;
    return Number.isFinite(startMs) ? [[startMs, hash] as const] : [];
  });
}
