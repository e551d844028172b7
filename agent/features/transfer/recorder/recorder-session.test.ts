import { expect, onTestFinished, test } from 'vitest';
import {
  config,
  importOf,
  LOGIN,
  NEVER,
  onCard,
  openDevice,
  openPath,
  recorded,
} from '../../../../test/features/transfer/support/recorder-import.ts';
import { startOnvifCamera } from '../../../../test/onvif-camera/camera.ts';
import { random } from '../../../../test/support/base/random.ts';
import { systemClock } from '../../../base/clock.ts';
import { PerchError } from '../../../base/errors.ts';
import { readXml } from '../../../onvif/soap/xml/xml.ts';
import { offsetsOf, openRecorder, zonesOf } from './recorder-session.ts';

test('an address of another host is not dialled, and a recorder without Profile G says what it lacks', async () => {
  const { camera, card } = await openDevice({ replayHost: '192.0.2.1' });
  const { run, open, playback } = openPath(camera);
  await run(importOf((await open()).channels[0]?.key ?? ''));
  expect(await recorded(playback)).toEqual(onCard(card));
  const plain = await startOnvifCamera({ credentials: LOGIN });
  onTestFinished(() => plain[Symbol.asyncDispose]());
  await expect(openPath(plain).open()).rejects.toThrow(`recorder ${new URL(plain.url).host}: it does not offer`);
});

test('a recorder that does not say which services it has is not said to lack one', async () => {
  const silent = await startOnvifCamera({ credentials: LOGIN, quirks: { answers: { GetServices: 'reset' } } });
  onTestFinished(() => silent[Symbol.asyncDispose]());
  await expect(openPath(silent).open()).rejects.toThrow('it did not say in time which services it has');
});

test('a wrong password is named, and is in no message', async () => {
  const { camera } = await openDevice();
  const wrong = { address: camera.url, user: 'admin', password: 's3cret' };
  const error = await openRecorder(wrong, { clock: systemClock, config, isInteractive: true }, NEVER).catch(
    (one) => one,
  );
  expect(error).toBeInstanceOf(PerchError);
  expect(error).toMatchObject({ code: 'unauthorized' });
  expect(JSON.stringify([error.message, error.context])).not.toContain('s3cret');
});

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
