import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../base/log.ts';
import { type CameraIdentity, Settled } from './settled.ts';

const DAY_MS = 86_400_000;

function setUp() {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const clock = new FakeClock();
  const startUs = clock.wallMs() * 1_000;
  const open = async () => {
    const settled = new Settled({ dataDir: folder.path, clock, log: silentLogger });
    await settled.open();
    return settled;
  };
  const range = (from: number, until: number) => ({ startUs: startUs + from * 1e6, endUs: startUs + until * 1e6 });
  const rangesOf = (settled: Settled, path = 'door') =>
    settled.of(path).map((one) => [(one.startUs - startUs) / 1e6, (one.endUs - startUs) / 1e6]);
  return { clock, open, range, rangesOf, file: join(folder.path, 'backfill.json') };
}

test('what was asked for and what a person has deleted, with its surroundings, stay settled after a restart', async () => {
  const { open, range, rangesOf } = setUp();
  const settled = await open();
  await settled.asked('door', range(100, 200));
  await settled.deleted('door', range(1_000, 1_100));
  await settled.deleted('yard', range(0, 10));
  await settled.close();
  const again = await open();
  expect(rangesOf(again)).toEqual([
    [100, 200],
    [970, 1_130],
  ]);
  expect(rangesOf(again, 'yard')).toEqual([[-30, 40]]);
});

test('what is as old as recordings that were deleted to make room is settled, also after a restart, and however often it is asked', async () => {
  const { clock, open, range, rangesOf } = setUp();
  await clock.advance(1_000_000);
  const settled = await open();
  settled.madeRoom('door', range(0, 500).endUs);
  settled.madeRoom('door', range(0, 400).endUs);
  // The clock was wrong when this one was recorded.
  settled.madeRoom('door', range(0, 86_400).endUs);
  await settled.close();
  const again = await open();
  await again.askAgain('door');
  expect(again.of('door')).toEqual([{ startUs: 0, endUs: range(0, 500).endUs }]);
  expect(rangesOf(again, 'yard')).toEqual([]);
});

test('what the card did not have stays known after a restart, until the card is asked again', async () => {
  const { open, range } = setUp();
  const settled = await open();
  await settled.asked('door', range(100, 200), 'inDoubt');
  await settled.asked('door', range(300, 400));
  await settled.close();
  const again = await open();
  expect(again.unfilled('door')).toEqual([{ ...range(100, 200), why: 'inDoubt' }]);
  await again.askAgain('door');
  expect(again.unfilled('door')).toEqual([]);
});

test('a deletion that is undone is not settled any more, what was asked for there is, also after a restart', async () => {
  const { open, range, rangesOf } = setUp();
  const settled = await open();
  await settled.asked('door', range(1_050, 1_060));
  await settled.deleted('door', range(1_000, 1_100));
  await settled.deleted('door', range(1_090, 1_200));
  expect(rangesOf(settled)).toEqual([[970, 1_230]]);
  await settled.restored('door', range(1_000, 1_100));
  await settled.close();
  expect(rangesOf(await open())).toEqual([[1_050, 1_230]]);
});

test('a card that is asked again has all but what was deleted: also what is older than the camera, which is in doubt', async () => {
  const { clock, open, range, rangesOf } = setUp();
  const settled = await open();
  await settled.isOther('door', { serial: 'old' });
  await clock.advance(50_000);
  await settled.isOther('door', { serial: 'new' });
  await settled.asked('door', range(100, 200));
  await settled.asked('yard', range(100, 200));
  await settled.deleted('door', range(1_000, 1_100));
  expect(settled.of('door')[0]).toEqual({ startUs: 0, endUs: range(0, 50).endUs });
  await settled.askAgain('door');
  expect(rangesOf(settled)).toEqual([[970, 1_130]]);
  expect([range(10, 20), range(60, 70)].map((one) => settled.isOfOther('door', one))).toEqual([true, false]);
  expect(rangesOf(settled, 'yard')).toEqual([[100, 200]]);
});

test('a deletion counts at once, before it is stored', async () => {
  const { open, range, rangesOf } = setUp();
  const settled = await open();
  const stored = settled.deleted('door', range(0, 60));
  expect(rangesOf(settled)).toEqual([[-30, 90]]);
  await stored;
});

test('after a month it is forgotten, also of paths that are gone', async () => {
  const { clock, open, range, rangesOf, file } = setUp();
  const settled = await open();
  await settled.deleted('gone', range(0, 60));
  await clock.advance(32 * DAY_MS);
  await settled.asked('door', range(32 * 86_400, 32 * 86_400 + 60));
  expect(rangesOf(settled, 'gone')).toEqual([]);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')).settled)).toEqual(['door']);
});

test('of too many ranges the oldest become one: none is fetched again', async () => {
  const { open, range, rangesOf } = setUp();
  const settled = await open();
  for (let i = 0; i < 503; i += 1) {
    const one = settled.asked('door', range(1_000 * i, 1_000 * i + 10));
    await (i === 502 ? one : undefined);
  }
  const all = rangesOf(settled);
  expect([all.length, all[0], all[1]]).toEqual([501, [0, 2_010], [3_000, 3_010]]);
});

test('a new camera has nothing of the time before it', async () => {
  const { clock, open, range, rangesOf } = setUp();
  const settled = await open();
  expect(await settled.isOther('door', { serial: 'old' })).toBe(false);
  await clock.advance(3_600_000);
  await settled.close();
  const again = await open();
  expect([await again.isOther('door', { serial: 'old' }), rangesOf(again)]).toEqual([false, []]);
  expect(await again.isOther('door', { serial: 'new' })).toBe(true);
  expect(again.of('door')).toEqual([{ startUs: 0, endUs: range(0, 3_600).endUs }]);
  expect(await again.isOther('door', { serial: 'new' })).toBe(false);
});

test.for<[string, CameraIdentity, CameraIdentity, boolean]>([
  ['the same serial number', { serial: '1', endpoint: 'a' }, { serial: '1', endpoint: 'b' }, false],
  ['another serial number', { serial: '1', endpoint: 'a' }, { serial: '2', endpoint: 'a' }, true],
  ['the same endpoint', { endpoint: 'a' }, { endpoint: 'a' }, false],
  ['another endpoint', { endpoint: 'a' }, { endpoint: 'b' }, true],
  ['neither', {}, {}, false],
  ['a serial number that it did not state before', { endpoint: 'a' }, { serial: '1', endpoint: 'b' }, false],
  ['no serial number at this moment', { serial: '1', endpoint: 'a' }, { endpoint: 'a' }, false],
])('a camera with %s: whether it is another one', async ([, before, now, isOther]) => {
  const { open } = setUp();
  const settled = await open();
  await settled.isOther('door', before);
  expect(await settled.isOther('door', now)).toBe(isOther);
});
