import { expect, test } from 'vitest';
import { viewOf } from '../media/mp4/walk.ts';
import { FragmentIndex } from './fragment-index.ts';

const REFERENCES_AT = 8 + 4 + 8 + 16 + 2;

function read(index: Uint8Array) {
  const view = viewOf(index);
  const count = view.getUint16(REFERENCES_AT);
  const references = Array.from({ length: count }, (_, i) => {
    const at = REFERENCES_AT + 2 + i * 12;
    return { sizeBytes: view.getUint32(at), ticks: view.getUint32(at + 4), isSync: view.getUint32(at + 8) !== 0 };
  });
  expect(index.length).toBe(REFERENCES_AT + 2 + count * 12);
  return { timescale: view.getUint32(16), start: view.getUint32(24), references };
}

test('each fragment lasts until the next one with pictures begins; one without any lasts no time', () => {
  const index = new FragmentIndex(1, 90_000);
  index.add(1_000, 500, 90_000, true);
  index.add(20, undefined, undefined, false);
  index.add(900, 90_500, 180_500, false);
  expect(read(index.write())).toEqual({
    timescale: 90_000,
    start: 500,
    references: [
      { sizeBytes: 1_000, ticks: 90_000, isSync: true },
      { sizeBytes: 20, ticks: 0, isSync: false },
      { sizeBytes: 900, ticks: 90_000, isSync: false },
    ],
  });
});

test('more fragments than an index can count share entries, and nothing is lost', () => {
  const index = new FragmentIndex(1, 1_000);
  const count = 200_001;
  for (let i = 0; i < count; i += 1) {
    index.add(10, i * 1_000, (i + 1) * 1_000, true);
  }
  const { references } = read(index.write());
  expect(references.length).toBeLessThanOrEqual(0xffff);
  expect(references.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(count * 10);
  expect(references.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(count * 1_000);
});
