import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WALL } from '../../../test/support/disks/recordings.ts';
import { foreseeImport, roomOf } from './import-forecast.ts';

const DAY_MS = 86_400_000;

test.for([
  [100, 200, 50, 50],
  [100, 150, 50, 0],
  [100, 149, 50, -1],
  [100, 10, 50, -100],
] as const)('%d bytes to a disk with %d free, of which %d stay free, leave %d', ([bytes, freeBytes, kept, room]) => {
  expect(roomOf({ bytes, freeBytes, keptFreeBytes: kept })).toBe(room);
});

test('the forecast of an import counts what each path would keep, and what is missing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-forecast-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of [
    'front/2026-06-01_12-00-00.mp4',
    'front/2026-07-01_12-00-00.mp4',
    'yard/2026-06-01_12-00-00.mp4',
  ]) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), Buffer.alloc(1_000));
  }
  const deps = (diskBytes: number) => ({
    ...{ nowMs: WALL + DAY_MS, signal: new AbortController().signal, minFreeBytes: () => diskBytes },
    settingsOf: (path: string | undefined) => ({
      recordPath: join(folder, 'recordings/%path/%s'),
      recordDeleteAfterMs: path === 'door' ? 7 * DAY_MS : 0,
    }),
  });
  const items = [
    { group: 'front', path: 'door' },
    { group: 'yard', name: 'Garden' },
  ];
  expect(await foreseeImport(folder, items, deps(0))).toMatchObject({
    files: 2,
    bytes: 2_000,
    old: 1,
    missingBytes: 0,
  });
  expect(await foreseeImport(folder, items, deps(1e18))).toMatchObject({ missingBytes: 2_000, keptFreeBytes: 1e18 });
});
