import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import {
  MAIN_PROFILE,
  type OnvifCamera,
  type OnvifCameraOptions,
  SUB_PROFILE,
  startOnvifCamera,
} from '../../../test/onvif-camera/camera.ts';
import { systemClock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { describeStream } from '../../sources/rtsp/describe.ts';
import { LoginMemory } from '../soap/login-memory.ts';
import { type CameraTarget, openSession } from './session.ts';
import type { ProveStream } from './streams.ts';
import { understand } from './understand.ts';

const never = new AbortController().signal;
const LOGIN = { user: 'admin', password: 'se<c>ret ä' };
const HOUR_MS = 3_600_000;

const prove: ProveStream = (url, credentials, signal) => describeStream(url, credentials, { signal });

async function start(quirks: OnvifCameraOptions['quirks'] = {}, options: Partial<OnvifCameraOptions> = {}) {
  const camera = await startOnvifCamera({ credentials: LOGIN, ...options, quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

/** With a memory of its own, so that no test knows what another has learnt. */
const targetOf = (camera: OnvifCamera, more: Partial<CameraTarget> = {}): CameraTarget => ({
  url: camera.url,
  ...LOGIN,
  signal: never,
  logins: new LoginMemory(systemClock),
  ...more,
});

async function read(camera: OnvifCamera, more: Partial<CameraTarget> = {}) {
  const session = await openSession(targetOf(camera, more));
  return { session, ...(await understand(session, { prove, signal: never })) };
}

async function failureOf(work: Promise<unknown>): Promise<PerchError> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(PerchError);
  return error as PerchError;
}

const EVERYBODY = {
  'a camera that keeps to the standard': {},
  'Media 1 alone': { media: '1' },
  'Media 2 alone': { media: '2' },
  'Media 2 that is told and broken': { media: '2 broken' },
  'a token alone': { login: 'token' },
  'Digest alone': { login: 'digest' },
  'Digest with SHA-256': { login: 'digest sha256' },
  'two challenges': { login: 'digest both' },
  'qop before realm': { login: 'digest', challenge: 'qop first' },
  'auth-int beside auth': { login: 'digest', challenge: 'auth-int too' },
  'no qop': { login: 'digest', challenge: 'no qop' },
  'no algorithm': { login: 'digest', challenge: 'no algorithm' },
  'a nonce for one request': { login: 'digest', nonceUses: 1 },
  'no token beside Digest': { login: 'digest', refusesTokenBesideDigest: true },
  'tokens that nobody understands': { login: 'digest', mustUnderstandFault: true },
  'time after login alone': { timeWantsLogin: true },
  'services after login alone': { servicesWantLogin: true, timeWantsLogin: true },
  'services after Digest alone': { login: 'digest', servicesWantLogin: true, timeWantsLogin: true },
  'refusals with 401': { login: 'token', refusalStatus: 401, servicesWantLogin: true },
  'refusals with 200': { login: 'token', refusalStatus: 200, servicesWantLogin: true },
  'a clock 3 h slow, strict': { login: 'token', clockOffsetMs: -3 * HOUR_MS, tokenWindowMs: 5_000 },
  'a clock 3 h fast, strict': { login: 'token', clockOffsetMs: 3 * HOUR_MS, tokenWindowMs: 5_000 },
  'no time in UTC': { login: 'token', utcTime: 'missing', tokenWindowMs: 5_000 },
  'half a time in UTC': { login: 'token', utcTime: 'hollow', tokenWindowMs: 5_000 },
  'local time told as UTC': { login: 'token', utcTime: { zoneMs: 8 * HOUR_MS }, tokenWindowMs: 5_000 },
  'no GetServices': { hasNoGetServices: true },
  'services at another host': { serviceHost: '192.168.1.108' },
  'services at another host and port': { serviceHost: '10.0.0.9:81' },
  'a device service elsewhere': { devicePath: '/onvif/service' },
  'one path for everything': { hasOnePath: true },
  'a stream at another host': { streamHost: '10.1.2.3' },
  'a stream at the port of HTTP': { streamPort: 'http' },
  'a stream at a port where nothing is': { streamPort: 9 },
  'an address with white space': { streamUriText: 'spaced' },
  "Hikvision's query": {
    streamPaths: {
      main: '/Streaming/Channels/101?transportmode=unicast&profile=Profile_1',
      sub: '/Streaming/Channels/102?transportmode=unicast&profile=Profile_2',
    },
    streamUriText: 'escaped twice',
  },
  'SOAP 1.1 faults': { faults: '1.1', media: '2 broken', snapshot: 'none' },
  'faults with 200': { faultStatus: 200, media: '2 broken', snapshot: 'none' },
  'other prefixes': { prefixes: 'SOAP-ENV' },
  'no prefixes': { prefixes: 'none' },
  'a line break before the document': { around: 'line break before' },
  'NULs behind the document': { around: 'nulls behind' },
  'a byte order mark': { around: 'byte order mark' },
  'UTF-16': { spoils: 'utf16' },
  'Latin-1': { spoils: 'latin1' },
  'few words in profiles': { leavesOut: ['RateControl', 'Bounds', 'Multicast', 'Name', 'H264', 'Quality'] },
  'floats for integers': { writesFloats: true },
  'a profile with sound alone, first': { hasSoundOnlyProfile: true },
  'no snapshots': { snapshot: 'none' },
  'nothing said of itself': { saysLittleOfItself: true },
  'no network protocols': { hasNoNetworkProtocols: true },
  'two calls at once': { callsAtOnce: 2 },
  'one request for each connection': { breaksKeepAlive: true },
  'RTSP with SHA-256': { rtspLogin: 'sha256' },
  'RTSP with two challenges': { rtspLogin: 'both' },
} as const satisfies Record<string, OnvifCameraOptions['quirks']>;

test.for(Object.entries(EVERYBODY))('%s: it is read, logged in, and its streams are proved', async ([, quirks]) => {
  const camera = await start(quirks);
  const { main, sub } = await read(camera);
  expect(main).toMatchObject({ token: 'main', codec: 'H264', rtspUrl: camera.rtspUrl('main') });
  expect(main.proof).toMatchObject({ hasPicture: true, hasSound: true });
  expect(sub?.rtspUrl).toBe(camera.rtspUrl('sub'));
  expect(camera.state.callsAtMost).toBeLessThanOrEqual(2);
});

test.for([
  ['a wrong password by token', { login: 'token' }, 'wrongPassword'],
  ['a wrong password by Digest', { login: 'digest' }, 'wrongPassword'],
  [
    'a wrong password for everything',
    { login: 'digest', servicesWantLogin: true, timeWantsLogin: true },
    'wrongPassword',
  ],
  ['a wrong password that locks at once', { login: 'token', lockOut: { after: 1, forMs: HOUR_MS } }, 'wrongPassword'],
] as const)('%s is tried once, and once more when it is asked again, then never', async ([, quirks, trouble]) => {
  const camera = await start(quirks);
  const target = targetOf(camera, { password: 'wrong' });
  const tries = () =>
    camera.requests.filter(({ hasToken, authorization }) => hasToken || authorization !== undefined).length;
  const once = await failureOf(openSession(target).then((session) => session.information()));
  expect(once.context['camera']).toBe(trouble);
  const before = tries();
  expect(before).toBeLessThanOrEqual('login' in quirks && quirks.login === 'digest' ? 3 : 2);
  await failureOf(openSession(target).then((session) => session.information()));
  const after = tries();
  const third = await failureOf(openSession(target).then((session) => session.information()));
  expect(third.context['isRemembered'] ?? third.context['camera'] === 'lockedOut').toBe(true);
  expect(tries()).toBe(after);
});
