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
