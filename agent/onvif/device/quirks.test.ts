import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { MAIN_PROFILE, SUB_PROFILE } from '../../../test/onvif-camera/camera.ts';
import type { Quirks } from '../../../test/onvif-camera/quirks.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { failureOf, never, read, start, targetOf } from '../../../test/support/cameras/described-camera.ts';
import { PerchError } from '../../base/errors.ts';
import { LoginMemory } from '../soap/login/login-memory.ts';
import { describeDevice } from './describe-device.ts';
import { openSession } from './onvif-session.ts';
import { Snapshots } from './snapshots.ts';
import type { ProbeStream } from './streams.ts';

const HOUR_MS = 3_600_000;

const EVERYBODY = {
  'a camera that keeps to the standard': {},
  'Media 1 alone': { media: '1' },
  'Media 2 alone': { media: '2' },
  'Media 2 that is listed and broken': { media: '2 broken' },
  'a token alone': { login: 'token' },
  'Digest alone': { login: 'digest' },
  'Digest with SHA-256': { login: 'digest sha256' },
  'two challenges': { login: 'digest both' },
  'qop before realm': { login: 'digest', challenge: 'qop first' },
  'auth-int next to auth': { login: 'digest', challenge: 'auth-int too' },
  'no qop': { login: 'digest', challenge: 'no qop' },
  'no algorithm': { login: 'digest', challenge: 'no algorithm' },
  'a nonce for one request': { login: 'digest', nonceUses: 1 },
  'no token next to Digest': { login: 'digest', refusesTokenBesideDigest: true },
  'tokens that the camera does not understand': { login: 'digest', mustUnderstandFault: true },
  'time after login alone': { timeWantsLogin: true },
  'time after login alone, 3 h slow': {
    login: 'token',
    timeWantsLogin: true,
    clockOffsetMs: -3 * HOUR_MS,
    tokenWindowMs: 5_000,
  },
  'services after login alone': { servicesWantLogin: true, timeWantsLogin: true },
  'services after Digest alone': { login: 'digest', servicesWantLogin: true, timeWantsLogin: true },
  'refusals with 401': { login: 'token', refusalStatus: 401, servicesWantLogin: true },
  'refusals with 200': { login: 'token', refusalStatus: 200, servicesWantLogin: true },
  'a clock 3 h slow, strict': { login: 'token', clockOffsetMs: -3 * HOUR_MS, tokenWindowMs: 5_000 },
  'a clock 3 h fast, strict': { login: 'token', clockOffsetMs: 3 * HOUR_MS, tokenWindowMs: 5_000 },
  'no time in UTC, 3 h slow': { login: 'token', utcTime: 'missing', clockOffsetMs: -3 * HOUR_MS, tokenWindowMs: 5_000 },
  'half a time in UTC, 3 h fast': {
    login: 'token',
    utcTime: 'hollow',
    clockOffsetMs: 3 * HOUR_MS,
    tokenWindowMs: 5_000,
  },
  'local time reported as UTC': { login: 'token', utcTime: { zoneMs: 8 * HOUR_MS }, tokenWindowMs: 5_000 },
  'no GetServices': { hasNoGetServices: true },
  'services at another host': { serviceHost: '192.168.1.108' },
  'services at another host and port': { serviceHost: '10.0.0.9:81' },
  'a device service elsewhere': { devicePath: '/onvif/service' },
  'one path for everything': { hasOnePath: true },
  'a stream at another host': { streamHost: '10.1.2.3' },
  'a stream at the port of HTTP': { streamPort: 'http' },
  'a stream at a port where nothing is': { streamPort: 9 },
  'the port of its page where RTSP over HTTP is asked for': { answersHttpTunnelWithPort80: true },
  "XM's user in the query": { streamUriEnd: '?user=admin_password=tlJwpbo6_channel=1' },
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
  'XML with bare & and <, repeated attributes and entities of HTML': { spoils: 'bare ampersands' },
  'XML with undeclared prefixes': { spoils: 'undeclared prefixes' },
  'XML with other bytes around it': { spoils: 'noise around' },
  'XML without its end': { spoils: 'no end' },
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
} as const satisfies Record<string, Quirks>;

