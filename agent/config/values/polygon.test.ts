import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { type Corner, formatPolygon, parsePolygon } from './polygon.ts';

test.for([
  ['0.1,0.2 0.5,0.2 0.5,0.9', '0.1,0.2 0.5,0.2 0.5,0.9'],
  ['0 0 1 0 1 1', '0,0 1,0 1,1'],
  [' 0.10,.2  .5 , 0.2 1.0,0.9 ', '0.1,0.2 0.5,0.2 1,0.9'],
  ['0,0,1,0,1,1,0,1', '0,0 1,0 1,1 0,1'],
] as const)('%j is %j', ([text, canonical]) => {
  expect(formatPolygon(parsePolygon(text))).toBe(canonical);
});

test.for([
  ['', 'is not an area of the picture: write corners as x,y from 0 to 1'],
  ['0.1,0.2 0.5,0.2 0.5', 'is not an area'],
  ['0.1,0.2 0.5,0.2 0.5,1.1', 'is not an area'],
  ['0.1,0.2 0.5,0.2 -0.5,1', 'is not an area'],
  ['0.1,0.2 0.5,0.2 1e-1,1', 'is not an area'],
  ['10%,20% 50%,20% 50%,90%', 'is not an area'],
  ['0.1,,0.2 0.5,0.2 0.5,0.9', 'is not an area'],
  ['0.1,0.2 0.5,0.2', 'has 2 corners: write 3 to 32'],
  [Array(33).fill('0.1,0.2').join(' '), 'has 33 corners: write 3 to 32'],
  ['0.1,0.2 0.1,0.3 0.1,0.4', 'has no width'],
  ['0.1,0.2 0.2,0.2 0.3,0.2', 'has no height'],
] as const)('%j is refused: %s', ([text, message]) => {
  expect(() => parsePolygon(text)).toThrow(message);
});

test('any polygon comes back from its text, and any text is read or refused', () => {
  const next = random(5);
  for (let i = 0; i < 500; i += 1) {
    const corner = (): Corner => [Math.round(next() * 1e4) / 1e4, Math.round(next() * 1e4) / 1e4];
    const corners = Array.from({ length: 3 + Math.floor(30 * next()) }, corner);
    expect(parsePolygon(formatPolygon(corners))).toEqual(corners);
    const text = [...formatPolygon(corners)].map((one) =>
      next() < 0.02 ? '., 19-e\n\t'[Math.floor(9 * next())] : one,
    );
    try {
      const read = parsePolygon(text.join(''));
      expect(parsePolygon(formatPolygon(read))).toEqual(read);
      expect(read.flat().every((share) => share >= 0 && share <= 1)).toBe(true);
    } catch (error) {
      expect(error).toMatchObject({ code: 'badInput' });
    }
  }
});
