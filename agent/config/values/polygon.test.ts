import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import {
  type Corner,
  formatPolygon,
  formatZone,
  isWithin,
  parsePolygon,
  parseZone,
  parseZones,
  zonesAt,
} from './polygon.ts';

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

const LEFT = '0,0 0.5,0 0.5,1 0,1';
test.for([
  [LEFT, undefined],
  [`Drive: ${LEFT}`, 'Drive'],
  [` Einfahrt (vorn) :${LEFT}`, 'Einfahrt (vorn)'],
  [`车道: ${LEFT}`, '车道'],
  [`${'x'.repeat(32)}: ${LEFT}`, 'x'.repeat(32)],
] as const)('the area %j has the name %j', ([text, name]) => {
  expect(parseZone(text)).toEqual({ name, corners: parsePolygon(LEFT) });
  expect(parseZone(formatZone(parseZone(text)))).toEqual(parseZone(text));
});

test.for([
  [`: ${LEFT}`, "'' is not the name of an area: write 1 to 32 characters, without commas and colons"],
  [`a,b: ${LEFT}`, "'a,b' is not the name"],
  [`a\nb: ${LEFT}`, 'is not the name'],
  [`\ud800: ${LEFT}`, 'is not the name'],
  [`${'x'.repeat(33)}: ${LEFT}`, 'is not the name'],
  [`Drive: yard: ${LEFT}`, 'is not an area of the picture'],
  ['Drive', 'is not an area of the picture'],
  ['Drive:', 'is not an area of the picture'],
] as const)('the area %j is refused: %s', ([text, message]) => {
  expect(() => parseZone(text)).toThrow(message);
});

test('an area without a name is called by its place, and areas of one name are one zone', () => {
  const zones = parseZones([`Drive: ${LEFT}`, '0.5,0 1,0 1,1', 'Drive: 0.5,0.5 1,0.5 1,1 0.5,1']);
  expect([zonesAt(zones, 0.1, 0.5), zonesAt(zones, 0.9, 0.2), zonesAt(zones, 0.9, 0.7)]).toEqual([
    ['Drive'],
    ['Zone 2'],
    ['Zone 2', 'Drive'],
  ]);
});

test('any text is a zone or refused', () => {
  const next = random(8);
  for (let i = 0; i < 2_000; i += 1) {
    const text = [...`Drive: ${LEFT}`].map((one) =>
      next() < 0.05 ? ':, .x\u0000\ud800'[Math.floor(7 * next())] : one,
    );
    try {
      const zone = parseZone(text.join(''));
      expect(parseZone(formatZone(zone))).toEqual(zone);
    } catch (error) {
      expect(error).toMatchObject({ code: 'badInput' });
    }
  }
});

test('a point is in a polygon, also in one whose lines cross', () => {
  const arrow = parsePolygon('0,0 1,0.5 0,1 0.4,0.5');
  const points: Corner[] = [
    [0.5, 0.5],
    [0.2, 0.5],
    [0.9, 0.2],
  ];
  expect(points.map(([x, y]) => isWithin(x, y, arrow))).toEqual([true, false, false]);
  const bow = parsePolygon('0,0 1,1 1,0 0,1');
  expect([isWithin(0.1, 0.5, bow), isWithin(0.5, 0.1, bow), isWithin(0.9, 0.5, bow)]).toEqual([true, false, true]);
});
