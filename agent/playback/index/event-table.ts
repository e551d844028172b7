import { isDeepStrictEqual } from 'node:util';
import { LABEL_TYPES } from '../../base/event-kinds.ts';
import type { CameraEvent } from '../../record/events/event.ts';
import { readLabels } from '../../record/events/event-labels.ts';
import { readArea } from '../../record/events/event-line.ts';
import { readZones } from '../../record/events/event-zones.ts';
import { mergedEvent } from '../../record/events/merged-event.ts';
import type { ProtectedRange } from '../../record/retention/protected-ranges.ts';
import type { IndexDatabase, Row } from './index-database.ts';

export type IndexedEvent = Omit<CameraEvent, 'source'>;

/** Position in a list of events; the next page starts after it. */
export type EventMark = Pick<IndexedEvent, 'path' | 'id' | 'startUs'>;

export interface EventQuery {
  readonly fromUs: number;
  readonly toUs: number;
  readonly types?: readonly string[] | undefined;
  /** Only events that have been in this zone. */
  readonly zone?: string | undefined;
  /** Continues after this event, newest first, or undefined to start from the newest. */
  readonly after?: EventMark | undefined;
  /** Omits shorter events, but not ongoing ones. */
  readonly minUs?: number;
  /** Maximum number of events, for each type if types are given. */
  readonly limit: number;
}

/** How far shared events were taken. */
export interface SharedMark {
  /** Which database it was. */
  readonly store: string;
  /** Of the last change that was taken. */
  readonly version: number;
  /** Whether the database has all events that this server has stored. */
  readonly isUploaded: boolean;
}

interface TakenEvent {
  readonly event: CameraEvent;
  /** It was not known at all. */
  readonly isNew: boolean;
}

/** As in the schema's index of long events: a shorter overlapping event starts at most this long before. */
const LONG_US = 3_600_000_000;

const LABELS = `(SELECT json FROM labels AS found
  WHERE path = events.path AND id = events.id AND type = '' AND start_us = events.start_us)`;
const ZONES = `(SELECT json_group_array(name) FROM zones AS entered
  WHERE path = events.path AND id = events.id AND start_us = events.start_us)`;
const COLUMNS = `events.id, events.type, events.start_us, end_us, text, area, ${LABELS} AS labels, ${ZONES} AS zones`;
const EVENT_COLUMNS = `${COLUMNS} FROM events`;

const ONE = `SELECT ${EVENT_COLUMNS} WHERE path = ?1 AND id = ?2`;

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

const NEWEST_OF_LABEL = `
  SELECT ${COLUMNS} FROM labels INDEXED BY labels_by_type
    CROSS JOIN events ON events.path = ?1 AND events.id = labels.id AND events.start_us = labels.start_us
  WHERE labels.path = ?1 AND labels.type = ?7 AND labels.start_us BETWEEN ?2 AND ?3
    AND (labels.start_us, labels.id) < (?3, ?4) AND (end_us IS NULL OR end_us - events.start_us >= ?5)
  ORDER BY labels.start_us DESC, labels.id DESC LIMIT ?6`;
const NEWEST_OF_ZONE = `
  SELECT ${COLUMNS} FROM zones INDEXED BY zones_by_name
    CROSS JOIN events ON events.path = ?1 AND events.id = zones.id AND events.start_us = zones.start_us
  WHERE zones.path = ?1 AND zones.name = ?8 AND zones.start_us BETWEEN ?2 AND ?3
    AND (zones.start_us, zones.id) < (?3, ?4) AND (end_us IS NULL OR end_us - events.start_us >= ?5)
    AND (?7 IS NULL OR events.type = ?7 OR EXISTS (
      SELECT 1 FROM labels AS named CROSS JOIN labels AS found CROSS JOIN json_each(found.json) AS label
      WHERE named.path = ?1 AND named.id = events.id AND named.type = ?7 AND named.start_us = events.start_us
        AND found.path = ?1 AND found.id = events.id AND found.type = '' AND found.start_us = events.start_us
        AND label.value ->> 'type' = ?7
        AND (label.value -> 'zones' IS NULL OR ?8 IN (SELECT value FROM json_each(label.value, '$.zones')))))
  ORDER BY zones.start_us DESC, zones.id DESC LIMIT ?6`;
const LABEL_WORDS = LABEL_TYPES.map((type) => `'${type}'`).join(', ');

/** Skips from type to type without reading each type's events. */
const TYPES = `
  WITH RECURSIVE types (type) AS (
    SELECT min(type) FROM events INDEXED BY events_by_type WHERE path = ?1
    UNION ALL
    SELECT (SELECT min(type) FROM events INDEXED BY events_by_type WHERE path = ?1 AND type > types.type)
      FROM types WHERE type IS NOT NULL LIMIT 1000)
  SELECT type FROM types WHERE EXISTS (SELECT 1 FROM events INDEXED BY events_by_type
    WHERE path = ?1 AND type = types.type AND start_us BETWEEN ?2 AND ?3)
  UNION
  SELECT column1 FROM (VALUES ${LABEL_TYPES.map((type) => `('${type}')`).join(', ')})
    WHERE EXISTS (SELECT 1 FROM labels INDEXED BY labels_by_type
      WHERE path = ?1 AND type = column1 AND start_us BETWEEN ?2 AND ?3)`;
