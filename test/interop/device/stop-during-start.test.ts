import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { holdDataFolder } from '../../../system/data-folder.ts';
import { AGENT, until } from '../../peers/agent/agent.ts';
import { startProcess } from '../../peers/programs/process.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

/** The disk of the configuration does not answer. */
const HANGING = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs/promises';
  import { syncBuiltinESMExports } from 'node:module';
  const { stat } = fs;
  fs.stat = (file, ...rest) => (String(file).endsWith('perch.yml') ? new Promise(() => setInterval(() => {}, 1000)) : stat(file, ...rest));
  syncBuiltinESMExports();
`)}`;

test('a stop while the start hangs ends Perch within eight seconds, and is logged', async () => {
  using folder = temporaryFolder();
  const [file, data] = [join(folder.path, 'perch.yml'), join(folder.path, 'data')];
  writeFileSync(file, 'paths:\n');
  const agent = startProcess(process.execPath, ['--import', HANGING, ...AGENT, file, '--data', data]);
  await until(() => (existsSync(join(data, 'perch.pid')) ? true : undefined));
  const askedMs = performance.now();
  expect(await agent.stop()).toBe(0);
  expect(performance.now() - askedMs).toBeLessThan(8_000);
  expect(agent.output()).toContain('stopped before the start was complete');
  // The data folder was its own until it had exited.
  expect(existsSync(join(data, 'perch.pid'))).toBe(true);
  holdDataFolder(data).release();
});
