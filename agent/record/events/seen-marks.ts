import { createHash } from 'node:crypto';
import Type from 'typebox';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';

/** With more people, the marks that have not changed for longest are dropped. */
const MAX_PEOPLE = 100;
/** Limit of single marks per person. */
const MAX_SINGLE = 200;

const SeenFile = Type.Object({
  people: Type.Array(
    Type.Object({
      name: Type.String({ minLength: 1, maxLength: 256 }),
      /** Unix milliseconds, like all times in this file. */
      upTo: Type.Number(),
      /** Start, and hash of path and id. */
      events: Type.Array(Type.Tuple([Type.Number(), Type.String({ maxLength: 16 })]), { maxItems: MAX_SINGLE }),
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

/** Stores which events each person has seen, in one small file of the data folder. */
export class SeenMarks {
  readonly #document: StoredDocument<typeof SeenFile>;
  #people: Promise<Map<string, PersonMark>> | undefined;

  constructor(file: string, log: Logger) {
    this.#document = new StoredDocument(file, SeenFile, log);
  }

  async of(person: string): Promise<SeenMark> {
    return (await this.#all()).get(person) ?? new PersonMark();
  }

  /** @throws PerchError unavailable if the disk rejects it */
  async mark(person: string, events: readonly SeenEvent[]): Promise<void> {
    (await this.#changed(person)).add(events);
    await this.#save();
  }

  /** @returns the time up to which the person had seen all events. @throws PerchError unavailable */
  async markUpTo(person: string, upToMs: number): Promise<number> {
    const mark = await this.#changed(person);
    const beforeMs = mark.upToMs;
    mark.upToMs = upToMs;
    await this.#save();
    return beforeMs;
  }

  close(): Promise<void> {
    return this.#document.close();
  }

  async #changed(person: string): Promise<PersonMark> {
    const people = await this.#all();
    const mark = people.get(person) ?? new PersonMark();
    people.delete(person);
    people.set(person, mark);
    const [first = ''] = people.keys();
    if (people.size > MAX_PEOPLE) {
      people.delete(first);
    }
    return mark;
  }

  #all(): Promise<Map<string, PersonMark>> {
    this.#people ??= this.#document
      .open('the marks of seen events are lost')
      .then((stored) => new Map(stored?.people.map(({ name, upTo, events }) => [name, new PersonMark(upTo, events)])));
    return this.#people;
  }

  async #save(): Promise<void> {
    const all = await this.#all();
    await this.#document.save(() => ({ people: [...all].map(([name, mark]) => ({ name, ...mark.toJson() })) }));
  }
}

class PersonMark implements SeenMark {
  upToMs: number;
  /** Start times of single marks by hash of the event, oldest first. */
  #single: Map<string, number>;

  constructor(upToMs = 0, single: readonly (readonly [number, string])[] = []) {
    this.upToMs = upToMs;
    this.#single = new Map(single.map(([startMs, hash]) => [hash, startMs]));
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

  toJson(): { readonly upTo: number; readonly events: readonly (readonly [number, string])[] } {
    return { upTo: this.upToMs, events: [...this.#single].map(([hash, startMs]) => [startMs, hash]) };
  }
}

const hashOf = ({ path, id }: SeenEvent): string =>
  createHash('sha256').update(`${id} ${path}`).digest('base64url').slice(0, 12);
