import type { IndexDatabase, Row } from './index-database.ts';
import { continues, type Joinable, READABLE } from './segment-row.ts';

const COLUMNS =
  'id, path, name_us, start_us, duration_us, state, hex(stream) AS stream, segment_number, signature, dts_us, own';

/** The part of a row that determines its position. */
export interface SegmentPosition extends Joinable {
  readonly id: number;
  readonly pathId: number;
  readonly nameUs: number;
  readonly isReadable: boolean;
}

/** Maintains which recordings continue the previous one of their path. */
export class SegmentJoins {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  find(file: string): SegmentPosition | undefined {
    const cut = file.lastIndexOf('/');
    const folder = this.#database.findId(file.slice(0, cut));
    const query = `SELECT ${COLUMNS} FROM segments WHERE folder = ? AND name = ?`;
    return folder === undefined ? undefined : positionOf(this.#database.first(query, folder, file.slice(cut + 1)));
  }

  byId(id: number): SegmentPosition | undefined {
    return positionOf(this.#database.first(`SELECT ${COLUMNS} FROM segments WHERE id = ?`, id));
  }

  after({ pathId, startUs, id }: SegmentPosition): SegmentPosition | undefined {
    const query = `SELECT ${COLUMNS} FROM ${READABLE} WHERE state IN (1, 2, 4) AND path = ? AND (start_us, id) > (?, ?)
      ORDER BY start_us, id LIMIT 1`;
    return positionOf(this.#database.first(query, pathId, startUs, id));
  }

  /** Updates whether a file continues the previous one, and the next one it. Only within a database write. */
  note(id: number): void {
    const place = this.byId(id);
    if (!place?.isReadable) {
      return;
    }
    const before = this.#before(place);
    this.#set(place.id, before !== undefined && continues(before, place));
    const next = this.after(place);
    if (next) {
      this.#set(next.id, continues(place, next));
    }
  }

  #before({ pathId, startUs, id }: SegmentPosition): SegmentPosition | undefined {
    const query = `SELECT ${COLUMNS} FROM ${READABLE} WHERE state IN (1, 2, 4) AND path = ? AND (start_us, id) < (?, ?)
      ORDER BY start_us DESC, id DESC LIMIT 1`;
    return positionOf(this.#database.first(query, pathId, startUs, id));
  }

  #set(id: number, joins: boolean): void {
    this.#database.run('UPDATE segments SET joins = ?1 WHERE id = ?2 AND joins != ?1', joins ? 1 : 0, id);
  }
}

function positionOf(row: Row | undefined): SegmentPosition | undefined {
  return (
    row && {
      id: Number(row['id']),
      pathId: Number(row['path']),
      nameUs: Number(row['name_us']),
      startUs: Number(row['start_us']),
      durationUs: Number(row['duration_us']),
      isReadable: [1, 2, 4].includes(Number(row['state'])),
      streamId: String(row['stream']) || undefined,
      segmentNumber: Number(row['segment_number']),
      signature: Number(row['signature']),
      dtsUs: Number(row['dts_us']),
      isOwn: row['own'] === 1,
    }
  );
}
