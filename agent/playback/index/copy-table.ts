import { archivedFile } from '../archived/archived-recordings.ts';
import type { RecordingFacts } from '../read/facts.ts';
import type { IndexDatabase } from './index-database.ts';
import { type SegmentState, STATE } from './segment-row.ts';

interface Named {
  readonly name: string;
  readonly path: string;
  readonly nameUs: number;
}

interface ArchivedInfo extends Pick<RecordingFacts, 'durationUs' | 'signature'> {
  readonly lostUs: RecordingFacts['lostUs'] | undefined;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly isFinished: boolean;
  readonly mark: RecordingFacts['mark'];
  readonly fileMark: RecordingFacts['fileMark'];
}

/** The methods of the index that `ArchivedTable` uses. */
interface Segments {
  addNames(
    found: readonly {
      readonly folder: string;
      readonly name: string;
      readonly path: string;
      readonly startUs: number;
    }[],
  ): void;
  setInfo(file: string, info: ArchivedInfo, state: SegmentState): void;
  remove(file: string): void;
}

/** Recordings that only the archive has. One that is on a disk, too, is in the index with its file alone. */
export class CopyTable {
  readonly #database: IndexDatabase;
  readonly #segments: Segments;

  constructor(database: IndexDatabase, segments: Segments) {
    this.#database = database;
    this.#segments = segments;
  }

  /** Makes the row of a deleted file refer to the archive's copy. All other columns stay. */
  move(file: string, { name, path, nameUs }: Named): void {
    const database = this.#database;
    this.remove(path, nameUs);
    database.write(() => {
      const [folder, base] = partsOf(file);
      const [archiveFolder, archiveName] = partsOf(archivedFile(name));
      database.run(
        'UPDATE segments SET folder = ?, name = ?, state = 4, fault = NULL WHERE folder = ? AND name = ? AND state = 2',
        database.idOf(archiveFolder),
        archiveName,
        database.idOf(folder),
        base,
      );
    }, undefined);
  }

  add({ name, path, nameUs, sizeBytes }: Named & { readonly sizeBytes: number }, facts: RecordingFacts): void {
    const file = archivedFile(name);
    const [folder, base] = partsOf(file);
    const { durationUs, signature, mark, fileMark, lostUs } = facts;
    this.#segments.addNames([{ folder, name: base, path, startUs: nameUs }]);
    const info = { sizeBytes, mtimeMs: 0, isFinished: true, durationUs, signature, mark, fileMark, lostUs };
    this.#segments.setInfo(file, info, STATE.copied);
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

  /** Start times by name. */
  namesOf(path: string): Set<number> {
    const query = `SELECT name_us FROM segments INDEXED BY by_archived
      WHERE state = 4 AND path = (SELECT id FROM names WHERE text = ?)`;
    return new Set(this.#database.rows(query, path).map((row) => Number(row['name_us'])));
  }

  /** Start times by name of recordings on disks. */
  namesOnDisks(path: string): Set<number> {
    const query = `SELECT name_us FROM segments INDEXED BY by_start
      WHERE path = (SELECT id FROM names WHERE text = ?) AND state != 4`;
    return new Set(this.#database.rows(query, path).map((row) => Number(row['name_us'])));
  }
}

function partsOf(file: string): readonly [folder: string, name: string] {
  const cut = file.lastIndexOf('/');
  return [file.slice(0, cut), file.slice(cut + 1)];
}
