import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, 'sqlite.ts');

test('that SQLite is experimental is not said, other warnings are, and it works', () => {
  // As Node 22 does it, whichever this one is.
  const script = `
    import { sqlite } from '${MODULE}';
    const { getBuiltinModule } = process;
    process.getBuiltinModule = (name) => {
      process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
      process.emitWarning('something else is experimental', 'ExperimentalWarning');
      return getBuiltinModule(name);
    };
    const database = new (sqlite().DatabaseSync)(':memory:');
    console.log(database.prepare('SELECT 6 * 7 AS answer').get().answer);
    process.emitWarning('SQLite is slow', 'Warning');
  `;
  const flags = ['--input-type=module', '--eval', script];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' });
  expect(stdout).toBe('42\n');
  expect(stderr).not.toContain('SQLite is an experimental feature');
  expect(stderr).toContain('something else is experimental');
  expect(stderr).toContain('SQLite is slow');
});
