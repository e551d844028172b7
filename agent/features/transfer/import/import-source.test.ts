import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { WALL } from '../../../../test/support/disks/recordings.ts';
import { good } from '../../../../test/support/harness/loaded-config.ts';
import { ImportSource } from './import-source.ts';

test('the forecast of an import counts what each path would keep, and what is missing', async () => {
  const folder = mkdtempSync('/var/tmp/perch-forecast-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of [
    'front/2026-06-01_12-00-00.mp4',
    'front/2026-07-01_12-00-00.mp4',
    'yard/2026-06-01_12-00-00.mp4',
  ]) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), Buffer.alloc(1_000));
  }
  const recordings = `recordPath: ${join(folder, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f')}`;
  const foresee = (minFree: string) => {
    const config = good(
      `recordMinFree: ${minFree}\npathDefaults: {${recordings}}\npaths: {door: {recordDeleteAfter: 168h}}\n`,
    );
    const clock = Object.assign(new FakeClock(), { wallMs: () => WALL + 86_400_000 });
    const source = new ImportSource({ clock, config: () => config, recordings: {} as never });
    return source.forecast({ kind: 'import', from: folder, items }, new AbortController().signal);
  };
  const items = [
    { group: 'front', path: 'door' },
    { group: 'yard', name: 'Garden' },
  ];
  expect(await foresee('0%')).toMatchObject({
    files: 2,
    bytes: 2_000,
    old: 1,
    missingBytes: 0,
  });
  expect(await foresee('900000G')).toMatchObject({ missingBytes: 2_000 });
});
