import { expect, onTestFinished, test } from 'vitest';
import { type OnvifCamera, startOnvifCamera } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { type OnvifSession, openSession } from '../device/onvif-session.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { find, readXml } from '../soap/xml/xml.ts';
import { setCameraClock } from './camera-clock.ts';
import { OnvifControl } from './onvif-control.ts';

const LOGIN = { user: 'admin', password: 'secret' };
const HOUR_MS = 3_600_000;

async function begin(quirks: Quirks = {}, profile?: string) {
  const camera = await startOnvifCamera({ quirks, credentials: LOGIN });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  const logins = new LoginMemory(systemClock);
  const { signal } = new AbortController();
  const open = () => openSession({ url: camera.url, ...LOGIN, signal, logins, callDeadlineMs: 1_500 });
  const control = new OnvifControl({ open, profile, clock: systemClock, log: silentLogger });
  onTestFinished(() => control.close());
  return { camera, control };
}

const count = (camera: OnvifCamera, operation: string) => camera.operations.filter((one) => one === operation).length;

test.for<[string, Quirks, number]>([
  ['hours fast', { clockOffsetMs: 3 * HOUR_MS }, 3 * HOUR_MS],
  ['years slow', { clockOffsetMs: -26 * 365 * 24 * HOUR_MS }, -26 * 365 * 24 * HOUR_MS],
])("a clock that is %s is set to this machine's, and later calls use the new time", async ([, quirks, offsetMs]) => {
  const { camera, control } = await begin(quirks);
  const before = await control.clock();
  expect(Math.abs(before.skewMs - offsetMs)).toBeLessThan(5_000);
  const after = await control.setClock();
  expect(Math.abs(after.skewMs)).toBeLessThan(3_000);
  expect(Math.abs(camera.state.clockOffsetMs)).toBeLessThan(3_000);
  // Later logins carry the new time.
  await expect(control.encoder()).resolves.toBeDefined();
});

/** A camera with a time zone, whose clock stays `skewMs` off even if it is set. */
function stubborn(skewMs: number) {
  const asked: string[] = [];
  const reply =
    '<a xmlns:tt="urn:tt"><GetSystemDateAndTimeResponse><SystemDateAndTime><DaylightSavings>true</DaylightSavings>' +
    '<tt:TimeZone><tt:TZ>CET-1CEST,M3.5.0,M10.5.0/3</tt:TZ></tt:TimeZone></SystemDateAndTime></GetSystemDateAndTimeResponse></a>';
  const session = {
    ...{ skewMs, host: 'cam', readClock: async () => {} },
    call: async (_service: string, body: string) => {
      asked.push(body);
      return find(readXml(Buffer.from(reply), 10_000), 'GetSystemDateAndTimeResponse');
    },
  } as unknown as OnvifSession;
  return { session, asked };
}

test('time zone and summer time go back to the camera as they were', async () => {
  const { session, asked } = stubborn(0);
  await setCameraClock(session, systemClock);
  const set = asked.find((body) => body.startsWith('<tds:SetSystemDateAndTime>'));
  expect(set).toContain('<tds:DaylightSavings>true</tds:DaylightSavings>');
  expect(set).toContain('>CET-1CEST,M3.5.0,M10.5.0/3</tt:TZ></tds:TimeZone>');
});

test('a camera that accepts the time but stays off is reported', async () => {
  const { session } = stubborn(7_200_000);
  await expect(setCameraClock(session, systemClock)).rejects.toThrow('is still 7200 s off');
});

test.for([
  ['192.168.1.1', 'IPv4Address'],
  ['fd00::1', 'IPv6Address'],
  ['::ffff:c0a8:101', 'IPv6Address'],
  ['time.example.org', 'DNSname'],
] as const)('a time server is set: %s', async ([host, element]) => {
  const { camera, control } = await begin();
  await control.setNtp(host);
  expect(camera.state.ntpServer).toBe(host);
  expect(camera.requests.find(({ operation }) => operation === 'SetNTP')?.text).toContain(`<tt:${element}>`);
});

