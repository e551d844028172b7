import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hostFacts } from './host.ts';

test('the host tells its load, its memory and what is free where a folder will be', async () => {
  const facts = await hostFacts([join(tmpdir(), 'not', 'there', 'yet')]);
  expect(facts.cpuPercent).toBeGreaterThanOrEqual(0);
  expect(facts.cpuPercent).toBeLessThanOrEqual(100);
  expect(facts.memoryUsedBytes).toBeGreaterThan(0);
  expect(facts.memoryTotalBytes).toBeGreaterThan(facts.memoryUsedBytes);
  expect(facts.disks[0]?.totalBytes).toBeGreaterThan(facts.disks[0]?.freeBytes ?? Number.POSITIVE_INFINITY);
});
