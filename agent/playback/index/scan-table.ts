import type { IndexDatabase } from './index-database.ts';

/** State of folders when last read for a template. */
export class ScanTable {
  readonly #database: IndexDatabase;

  constructor(database: IndexDatabase) {
    this.#database = database;
  }

  /** mtimes of known folders at and below `top`, in ms; NaN: must be read again. */
  below(template: string, top: string): Map<string, number> {
    const query = `SELECT names.text AS folder, looks.mtime_ms AS mtime_ms FROM looks JOIN names ON names.id = looks.folder
      WHERE looks.template = (SELECT id FROM names WHERE text = ?1)
        AND (names.text = ?2 OR names.text BETWEEN ?2 || '/' AND ?2 || '0')`;
    const rows = this.#database.read(() => this.#database.all(query, template, top), []);
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
    database.write(
      () =>
        database.run(
          'DELETE FROM looks WHERE template = ? AND folder = ?',
          database.idOf(template),
          database.idOf(folder),
        ),
      0,
    );
  }

  /** `st_dev` of the folder's disk; undefined: never seen. */
  deviceOf(folder: string): number | undefined {
    const query = 'SELECT value FROM facts WHERE name = ?';
    const row = this.#database.read(() => this.#database.first(query, `device of ${folder}`), undefined);
    return row === undefined ? undefined : Number(row['value']);
  }

  setDevice(folder: string, device: number): void {
    const query = 'INSERT OR REPLACE INTO facts VALUES (?, ?)';
    this.#database.write(() => this.#database.run(query, `device of ${folder}`, String(device)), 0);
  }
}