test.for(["'%s' is not a time server", '', ':', ':123', 'fe80::1%eth0'])("'%s' is no time server", async (host) => {
  const { camera, control } = await begin();
  await expect(control.setNtp(host)).rejects.toThrow(`'${host}' is not the name or address`);
  expect(count(camera, 'SetNTP')).toBe(0);
});

test.for<[string, Quirks]>([
  ['says so first', {}],
  ['is gone before it has answered', { rebootsWithoutAnswer: true }],
])('a camera that %s is rebooted, and later calls succeed', async ([, quirks]) => {
  const { camera, control } = await begin(quirks);
  await control.reboot();
  await expect.poll(() => camera.state.reboots).toBe(1);
  await expect.poll(() => control.clock().catch(() => undefined)).toBeDefined();
});

test('an unreachable camera is not reported as rebooted', async () => {
  const { camera, control } = await begin();
  await control.clock();
  await camera.stop({ isSilent: true });
  await expect(control.reboot()).rejects.toMatchObject({ context: { camera: 'unreachable' } });
});

test.for<[string, Quirks]>([
  ['Media 2', {}],
  ['Media 1', { media: '1' }],
  ['Media 1 with floats', { media: '1', writesFloats: true }],
])('a long group is reported, shortened on request, and read back: %s', async ([, quirks]) => {
  const { camera, control } = await begin(quirks, 'main');
  const main = camera.state.profile('main');
  Object.assign(main ?? {}, { group: 150 });
  const advice = await control.encoder();
  expect(advice).toMatchObject({ profile: 'main', now: { groupFrames: 150, fps: 15 }, better: { groupFrames: 30 } });
  expect(advice.words).toBe('a key frame every 10 s, so viewers wait for their first picture');
  // Reading changes nothing.
  expect(count(camera, 'SetVideoEncoderConfiguration')).toBe(0);
  const before = { ...main };
  const change = await control.setEncoder({ groupFrames: 30 });
  expect(change).toMatchObject({ isDone: true, before: { groupFrames: 150 }, after: { groupFrames: 30 } });
  expect(camera.state.profile('main')).toEqual({ ...before, group: 30 });
  expect((await control.encoder()).better).toBeUndefined();
});

test('rate and bits are changed together with it', async () => {
  const { control } = await begin({ media: '1' });
  const change = await control.setEncoder({ groupFrames: 20, fps: 10, bitrateKbps: 800 });
  expect(change).toMatchObject({ isDone: true, after: { groupFrames: 20, fps: 10, bitrateKbps: 800 } });
});

test('a camera that accepts a change without applying it is reported', async () => {
  const { control } = await begin({ ignoresEncoderChanges: true });
  expect(await control.setEncoder({ groupFrames: 10 })).toMatchObject({ isDone: false, after: { groupFrames: 60 } });
});

test('a camera that rejects a call reports its reason', async () => {
  const { control } = await begin({ refusesEncoderChanges: true });
  await expect(control.setEncoder({ groupFrames: 10 })).rejects.toThrow('parameters cannot be set');
});

test.for([
  [{}, 'nothing to change'],
  [{ groupFrames: 0 }, 'groupFrames: 0 is not a whole number from 1 to 1000'],
  [{ fps: 12.5 }, 'fps: 12.5 is not a whole number from 1 to 120'],
] as const)('%o is not asked of a camera', async ([wanted, words]) => {
  const { camera, control } = await begin();
  await expect(control.setEncoder(wanted)).rejects.toThrow(words);
  expect(count(camera, 'SetVideoEncoderConfiguration')).toBe(0);
});

test.for<[string, Quirks]>([
  ['Media 2', {}],
  ['Media 1', { media: '1' }],
  ['Media 2 alone', { media: '2' }],
  ['Media 1, for Media 2 is broken', { media: '2 broken' }],
])('a key frame is requested: %s', async ([, quirks]) => {
  const { camera, control } = await begin(quirks, 'sub');
  await control.keyFrame();
  expect(camera.state.keyFrameRequests).toEqual(['sub']);
});
