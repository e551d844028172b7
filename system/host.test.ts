import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostFacts } from './host.ts';

test('the host has its load, memory and the free space for a folder', async () => {
  const facts = await hostFacts([join(tmpdir(), 'not', 'there', 'yet')]);
  expect(facts.cpuPercent).toBeGreaterThanOrEqual(0);
  expect(facts.cpuPercent).toBeLessThanOrEqual(100);
  expect(facts.memoryUsedBytes).toBeGreaterThan(0);
  expect(facts.memoryTotalBytes).toBeGreaterThan(facts.memoryUsedBytes);
  expect(facts.disks[0]?.totalBytes).toBeGreaterThan(facts.disks[0]?.freeBytes ?? Number.POSITIVE_INFINITY);
});

const HIDDEN = async () => {
  throw new Error('EACCES: /proc/stat');
};
test.for([
  ['hides them', { currentLoad: HIDDEN, mem: HIDDEN }],
  [
    'has none',
    {
      currentLoad: async () => ({ currentLoad: Number.NaN }),
      mem: async () => ({ active: Number.NaN, total: 0 }),
    },
  ],
  ['makes them up', { currentLoad: async () => ({ currentLoad: -5 }), mem: async () => ({ active: -1, total: 1 }) }],
] as const)('a machine that %s has no load and the memory that Node reports', async ([, measures]) => {
  const facts = await hostFacts([tmpdir()], measures);
  expect(facts.cpuPercent).toBe(0);
  expect(facts.memoryTotalBytes).toBeGreaterThan(facts.memoryUsedBytes);
  expect(facts.memoryUsedBytes).toBeGreaterThan(0);
});
