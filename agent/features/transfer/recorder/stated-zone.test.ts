import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { readXml } from '../../../onvif/soap/xml/xml.ts';
import { offsetsOf, zonesOf } from './stated-zone.ts';

const HOUR_MS = 3_600_000;

const timeOf = (name: string, ms: number) => {
  const time = new Date(ms);
  return (
    `<${name}><Time><Hour>${time.getUTCHours()}</Hour><Minute>${time.getUTCMinutes()}</Minute><Second>${time.getUTCSeconds()}</Second></Time>` +
    `<Date><Year>${time.getUTCFullYear()}</Year><Month>${time.getUTCMonth() + 1}</Month><Day>${time.getUTCDate()}</Day></Date></${name}>`
  );
};
const replyOf = (zone: string, utcMs: number, localMs?: number) =>
  readXml(
    Buffer.from(
      `<R><SystemDateAndTime><TimeZone><TZ>${zone}</TZ></TimeZone>${timeOf('UTCDateTime', utcMs)}${
        localMs === undefined ? '' : timeOf('LocalDateTime', localMs)
      }</SystemDateAndTime></R>`,
    ),
    10_000,
  );

test.each([
  ['UTC0', [0]],
  ['CST-8', [8]],
  ['CST-08:00:00', [8]],
  ['<+0330>-3:30', [3.5]],
  ['BRT3', [-3]],
  ['EST5EDT,M3.2.0,M11.1.0', [-5, -4]],
  ['CET-1CEST,M3.5.0,M10.5.0/3', [1, 2]],
  ['Europe/Berlin', []],
  ['CST-99', []],
  ['', []],
])('the time zone %s', (text, hours) => {
  expect(offsetsOf(text)).toEqual(hours.map((one) => one * HOUR_MS));
});

test('local time that the device states counts before its time zone, across the end of a year, too', () => {
  const utcMs = Date.UTC(2026, 11, 31, 23, 30, 10);
  expect(zonesOf(replyOf('UTC0', utcMs, utcMs + 2 * HOUR_MS + 1_000))).toEqual([2 * HOUR_MS]);
  expect(zonesOf(replyOf('CST-8', utcMs))).toEqual([8 * HOUR_MS]);
  // A local time of another moment is no zone.
  expect(zonesOf(replyOf('CST-8', utcMs, utcMs + 400_000))).toEqual([8 * HOUR_MS]);
  expect(zonesOf(replyOf('CST-8', utcMs, utcMs + 30 * HOUR_MS))).toEqual([]);
  expect(zonesOf(undefined)).toEqual([]);
});

test('whatever a device states as its zone: at most two offsets, of the earth', () => {
  const float = random(20_261_130);
  const letters = 'ABCz<>+-:,.0123456789/ \u00e9';
  for (let round = 0; round < 5_000; round += 1) {
    const length = Math.floor(float() * 24);
    const text = Array.from({ length }, () => letters[Math.floor(float() * letters.length)]).join('');
    const found = offsetsOf(text);
    expect(found.length).toBeLessThanOrEqual(2);
    expect(found.every((one) => Number.isInteger(one) && Math.abs(one) <= 17 * HOUR_MS)).toBe(true);
  }
});
