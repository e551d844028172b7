import type { SQLInputValue } from 'node:sqlite';
import type { CacheFound } from '../../base/files/sqlite.ts';
import { FETCHED_BOOTS, type FetchedFrom } from '../../record/file/file-mark.ts';
import { ClockLabels, startByName } from './clock-labels.ts';
import { CopyTable } from './copy-table.ts';
import { EventTable } from './event-table.ts';
import { HiddenRanges } from './hidden-ranges.ts';
import { IndexDatabase } from './index-database.ts';
import { parseLost, shownStart, withoutLost, writeLost } from './lost-parts.ts';
import { SegmentJoins, type SegmentPosition } from './segment-joins.ts';
import {
  type NamedFile,
  READABLE,
  rowOf,
  type SegmentInfo,
  type SegmentRow,
  type SegmentState,
  STATE,
  selectRows,
} from './segment-row.ts';
import { SpaceTable } from './space-table.ts';

export interface Timespan {
  readonly startUs: number;
  readonly durationUs: number;
}

interface Break {
  readonly id: number;
  readonly startUs: number;
  readonly endBefore: number | null;
}

/** One query: event recording has a timespan per event. */
const BREAKS = `SELECT id, start_us AS startUs, (
    SELECT before.start_us + before.duration_us FROM segments AS before INDEXED BY by_readable
    WHERE before.state IN (1, 2, 4) AND before.path = ?1 AND (before.start_us, before.id) < (s.start_us, s.id)
    ORDER BY before.start_us DESC, before.id DESC LIMIT 1
  ) AS endBefore
  FROM segments AS s INDEXED BY by_break WHERE joins = 0 AND state IN (1, 2, 4) AND path = ?1 AND start_us BETWEEN ?2 AND ?3
  ORDER BY start_us, id`;
const LAST_END = `SELECT start_us + duration_us AS end_us FROM ${READABLE} WHERE state IN (1, 2, 4) AND path = ? AND start_us <= ?
  ORDER BY start_us DESC, id DESC LIMIT 1`;
const LOST = `${selectRows('segments INDEXED BY by_lost')} WHERE s.lost IS NOT NULL AND s.state IN (1, 2, 4) AND s.path = ?
  AND s.start_us BETWEEN ? AND ? ORDER BY s.start_us, s.id`;
const SET_INFO = `UPDATE segments SET name_us = ?, start_us = ?, state = ?, own = ?, size = ?, mtime_ms = ?, duration_us = ?, stream = ?,
  segment_number = ?, dts_us = ?, signature = ?, boot = ?, mono_us = ?, wall_us = ?, trusted = ?, offset_minutes = ?, lost = ?, fault = NULL
  WHERE id = ?`;

/** Short recordings within a longer one, as after a clock was set back, that do not hide its rest. */
const MAX_WITHIN = 16;

/** The recordings in SQLite: a cache of the files. */
export class SegmentIndex {
  readonly events: EventTable;
  readonly space: SpaceTable;
  readonly looks: ScanTable;
  readonly copies: CopyTable;
  /** Hidden ranges. They are not in the database, because they must outlast it. */
  readonly hidden = new HiddenRanges();
  readonly #database: IndexDatabase;
  readonly #labels: ClockLabels;
  readonly #joins: SegmentJoins;

