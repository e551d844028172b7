import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { formatRecordPath, RecordPathPattern, recordFormatOf } from './record-path.ts';

const NOON = Date.UTC(2026, 6, 1, 12, 34, 56, 789) + 0.012;

test.for([
  ['/rec/%path/%Y-%m-%d_%H-%M-%S-%f', 'UTC', '/rec/cam/2026-07-01_12-34-56-789012.mp4'],
  ['/rec/%path/%Y-%m-%d_%H-%M-%S-%f', 'Europe/Berlin', '/rec/cam/2026-07-01_14-34-56-789012.mp4'],
  ['/rec/%path/%Y/%m/%d/%H%M%S%z', 'Asia/Kathmandu', '/rec/cam/2026/07/01/181956+0545.mp4'],
  ['/rec/%path/%Y/%m/%d/%H%M%S%z', 'America/St_Johns', '/rec/cam/2026/07/01/100456-0230.mp4'],
  ['/rec/%path/%Y/%m/%d/%H%M%S%z', 'UTC', '/rec/cam/2026/07/01/123456Z.mp4'],
  ['/rec/%s_%f_%path', 'UTC', '/rec/1782909296_789012_cam.mp4'],
  ['/rec/100%/%q/%path/%s', 'UTC', '/rec/100%/%q/cam/1782909296.mp4'],
] as const)('%s in %s becomes %s, and is read back', ([template, zone, name]) => {
  expect(formatRecordPath(template, 'cam', NOON, zone)).toBe(name);
  const wholeUs = Math.round(NOON * 1000);
  const startUs = template.includes('%f') ? wholeUs : Math.floor(wholeUs / 1e6) * 1e6;
  expect(new RecordPathPattern(template, 'cam', zone).match(name)).toEqual({ path: 'cam', startUs });
  expect(new RecordPathPattern(template, undefined, zone).match(name)).toEqual({ path: 'cam', startUs });
});

test('the format determines the suffix and the files found', () => {
  const [mp4, ts] = (['fmp4', 'mpegts'] as const).map((format) => {
    const name = formatRecordPath('/rec/%path/%s', 'cam', 1_782_909_296_000, 'UTC', format);
    expect(recordFormatOf(name)).toBe(format);
    return name;
  });
  const found = (['fmp4', 'mpegts', 'any'] as const).map((format) => {
    const pattern = new RecordPathPattern('/rec/%path/%s', undefined, 'UTC', format);
    return [mp4, ts, '/rec/cam/1782909296.tsx', '/rec/cam/1782909296mp4'].filter((name) => pattern.match(name ?? ''));
  });
  expect(found).toEqual([['/rec/cam/1782909296.mp4'], ['/rec/cam/1782909296.ts'], [mp4, ts]]);
});

test('a microsecond before a full second is labelled with the second before it', () => {
  const name = formatRecordPath('/r/%path/%s-%f', 'c', Date.UTC(2026, 0, 1) - 0.001, 'UTC');
  expect(name).toBe('/r/c/1767225599-999999.mp4');
});

test.for([
  ['of another path', '/rec/cam10/2026-07-01_12-34-56-789012.mp4'],
  ['with something before it', '/other/rec/cam/2026-07-01_12-34-56-789012.mp4'],
  ['with something after it', '/rec/cam/2026-07-01_12-34-56-789012.mp4.part'],
  ['with a month that does not exist', '/rec/cam/2026-13-01_12-34-56-789012.mp4'],
  ['with a day that does not exist', '/rec/cam/2026-02-30_12-34-56-789012.mp4'],
  ['with hour 24', '/rec/cam/2026-02-03_24-34-56-789012.mp4'],
  ['with five digits of microseconds', '/rec/cam/2026-07-01_12-34-56-78901.mp4'],
  ['below a folder more', '/rec/cam/sub/2026-07-01_12-34-56-789012.mp4'],
] as const)('a file %s is not a recording of cam', ([, file]) => {
  expect(new RecordPathPattern('/rec/%path/%Y-%m-%d_%H-%M-%S-%f', 'cam', 'UTC').match(file)).toBeUndefined();
});

test('a path with slashes is found by its full name', () => {
  const pattern = new RecordPathPattern('/rec/%path/%s', undefined);
  expect(pattern.match('/rec/garden/gate/1782909296.mp4')?.path).toBe('garden/gate');
  expect(pattern.folder).toBe('/rec');
  expect(new RecordPathPattern('/rec/%path/%s', 'garden/gate').folder).toBe('/rec/garden/gate');
});