test.for(Object.entries<Quirks>(EVERYBODY))(
  '%s: it is read, logged in, and its streams are proved',
  async ([, quirks]) => {
    const camera = await start(quirks);
    const { main, sub } = await read(camera);
    const { streamUriEnd: end = '' } = quirks;
    expect(main).toMatchObject({ token: 'main', codec: 'H264', rtspUrl: camera.rtspUrl('main') + end });
    expect(main.probed).toMatchObject({ hasPicture: true, hasSound: true });
    expect(sub?.rtspUrl).toBe(camera.rtspUrl('sub') + end);
    expect(camera.state.callsAtMost).toBeLessThanOrEqual(2);
  },
);

test.for([
  ['a wrong password by token', { login: 'token' }, 'wrongPassword'],
  ['a wrong password by Digest', { login: 'digest' }, 'wrongPassword'],
  [
    'a wrong password for everything',
    { login: 'digest', servicesWantLogin: true, timeWantsLogin: true },
    'wrongPassword',
  ],
  ['a wrong password that locks at once', { login: 'token', lockOut: { after: 1, forMs: HOUR_MS } }, 'wrongPassword'],
] as const)('%s is tried once, once more on another request, then never', async ([, quirks, trouble]) => {
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

test('a camera that has locked the login gets no request until the lock ends', async () => {
  const clock = new FakeClock();
  const camera = await start({ login: 'token', lockOut: { after: 1, forMs: HOUR_MS } });
  const logins = new LoginMemory(clock);
  await failureOf(read(camera, { password: 'wrong', logins }));
  const locked = await failureOf(read(camera, { logins }));
  expect(locked.context).toMatchObject({ camera: 'lockedOut', waitMs: HOUR_MS / 2, isStated: false });
  expect(locked.message).toContain('try again in 30 min');
  const asked = camera.requests.length;
  const still = await failureOf(read(camera, { logins, isInteractive: true }));
  expect(still.context).toMatchObject({ camera: 'lockedOut', isRemembered: true });
  // The time alone, which needs no login.
  expect(camera.operations.slice(asked).every((one) => !one.startsWith('GetDevice'))).toBe(true);
});

test('a wrong clock is reported as such, not as a wrong password', async () => {
  const quirks = { login: 'token', utcTime: 'missing', clockOffsetMs: 3 * HOUR_MS, tokenWindowMs: 5_000 } as const;
  const camera = await start({ ...quirks, hasNoDate: true, saysTimeCheckFailed: true });
  const error = await failureOf(read(camera));
  expect(error.context['camera']).toBe('clock');
  expect(error.message).toContain('set its date');
});

test('a clock that was set in between is read again, and the call continues', async () => {
  const camera = await start({ login: 'token', tokenWindowMs: 5_000 });
  const session = await openSession(targetOf(camera));
  camera.state.clockOffsetMs = -5 * HOUR_MS;
  expect((await session.information()).model).toBe('Sim 1');
  expect(Math.abs(session.skewMs + 5 * HOUR_MS)).toBeLessThan(5_000);
  camera.state.clockOffsetMs = 7 * HOUR_MS;
  await session.call('ptz', '<tptz:GetNodes/>', 'GetNodesResponse');
  expect(Math.abs(session.skewMs - 7 * HOUR_MS)).toBeLessThan(5_000);
});

test('Basic over http is rejected until the owner allows it for this camera', async () => {
  const camera = await start({ login: 'basic', rtspLogin: 'basic' });
  const error = await failureOf(read(camera));
  expect(error.context['camera']).toBe('clearPassword');
  expect(camera.requests.every(({ authorization }) => authorization === undefined)).toBe(true);
  const session = await openSession(targetOf(camera, { isClearAllowed: true }));
  expect((await session.information()).model).toBe('Sim 1');
});

test.for([401, 404] as const)('disabled ONVIF (HTTP %i) is reported as such', async (onvifIsOff) => {
  const error = await failureOf(read(await start({ onvifIsOff })));
  expect(error.context['camera']).toBe('onvifOff');
  expect(error.message).toContain('switch ONVIF on');
});

test.for(['never', 'trickle', 'reset', 'endless', 'half'] as const)(
  'a camera whose every reply is "%s" costs one deadline at most, and one call',
  async (silence) => {
    const camera = await start({ answers: { '*': silence } });
    const error = await failureOf(read(camera, { callDeadlineMs: 500 }));
    expect(['timeout', 'unreachable', 'badReply']).toContain(error.context['camera']);
    expect(camera.requests.length).toBe(1);
  },
);

test('a camera that is slow to tell its time gets the longer deadline for every call', async () => {
  const camera = await start({ takesMs: 200, login: 'digest' });
  // Each call with a login is two requests.
  const error = await failureOf(read(camera, { callDeadlineMs: 300 }));
  expect(error.context['camera']).toBe('timeout');
  const { main } = await read(camera, { callDeadlineMs: 300, slowCallDeadlineMs: 5_000 });
  expect(main.token).toBe('main');
});

test.for(['never', 'reset', 'half'] as const)(
  'a camera that answers only GetServices with "%s" gets GetCapabilities instead',
  async (silence) => {
    const camera = await start({ answers: { GetServices: silence }, media: '1' });
    // The other calls may take as long on a busy machine.
    expect((await read(camera, { callDeadlineMs: 2_000 })).main.token).toBe('main');
  },
);

test.for(['document type', 'entity bomb', 'html', 'empty', 'other answer', 'deep nesting'] as const)(
  'replies spoilt as "%s" are refused in words',
  async (spoils) => {
    const error = await failureOf(read(await start({ spoils })));
    expect(['badReply', 'notOnvif']).toContain(error.context['camera']);
    expect(error.message).not.toContain('<');
  },
);

const H265 = { ...MAIN_PROFILE, token: 'uhd', name: '4K', codec: 'H265', width: 3840, height: 2160 } as const;

test.for([
  ['h264', 'main'],
  ['h265', 'uhd'],
] as const)('prefers %s: %s is chosen from a camera that has both at full size', async ([prefers, token]) => {
  const full = { ...MAIN_PROFILE, width: 3840, height: 2160 };
  const camera = await start({}, { profiles: [H265, full, SUB_PROFILE] });
  const session = await openSession(targetOf(camera));
  const { main, sub } = await describeDevice(session, { prefers, signal: never });
  expect([main.token, sub?.token]).toEqual([token, 'sub']);
});

test("improvements of the camera's settings are suggested with numbers", async () => {
  const camera = await start(
    { clockOffsetMs: 2 * HOUR_MS },
    {
      profiles: [
        { ...MAIN_PROFILE, group: 150 },
        { ...SUB_PROFILE, fps: 10, group: 20 },
      ],
    },
  );
  const { suggestions } = await read(camera);
  expect(suggestions.map(({ kind, profile }) => [kind, profile])).toEqual([
    ['longGroups', 'main'],
    ['smartCodec', 'main'],
    ['clock', undefined],
  ]);
  expect(suggestions[0]).toMatchObject({ seconds: 10, groupFrames: 30 });
});

test('a camera is known by its endpoint, serial number and hardware address', async () => {
  const camera = await start({ macAddress: 'AA-BB-CC-00-11-22' });
  const { information, endpoint, hardwareAddresses, hasPtz, hasEvents, snapshot } = await read(camera);
  expect(information.serial).toBe(camera.state.identity.serial);
  expect(endpoint).toBe(camera.endpoint);
  expect(hardwareAddresses).toEqual(['aa:bb:cc:00:11:22']);
  expect({ hasPtz, hasEvents, snapshot: snapshot?.profile }).toEqual({
    hasPtz: true,
    hasEvents: true,
    snapshot: 'main',
  });
});

test.for([
  [{ ptz: 'none' }, { hasPtz: false }],
  [{ ptz: 'serviceOnly' }, { hasPtz: false }],
  [{ events: 'none' }, { hasEvents: false }],
  [{ hasSound: false }, {}],
] as const)('of a camera with %j it is said so', async ([quirks, expected]) => {
  expect(await read(await start(quirks))).toMatchObject(expected);
});

test('a stream that rejects the ONVIF login is not tried at other ports', async () => {
  const tried: string[] = [];
  const refusing: ProbeStream = async (url) => {
    tried.push(url);
    throw new PerchError('unauthorized', 'no');
  };
  const session = await openSession(targetOf(await start()));
  const error = await failureOf(describeDevice(session, { probeStream: refusing, signal: never }));
  expect(error.context['camera']).toBe('onvifUser');
  expect(tried).toHaveLength(1);
});

test('a stream that is nowhere is looked for at few places', async () => {
  const tried: string[] = [];
  const nowhere: ProbeStream = async (url) => {
    tried.push(new URL(url).port);
    throw new PerchError('unavailable', 'nothing there');
  };
  const camera = await start({ streamPort: 9 });
  const session = await openSession(targetOf(camera));
  await failureOf(describeDevice(session, { probeStream: nowhere, signal: never }));
  expect([...new Set(tried)]).toEqual(['9', String(camera.rtspPort), '', '8554', '10554']);
});

test('a camera at an IPv6 address is read, and its streams have brackets', async () => {
  const camera = await start({ streamHost: '10.0.0.1' }, { address: '::1' });
  const { main, session } = await read(camera);
  expect([session.host, main.rtspUrl]).toEqual(['::1', `rtsp://[::1]:${camera.rtspPort}/main`]);
});

test("another host in a camera's answer is never contacted", async () => {
  const connections: string[] = [];
  const evil = createServer((socket) => {
    connections.push('');
    socket.destroy();
  }).listen(0, '127.0.0.2');
  await once(evil, 'listening');
  onTestFinished(() => void evil.close());
  const { port } = evil.address() as AddressInfo;
  const camera = await start({
    serviceHost: `127.0.0.2:${port}`,
    streamHost: '127.0.0.2',
    subscriptionHost: '127.0.0.2',
  });
  const { session, main, snapshot } = await read(camera);
  const at = new URL(`http://127.0.0.2:${camera.port}/onvif/event_service?x=1`);
  await failureOf(session.callAt(at, '', '<wsnt:Unsubscribe/>', 'UnsubscribeResponse'));
  expect(camera.requests.at(-1)).toMatchObject({ path: '/onvif/event_service?x=1' });
  expect([new URL(main.rtspUrl ?? '').hostname, new URL(snapshot?.url ?? '').hostname]).toEqual([
    '127.0.0.1',
    '127.0.0.1',
  ]);
  expect(connections).toEqual([]);
});

test('stream addresses are requested for RTSP, never HTTP, and no request has both Digest and token', async () => {
  const camera = await start({ login: 'digest' });
  await read(camera);
  const asked = camera.requests.filter(({ operation }) => operation === 'GetStreamUri').map(({ text }) => text);
  expect(asked.length).toBeGreaterThan(0);
  expect(asked.every((text) => /Protocol>RTSP</.test(text))).toBe(true);
  const digests = camera.requests.filter(({ authorization }) => authorization !== undefined);
  expect(digests.some(({ hasToken }) => hasToken)).toBe(false);
});

test.for(['octet-stream', undefined] as const)('a picture of type %s is accepted', async (snapshot) => {
  const camera = await start(snapshot ? { snapshot } : {});
  const { signal: _signal, ...target } = targetOf(camera);
  const picture = await new Snapshots({ ...target, maxBytes: 100_000 }).fetch(never);
  expect([picture[0], picture[1]]).toEqual([0xff, 0xd8]);
});

test('a cancelled snapshot ends, without effect on the camera', async () => {
  const camera = await start({ snapshot: 'hangs' });
  const { signal: _signal, ...target } = targetOf(camera);
  const stop = new AbortController();
  const picture = failureOf(new Snapshots({ ...target, maxBytes: 100_000 }).fetch(stop.signal));
  await expect.poll(() => camera.operations.includes('GetSnapshotUri')).toBe(true);
  stop.abort();
  expect((await picture).code).toBe('unavailable');
});
