import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { testInZone } from '../test/support/harness/time-zone.ts';
import { hostFacts, timeZoneName } from './host.ts';

// A zone that is set would count more than the links.
testInZone('');

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

const folder = mkdtempSync(join(tmpdir(), 'perch-zone-'));
afterAll(() => rmSync(folder, { recursive: true }));

const nodesZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
let links = 0;

function linkTo(target: string): string {
  links += 1;
  const link = join(folder, `localtime-${links}`);
  symlinkSync(target, link);
  return link;
}

test.for([
  ['/usr/share/zoneinfo/Europe/Berlin', 'Europe/Berlin'],
  ['../usr/share/zoneinfo/America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
  ['/usr/share/zoneinfo/America/Port-au-Prince', 'America/Port-au-Prince'],
  ['/usr/share/zoneinfo/Etc/GMT+3', 'Etc/GMT+3'],
  ['/usr/share/zoneinfo/UTC', 'UTC'],
] as const)('a link to %s is the zone %s', ([target, name]) => {
  expect(timeZoneName(linkTo(target), undefined)).toBe(name);
  expect(timeZoneName(linkTo(target), '')).toBe(name);
});

test.for([
  '/usr/share/zoneinfo/posix/Europe/Berlin',
  '/tmp/localtime',
  '/usr/share/zoneinfo/',
  '/usr/share/zoneinfo/../Up',
])("a link to %s does not name the zone, so Node's is used", (target) => {
  expect(timeZoneName(linkTo(target), undefined)).toBe(nodesZone());
});

test('a link to a link is followed, as where the root is read-only', () => {
  expect(timeZoneName(linkTo(linkTo('/usr/share/zoneinfo/Europe/Berlin')), undefined)).toBe('Europe/Berlin');
  const near = linkTo('/usr/share/zoneinfo/Asia/Tokyo');
  expect(timeZoneName(linkTo(basename(near)), undefined)).toBe('Asia/Tokyo');
});

test('links that go round do not say the zone either', () => {
  const round = join(folder, 'round');
  symlinkSync(round, round);
  expect(timeZoneName(round, undefined)).toBe(nodesZone());
});

test('a copy of the zone, and none at all, do not say its name either', () => {
  const copy = join(folder, 'copy');
  writeFileSync(copy, 'TZif2');
  expect(timeZoneName(copy, undefined)).toBe(nodesZone());
  expect(timeZoneName(join(folder, 'none'), undefined)).toBe(nodesZone());
});

test('a time zone of the environment takes precedence in Node', () => {
  expect(timeZoneName(linkTo('/usr/share/zoneinfo/Europe/Berlin'), 'Asia/Tokyo')).toBe(nodesZone());
});
