import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { PerchError } from '../../../base/errors.ts';
import { camerasOf, digestOfAnswer, filesOf, protectedOf, stillsOf } from './box-recordings.ts';

const FILE = {
  ...{ startUs: 1.7e15, nameUs: 1.7e15, durationUs: 60e6, bytes: 15e6, modifiedMs: 1.7e12 },
  ...{ format: 'fmp4', state: 'finished', stills: 3 },
};
const LIST = { items: [FILE, { ...FILE, startUs: 1.6e15 }], next: '1600000000000000-7' };
const CAMERAS = { cameras: [{ path: 'cam', name: null, files: 2, bytes: 3e7, firstUs: 1.6e15, lastUs: null }] };
const STILLS = { items: [{ timeMs: 1.7e12, jpeg: Buffer.from([0xff, 0xd8, 7]).toString('base64') }] };
const PROTECTED = { items: [{ startUs: 1.7e15, endUs: 1.8e15, note: 'fox', createdMs: 1.7e12, by: null }] };
const DIGEST = 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:';
const MAX_US = 253_370_764_800e6;

test('answers of a box', () => {
  expect(filesOf(LIST, MAX_US)).toEqual(LIST);
  expect(camerasOf(CAMERAS)).toEqual(CAMERAS.cameras);
  expect(stillsOf(STILLS)).toEqual([{ timeMs: 1.7e12, jpeg: Buffer.from([0xff, 0xd8, 7]) }]);
  expect(protectedOf(PROTECTED)).toEqual(PROTECTED.items);
  expect(digestOfAnswer(DIGEST)).toBe('47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=');
});

test.for([
  ['a list that goes back', { ...LIST, items: [...LIST.items].reverse() }],
  ['a list that begins later than asked', { ...LIST, items: [{ ...FILE, startUs: 1.8e15 }] }],
  ['a page without an end', { items: [], next: '1-1' }],
  ['more than a page', { items: Array.from({ length: 201 }, () => FILE), next: null }],
  ['a path for a position', { items: [FILE], next: '../etc' }],
  ['a time after year 9999', { items: [{ ...FILE, nameUs: 2e18 }], next: null }],
  ['a time before 1970', { items: [{ ...FILE, nameUs: -1 }], next: null }],
  ['a file of petabytes', { items: [{ ...FILE, bytes: 2 ** 50 }], next: null }],
  ['half a byte', { items: [{ ...FILE, bytes: 0.5 }], next: null }],
  ['another format', { items: [{ ...FILE, format: '../x' }], next: null }],
  ['too many stills', { items: [{ ...FILE, stills: 251 }], next: null }],
  ['nothing', null],
] as const)('%s is refused', ([, answer]) => {
  expect(() => filesOf(answer, 1.7e15)).toThrow(PerchError);
});

test.for([
  { items: [{ ...STILLS.items[0], jpeg: Buffer.from('<script>').toString('base64') }] },
  { items: [{ ...STILLS.items[0], jpeg: 'x'.repeat(80_001) }] },
  { items: [{ ...STILLS.items[0], timeMs: 2e15 }] },
  { items: Array.from({ length: 9 }, () => STILLS.items[0]) },
])('stills %j are refused', (answer) => {
  expect(() => stillsOf(answer)).toThrow(PerchError);
});

test.for([{ endUs: 1.7e15 }, { startUs: -1 }, { endUs: 2e18 }, { note: 'x'.repeat(513) }, { by: 7 }])(
  'protected recordings with %j are refused',
  (change) => {
    expect(() => protectedOf({ items: [{ ...PROTECTED.items[0], ...change }] })).toThrow(PerchError);
  },
);

test.for([undefined, '', 'sha-256=:abc:', 'md5=:AA==:', `${DIGEST}, x`, 7] as const)('digest %j is refused', (text) => {
  expect(() => digestOfAnswer(text)).toThrow('without its digest');
});

test('mutated answers are refused by a PerchError, or within bounds', () => {
  const next = random(4);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T;
  const values = [null, 0, -1, 0.5, 1e300, Number.MAX_SAFE_INTEGER, '', '../..', 'x'.repeat(600), [], {}, true];
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const answer = structuredClone(pick<object>([LIST, CAMERAS, STILLS, PROTECTED])) as Record<string, unknown>;
    const lists = [answer, ...[...((answer['items'] ?? answer['cameras']) as Record<string, unknown>[])]];
    for (let changes = 1 + Math.floor(next() * 3); changes > 0; changes -= 1) {
      const target = pick(lists);
      const key = pick(Object.keys(target));
      const value = pick(values);
      target[key] = pick([value, value, undefined, Number(target[key]) * pick([0, 2, 1e3])]);
    }
    try {
      const [first = {}] = lists.slice(1);
      if ('jpeg' in first || 'note' in first) {
        const parsed = 'jpeg' in first ? stillsOf(answer) : protectedOf(answer);
        expect(parsed.length).toBeLessThanOrEqual(100);
        continue;
      }
      const items = 'cameras' in answer ? camerasOf(answer) : filesOf(answer, MAX_US).items;
      accepted += 1;
      for (const { bytes } of items) {
        expect(Number.isSafeInteger(bytes)).toBe(true);
      }
      for (const item of items) {
        if ('nameUs' in item) {
          expect([item.nameUs, item.startUs, item.durationUs].every((us) => us >= 0 && us <= MAX_US)).toBe(true);
          expect(Number.isFinite(new Date(item.nameUs / 1000).getTime())).toBe(true);
        } else {
          expect(item.path.length).toBeLessThanOrEqual(512);
        }
      }
    } catch (error) {
      expect(error).toBeInstanceOf(PerchError);
    }
  }
  expect(accepted).toBeGreaterThan(100);
});
