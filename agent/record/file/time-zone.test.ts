import { expect, test } from 'vitest';
import { random } from '../../../test/support/base/random.ts';
import { zoneOffsetMs } from './time-zone.ts';

/** Offsets that change by an hour, by half an hour, a minute past midnight, in the southern summer, and not at all. */
const ZONES = ['Europe/Berlin', 'Australia/Lord_Howe', 'America/St_Johns', 'America/Santiago', 'Asia/Kathmandu', 'UTC'];

/** @returns the offset that a formatted time shows */
function shownOffsetMs(text: string): number {
  const [, sign, hours = 0, minutes = 0] = /GMT(?:([+-])(\d+):(\d+))?$/.exec(text) ?? [];
  return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
}

test.for(ZONES)('the offset of %s is that of the instant, in any order of instants', (zone) => {
  const next = random(zone.length);
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  let atMs = Date.UTC(2010, 0, 1);
  for (let i = 0; i < 1_000; i += 1) {
    // Steps of minutes, hours and months, forwards and back.
    atMs += Math.floor((next() - 0.45) * 60_000 * 10 ** Math.floor(next() * 6));
    expect([atMs, zoneOffsetMs(atMs, zone)]).toEqual([atMs, shownOffsetMs(format.format(atMs))]);
  }
});

test.for([
  ['Europe/Berlin', '2026-03-29T01:00:00Z', 60, 120],
  ['Europe/Berlin', '2026-10-25T01:00:00Z', 120, 60],
  ['America/St_Johns', '2010-03-14T03:31:00Z', -210, -150],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', 660, 630],
] as const)('%s changes at %s, to the millisecond', ([zone, at, before, after]) => {
  const atMs = Date.parse(at);
  // The hours around the change are asked for from both sides.
  for (const ms of [-1, 0, 3_600_000, -3_600_000, 0, -1]) {
    expect(zoneOffsetMs(atMs + ms, zone)).toBe((ms < 0 ? before : after) * 60_000);
  }
});
