import { expect, test } from 'vitest';
import { viewOf } from '../../media/mp4/box/walk.ts';
import { FragmentIndex, type IndexedFragment } from './fragment-index.ts';

const REFERENCES_AT = 8 + 4 + 8 + 16 + 2;
const [STARTS_WITH_ACCESS_POINT, HAS_ACCESS_POINT] = [0x9000_0000, 0x1000_0000];

/** The indexes one behind the other. */
function readAll(bytes: Uint8Array) {
  const indexes: ReturnType<typeof read>[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + viewOf(bytes).getUint32(at);
    indexes.push(read(bytes.subarray(at, end)));
    at = end;
  }
  return indexes;
}

function read(index: Uint8Array) {
  const view = viewOf(index);
  const count = view.getUint16(REFERENCES_AT);
  const start = view.getUint32(24);
  let time = start;
  const references = Array.from({ length: count }, (_, i) => {
    const at = REFERENCES_AT + 2 + i * 12;
    const ticks = view.getUint32(at + 4);
    time += ticks;
    return { sizeBytes: view.getUint32(at), time: time - ticks, ticks, access: view.getUint32(at + 8) };
  });
  expect(index.length).toBe(REFERENCES_AT + 2 + count * 12);
  const [track, timescale, behindBytes] = [view.getUint32(12), view.getUint32(16), view.getUint32(32)];
  return { track, timescale, start, behindBytes, references };
}

const fragment = (sizeBytes: number, time: number, syncTime?: number, ticks = 90_000): IndexedFragment => {
  return { sizeBytes, time, endTime: time + ticks, syncTime, startsWithSync: syncTime === time };
};
const withoutPictures = { time: undefined, endTime: undefined, syncTime: undefined, startsWithSync: false };

test('an entry lasts from its first sync sample to the next one; samples before a sync sample have no duration', () => {
  const index = new FragmentIndex({ id: 1, timescale: 90_000 });
  index.add(fragment(1_000, 500, 500));
  index.add({ sizeBytes: 20, ...withoutPictures });
  index.add(fragment(900, 90_500));
  index.add(fragment(800, 180_500, 190_500));
  index.add(fragment(700, 270_500));
  expect(readAll(index.write())).toEqual([
    {
      track: 1,
      timescale: 90_000,
      start: 500,
      behindBytes: 0,
      references: [
        { sizeBytes: 1_000, time: 500, ticks: 190_000, access: STARTS_WITH_ACCESS_POINT },
        { sizeBytes: 20, time: 190_500, ticks: 0, access: 0 },
        { sizeBytes: 900, time: 190_500, ticks: 0, access: 0 },
        { sizeBytes: 800, time: 190_500, ticks: 170_000, access: HAS_ACCESS_POINT },
        { sizeBytes: 700, time: 360_500, ticks: 0, access: 0 },
      ],
    },
  ]);
});

test('samples before the first sync sample belong to the first entry', () => {
  const index = new FragmentIndex({ id: 1, timescale: 90_000 });
  index.add(fragment(1_000, 0));
  index.add(fragment(900, 90_000, 90_000));
  const [{ start, references } = { start: -1, references: [] }] = readAll(index.write());
  expect([start, references.map(({ time, ticks }) => [time, ticks])]).toEqual([
    0,
    [
      [0, 90_000],
      [90_000, 90_000],
    ],
  ]);
});

test('each track has the same entries in its own ticks, never later than those of the first', () => {
  const index = new FragmentIndex({ id: 1, timescale: 90_000 }, [
    { id: 2, timescale: 48_000 },
    { id: 3, timescale: 1_000 },
  ]);
  index.add(fragment(1_000, 500, 500));
  index.add(fragment(900, 90_500));
  index.add(fragment(800, 180_500, 180_500));
  const [lead, ...others] = readAll(index.write());
  const indexBytes = REFERENCES_AT + 2 + 3 * 12;
  expect(lead?.behindBytes).toBe(2 * indexBytes);
  for (const [i, { track, timescale, behindBytes, references }] of others.entries()) {
    expect([track, behindBytes]).toEqual([i + 2, (1 - i) * indexBytes]);
    const wanted = lead?.references.map((entry) => ({
      ...entry,
      time: Math.floor((entry.time * timescale) / 90_000),
      ticks:
        Math.floor(((entry.time + entry.ticks) * timescale) / 90_000) - Math.floor((entry.time * timescale) / 90_000),
    }));
    expect(references).toEqual(wanted);
  }
});

test('more fragments than an index can count share entries that begin with one to start with, and nothing is lost', () => {
  const index = new FragmentIndex({ id: 1, timescale: 1_000 });
  const count = 200_001;
  for (let i = 0; i < count; i += 1) {
    index.add(fragment(10, i * 1_000, i % 3 === 0 ? i * 1_000 : undefined, 1_000));
  }
  const [{ references } = { references: [] }] = readAll(index.write());
  expect(references.length).toBeLessThanOrEqual(0xffff);
  expect(references.every(({ access }) => access === STARTS_WITH_ACCESS_POINT)).toBe(true);
  expect(references.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(count * 10);
  expect(references.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(count * 1_000);
});
