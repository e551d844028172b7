import type { IndexDatabase } from './index-database.ts';
import { rowOf, type SegmentRow, type SegmentState, STATE, selectRows } from './segment-row.ts';

export interface PathBytes {
  readonly files: number;
  /** A growing file counts with its size at the last check. */
  readonly bytes: number;
  readonly ownBytes: number;
}

/** Times are Unix microseconds. */
export interface PathSpan {
  /** Start of the oldest recording. */
  readonly firstUs: number | undefined;
  /** Recorded since the requested time, and for how long: until now, or until the start of the growing file. */
  readonly recentBytes: number;
  readonly recentUs: number;
  /** Length of the recent files; without any, and none growing, that of the time. */
  readonly recordedUs: number;
}

export interface HeldFolder {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
  /** End of the latest file, Unix microseconds. */
  readonly endUs: number;
}

type PageOf = [path: string, fromUs: number, toUs: number, limit: number, after?: SegmentRow];

/** Finds what may be deleted for disk space. Rows come oldest first, at most `limit`, after the last of the previous page. */
export class SpaceTable {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** Finished recordings of all paths below a folder written by Perch. */
  oldestOwn(folder: string, limit: number, after?: SegmentRow): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_age')}
      WHERE s.own = 1 AND s.state = 2 AND (s.start_us, s.id) > (?1, ?2)
        AND s.folder IN (SELECT id FROM names WHERE text = ?3 OR text BETWEEN ?3 || '/' AND ?3 || '0')
      ORDER BY s.start_us, s.id LIMIT ?4`;
    const top = folder.replace(/\/+$/, '');
    return this.#rows(query, after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0, top, limit);
  }

  oldestOwnOf(path: string, limit: number, after?: SegmentRow): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_start')}
      WHERE s.path = (SELECT id FROM names WHERE text = ?3) AND s.own = 1 AND s.state = 2
        AND (s.start_us, s.id) > (?1, ?2) ORDER BY s.start_us, s.id LIMIT ?4`;
    return this.#rows(query, after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0, path, limit);
  }

  /** Recordings of a path on the disks of this box. */
  allOf(path: string, limit: number, after?: SegmentRow): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_start')}
      WHERE s.path = (SELECT id FROM names WHERE text = ?3) AND s.state != 4 AND (s.start_us, s.id) > (?1, ?2)
      ORDER BY s.start_us, s.id LIMIT ?4`;
    return this.#rows(query, after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0, path, limit);
  }

  /** Newest first, on the disks of this box. @param before the last row of the previous page, or another place */
  newestOf(path: string, limit: number, before?: Pick<SegmentRow, 'startUs' | 'id'>): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_start')}
      WHERE s.path = (SELECT id FROM names WHERE text = ?3) AND s.state != 4 AND (s.start_us, s.id) < (?1, ?2)
      ORDER BY s.start_us DESC, s.id DESC LIMIT ?4`;
    const first = [before?.startUs ?? Number.MAX_SAFE_INTEGER, before?.id ?? Number.MAX_SAFE_INTEGER];
    return this.#rows(query, ...first, path, limit);
  }

  /** Finished recordings of a path that start in a range. */
  finishedFrom(...asked: PageOf): SegmentRow[] {
    return this.#from(STATE.finished, ...asked);
  }

  /** Listed copies of recordings of a path that start in a range. */
  copiesFrom(...asked: PageOf): SegmentRow[] {
    return this.#from(STATE.copied, ...asked);
  }

  /** Whether a file of any state reaches into a range. The length of a growing or unread one is not known. */
  hasFiles(path: string, fromUs: number, toUs: number): boolean {
    const query = `SELECT 1 FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?1) AND start_us < ?3
        AND (state IN (0, 1) OR start_us + duration_us > ?2 OR start_us >= ?2) LIMIT 1`;
    return this.#database.row(query, path, fromUs, toUs) !== undefined;
  }

  bytesOf(path: string): PathBytes {
    const query = 'SELECT * FROM usage WHERE path = (SELECT id FROM names WHERE text = ?)';
    const row = this.#database.row(query, path);
    return {
      files: Number(row?.['files'] ?? 0),
      bytes: Number(row?.['bytes'] ?? 0),
      ownBytes: Number(row?.['own_bytes'] ?? 0),
    };
  }

  /** @param sinceUs start of the recent period, or the first recording if later */
  spanOf(path: string, sinceUs: number, nowUs: number): PathSpan {
    const query = `SELECT
        (SELECT MIN(start_us) FROM segments INDEXED BY by_start WHERE path = ?1 AND state != 4) AS first_us,
        (SELECT SUM(size) FROM segments INDEXED BY by_start WHERE path = ?1 AND start_us >= ?2 AND state = 2) AS bytes,
        (SELECT SUM(duration_us) FROM segments INDEXED BY by_start WHERE path = ?1 AND start_us >= ?2 AND state = 2) AS recorded_us,
        (SELECT MAX(start_us) FROM segments INDEXED BY by_start WHERE path = ?1 AND start_us >= ?2 AND state = 1) AS growing_us`;
    const id = this.#database.row('SELECT id FROM names WHERE text = ?', path)?.['id'];
    const row = id === undefined ? undefined : this.#database.row(query, Number(id), sinceUs);
    const [firstUs, growingUs] = ['first_us', 'growing_us'].map((key) => numberOr(row?.[key]));
    // The earlier part of a longer history does not count.
    const beginUs = Math.max(sinceUs, firstUs ?? nowUs);
    const recentUs = Math.max(0, (growingUs ?? nowUs) - beginUs);
    const recordedUs = numberOr(row?.['recorded_us']) ?? (growingUs === undefined ? recentUs : 0);
    return { firstUs, recentBytes: numberOr(row?.['bytes']) ?? 0, recentUs, recordedUs };
  }

  /** Folders with recordings outside of `tops`. */
  heldOutside(tops: readonly string[]): HeldFolder[] {
    const numbers = tops.map((_, i) => `?${i + 1}`);
    const outside = numbers.map((top) => `AND NOT (n.text = ${top} OR n.text BETWEEN ${top} || '/' AND ${top} || '0')`);
    // Folder by folder: few are outside, and only their files are read.
    const query = `SELECT n.text AS folder, COUNT(*) AS files, SUM(s.size) AS bytes, MAX(s.start_us + s.duration_us) AS end_us
      FROM names n CROSS JOIN segments s INDEXED BY sqlite_autoindex_segments_1 ON s.folder = n.id
      WHERE n.text >= '/' AND n.text < '0' ${outside.join(' ')} GROUP BY n.id`;
    return this.#database.rows(query, ...tops.map((top) => top.replace(/\/+$/, ''))).map((row) => ({
      folder: String(row['folder']),
      files: Number(row['files']),
      bytes: Number(row['bytes']),
      endUs: Number(row['end_us']),
    }));
  }

  /** End of the latest recording that started before a time, Unix microseconds. */
  lastEndUs(beforeUs: number): number | undefined {
    // The last file of each path: the cost depends on the number of paths.
    const query = `SELECT MAX((SELECT start_us + duration_us FROM segments INDEXED BY by_start
        WHERE path = usage.path AND start_us < ? ORDER BY start_us DESC LIMIT 1)) AS end_us
      FROM usage WHERE files > 0`;
    return numberOr(this.#database.row(query, beforeUs)?.['end_us']);
  }

  #from(state: SegmentState, ...[path, fromUs, toUs, limit, after]: PageOf): SegmentRow[] {
    const query = `${selectRows('segments INDEXED BY by_readable')}
      WHERE s.path = (SELECT id FROM names WHERE text = ?) AND s.state IN (1, 2, 4) AND s.state = ?
        AND s.start_us BETWEEN ? AND ? AND (s.start_us, s.id) > (?, ?) ORDER BY s.start_us, s.id LIMIT ?`;
    const last = [after?.startUs ?? Number.MIN_SAFE_INTEGER, after?.id ?? 0];
    return this.#rows(query, path, state, Math.max(fromUs, after?.startUs ?? fromUs), toUs, ...last, limit);
  }

  #rows(query: string, ...values: (string | number)[]): SegmentRow[] {
    return this.#database.rows(query, ...values).map(rowOf);
  }
}

const numberOr = (value: unknown): number | undefined =>
  value === undefined || value === null ? undefined : Number(value);
