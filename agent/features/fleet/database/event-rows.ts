import type { ClientBase } from 'pg';
import { PerchError } from '../../../base/errors.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { readEventLine, writeEventLine } from '../../../record/events/event-line.ts';
import { mergedEvent } from '../../../record/events/merged-event.ts';

export const EVENT_CHANNEL = 'perch_events';
/** Rows that one statement deletes, so that it ends in time. */
const DELETED_AT_ONCE = 5_000;
/** An event whose server has not ended it for so long has lost that server. */
const OPEN_US = 7_200_000_000;
/** As the hub ends an event that a server has left open. */
const PULSE_US = 5_000_000;

interface EventRow {
  readonly version: string;
  readonly path: string;
  readonly line: string;
}

export interface EventChange {
  readonly version: number;
  /** Undefined: this release cannot read it. */
  readonly event: CameraEvent | undefined;
}

interface EventStoreState {
  /** Of the store: another one after the database was made anew. */
  readonly id: string;
  /** Of the last change. */
  readonly version: number;
}

const COLUMNS = 'version, path, line::text AS line';
const FIND = `SELECT ${COLUMNS} FROM perch_events JOIN unnest($1::text[], $2::text[]) AS wanted (path, id) USING (path, id)`;
const PUT = `WITH counted AS (UPDATE perch_event_store SET version = $7)
  INSERT INTO perch_events (path, id, version, start_us, end_us, line)
  SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::json[])
  ON CONFLICT (path, id) DO UPDATE SET version = EXCLUDED.version, start_us = EXCLUDED.start_us,
    end_us = EXCLUDED.end_us, line = EXCLUDED.line`;
const AFTER = `SELECT ${COLUMNS} FROM perch_events WHERE version > $1 ORDER BY version LIMIT $2`;
const EXPIRED = `DELETE FROM perch_events WHERE ctid = ANY (ARRAY(
  SELECT events.ctid FROM perch_events AS events JOIN unnest($1::text[], $2::bigint[]) AS kept (path, before_us) USING (path)
  WHERE start_us < before_us AND coalesce(end_us, start_us + ${OPEN_US}) < before_us LIMIT ${DELETED_AT_ONCE}))`;

/** Events in PostgreSQL. All work within a transaction; a statement for many rows each. */
export const eventRows = {
  async state(client: ClientBase): Promise<EventStoreState> {
    const { rows } = await client.query<{ id: string; version: string }>('SELECT id, version FROM perch_event_store');
    const [row] = rows;
    if (!row) {
      throw new PerchError('unavailable', 'perch_event_store of the database is empty');
    }
    return { id: row.id, version: Number(row.version) };
  },

  /** Merges events with those that are there. @returns how many have changed */
  async put(client: ClientBase, events: readonly CameraEvent[]): Promise<number> {
    const news = new Map<string, CameraEvent>();
    for (const event of events.flatMap((one) => readEventLine(lineOf(one), one.path) ?? [])) {
      news.set(keyOf(event), mergedEvent(news.get(keyOf(event)), event));
    }
    const all = [...news.values()];
    const version = await lockVersion(client);
    const ids = [all.map(({ path }) => path), all.map(({ id }) => id)];
    const { rows } = await client.query<EventRow>({ name: 'perch-find-events', text: FIND, values: ids });
    const known = new Map(rows.flatMap((row) => eventOf(row) ?? []).map((event) => [keyOf(event), event] as const));
    const changed = all
      .map((event) => ({ before: known.get(keyOf(event)), event: mergedEvent(known.get(keyOf(event)), event) }))
      .filter(({ before, event }) => !before || lineOf(before) !== lineOf(event))
      .map(({ event }) => event);
    if (changed.length > 0) {
      const values = [
        changed.map(({ path }) => path),
        changed.map(({ id }) => id),
        changed.map((_, i) => version + i + 1),
        changed.map(({ startUs }) => startUs),
        changed.map(({ endUs }) => endUs ?? null),
        changed.map(lineOf),
        version + changed.length,
      ];
      await client.query({ name: 'perch-put-events', text: PUT, values });
      await client.query(`NOTIFY ${EVENT_CHANNEL}`);
    }
    return changed.length;
  },

  /** Changes after a version, in their order. */
  async after(client: ClientBase, version: number, limit: number): Promise<readonly EventChange[]> {
    const { rows } = await client.query<EventRow>({
      ...{ name: 'perch-events-after', text: AFTER },
      values: [version, limit],
    });
    return rows.map((row) => ({ version: Number(row.version), event: eventOf(row) }));
  },

  /** Removes events that ended before the time of their path. @returns whether there may be more */
  async expire(client: ClientBase, beforeUs: ReadonlyMap<string, number>): Promise<boolean> {
    const values = [[...beforeUs.keys()], [...beforeUs.values()].map(Math.round)];
    const { rowCount } = await client.query({ text: EXPIRED, values });
    return rowCount === DELETED_AT_ONCE;
  },

  /** Ends events whose servers have not ended them. */
  async endLost(client: ClientBase, nowUs: number): Promise<void> {
    const values = [Math.round(nowUs - OPEN_US)];
    const { rows } = await client.query<EventRow>(
      `SELECT ${COLUMNS} FROM perch_events WHERE end_us IS NULL AND start_us < $1 LIMIT 500`,
      values,
    );
    const ended = rows.flatMap((row) => eventOf(row) ?? []);
    if (ended.length > 0) {
      await eventRows.put(
        client,
        ended.map((event) => ({ ...event, endUs: event.startUs + PULSE_US })),
      );
    }
  },
};

/** Until the end of the transaction: changes of servers come one after the other. @returns that of the last change */
async function lockVersion(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ version: string }>({
    ...{ name: 'perch-event-version', text: 'SELECT version FROM perch_event_store FOR UPDATE' },
  });
  return Number(rows[0]?.version);
}

/** @returns undefined for what a later release may have written */
const eventOf = ({ line, path }: EventRow): CameraEvent | undefined => readEventLine(line, path);

const lineOf = (event: CameraEvent): string => writeEventLine(event).trim();
const keyOf = ({ path, id }: CameraEvent): string => `${id} ${path}`;
