import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepLogLines } from '../../../../test/support/base/log-lines.ts';
import { silentLogger } from '../../../base/log.ts';
import { DeviceFile, MAX_CAMERAS, ONVIF_FILE, portAt } from './device-file.ts';

function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'perch-onvif-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `cam${i}`);

test('a camera keeps its port over restarts, when others go and when new ones come', async () => {
  const folder = openFolder();
  const file = await DeviceFile.open(folder, silentLogger);
  expect([...(await file.assign(['door', 'yard']))]).toEqual([
    ['door', 0],
    ['yard', 1],
  ]);
  const later = await DeviceFile.open(folder, silentLogger);
  expect([later.id, [...(await later.assign(['attic', 'yard']))]]).toEqual([
    file.id,
    [
      ['attic', 2],
      ['yard', 1],
    ],
  ]);
  expect((await later.assign(['door'])).get('door')).toBe(0);
});

test('ports of removed cameras are used when no other one is left; further cameras have none', async () => {
  const file = await DeviceFile.open(openFolder(), silentLogger);
  await file.assign(many(MAX_CAMERAS));
  const kept = many(MAX_CAMERAS).slice(1);
  expect((await file.assign([...kept, 'new', 'newer'])).get('new')).toBe(0);
  expect((await file.assign([...kept, 'new', 'newer'])).has('newer')).toBe(false);
});

test('a damaged file is reported and replaced', async () => {
  const folder = openFolder();
  writeFileSync(join(folder, ONVIF_FILE), '{"id":"../..","ports":{"door":-1}}');
  const { log, logged } = keepLogLines();
  const file = await DeviceFile.open(folder, log);
  expect(JSON.stringify(logged)).toContain('cannot be read');
  expect(file.id).toMatch(/^[0-9a-f]{10}$/);
  expect((await file.assign(['door'])).get('door')).toBe(0);
});

test('a port above 65535 does not exist', () => {
  expect(portAt(65_535, 0)).toBe(65_535);
  expect(() => portAt(65_535, 1)).toThrow('choose a lower onvifAddress');
});