  /** @param onFault receives faults of the file; the index continues with what it has */
  constructor(file: string, onFault: (error: unknown) => void) {
    this.#database = new IndexDatabase(file, onFault);
    this.#labels = new ClockLabels(this.#database);
    this.#joins = new SegmentJoins(this.#database);
    this.events = new EventTable(this.#database);
    this.space = new SpaceTable(this.#database);
    this.looks = new ScanTable(this.#database);
    this.copies = new CopyTable(this.#database, this);
  }

  get generation(): number {
    return this.#database.generation;
  }

  get found(): CacheFound {
    return this.#database.found;
  }

  /** Last write before opening, Unix milliseconds, as noted on disk. */
  get writtenMs(): number {
    return this.#database.writtenMs;
  }

  /** Writes changes to disk. Queries see them before that. */
  commit(): void {
    this.#database.commit();
  }

  close(): void {
    this.#database.close();
  }

  addNames(found: readonly NamedFile[]): void {
    const database = this.#database;
    const query = 'INSERT OR IGNORE INTO segments (folder, name, path, name_us, start_us) VALUES (?, ?, ?, ?, ?)';
    database.write(() => {
      const hasCopies = this.copies.isUsed;
      for (const { folder, name, path, startUs } of found) {
        const added = database.run(query, database.idOf(folder), name, database.idOf(path), startUs, startUs);
        // The recording is on a disk again: it is listed once.
        if (added > 0 && hasCopies) {
          this.copies.remove(path, startUs);
        }
      }
    }, undefined);
  }

  setInfo(file: string, info: SegmentInfo, state: SegmentState = stateOf(info)): void {
    this.#database.write(() => {
      const row = this.#joins.find(file);
      if (!row) {
        return;
      }
      const { mark } = info;
      // 100 years.
      const fileMark = info.fileMark && info.fileMark.monoUs < 3.2e15 ? info.fileMark : undefined;
      const movedBoot = mark && fileMark && this.#labels.learn(mark, fileMark);
      // Copies keep the time in their names, by which they are found.
      const nameUs = state === STATE.copied ? row.nameUs : startByName(row.nameUs, mark?.wallUs);
      if (nameUs !== row.nameUs) {
        this.copies.remove(this.find(file)?.path ?? '', nameUs);
      }
      const begun = { nameUs, wallUs: mark?.wallUs, monoUs: fileMark?.monoUs };
      const startUs = this.#labels.startOf(begun, fileMark);
      const next = this.#joins.after(row);
      this.#database.run(
        SET_INFO,
        nameUs,
        startUs,
        state,
        info.fileMark ? 1 : 0,
        info.sizeBytes,
        info.mtimeMs,
        info.durationUs,
        mark ? Buffer.from(mark.streamId, 'hex') : null,
        mark?.segmentNumber ?? 0,
        mark?.dtsUs ?? 0,
        this.#nameId(info.signature),
        this.#nameId(fileMark?.bootId),
        fileMark?.monoUs ?? null,
        mark?.wallUs ?? null,
        fileMark?.isClockTrusted ? 1 : 0,
        fileMark?.offsetMinutes ?? null,
        writeLost(info.lostUs),
        row.id,
      );
      this.#joins.note(row.id);
      if (next && startUs !== row.startUs) {
        this.#joins.note(next.id);
      }
      if (movedBoot !== undefined) {
        this.#move(movedBoot);
      }
    }, undefined);
  }

  setBroken(file: string, sizeBytes: number, mtimeMs: number, fault: string): void {
    this.#takeOut(file, ({ id }) => {
      const query = 'UPDATE segments SET state = 3, joins = 0, size = ?, mtime_ms = ?, fault = ? WHERE id = ?';
      this.#database.run(query, sizeBytes, mtimeMs, fault, id);
    });
  }

  setUnread(file: string): void {
    this.#takeOut(file, ({ id }) => this.#database.run('UPDATE segments SET state = 0, joins = 0 WHERE id = ?', id));
  }

  /** Makes files of an earlier run be read again: a power cut may damage them without a trace in size and mtime. */
  recheckGrowing(): void {
    this.#database.change(
      'UPDATE segments INDEXED BY by_work SET mtime_ms = -1 WHERE state IN (0, 1, 3) AND state = 1',
    );
    this.commit();
  }

  remove(file: string): void {
    this.#takeOut(file, ({ id }) => this.#database.run('DELETE FROM segments WHERE id = ?', id));
  }

  /** Changes the file name of a recording. All other columns stay. */
  rename(from: string, to: string, mtimeMs: number, state?: SegmentState): void {
    const cut = to.lastIndexOf('/');
    this.#database.write(() => {
      const row = this.#joins.find(from);
      if (row) {
        this.remove(to);
        const query = 'UPDATE segments SET folder = ?, name = ?, mtime_ms = ?, state = coalesce(?, state) WHERE id = ?';
        const place = [this.#database.idOf(to.slice(0, cut)), to.slice(cut + 1)];
        this.#database.run(query, ...place, mtimeMs, state ?? null, row.id);
      }
    }, undefined);
  }

  find(file: string): SegmentRow | undefined {
    const cut = file.lastIndexOf('/');
    const query = `${selectRows()} WHERE s.folder = (SELECT id FROM names WHERE text = ?) AND s.name = ?`;
    return this.#row(query, file.slice(0, cut), file.slice(cut + 1));
  }

  isDated(file: string): boolean {
    const cut = file.lastIndexOf('/');
    return this.#database.read(() => this.#labels.isDated(file.slice(0, cut), file.slice(cut + 1)), false);
  }

  namesIn(folder: string): Set<string> {
    const query = 'SELECT name FROM segments WHERE folder = (SELECT id FROM names WHERE text = ?)';
    return new Set(this.#database.rows(query, folder).map((row) => String(row['name'])));
  }

  paths(): string[] {
    const query = 'SELECT text FROM usage JOIN names ON names.id = usage.path WHERE usage.files > 0 ORDER BY text';
    return this.#database.rows(query).map((row) => String(row['text']));
  }

  /** Paths with a file that is not known to be unreadable. */
  playedPaths(): string[] {
    const query = `SELECT text FROM usage JOIN names ON names.id = usage.path WHERE usage.files > 0 AND EXISTS (
      SELECT 1 FROM segments INDEXED BY by_start WHERE path = usage.path AND state != 3) ORDER BY text`;
    return this.#database.rows(query).map((row) => String(row['text']));
  }

  /** The first moment of each file that plays, in Unix microseconds. */
  startsOf(path: string): number[] {
    const query = `SELECT start_us, duration_us, lost FROM ${READABLE}
      WHERE state IN (1, 2, 4) AND path = (SELECT id FROM names WHERE text = ?) ORDER BY start_us, id`;
    const hidden = this.hidden.of(path);
    return this.#database.rows(query, path).flatMap((row) => {
      const [startUs, durationUs] = [Number(row['start_us']), Number(row['duration_us'])];
      const shownUs = shownStart({ startUs, durationUs, lost: parseLost(row['lost'], startUs) }, hidden);
      return shownUs === undefined ? [] : [shownUs];
    });
  }

  /** The file with this start, or whose first moment that plays it is. Unreadable files are found, too. */
  findStart(path: string, startUs: number): SegmentRow | undefined {
    const query = `${selectRows()} WHERE s.path = (SELECT id FROM names WHERE text = ?) AND s.start_us = ?`;
    const hidden = this.hidden.of(path);
    return (
      this.#row(query, path, startUs) ??
      this.list(path, this.lastStartUpTo(path, startUs), startUs, MAX_WITHIN).find(
        (row) => shownStart(row, hidden) === startUs,
      )
    );
  }

  /** Readable files named for this start, whatever is shown. Scans the whole path. */
  named(path: string, nameUs: number, count: number): SegmentRow[] {
    const query = `${selectRows(READABLE)} WHERE s.state IN (1, 2, 4) AND s.path = (SELECT id FROM names WHERE text = ?)
      AND s.name_us = ? LIMIT ?`;
    return this.#rows(query, path, nameUs, count);
  }

  /** Files that are unread or may have changed. */
  work(path: string, fromUs: number, toUs: number, count = 1_000_000): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_work')} WHERE s.state IN (0, 1, 3)
      AND s.path = (SELECT id FROM names WHERE text = ?) AND s.start_us BETWEEN ? AND ? ORDER BY s.start_us, s.id LIMIT ?`;
    return this.#rows(query, path, fromUs, toUs, count);
  }

  /** Unread files of all paths: the next ones after `afterId`. */
  unread(afterId: number, count: number): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_unread')} WHERE s.state = 0 AND s.id > ? ORDER BY s.id LIMIT ?`;
    return this.#rows(query, afterId, count);
  }

  countOf(): { readonly total: number; readonly unread: number; readonly broken: number } {
    const total = this.#database.row('SELECT coalesce(sum(files), 0) AS total FROM usage');
    const query = `SELECT state, count(*) AS count FROM segments INDEXED BY by_work
      WHERE state IN (0, 1, 3) GROUP BY state`;
    const counts = new Map(this.#database.rows(query).map((row) => [Number(row['state']), Number(row['count'])]));
    return {
      total: Number(total?.['total'] ?? 0),
      unread: counts.get(STATE.unread) ?? 0,
      broken: counts.get(STATE.broken) ?? 0,
    };
  }

  broken(count: number): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_work')} WHERE s.state IN (0, 1, 3) AND s.state = 3
      ORDER BY s.path, s.start_us LIMIT ?`;
    return this.#rows(query, count);
  }

  newest(path: string, count: number): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_start')} WHERE s.path = (SELECT id FROM names WHERE text = ?)
      AND s.state = 2 ORDER BY s.start_us DESC LIMIT ?`;
    return this.#rows(query, path, count);
  }

  /** Start of the first of the last files at or before `us` that contains it, else of the last one, in any state. */
  lastStartUpTo(path: string, us: number): number {
    const last = `SELECT start_us, duration_us FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?) AND state != 3 AND start_us <= ? ORDER BY start_us DESC LIMIT ?`;
    const query = `SELECT coalesce(min(start_us) FILTER (WHERE start_us + duration_us > ?), max(start_us)) AS start_us
      FROM (${last})`;
    const found = this.#database.row(query, us, path, us, MAX_WITHIN)?.['start_us'];
    return typeof found === 'number' ? found : Number.MIN_SAFE_INTEGER;
  }

  /**
   * Readable files from `fromUs` on, at most `count`.
   * @param after the last row of the previous page: two files can start at the same time
   */
  list(path: string, fromUs: number, toUs: number, count: number, after?: SegmentRow): SegmentRow[] {
    const query = `${selectRows(READABLE)} WHERE s.state IN (1, 2, 4) AND s.path = (SELECT id FROM names WHERE text = ?)
      AND s.start_us BETWEEN ? AND ? AND (s.start_us, s.id) > (?, ?) ORDER BY s.start_us, s.id LIMIT ?`;
    const from = [Math.max(fromUs, after?.startUs ?? Number.MIN_SAFE_INTEGER), toUs];
    return this.#rows(query, path, ...from, after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? -1, count);
  }

  /** The span from the start of the first recording to the end of the last. */
  extentOf(path: string): (Timespan & { readonly endUs: number }) | undefined {
    const first = this.list(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 1)[0];
    const query = `${selectRows(READABLE)} WHERE s.state IN (1, 2, 4) AND s.path = (SELECT id FROM names WHERE text = ?)
      ORDER BY s.start_us DESC, s.id DESC LIMIT 1`;
    const last = this.#row(query, path);
    if (!first || !last) {
      return undefined;
    }
    const startUs = first.lost.find((range) => range.startUs === first.startUs)?.endUs ?? first.startUs;
    const endUs = last.startUs + last.durationUs;
    return { startUs, endUs, durationUs: endUs - startUs };
  }

  /** Recordings that were fetched from there, of those that start in the range. */
  fetchedSpans(from: FetchedFrom, path: string, fromUs: number, toUs: number, count: number): readonly Timespan[] {
    const query = `SELECT start_us, duration_us FROM ${READABLE} WHERE state IN (1, 2, 4)
      AND path = (SELECT id FROM names WHERE text = ?) AND start_us BETWEEN ? AND ?
      AND boot = (SELECT id FROM names WHERE text = ?) ORDER BY start_us LIMIT ?`;
    return this.#database
      .rows(query, path, fromUs, toUs, FETCHED_BOOTS[from], count)
      .map((row) => ({ startUs: Number(row['start_us']), durationUs: Number(row['duration_us']) }));
  }

  /** Gapless spans of readable files that start in the range. */
  timespans(path: string, fromUs: number, toUs: number): readonly Timespan[] {
    return this.#database.read(() => {
      const database = this.#database;
      const pathId = database.findId(path);
      const first = pathId === undefined ? undefined : this.list(path, fromUs, toUs, 1)[0];
      if (pathId === undefined || !first) {
        return [];
      }
      const breaks = database.all(BREAKS, pathId, fromUs, toUs) as unknown as Break[];
      if (breaks[0]?.id !== first.id) {
        breaks.unshift({ id: first.id, startUs: first.startUs, endBefore: null });
      }
      const last = database.first(LAST_END, pathId, toUs)?.['end_us'];
      const spans = breaks.map(({ startUs }, i) => {
        const endUs = i + 1 < breaks.length ? breaks[i + 1]?.endBefore : last;
        return { startUs, durationUs: Number(endUs ?? startUs) - startUs };
      });
      return withoutLost(spans, this.#rows(LOST, pathId, fromUs, toUs));
    }, []);
  }

  /** Changes or removes a row, then updates the row after it, which may now continue another file. */
  #takeOut(file: string, change: (place: SegmentPosition) => void): void {
    this.#database.write(() => {
      const place = this.#joins.find(file);
      if (place) {
        const next = this.#joins.after(place);
        change(place);
        if (next) {
          this.#joins.note(next.id);
        }
      }
    }, undefined);
  }

  #move(boot: number): void {
    const moved = [...this.#labels.moved(boot)];
    const touched = new Set<number>();
    for (const { id } of moved) {
      const place = this.#joins.byId(id);
      const next = place && this.#joins.after(place);
      touched.add(id).add(next?.id ?? id);
    }
    for (const { id, startUs } of moved) {
      this.#database.run('UPDATE segments SET start_us = ? WHERE id = ?', startUs, id);
    }
    for (const id of touched) {
      this.#joins.note(id);
    }
  }

  #nameId(text: string | undefined): number | null {
    return text === undefined ? null : this.#database.idOf(text);
  }

  #row(query: string, ...values: SQLInputValue[]): SegmentRow | undefined {
    return this.#rows(query, ...values)[0];
  }

  #rows(query: string, ...values: SQLInputValue[]): SegmentRow[] {
    return this.#database.rows(query, ...values).map(rowOf);
  }
}

