import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { timeOfName } from './name-time.ts';

const textOf = (name: string, zone = 'UTC') => {
  const { startUs = Number.NaN } = timeOfName(name, zone) ?? {};
  return Number.isNaN(startUs) ? undefined : `${new Date(startUs / 1000).toISOString()} ${startUs % 1e6}`;
};

test.for([
  ['front/2026-01-31_18-05-10-123456.mp4', '2026-01-31T18:05:10.123Z 123456'],
  ['2026-01-31_18-05-10.ts', '2026-01-31T18:05:10.000Z 0'],
  ['Camera 2026-01-31 18.05.10.mp4', '2026-01-31T18:05:10.000Z 0'],
  ['VID_20260131_180510.mp4', '2026-01-31T18:05:10.000Z 0'],
  ['20260131180510.mp4', '2026-01-31T18:05:10.000Z 0'],
  ['2026-01-31T18:05:10.250+02:00.mp4', '2026-01-31T16:05:10.250Z 250000'],
  ['2026-01-31T18-05-10Z.mp4', '2026-01-31T18:05:10.000Z 0'],
  ['1769882710-000042.mp4', '2026-01-31T18:05:10.000Z 42'],
  ['recordings/2026-01-31/18/front/05.10.mp4', '2026-01-31T18:05:10.000Z 0'],
] as const)('%s begins at %s', ([name, text]) => {
  expect(textOf(name)).toBe(text);
});

test.for([
  'a.mp4',
  'clip-2026-02-30_18-05-10.mp4',
  '2026-01-31_25-05-10.mp4',
  '2026-01-31.mp4',
  '12.34.mp4',
  '2026-01-31/18/front/61.10.mp4',
])('%s has no time', (name) => {
  expect(timeOfName(name, 'UTC')).toBeUndefined();
});

test('local times are those of the machine, those of Frigate are UTC', () => {
  expect(textOf('2026-01-31_18-05-10.mp4', 'Europe/Berlin')).toBe('2026-01-31T17:05:10.000Z 0');
  expect(textOf('2026-01-31/18/front/05.10.mp4', 'Europe/Berlin')).toBe('2026-01-31T18:05:10.000Z 0');
  expect(timeOfName('2026-01-31/18/front/05.10.mp4')?.camera).toBe('front');
});

test('whatever the name, a time is whole and within its century', () => {
  const next = random(5);
  const signs = '0123456789-_./ T:Zabc+';
  for (let i = 0; i < 20_000; i += 1) {
    const length = Math.floor(next() * 30);
    const name = Array.from({ length }, () => signs[Math.floor(next() * signs.length)]).join('');
    const { startUs = 0 } = timeOfName(`20${name}.mp4`, 'UTC') ?? {};
    expect(Number.isSafeInteger(startUs) && startUs >= 0 && startUs < 4.2e15).toBe(true);
  }
});