test('a path with a tilde is found by its full name; folders that begin with one are no paths', () => {
  const pattern = new RecordPathPattern('/rec/%path/%s', undefined);
  const name = formatRecordPath('/rec/%path/%s', 'gate~1/~side', 1_782_909_296_000);
  expect(pattern.match(name)?.path).toBe('gate~1/~side');
  expect(new RecordPathPattern('/rec/%path/%s', 'gate~1/~side').match(name)?.path).toBe('gate~1/~side');
  expect(new RecordPathPattern('/rec/%s_%path', undefined).match('/rec/1782909296_gate~1.mp4')?.path).toBe('gate~1');
  expect(pattern.match('/rec/~machine/1782909296.mp4')).toBeUndefined();
});

test('a date in both the folder and the name must be the same', () => {
  const pattern = new RecordPathPattern('/rec/%path/%Y-%m/%Y-%m-%d_%H-%M-%S', 'cam', 'UTC');
  expect(pattern.match('/rec/cam/2026-07/2026-07-01_12-00-00.mp4')).toBeDefined();
  expect(pattern.match('/rec/cam/2026-06/2026-07-01_12-00-00.mp4')).toBeUndefined();
});

test('dots of a template are dots', () => {
  expect(new RecordPathPattern('/rec/%path.d/%s', 'c').match('/rec/cxd/1782909296.mp4')).toBeUndefined();
});

test('only folders that can lead to a recording are entered', () => {
  const pattern = new RecordPathPattern('/rec/%path/%Y/%m/%d_%H%M%S', 'cam');
  expect(pattern.folder).toBe('/rec/cam');
  expect([pattern.canHold('2026', 1), pattern.canHold('thumbs', 1), pattern.canHold('07', 2)]).toEqual([
    true,
    false,
    true,
  ]);
  expect(pattern.canHold('01_120000', 3)).toBe(false);
});

test('the repeated hour of autumn is read as the first one, the skipped hour of spring as the time after it', () => {
  const pattern = new RecordPathPattern('/r/%path/%Y%m%d%H%M%S', 'c', 'Europe/Berlin');
  expect(pattern.match('/r/c/20261025023000.mp4')?.startUs).toBe(Date.UTC(2026, 9, 25, 0, 30) * 1000);
  expect(pattern.match('/r/c/20260329023000.mp4')?.startUs).toBe(Date.UTC(2026, 2, 29, 1, 30) * 1000);
});

test('every instant of a year in a zone with summer time is read back to the microsecond, except in the repeated hour', () => {
  const next = random(7);
  const template = '/rec/%path/%Y-%m-%d_%H-%M-%S-%f';
  const pattern = new RecordPathPattern(template, 'cam', 'Europe/Berlin');
  const twice = [Date.UTC(2026, 9, 25, 1), Date.UTC(2026, 9, 25, 2)] as const;
  for (let i = 0; i < 2_000; i += 1) {
    const us = Math.floor((Date.UTC(2026, 0, 1) + next() * 365 * 86_400_000) * 1000);
    const read = pattern.match(formatRecordPath(template, 'cam', us / 1000, 'Europe/Berlin'))?.startUs ?? 0;
    const isTwice = us / 1000 >= twice[0] && us / 1000 < twice[1];
    expect(us - read).toBe(isTwice ? 3_600_000_000 : 0);
  }
});

test('random names never match and never throw', () => {
  const next = random(11);
  const alphabet = 'cam/.-_0123456789mp4%Z+\0é ';
  const patterns = ['/rec/%path/%Y-%m-%d_%H-%M-%S-%f', '/rec/%path/%s', '/rec/%path/%Y%m%d%H%M%S%z'].map(
    (template) => new RecordPathPattern(template, undefined),
  );
  for (let i = 0; i < 5_000; i += 1) {
    const length = Math.floor(next() * 60);
    let file = '/rec/';
    for (let k = 0; k < length; k += 1) {
      file += alphabet[Math.floor(next() * alphabet.length)];
    }
    for (const pattern of patterns) {
      const found = pattern.match(file);
      expect(
        found === undefined || (file.startsWith(`/rec/${found.path}/`) && Number.isSafeInteger(found.startUs)),
      ).toBe(true);
    }
  }
});
