import type { CameraEvent } from '../../record/events/event.ts';
import { readArea } from '../../record/events/event-line.ts';
import type { ProtectedRange } from '../../record/retention/protected-ranges.ts';
import type { IndexDatabase, Row } from './index-database.ts';

export type IndexedEvent = Omit<CameraEvent, 'source'>;

/** Position in a list of events; the next page starts after it. */
export type EventMark = Pick<IndexedEvent, 'path' | 'id' | 'startUs'>;

export interface EventQuery {
  readonly fromUs: number;
  readonly toUs: number;
  readonly types?: readonly string[] | undefined;
  /** Continues after this event, newest first, or undefined to start from the newest. */
  readonly after?: EventMark | undefined;
  /** Omits shorter events, but not ongoing ones. */
  readonly minUs?: number;
  /** Maximum number of events, for each type if types are given. */
  readonly limit: number;
}

/** As in the schema's index of long events: a shorter overlapping event starts at most this long before. */
const LONG_US = 3_600_000_000;

const EVENT_COLUMNS = 'id, type, start_us, end_us, text, area FROM events';

/** Events overlapping ?2 to ?3. Long ones are few and have their own index, so the search for others is short. */
const OVERLAPPING = `
  SELECT ${EVENT_COLUMNS} INDEXED BY events_by_start
    WHERE path = ?1 AND start_us BETWEEN ?2 - ${LONG_US} AND ?3 AND end_us >= ?2 AND end_us - start_us <= ${LONG_US}
  UNION ALL
  SELECT ${EVENT_COLUMNS} INDEXED BY events_long
    WHERE path = ?1 AND start_us <= ?3 AND (end_us IS NULL OR end_us - start_us > ${LONG_US})
      AND (end_us IS NULL OR end_us >= ?2)`;

/** Any fixed order of simultaneous events will do. */
const NEWEST = `
  WHERE path = ?1 AND start_us BETWEEN ?2 AND ?3 AND (start_us, id) < (?3, ?4) AND (end_us IS NULL OR end_us - start_us >= ?5)`;
const IN_ORDER = 'ORDER BY start_us DESC, id DESC LIMIT ?6';
const NEWEST_OF_ALL = `SELECT ${EVENT_COLUMNS} INDEXED BY events_by_start ${NEWEST} ${IN_ORDER}`;
/** One type at a time, so that a rare type does not read the others. */
const NEWEST_OF_TYPE = `SELECT ${EVENT_COLUMNS} INDEXED BY events_by_type ${NEWEST} AND type = ?7 ${IN_ORDER}`;

/** Skips from type to type without reading each type's events. */
const TYPES = `
  WITH RECURSIVE types (type) AS (
    SELECT min(type) FROM events INDEXED BY events_by_type WHERE path = ?1
    UNION ALL
    SELECT (SELECT min(type) FROM events INDEXED BY events_by_type WHERE path = ?1 AND type > types.type)
      FROM types WHERE type IS NOT NULL LIMIT 1000)
  SELECT type FROM types WHERE EXISTS (SELECT 1 FROM events INDEXED BY events_by_type
    WHERE path = ?1 AND type = types.type AND start_us BETWEEN ?2 AND ?3)`;
/** Greater than every id. */
const LAST_ID = '\u{10ffff}';

/** Inserting a known event changes nothing, so a replay writes nothing to disk. */
const ADD_EVENT = `INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (path, id) DO UPDATE SET type = excluded.type, start_us = excluded.start_us,
    end_us = excluded.end_us, text = excluded.text, area = excluded.area
  WHERE (type, start_us, end_us, text, area)
    IS NOT (excluded.type, excluded.start_us, excluded.end_us, excluded.text, excluded.area)`;

/** Events and protected ranges, replicated from their journals. */
export class EventTable {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** False: the journals must be replayed. */
  get isWhole(): boolean {
    const query = "SELECT value FROM facts WHERE name = 'journals'";
    return this.#database.read(() => this.#database.first(query) !== undefined, true);
  }

  setWhole(): void {
    this.#database.change("INSERT OR REPLACE INTO facts VALUES ('journals', 'whole')");
  }

  /** Replaces an event with the same id, such as an ongoing one. */
  addEvent({ id, path, type, startUs, endUs, text, area }: IndexedEvent): void {
    const database = this.#database;
    const json = area === undefined ? null : JSON.stringify(area);
    database.write(() => database.run(ADD_EVENT, id, database.idOf(path), type, startUs, endUs ?? null, text, json), 0);
  }

