import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { begin, ELSEWHERE, GUARD, PLACES } from '../../../../test/features/rules/support/turned-camera.ts';
import { configOf } from '../../../../test/support/harness/servers/path-table-of.ts';
import type { PathEntry } from '../../../config/load/path-entry.ts';
import { Stream } from '../../../stream/stream.ts';
import { TURNING_MS } from './camera-position.ts';

test.for([
  ['a paused camera', ', paused: yes'],
  ['a private camera', ''],
])('%s does not turn, and does when it is back', async ([, block]) => {
  const box = await begin({ settings: GUARD });
  box.set(GUARD, block);
  const { config } = box;
  if (block === '') {
    const yard = config.paths.get('yard');
    box.config = {
      ...config,
      paths: new Map([['yard', { ...yard, settings: { ...yard?.settings, isPrivate: true } }]]),
    } as typeof config;
    box.positions.apply();
  }
  box.hold('Door', 200);
  await box.pass(100);
  expect(box.moves()).toEqual([]);
  box.set(GUARD);
  await box.pass(1);
  box.looksAt(PLACES.Door);
});

test('a restart continues a hold, and turns the camera back', async () => {
  const box = await begin();
  box.hold('Gate', 30);
  await box.pass(2);
  await box.stop();
  await box.start();
  await box.pass(2);
  box.looksAt(PLACES.Gate);
  await box.pass(30);
  box.looksAt(ELSEWHERE);
  await box.stop();
  expect((await box.file()).cameras).toEqual([]);
});

test('a restart after the end of a hold turns the camera back at once', async () => {
  const box = await begin();
  box.hold('Gate', 30);
  await box.pass(2);
  await box.stop();
  await box.clock.advance(60_000);
  await box.start();
  await box.pass(2);
  box.looksAt(ELSEWHERE);
});

test('a hold lasts no longer than it was meant to if the clock is behind after a restart', async () => {
  const box = await begin();
  box.hold('Gate', 30);
  await box.pass(2);
  await box.stop();
  const file = join(box.folder.path, 'positions.json');
  const text = await readFile(file, 'utf8');
  const ahead = String(box.clock.wallMs() + 365 * 86_400_000);
  await writeFile(file, text.replace(/"untilMs":\s*\d+/, `"untilMs": ${ahead}`));
  await box.start();
  await box.pass(32);
  box.looksAt(ELSEWHERE);
});

test('where the camera was is on the disk before it turns', async () => {
  const box = await begin();
  let known: unknown;
  const { goToPreset } = box.steering;
  box.steering.goToPreset = async (path, token) => {
    known = await box.file();
    await goToPreset(path, token);
  };
  box.hold('Gate', 30);
  await box.pass(1);
  box.looksAt(PLACES.Gate);
  expect(known).toMatchObject({
    cameras: [{ path: 'yard', holds: [{ preset: 'Gate' }], before: { pan: 0.75, tilt: -0.5, zoom: 0.25 } }],
  });
});

test.for(['{"cameras":[{"path":7}]}', 'nothing', ''])('a damaged file (%s) is a problem, and ignored', async (text) => {
  const box = await begin({ settings: GUARD });
  await box.stop();
  await writeFile(join(box.folder.path, 'positions.json'), text);
  await box.start();
  expect(box.positions.problems()).toMatchObject([{ why: 'damaged' }]);
  await box.pass(62);
  box.looksAt(PLACES.Gate);
});

test('a path that is no longer configured is forgotten', async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(62);
  box.hold('Door', 100);
  await box.pass(1);
  box.config = configOf('  hall: {}\n');
  box.positions.apply();
  await box.pass(200);
  box.looksAt(PLACES.Door);
  await box.stop();
  expect((await box.file()).cameras).toEqual([]);
});

test('a camera whose settings have a fault returns when that is mended, also after a restart', async () => {
  const box = await begin();
  const camera = (name: string, block = '') =>
    `  ${name}:\n    source: rtsp://127.0.0.1:1/x\n    camera: {onvif: '${box.camera.url}'${block}}\n`;
  const good = configOf(camera('yard') + camera('hall', ', paused: yes'));
  const faulty = () => {
    const paths = new Map<string, PathEntry>([...good.paths, ['yard', { name: 'yard', error: 'no source' }]]);
    box.config = { ...good, paths };
    box.positions.apply();
  };
  const mended = async () => {
    box.config = good;
    box.positions.apply();
    await box.pass(3);
  };
  box.hold('Gate', 10);
  await box.pass(1);
  faulty();
  await box.pass(20);
  box.looksAt(PLACES.Gate);
  await mended();
  box.looksAt(ELSEWHERE);

  box.hold('Door', 10);
  await box.pass(1);
  faulty();
  await box.stop();
  await box.start();
  // Another camera is saved meanwhile.
  void box.positions.hold('hall', 'Gate', 'rule', box.clock.wallMs() + 1_000);
  await box.stop();
  await box.start();
  await mended();
  await box.pass(10);
  box.looksAt(ELSEWHERE);
});

test('a new stream of a camera that looks where it should does not count as turning', async () => {
  const box = await begin({ settings: GUARD });
  await box.pass(62 + TURNING_MS / 1000);
  box.looksAt(PLACES.Gate);
  expect(box.positions.isTurning('yard')).toBe(false);
  box.streams = [['yard', new Stream([])]];
  box.positions.streamOpened();
  await box.pass(1);
  expect(box.moves()).toHaveLength(2);
  expect(box.positions.isTurning('yard')).toBe(false);
  box.hold('Door', 60);
  await box.pass(1);
  expect(box.positions.isTurning('yard')).toBe(true);
});

test('the camera turns from its first move until a while after the last one', async () => {
  const box = await begin();
  expect(box.positions.isTurning('yard')).toBe(false);
  box.hold('Gate', 60);
  await box.pass(1);
  expect(box.positions.isTurning('yard')).toBe(true);
  await box.pass(TURNING_MS / 1000);
  expect(box.positions.isTurning('yard')).toBe(false);
  expect(box.positions.isTurning('hall')).toBe(false);
});

test('an idle box has no timer', async () => {
  const box = await begin();
  expect(box.clock.sleeping).toBe(0);
});
