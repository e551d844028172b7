import { copyFile, type StoredCopy } from '../../record/store/recording-copies.ts';
import type { RecordingFacts } from './facts.ts';
import type { IndexDatabase } from './index-database.ts';
import { type NamedFile, type SegmentInfo, type SegmentState, STATE } from './segment-row.ts';

/** The methods of the index that `CopyTable` uses. */
interface Segments {
  addNames(found: readonly NamedFile[]): void;
  setInfo(file: string, info: SegmentInfo, state: SegmentState): void;
  rename(from: string, to: string, mtimeMs: number, state: SegmentState): void;
  remove(file: string): void;
}

/** Copies of recordings that are on no disk of this box. A recording on a disk is in the index with its file alone. */
export class CopyTable {
  readonly #database: IndexDatabase;
  readonly #segments: Segments;

  constructor(database: IndexDatabase, segments: Segments) {
    this.#database = database;
    this.#segments = segments;
  }

  /** Makes the row of a deleted file refer to the copy. */
  move(file: string, { name, path, nameUs }: StoredCopy): void {
    this.remove(path, nameUs);
    this.#segments.rename(file, copyFile(name), 0, STATE.copied);
  }

  /** @param facts undefined if it cannot be listed */
  add({ name, path, nameUs, sizeBytes }: StoredCopy, facts: RecordingFacts | undefined): void {
    if (facts) {
      const file = copyFile(name);
      const cut = file.lastIndexOf('/');
      const { durationUs, signature, mark, fileMark, lostUs } = facts;
      this.#segments.addNames([{ folder: file.slice(0, cut), name: file.slice(cut + 1), path, startUs: nameUs }]);
      const info = { sizeBytes, mtimeMs: 0, isFinished: true, durationUs, signature, mark, fileMark, lostUs };
      this.#segments.setInfo(file, info, STATE.copied);
    }
  }

  get isUsed(): boolean {
    return this.#database.row('SELECT 1 FROM segments INDEXED BY by_archived WHERE state = 4 LIMIT 1') !== undefined;
  }

  remove(path: string, nameUs: number): void {
    const query = `SELECT folders.text || '/' || s.name AS file FROM segments AS s INDEXED BY by_archived
      JOIN names AS folders ON folders.id = s.folder
      WHERE s.state = 4 AND s.path = (SELECT id FROM names WHERE text = ?) AND s.name_us = ?`;
    for (const row of this.#database.rows(query, path, nameUs)) {
      this.#segments.remove(String(row['file']));
    }
  }

  paths(): string[] {
    const query = `SELECT text FROM names WHERE id IN (SELECT path FROM usage)
      AND EXISTS (SELECT 1 FROM segments INDEXED BY by_archived WHERE state = 4 AND path = names.id)`;
    return this.#database.rows(query).map((row) => String(row['text']));
  }

  /** Start times by name of the listed copies of a path, and of its recordings on disks. */
  namesOf(path: string): { readonly listed: Set<number>; readonly onDisks: Set<number> } {
    const query = `SELECT name_us, state FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?)`;
    const names = { listed: new Set<number>(), onDisks: new Set<number>() };
    for (const row of this.#database.rows(query, path)) {
      names[row['state'] === STATE.copied ? 'listed' : 'onDisks'].add(Number(row['name_us']));
    }
    return names;
  }
}