/** Skips from name to name in the same way. */
const ZONES_BETWEEN = `
  WITH RECURSIVE names (name) AS (
    SELECT min(name) FROM zones INDEXED BY zones_by_name WHERE path = ?1
    UNION ALL
    SELECT (SELECT min(name) FROM zones INDEXED BY zones_by_name WHERE path = ?1 AND name > names.name)
      FROM names WHERE name IS NOT NULL LIMIT 1000)
  SELECT name FROM names WHERE EXISTS (SELECT 1 FROM zones INDEXED BY zones_by_name
    WHERE path = ?1 AND name = names.name AND start_us BETWEEN ?2 AND ?3) LIMIT 100`;
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
    // A release before labels or zones, which makes the file without them, does not set theirs.
    const query = "SELECT value FROM facts WHERE name IN ('journals', 'labels', 'zones')";
    return this.#database.read(() => this.#database.all(query).length === 3, true);
  }

  setWhole(): void {
    this.#database.change(
      "INSERT OR REPLACE INTO facts VALUES ('journals', 'whole'), ('labels', 'whole'), ('zones', 'whole')",
    );
  }

  /** Replaces an event with the same id, such as an ongoing one. */
  addEvent(event: IndexedEvent): void {
    this.#database.write(() => this.#put(event), undefined);
  }

  #put({ id, path, type, startUs, endUs, text, area, labels, zones }: IndexedEvent): void {
    const database = this.#database;
    const json = area === undefined ? null : JSON.stringify(area);
    const pathId = database.idOf(path);
    database.run(ADD_EVENT, id, pathId, type, startUs, endUs ?? null, text, json);
    this.#setLabels(pathId, id, startUs, labels);
    this.#setZones(pathId, id, startUs, zones);
  }

  /** As `addEvent`, but keeps what is known of the event. */
  mergeEvent(event: IndexedEvent): void {
    this.#database.write(() => this.#put(mergedEvent(this.#found(event), event)), undefined);
  }

  #found({ path, id }: Pick<IndexedEvent, 'path' | 'id'>): IndexedEvent | undefined {
    const pathId = this.#database.findId(path);
    const row = pathId === undefined ? undefined : this.#database.first(ONE, pathId, id);
    return row && eventOf(path, row);
  }

  /** How far events that other servers share were taken; undefined: none, or the index was made anew. */
  get sharedMark(): SharedMark | undefined {
    const row = this.#database.row("SELECT value FROM facts WHERE name = 'shared events'");
    return row && (JSON.parse(String(row['value'])) as SharedMark);
  }

  /** @param mark undefined: this server no longer shares its events */
  setSharedMark(mark: SharedMark | undefined): void {
    this.#database.write(() => this.#setSharedMark(mark), undefined);
  }

  #setSharedMark(mark: SharedMark | undefined): void {
    if (mark) {
      this.#database.run("INSERT OR REPLACE INTO facts VALUES ('shared events', ?)", JSON.stringify(mark));
    } else {
      this.#database.run("DELETE FROM facts WHERE name = 'shared events'");
    }
  }

  /**
   * Merges events of other servers and sets the mark, both or neither.
   * @returns those that are new or have changed; undefined: the file rejects them
   */
  takeShared(events: readonly CameraEvent[], mark: SharedMark): readonly TakenEvent[] | undefined {
    return this.#database.write(() => {
      const changed: TakenEvent[] = [];
      for (const event of events) {
        const known = this.#found(event);
        const merged = mergedEvent(known, event);
        if (!known || !isDeepStrictEqual({ ...known, source: merged.source }, merged)) {
          this.#put(merged);
          changed.push({ event: merged, isNew: !known });
        }
      }
      this.#setSharedMark(mark);
      return changed;
    }, undefined);
  }

  #setLabels(path: number, id: string, startUs: number, labels: IndexedEvent['labels']): void {
    const database = this.#database;
    const known = database.first("SELECT start_us, json FROM labels WHERE path = ? AND id = ? AND type = ''", path, id);
    const json = labels && JSON.stringify(labels);
    if (known?.['json'] === json && (!known || known['start_us'] === startUs)) {
      return;
    }
    database.run('DELETE FROM labels WHERE path = ? AND id = ?', path, id);
    for (const type of new Set(labels ? ['', ...labels.map((label) => label.type)] : [])) {
      database.run(
        'INSERT INTO labels VALUES (?, ?, ?, ?, ?)',
        path,
        id,
        type,
        startUs,
        type === '' ? (json ?? '') : '',
      );
    }
  }

  #setZones(path: number, id: string, startUs: number, zones: readonly string[] = []): void {
    const database = this.#database;
    const known = database.all('SELECT name, start_us FROM zones WHERE path = ? AND id = ?', path, id);
    const isSame = known.every(({ name, start_us }) => start_us === startUs && zones.includes(String(name)));
    if (isSame && known.length === zones.length) {
      return;
    }
    database.run('DELETE FROM zones WHERE path = ? AND id = ?', path, id);
    for (const name of zones) {
      database.run('INSERT INTO zones VALUES (?, ?, ?, ?)', path, id, name, startUs);
    }
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

  /** Events of a path that start in the range, newest first; per type if types are given, which labels have, too. */
  newestOf(path: string, { fromUs, toUs, types, zone, after, minUs = 0, limit }: EventQuery): IndexedEvent[] {
    // An event at the end of the range is not part of it.
    const [lastUs, lastId] = after ? [Math.min(after.startUs, toUs), lastIdOf(path, after)] : [toUs, ''];
    return this.#find(path, (id) => {
      const wanted = [id, fromUs, lastUs, lastId, minUs, limit] as const;
      if (!types) {
        const all = () => this.#database.all(NEWEST_OF_ALL, ...wanted);
        return zone === undefined ? all() : this.#database.all(NEWEST_OF_ZONE, ...wanted, null, zone);
      }
      const ofType = (type: string) => [
        ...this.#database.all(NEWEST_OF_TYPE, ...wanted, type),
        ...(isLabelType(type) ? this.#database.all(NEWEST_OF_LABEL, ...wanted, type) : []),
      ];
      const found = [...new Set(types)].flatMap((type) =>
        zone === undefined ? ofType(type) : this.#database.all(NEWEST_OF_ZONE, ...wanted, type, zone),
      );
      // An event has several kinds if it has labels.
      return [...new Map(found.map((row) => [row['id'], row])).values()];
    }).map((row) => eventOf(path, row));
  }

  /** Types of events that start in the range, and of their labels; at most 1,000 types per path. */
  typesOf(path: string, fromUs: number, toUs: number): string[] {
    return this.#find(path, (id) => this.#database.all(TYPES, id, fromUs, toUs)).map((row) => String(row['type']));
  }

  /** Zones of events that start in the range, at most 100 per path. */
  zonesOf(path: string, fromUs: number, toUs: number): string[] {
    return this.#find(path, (id) => this.#database.all(ZONES_BETWEEN, id, fromUs, toUs)).map(({ name }) =>
      String(name),
    );
  }

  paths(): string[] {
    const query = 'SELECT text FROM names WHERE EXISTS (SELECT 1 FROM events WHERE path = names.id)';
    return this.#database.rows(query).map((row) => String(row['text']));
  }

  #events(query: string, path: string, fromUs: number, toUs: number, limit: number): IndexedEvent[] {
    const rows = this.#find(path, (id) => this.#database.all(query, id, fromUs, toUs, limit));
    return rows.map((row) => eventOf(path, row));
  }

  /** Counts event starts per step and type, also as the types of their labels; at most 1,000 counts. */
  countEvents(path: string, fromUs: number, toUs: number, stepUs: number): EventCount[] {
    const query = `
      SELECT type, min(start_us) AS start_us, max(coalesce(end_us, ?3)) AS end_us, count(*) AS count,
        sum(labelled) AS labelled FROM (
        SELECT type, start_us, end_us, 0 AS labelled FROM events INDEXED BY events_by_start WHERE path = ?1 AND start_us BETWEEN ?2 AND ?3
        UNION ALL
        SELECT labels.type, events.start_us, end_us, 1 FROM labels INDEXED BY labels_by_type
          CROSS JOIN events ON events.path = ?1 AND events.id = labels.id AND events.start_us = labels.start_us
          WHERE labels.path = ?1 AND labels.type IN (${LABEL_WORDS}) AND labels.start_us BETWEEN ?2 AND ?3
            AND events.type != labels.type)
      GROUP BY CAST((start_us - ?2) / ?4 AS INTEGER), type ORDER BY min(start_us) LIMIT 1000`;
    return this.#find(path, (id) => this.#database.all(query, id, fromUs, toUs, stepUs)).map((row) => ({
      type: String(row['type']),
      startUs: Number(row['start_us']),
      endUs: Number(row['end_us']),
      count: Number(row['count']),
      labelled: Number(row['labelled']),
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

interface EventCount {
  readonly type: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly count: number;
  /** Of `count`: events of another type with such a label, which are counted by their own type, too. */
  readonly labelled: number;
}

const isLabelType = (type: string): boolean => (LABEL_TYPES as readonly string[]).includes(type);

const eventOf = (path: string, row: Row): IndexedEvent => ({
  id: String(row['id']),
  path,
  type: String(row['type']),
  startUs: Number(row['start_us']),
  endUs: row['end_us'] === null ? undefined : Number(row['end_us']),
  text: String(row['text']),
  area: row['area'] === null ? undefined : readArea(JSON.parse(String(row['area']))),
  labels: row['labels'] === null ? undefined : readLabels(JSON.parse(String(row['labels']))),
  zones: readZones(JSON.parse(String(row['zones']))),
});

/** Ids below it come after the mark: all ids at its time for paths sorted before its own, none for later paths. */
function lastIdOf(path: string, after: EventMark): string {
  return path === after.path ? after.id : path < after.path ? LAST_ID : '';
}
