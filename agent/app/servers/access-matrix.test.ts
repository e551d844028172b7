import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePorts } from '../../../test/support/base/free-port.ts';
import { askFrom } from '../../../test/support/clients/ask-from.ts';
import { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { type AskedServerHarness, openAskedServer } from '../../../test/support/servers/asked-server.ts';
import { Users } from '../../auth/accounts/users.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const OWNER_PASSWORD = 'blue heron';
const ID = /^[\da-f-]{36}$/;
const KEY = generateKeyPairSync('ed25519');
const ALL = ['read', 'publish', 'playback', 'api', 'metrics', 'pprof'];
const MEDIA = new Set(['read', 'publish', 'playback']);
const ofDoor = ALL.map((action) => ({ action, path: MEDIA.has(action) ? 'door' : '' }));

const SDP =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:0\r\n';

type Ports = Readonly<Record<'main' | 'rtsp' | 'hls' | 'webrtc' | 'playback' | 'api' | 'metrics' | 'pprof', number>>;
/** Basic credentials; undefined: none. */
type Given = { readonly user: string; readonly password: string } | 'session' | undefined;

/**
 * Each server at each of its ports, a request, and its status with permission: without a stream or a
 * recording 404.
 */
const ROWS: readonly (readonly [server: keyof Ports, method: string, target: string, allowed: number])[] = [
  ['webrtc', 'OPTIONS', '/@/whep', 204],
  ['webrtc', 'OPTIONS', '/@/whip', 204],
  ['webrtc', 'GET', '/@/', 200],
  ['webrtc', 'GET', '/@/publish', 200],
  ['webrtc', 'OPTIONS', '/@/talk', 204],
  // Without an offer: with permission the answer is 400.
  ['webrtc', 'POST', '/@/whep', 400],
  ['webrtc', 'POST', '/@/whip', 400],
  ['webrtc', 'POST', '/@/talk', 400],
  ['main', 'POST', '/webrtc/@/whep', 400],
  ['main', 'POST', '/webrtc/@/whip', 400],
  ['main', 'GET', '/webrtc/@/', 200],
  ['main', 'OPTIONS', '/webrtc/@/whep', 204],
  ['main', 'OPTIONS', '/webrtc/@/whip', 204],
  ['hls', 'GET', '/@/index.m3u8?cookieCheck=1', 404],
  ['hls', 'GET', '/@/live.mp4', 404],
  ['hls', 'GET', '/@/mse', 426],
  ['hls', 'GET', '/@/rewind.m3u8', 404],
  ['main', 'GET', '/hls/@/mse', 426],
  ['main', 'GET', '/hls/@/index.m3u8?cookieCheck=1', 404],
  ['main', 'GET', '/hls/@/live.mp4', 404],
  ['playback', 'GET', '/list?path=@', 404],
  ['playback', 'GET', '/get?path=@&start=2026-01-01T00:00:00Z&duration=10', 404],
  ['playback', 'GET', '/@/index.m3u8?start=2026-01-01T00:00:00Z&duration=10', 404],
  ['playback', 'GET', '/@/still.jpg?time=2026-01-01T00:00:00Z', 404],
  ['main', 'GET', '/playback/list?path=@', 404],
  ['main', 'GET', '/playback/get?path=@&start=2026-01-01T00:00:00Z&duration=10', 404],
  ['main', 'GET', '/playback/@/index.m3u8?start=2026-01-01T00:00:00Z&duration=10', 404],
  ['api', 'GET', '/v3/paths/list', 200],
  ['api', 'GET', '/v3/nothing', 404],
  ['api', 'POST', '/v3/config/reload', 200],
  ['api', 'DELETE', '/v3/config/paths/delete/nothing', 404],
  ['main', 'GET', '/v3/config/global/get', 200],
  ['main', 'POST', '/v3/config/paths/foresee/nothing', 400],
  ['main', 'DELETE', '/v3/config/paths/delete/nothing', 404],
  ['metrics', 'GET', '/metrics', 200],
  ['main', 'GET', '/metrics', 200],
  ['pprof', 'GET', '/debug/pprof/', 200],
  ['main', 'GET', '/debug/pprof/', 200],
  ['rtsp', 'DESCRIBE', '@', 404],
  ['rtsp', 'ANNOUNCE', '@', 200],
  ['rtsp', 'SETUP', '@/trackID=0', 404],
];

interface Answer {
  readonly status: number;
  /** It had a `WWW-Authenticate` header. */
  readonly isAsking: boolean;
}

interface Mode {
  /** Lines of the configuration. */
  config(asked: AskedServerHarness): string;
  readonly right: Given;
  readonly wrong: Given;
  /** All permissions of `right`, from another address. */
  readonly elsewhere: Given;
}

const tokenFor = (permissions: object, key = KEY) =>
  new SignJWT({ mediamtx_permissions: permissions }).setProtectedHeader({ alg: 'EdDSA' }).sign(key.privateKey);

const user = (name: string, ips: readonly string[]) => ({ user: name, pass: 'secret', ips, permissions: ofDoor });
const USERS = `authInternalUsers: ${JSON.stringify([user('tom', []), user('eve', ['192.0.2.0/24'])])}\n`;
const named = { right: { user: 'tom', password: 'secret' }, wrong: { user: 'tom', password: 'x' } };
const MODES: Readonly<Record<string, Mode>> = {
  "MediaMTX's file": { config: () => USERS, ...named, elsewhere: { user: 'eve', password: 'secret' } },
  "Perch's own setup": {
    config: () => `perch: own\n${USERS}`,
    ...named,
    elsewhere: { user: 'eve', password: 'secret' },
  },
  'authMethod http': {
    config: ({ url }) => `authMethod: http\nauthHTTPAddress: ${url}\n`,
    ...named,
    elsewhere: { user: 'eve', password: 'secret' },
  },
  'authMethod jwt': {
    config: ({ url }) => `authMethod: jwt\nauthJWTJWKS: ${url}\n`,
    right: { user: 'anybody', password: await tokenFor(ofDoor) },
    wrong: { user: 'anybody', password: await tokenFor(ofDoor, generateKeyPairSync('ed25519')) },
    elsewhere: { user: 'anybody', password: await tokenFor([]) },
  },
};

/** Decides as the users of the file do. */
function decide({ user: name, password, action, path, ip }: Record<string, string>): boolean {
  const isPermitted = !MEDIA.has(action ?? '') || path === 'door';
  return password === 'secret' && isPermitted && (name === 'tom' || (name === 'eve' && ip === '192.0.2.1'));
}

async function openBox({ config }: Mode) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-matrix-'));
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(KEY.publicKey)), alg: 'EdDSA' }] });
  const asked = await openAskedServer({ status: 200, body: jwks }, false, (body) => {
    return typeof body === 'object' ? { status: decide(body as Record<string, string>) ? 200 : 401 } : undefined;
  });
  const [rtsp = 0, hls = 0, webrtc = 0, playback = 0, api = 0, metrics = 0, pprof = 0] = await freePorts(7);
  const servers = { hls, webrtc, playback, api, metrics, pprof };
  const lines = Object.entries(servers).map(([name, port]) => `${name}: yes\n${name}Address: 127.0.0.1:${port}\n`);
  const rest = `address: 127.0.0.1:0\nrtmpAddress: 127.0.0.1:0\nrtspAddress: 127.0.0.1:${rtsp}\nrtspTransports: [tcp]\nwebrtcLocalUDPAddress: ""
webrtcLocalTCPAddress: 127.0.0.1:0\npaths:\n  door:\n  yard:\n`;
  writeFileSync(join(folder, 'perch.yml'), config(asked) + lines.join('') + rest);
  await (await Users.open(folder)).setOwner(OWNER_PASSWORD);
  const app = await App.start({
    ...{ version: '0', dataDir: folder, cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  const main = app.mainPort ?? 0;
  const body = JSON.stringify({ password: OWNER_PASSWORD });
  const headers = { 'Content-Type': 'application/json', Origin: `http://127.0.0.1:${main}` };
  const login = await fetch(`http://127.0.0.1:${main}/v3/session`, { method: 'POST', headers, body });
  const cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const ports: Ports = { main, rtsp, ...servers };
  return {
    asked,
    ask: (row: (typeof ROWS)[number], path: string, given: Given) => ask(ports, cookie, row, path, given),
    close: async () => {
      await app.close();
      await asked[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

let askedCount = 0;

async function ask(
  ports: Ports,
  cookie: string,
  [server, method, target]: (typeof ROWS)[number],
  path: string,
  given: Given,
): Promise<Answer> {
  const basic = typeof given === 'object' && Buffer.from(`${given.user}:${given.password}`).toString('base64');
  const authorization = basic ? `Basic ${basic}` : '';
  const place = target.replace('@', path);
  // A new address for each: the tenth wrong login would block one address.
  askedCount += 1;
  const address = `127.1.${askedCount >> 8}.${askedCount & 255}`;
  if (server === 'rtsp') {
    using caller = await RtspCaller.connect(ports.rtsp, false, address);
    const fields = authorization === '' ? [] : [['Authorization', authorization] as const];
    const isSdp = method === 'ANNOUNCE';
    const type = isSdp ? [['Content-Type', 'application/sdp'] as const] : [];
    const transport = method === 'SETUP' ? [['Transport', 'RTP/AVP/TCP;unicast;interleaved=0-1'] as const] : [];
    const uri = `rtsp://127.0.0.1:${ports.rtsp}/${place}`;
    const reply = await caller.ask(method, uri, [...fields, ...type, ...transport], isSdp ? SDP : '');
    return { status: reply.status, isAsking: reply.headers.get('WWW-Authenticate') !== undefined };
  }
  const headers = {
    ...(authorization === '' ? {} : { Authorization: authorization }),
    ...(given === 'session' ? { Cookie: cookie, Origin: `http://127.0.0.1:${ports[server]}` } : {}),
  };
  const answer = await askFrom(address, `http://127.0.0.1:${ports[server]}${place}`, { method, headers });
  return { status: answer.status, isAsking: answer.headers['www-authenticate'] !== undefined };
}

describe.for(Object.entries(MODES))('%s', ([, mode]) => {
  let box: Awaited<ReturnType<typeof openBox>>;
  beforeAll(async () => {
    // Wrong credentials wait for none of their four seconds; that they wait is proved elsewhere.
    vi.spyOn(Math, 'random').mockReturnValue(0);
    box = await openBox(mode);
  });
  afterAll(async () => {
    await box.close();
    vi.restoreAllMocks();
  });

  test.for(ROWS)('%s %s %s', async (row) => {
    const [server, , target, allowed] = row;
    const refused = { status: 401, isAsking: false };
    const yes = { status: allowed, isAsking: false };
    expect(await box.ask(row, 'door', undefined)).toEqual({ status: 401, isAsking: true });
    expect(await box.ask(row, 'door', mode.wrong)).toEqual(refused);
    expect(await box.ask(row, 'door', mode.right)).toEqual(yes);
    expect(await box.ask(row, 'yard', mode.right)).toEqual(target.includes('@') ? refused : yes);
    expect(await box.ask(row, 'door', mode.elsewhere)).toEqual(refused);
    if (server !== 'rtsp') {
      expect(await box.ask(row, 'yard', 'session')).toEqual(yes);
    }
  });

  test('the page is for people only, whatever permissions machines have', async () => {
    const row = ['main', 'GET', '/v3/system', 200] as const;
    const answers = [undefined, mode.wrong, mode.right, 'session'] as const;
    const codes = await Promise.all(answers.map(async (given) => (await box.ask(row, '', given)).status));
    expect(codes).toEqual([401, 401, 401, 200]);
  });
});

test('an external server receives the protocol and the program', async () => {
  const mode = MODES['authMethod http'];
  const box = mode && (await openBox(mode));
  for (const row of ROWS) {
    await box?.ask(row, 'door', mode?.right);
  }
  const seen = (box?.asked.asked ?? []) as Record<string, unknown>[];
  const requests = new Set(seen.map(({ protocol, action, path }) => `${protocol}:${action}:${path}`));
  await box?.close();
  expect([...requests].sort()).toEqual([
    ':api:',
    ':metrics:',
    ':playback:door',
    ':pprof:',
    // Live rewind.
    'hls:playback:door',
    'hls:read:door',
    'rtsp:publish:door',
    'rtsp:read:door',
    'webrtc:publish:door',
    'webrtc:read:door',
  ]);
  // The id is that of an RTSP connection, or of the session that a request may open.
  const named = seen.filter(({ id }) => ID.test(String(id))).map(({ protocol, path }) => `${protocol} ${path}`);
  expect(new Set(named)).toEqual(new Set(['rtsp door', 'hls door', 'webrtc door']));
  expect(new Set(seen.filter(({ protocol }) => protocol !== 'rtsp').map(({ userAgent }) => userAgent))).toEqual(
    new Set(['node']),
  );
});

test('an RTSP player without a name is accepted by the token in its address, with its permissions', async () => {
  using _unpaused = vi.spyOn(Math, 'random').mockReturnValue(0);
  const mode = MODES['authMethod jwt'];
  const box = mode && (await openBox(mode));
  const query = `?jwt=${await tokenFor(ofDoor)}`;
  const ask = async (method: string, place: string, path = 'door') => {
    return (await box?.ask(['rtsp', method, place, 0], path, undefined))?.status;
  };
  const asked = [
    await ask('DESCRIBE', `@${query}`),
    await ask('ANNOUNCE', `@${query}`),
    await ask('SETUP', `@/trackID=0${query}`),
    await ask('DESCRIBE', `@${query}`, 'yard'),
    await ask('DESCRIBE', `@${query}x`),
  ];
  await box?.close();
  expect(asked).toEqual([404, 200, 404, 401, 401]);
});