const stateOf = ({ isFinished }: SegmentInfo): SegmentState => (isFinished ? STATE.finished : STATE.growing);

/** State of folders when last read for a template. */
class ScanTable {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** mtimes of known folders at and below `top`, in ms; NaN: must be read again. */
  below(template: string, top: string): Map<string, number> {
    const query = `SELECT names.text AS folder, looks.mtime_ms AS mtime_ms FROM looks JOIN names ON names.id = looks.folder
      WHERE looks.template = (SELECT id FROM names WHERE text = ?1)
        AND (names.text = ?2 OR names.text BETWEEN ?2 || '/' AND ?2 || '0')`;
    const rows = this.#database.rows(query, template, top);
    return new Map(rows.map((row) => [String(row['folder']), Number(row['mtime_ms'] ?? Number.NaN)]));
  }

  /** @param mtimeMs NaN, which equals nothing, if the folder may have changed while it was read */
  set(template: string, folder: string, mtimeMs: number): void {
    const database = this.#database;
    database.write(() => {
      const values = [database.idOf(template), database.idOf(folder), Number.isNaN(mtimeMs) ? null : mtimeMs];
      database.run('INSERT OR REPLACE INTO looks VALUES (?, ?, ?)', ...values);
    }, undefined);
  }

  remove(template: string, folder: string): void {
    const database = this.#database;
    const query = 'DELETE FROM looks WHERE template = ? AND folder = ?';
    database.write(() => database.run(query, database.idOf(template), database.idOf(folder)), 0);
  }

  /** `st_dev` of the folder's disk, or undefined if it was never seen. */
  deviceOf(folder: string): number | undefined {
    const row = this.#database.row('SELECT value FROM facts WHERE name = ?', `device of ${folder}`);
    return row && Number(row['value']);
  }

  setDevice(folder: string, device: number): void {
    this.#database.change('INSERT OR REPLACE INTO facts VALUES (?, ?)', `device of ${folder}`, String(device));
  }
}
