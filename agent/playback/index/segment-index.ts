import type { SQLInputValue } from 'node:sqlite';
import type { FileMark } from '../../record/file/file-mark.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import { ClockLabels } from './clock-labels.ts';
import { EventTable } from './event-table.ts';
import { IndexDatabase } from './index-database.ts';
import { ScanTable } from './scan-table.ts';
import { SegmentJoins, type SegmentPosition } from './segment-joins.ts';
import { READABLE, rowOf, type SegmentRow, type SegmentState, STATE, selectRows } from './segment-row.ts';
import { SpaceTable } from './space-table.ts';
import type { CacheFound } from './sqlite.ts';

/** A monotonic time beyond this, 100 years, is no time of a machine that has been started. */
const MAX_MONO_US = 3.2e15;

/** What is known of a recording once its header has been read. */
export interface SegmentInfo {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** It does not grow any more. */
  readonly isFinished: boolean;
  /** False: in a format that is listed and counted, and not played. */
  readonly isPlayable?: boolean;
  readonly durationUs: number;
  /** Undefined in files without a `mtxi` box. */
  readonly mark: StreamMark | undefined;
  /** Undefined in files that Perch has not written. */
  readonly fileMark: FileMark | undefined;
  /** Track ids, time scales and codecs as a text: files without `mtxi` go together only when it is the same. */
  readonly signature: string;
}

/** A stretch of recordings without a gap. */
export interface Timespan {
  readonly startUs: number;
  readonly durationUs: number;
}

export interface NamedFile {
  readonly folder: string;
  readonly name: string;
  readonly path: string;
  readonly startUs: number;
}

/** Where a timespan begins, and where the file before it has ended. */
interface Break {
  readonly id: number;
  readonly startUs: number;
  readonly endBefore: number | null;
}

/** In one question: cameras that record events have a timespan for each. */
const BREAKS = `SELECT id, start_us AS startUs, (
    SELECT before.start_us + before.duration_us FROM segments AS before INDEXED BY by_readable
    WHERE before.state IN (1, 2) AND before.path = ?1 AND (before.start_us, before.id) < (s.start_us, s.id)
    ORDER BY before.start_us DESC, before.id DESC LIMIT 1
  ) AS endBefore
  FROM segments AS s INDEXED BY by_break WHERE joins = 0 AND state IN (1, 2) AND path = ?1 AND start_us BETWEEN ?2 AND ?3
  ORDER BY start_us, id`;
const LAST_END = `SELECT start_us + duration_us AS end_us FROM ${READABLE} WHERE state IN (1, 2) AND path = ? AND start_us <= ?
  ORDER BY start_us DESC, id DESC LIMIT 1`;
const SET_INFO = `UPDATE segments SET start_us = ?, state = ?, own = ?, size = ?, mtime_ms = ?, duration_us = ?, stream = ?,
  segment_number = ?, dts_us = ?, signature = ?, boot = ?, mono_us = ?, wall_us = ?, trusted = ?, offset_minutes = ?, fault = NULL
  WHERE id = ?`;

/** What is known of the recordings, in SQLite: a cache, the files are the truth. */
export class SegmentIndex {
  readonly events: EventTable;
  readonly space: SpaceTable;
  readonly looks: ScanTable;
  readonly #database: IndexDatabase;
  readonly #labels: ClockLabels;
  readonly #joins: SegmentJoins;

