import { expect, test } from 'vitest';
import type { SegmentLine } from '../contracts/hls-muxer.ts';
import { type KeptSegment, SegmentList } from './segment-list.ts';

function segment(number: number, durationS: number, sizeBytes: number): KeptSegment {
  const name = `seg${number}`;
  const line: SegmentLine = {
    number,
    name,
    durationS,
    wallMs: 0,
    init: undefined,
    isDiscontinuity: false,
    isIndependent: true,
    isGap: false,
    parts: [],
  };
  return { sizeBytes, line, bareLine: line };
}

/** How many media seconds each segment was kept for after it had left the list, by number; those that are still kept are left out. */
function keptFor(
  lengths: readonly number[],
  sizeBytes: number,
): { keptS: Map<number, number>; list: SegmentList<KeptSegment> } {
  const list = new SegmentList<KeptSegment>(7);
  const leftAtS = new Map<number, number>();
  const keptS = new Map<number, number>();
  let mediaS = 0;
  let listed: readonly SegmentLine[] = [];
  for (const [number, durationS] of lengths.entries()) {
    mediaS += durationS;
    const removed = list.append(segment(number, durationS, sizeBytes), 2);
    const now = list.listed();
    for (const line of listed.filter((old) => !now.includes(old))) {
      leftAtS.set(line.number, mediaS);
    }
    for (const { line } of removed) {
      keptS.set(line.number, mediaS - (leftAtS.get(line.number) ?? mediaS));
      expect(list.find(line.name)).toBeUndefined();
    }
    listed = now;
  }
  return { keptS, list };
}

test('a removed segment is kept for its duration plus that of the longest list that had it', () => {
  const { keptS } = keptFor(Array(60).fill(1), 1000);
  // Seven segments are listed; the parts after them do not count.
  expect([...new Set(keptS.values())]).toEqual([8]);
  expect(keptS.size).toBe(60 - 7 - 8);
});

test('a long segment keeps those longer that were in a list with it, and no later ones', () => {
  const { keptS } = keptFor([1, 1, 3, ...Array(60).fill(1)], 1000);
  expect([0, 1, 2, 8].map((number) => keptS.get(number))).toEqual([10, 10, 12, 10]);
  const later = [...keptS].filter(([number]) => number > 9);
  expect([...new Set(later.map(([, seconds]) => seconds))]).toEqual([8]);
});

test('a tick more or less in the lengths keeps no other segment', () => {
  const lengths = Array.from({ length: 60 }, (_, i) => 1 + ((i % 3) - 1) / 90_000);
  const { keptS } = keptFor(lengths, 1000);
  expect([...new Set([...keptS.values()].map(Math.round))]).toEqual([8]);
});

test('with any lengths, nothing is sent early', () => {
  const lengths = Array.from({ length: 100 }, (_, i) => 0.5 + ((i * 7) % 11) / 8);
  const { keptS } = keptFor(lengths, 1000);
  expect(keptS.size).toBeGreaterThan(60);
  for (const [number, seconds] of keptS) {
    const listS = lengths.slice(number, number + 7).reduce((sum, length) => sum + length, 0);
    expect(seconds).toBeGreaterThanOrEqual(listS + (lengths[number] ?? 0) - 1e-9);
  }
});

test('beyond 16 MB the oldest large segments are dropped early, but not the latest', () => {
  expect([...new Set(keptFor(Array(40).fill(1), 4 << 20).keptS.values())]).toEqual([4]);
  const { keptS, list } = keptFor(Array(40).fill(1), 40 << 20);
  expect([...new Set(keptS.values())]).toEqual([1]);
  expect(list.find('seg32')).toBeDefined();
});
