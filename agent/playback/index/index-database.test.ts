import { StatementSync } from 'node:sqlite';
import { afterEach, expect, test, vi } from 'vitest';
import { IndexDatabase } from './index-database.ts';

afterEach(() => vi.restoreAllMocks());

/** As Node 22.13 does: of values in order it knows `?` alone. */
function refuseNumbersInOrder(): void {
  for (const name of ['all', 'get', 'run'] as const) {
    const original = StatementSync.prototype[name] as (...values: unknown[]) => unknown;
    vi.spyOn(StatementSync.prototype, name as 'all').mockImplementation(function (this: StatementSync, ...values) {
      if (/\?\d/.test(this.sourceSQL) && (values.length > 1 || Object(values[0]) !== values[0])) {
        throw new Error('column index out of range');
      }
      return Reflect.apply(original, this, values) as [];
    });
  }
}

test('Node 22.13 binds numbered values by name, and everything else in order', () => {
  refuseNumbersInOrder();
  const database = new IndexDatabase(':memory:', (error) => expect.unreachable(String(error)));
  const ids = database.write(() => ['door', 'yard'].map((text) => database.idOf(text)), []);
  const between = 'SELECT text, ?2 AS to_id FROM names WHERE id BETWEEN ?1 AND ?2 OR id = ?1';
  expect(database.all(between, ...ids)).toEqual(['door', 'yard'].map((text) => ({ text, to_id: ids[1] })));
  expect(database.first('SELECT ?1 AS a, ?1 AS b', null)).toEqual({ a: null, b: null });
  expect(database.run('UPDATE names SET text = ?2 || ?2 WHERE id = ?1', ids[0] ?? 0, 'gate')).toBe(1);
  expect(database.first('SELECT text FROM names WHERE id = ?', ids[0] ?? 0)).toEqual({ text: 'gategate' });
  database.close();
});