  /** Events overlapping the two times, oldest first, at most `limit`. */
  eventsOf(path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[] {
    return this.#events(`${OVERLAPPING} ORDER BY start_us LIMIT ?4`, path, fromUs, toUs, limit);
  }

  /** The events covering most of the time range, longest first, then newest, at most `limit`. */
  longestOf(path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[] {
    const query = `SELECT * FROM (${OVERLAPPING})
      ORDER BY min(coalesce(end_us, ?3), ?3) - max(start_us, ?2) DESC, start_us DESC LIMIT ?4`;
    return this.#events(query, path, fromUs, toUs, limit);
  }

  /** Events of a path that start in the range, newest first; per type if types are given. */
  newestOf(path: string, { fromUs, toUs, types, after, minUs = 0, limit }: EventQuery): IndexedEvent[] {
    // An event at the end of the range is not part of it.
    const [lastUs, lastId] = after ? [Math.min(after.startUs, toUs), lastIdOf(path, after)] : [toUs, ''];
    return this.#find(path, (id) => {
      const wanted = [id, fromUs, lastUs, lastId, minUs, limit] as const;
      return types
        ? [...new Set(types)].flatMap((type) => this.#database.all(NEWEST_OF_TYPE, ...wanted, type))
        : this.#database.all(NEWEST_OF_ALL, ...wanted);
    }).map((row) => eventOf(path, row));
  }

  /** Types of events that start in the range; at most 1,000 types per path. */
  typesOf(path: string, fromUs: number, toUs: number): string[] {
    return this.#find(path, (id) => this.#database.all(TYPES, id, fromUs, toUs)).map((row) => String(row['type']));
  }

  paths(): string[] {
    const query = 'SELECT text FROM names WHERE EXISTS (SELECT 1 FROM events WHERE path = names.id)';
    return this.#database.rows(query).map((row) => String(row['text']));
  }

  #events(query: string, path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[] {
    const rows = this.#find(path, (id) => this.#database.all(query, id, fromUs, toUs, limit));
    return rows.map((row) => eventOf(path, row));
  }

  /** Counts event starts per step and type; at most 1,000 counts. */
  countEvents(
    path: string,
    fromUs: number,
    toUs: number,
    stepUs: number,
  ): { readonly type: string; readonly startUs: number; readonly endUs: number; readonly count: number }[] {
    const query = `
      SELECT type, min(start_us) AS start_us, max(coalesce(end_us, ?3)) AS end_us, count(*) AS count
      FROM events INDEXED BY events_by_start WHERE path = ?1 AND start_us BETWEEN ?2 AND ?3
      GROUP BY CAST((start_us - ?2) / ?4 AS INTEGER), type ORDER BY min(start_us) LIMIT 1000`;
    return this.#find(path, (id) => this.#database.all(query, id, fromUs, toUs, stepUs)).map((row) => ({
      type: String(row['type']),
      startUs: Number(row['start_us']),
      endUs: Number(row['end_us']),
      count: Number(row['count']),
    }));
  }

  /** Removes events of a path that ended earlier. */
  removeEventsBefore(path: string, us: number): void {
    this.#database.write(() => {
      const id = this.#database.findId(path);
      if (id !== undefined) {
        // An event without a reported end lasts no longer than the hub allows.
        const query = `DELETE FROM events WHERE path = ?1 AND start_us < ?2 AND coalesce(end_us, start_us + ${LONG_US}) < ?2`;
        this.#database.run(query, id, us);
      }
    }, undefined);
  }

  /** Removes events of a path that started in the range. */
  removeEventsWithin(path: string, fromUs: number, untilUs: number): void {
    this.#database.write(() => {
      const id = this.#database.findId(path);
      if (id !== undefined) {
        this.#database.run('DELETE FROM events WHERE path = ? AND start_us BETWEEN ? AND ?', id, fromUs, untilUs);
      }
    }, undefined);
  }

  setProtected(ranges: readonly ProtectedRange[]): void {
    const database = this.#database;
    const query = 'INSERT OR REPLACE INTO protected VALUES (?, ?, ?, ?, ?)';
    database.write(() => {
      database.run('DELETE FROM protected');
      for (const { id, path, startUs, endUs, note } of ranges) {
        database.run(query, id, database.idOf(path), startUs, endUs, note);
      }
    }, undefined);
  }

  /** Ranges overlapping the two times, oldest first, at most `limit`. */
  protectedOf(path: string, fromUs: number, toUs: number, limit: number): ProtectedRange[] {
    const query = 'SELECT * FROM protected WHERE path = ? AND start_us <= ? AND end_us >= ? ORDER BY start_us LIMIT ?';
    return this.#find(path, (id) => this.#database.all(query, id, toUs, fromUs, limit)).map((row) => ({
      id: String(row['id']),
      path,
      startUs: Number(row['start_us']),
      endUs: Number(row['end_us']),
      note: String(row['note']),
    }));
  }

  #find(path: string, query: (pathId: number) => Row[]): Row[] {
    return this.#database.read(() => {
      const id = this.#database.findId(path);
      return id === undefined ? [] : query(id);
    }, []);
  }
}

const eventOf = (path: string, row: Row): IndexedEvent => ({
  id: String(row['id']),
  path,
  type: String(row['type']),
  startUs: Number(row['start_us']),
  endUs: row['end_us'] === null ? undefined : Number(row['end_us']),
  text: String(row['text']),
  area: row['area'] === null ? undefined : readArea(JSON.parse(String(row['area']))),
});

/** Ids below it come after the mark: all ids at its time for paths sorted before its own, none for later paths. */
function lastIdOf(path: string, after: EventMark): string {
  return path === after.path ? after.id : path < after.path ? LAST_ID : '';
}