  /** @param onFault told what went wrong with the file; the index goes on with what it can */
  constructor(file: string, onFault: (error: unknown) => void) {
    this.#database = new IndexDatabase(file, onFault);
    this.#labels = new ClockLabels(this.#database);
    this.#joins = new SegmentJoins(this.#database);
    this.events = new EventTable(this.#database);
    this.space = new SpaceTable(this.#database);
    this.looks = new ScanTable(this.#database);
  }

  /** Counts how often the index had to begin again. */
  get generation(): number {
    return this.#database.generation;
  }

  get found(): CacheFound {
    return this.#database.found;
  }

  /** When it was written last, before it was opened: Unix milliseconds, as the disk has noted it. */
  get writtenMs(): number {
    return this.#database.writtenMs;
  }

  /** What was written since the last time goes to the disk. Until then all of it is seen by every question. */
  commit(): void {
    this.#database.commit();
  }

  close(): void {
    this.#database.close();
  }

  /** Files that are known already stay as they are. */
  addNames(found: readonly NamedFile[]): void {
    const database = this.#database;
    database.write(() => {
      for (const { folder, name, path, startUs } of found) {
        database.run(
          'INSERT OR IGNORE INTO segments (folder, name, path, name_us, start_us) VALUES (?, ?, ?, ?, ?)',
          ...[database.idOf(folder), name, database.idOf(path), startUs, startUs],
        );
      }
    }, undefined);
  }

  setInfo(file: string, info: SegmentInfo): void {
    this.#database.write(() => {
      const row = this.#joins.find(file);
      if (!row) {
        return;
      }
      const { mark } = info;
      const fileMark = info.fileMark && info.fileMark.monoUs < MAX_MONO_US ? info.fileMark : undefined;
      const movedBoot = mark && fileMark && this.#labels.learn(mark, fileMark);
      const begun = { nameUs: row.nameUs, wallUs: mark?.wallUs, monoUs: fileMark?.monoUs };
      const startUs = this.#labels.startOf(begun, fileMark);
      const next = this.#joins.after(row);
      this.#database.run(
        SET_INFO,
        ...[startUs, stateOf(info), info.fileMark ? 1 : 0],
        ...[
          info.sizeBytes,
          info.mtimeMs,
          info.durationUs,
          mark ? Buffer.from(mark.streamId, 'hex') : null,
          mark?.segmentNumber ?? 0,
        ],
        ...[mark?.dtsUs ?? 0, this.#nameId(info.signature), this.#nameId(fileMark?.bootId), fileMark?.monoUs ?? null],
        ...[mark?.wallUs ?? null, fileMark?.isClockTrusted ? 1 : 0, fileMark?.offsetMinutes ?? null, row.id],
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

  /** What is known of the file is no longer to be relied on. */
  setUnread(file: string): void {
    this.#takeOut(file, ({ id }) => this.#database.run('UPDATE segments SET state = 0, joins = 0 WHERE id = ?', id));
  }

  /** Has the files that an earlier run was writing read again: a power cut may have cost more than their size and time show. */
  recheckGrowing(): void {
    const query = 'UPDATE segments INDEXED BY by_work SET mtime_ms = -1 WHERE state IN (0, 1, 3) AND state = 1';
    this.#database.write(() => this.#database.run(query), 0);
    this.commit();
  }

  remove(file: string): void {
    this.#takeOut(file, ({ id }) => this.#database.run('DELETE FROM segments WHERE id = ?', id));
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

  /** Of the known files right in a folder. */
  namesIn(folder: string): Set<string> {
    const query = 'SELECT name FROM segments WHERE folder = (SELECT id FROM names WHERE text = ?)';
    const rows = this.#database.read(() => this.#database.all(query, folder), []);
    return new Set(rows.map((row) => String(row['name'])));
  }

  /** The paths that have recordings, sorted. */
  paths(): string[] {
    const query = 'SELECT text FROM usage JOIN names ON names.id = usage.path WHERE usage.files > 0 ORDER BY text';
    return this.#database.read(() => this.#database.all(query).map((row) => String(row['text'])), []);
  }

  hasRecordings(path: string): boolean {
    return this.space.bytesOf(path).files > 0;
  }

  /** Recordings in the format that is played. */
  hasPlayable(path: string): boolean {
    const query = `SELECT 1 FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?) AND name NOT LIKE '%.ts' LIMIT 1`;
    return this.#database.read(() => this.#database.first(query, path) !== undefined, false);
  }

  /** Of all files, also those that cannot be read. */
  startsOf(path: string): number[] {
    const query = `SELECT start_us FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?) ORDER BY start_us, id`;
    return this.#database.read(() => this.#database.all(query, path).map((row) => Number(row['start_us'])), []);
  }

  /** The files that begin exactly then. */
  findStart(path: string, startUs: number): SegmentRow | undefined {
    return this.#row(
      `${selectRows()} WHERE s.path = (SELECT id FROM names WHERE text = ?) AND s.start_us = ?`,
      path,
      startUs,
    );
  }

  /** Readable files whose names say that they begin then, whatever is shown. Looks through all of the path. */
  named(path: string, nameUs: number, count: number): SegmentRow[] {
    const query = `${selectRows(READABLE)} WHERE s.state IN (1, 2) AND s.path = (SELECT id FROM names WHERE text = ?)
      AND s.name_us = ? LIMIT ?`;
    return this.#rows(query, path, nameUs, count);
  }

  /** Files whose header is still to be read, or that may have changed since. */
  work(path: string, fromUs: number, toUs: number, count = 1_000_000): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_work')} WHERE s.state IN (0, 1, 3)
      AND s.path = (SELECT id FROM names WHERE text = ?) AND s.start_us BETWEEN ? AND ? ORDER BY s.start_us, s.id LIMIT ?`;
    return this.#rows(query, path, fromUs, toUs, count);
  }

  /** Files whose header is still to be read, of all paths: the next so many behind `afterId`. */
  unread(afterId: number, count: number): SegmentRow[] {
    return this.#rows(
      `${selectRows('segments INDEXED BY by_unread')} WHERE s.state = 0 AND s.id > ? ORDER BY s.id LIMIT ?`,
      afterId,
      count,
    );
  }

  countOf(): { readonly total: number; readonly unread: number; readonly broken: number } {
    const total = 'SELECT coalesce(sum(files), 0) AS total FROM usage';
    const work =
      'SELECT state, count(*) AS count FROM segments INDEXED BY by_work WHERE state IN (0, 1, 3) GROUP BY state';
    return this.#database.read(
      () => {
        const counts = new Map(this.#database.all(work).map((row) => [Number(row['state']), Number(row['count'])]));
        return {
          total: Number(this.#database.first(total)?.['total']),
          unread: counts.get(STATE.unread) ?? 0,
          broken: counts.get(STATE.broken) ?? 0,
        };
      },
      { total: 0, unread: 0, broken: 0 },
    );
  }

  /** Files that cannot be read, at most `count`. */
  broken(count: number): SegmentRow[] {
    return this.#rows(
      `${selectRows('segments INDEXED BY by_work')} WHERE s.state IN (0, 1, 3) AND s.state = 3 ORDER BY s.path, s.start_us LIMIT ?`,
      count,
    );
  }

  /** The newest finished files of a path. */
  newest(path: string, count: number): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_start')} WHERE s.path = (SELECT id FROM names WHERE text = ?)
      AND s.state = 2 ORDER BY s.start_us DESC LIMIT ?`;
    return this.#rows(query, path, count);
  }

  /** Start of the last file that begins at or before `us`: the one that could contain it. Whatever its state. */
  lastStartUpTo(path: string, us: number): number {
    const query = `SELECT start_us FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?) AND state != 3 AND start_us <= ? ORDER BY start_us DESC LIMIT 1`;
    const found = this.#database.read(() => this.#database.first(query, path, us)?.['start_us'], undefined);
    return typeof found === 'number' ? found : Number.MIN_SAFE_INTEGER;
  }

  /**
   * Readable files from `fromUs` on, at most `count`.
   * @param after the last row of the answer before, when that was not all: two files can begin at the same time
   */
  list(path: string, fromUs: number, toUs: number, count: number, after?: SegmentRow): SegmentRow[] {
    const query = `${selectRows(READABLE)} WHERE s.state IN (1, 2) AND s.path = (SELECT id FROM names WHERE text = ?)
      AND s.start_us BETWEEN ? AND ? AND (s.start_us, s.id) > (?, ?) ORDER BY s.start_us, s.id LIMIT ?`;
    const from = [Math.max(fromUs, after?.startUs ?? Number.MIN_SAFE_INTEGER), toUs];
    return this.#rows(query, path, ...from, after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? -1, count);
  }

  /** From the first recording's start to the last one's end. */
  extentOf(path: string): (Timespan & { readonly endUs: number }) | undefined {
    const startUs = this.list(path, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 1)[0]?.startUs;
    const last = this.#row(
      `${selectRows(READABLE)} WHERE s.state IN (1, 2) AND s.path = (SELECT id FROM names WHERE text = ?)
       ORDER BY s.start_us DESC, s.id DESC LIMIT 1`,
      path,
    );
    if (startUs === undefined || !last) {
      return undefined;
    }
    const endUs = last.startUs + last.durationUs;
    return { startUs, endUs, durationUs: endUs - startUs };
  }

  /** The stretches without a gap among the readable files that begin between the two. */
  timespans(path: string, fromUs: number, toUs: number): Timespan[] {
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
      return breaks.map(({ startUs }, i) => {
        const endUs = i + 1 < breaks.length ? breaks[i + 1]?.endBefore : last;
        return { startUs, durationUs: Number(endUs ?? startUs) - startUs };
      });
    }, []);
  }

  /** The file that came behind it may now go on from another. */
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

  /** Shows the files of a boot where they belong, now that this is known. */
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
    return this.#database.read(() => this.#database.all(query, ...values).map(rowOf), []);
  }
}

/** What is not played has nothing to show while it grows. */
function stateOf({ isFinished, isPlayable = true }: SegmentInfo): SegmentState {
  if (!isPlayable) {
    return isFinished ? STATE.stored : STATE.unread;
  }
  return isFinished ? STATE.finished : STATE.growing;
}
