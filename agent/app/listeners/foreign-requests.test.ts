import { generateKeyPairSync } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as ask, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePorts } from '../../../test/support/base/free-port.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { type AskedServerHarness, openAskedServer } from '../../../test/support/servers/asked-server.ts';
import { Users } from '../../auth/accounts/users.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { App } from '../app.ts';

const OWNER_PASSWORD = 'blue heron';
const STRANGER = 'http://evil.example';
const NAMED = 'https://nas.example';
const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36';
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const ALL = ['read', 'publish', 'playback', 'api', 'metrics', 'pprof'].map((action) => ({ action }));

type Given = 'cookie' | 'Basic' | 'token';
type From = 'same' | 'cross' | 'none';
const GIVEN: readonly Given[] = ['cookie', 'Basic', 'token'];
const FROM: readonly From[] = ['same', 'cross', 'none'];
const CASES = GIVEN.flatMap((given) => FROM.map((from) => [given, from] as const));

interface Route {
  readonly app: FastifyInstance;
  readonly method: string;
  readonly url: string;
  readonly isForAnySite: boolean;
}

/** Routes of every listener, taken from its table, so that new ones are included. */
const routes: Route[] = [];
const collect = (message: unknown): void => {
  const { fastify: app } = message as { fastify: FastifyInstance };
  app.addHook('onRoute', ({ method, url, config }) => {
    for (const one of [method].flat()) {
      routes.push({ app, method: one, url, isForAnySite: config?.isForAnySite === true });
    }
  });
};

const folder = mkdtempSync(join(tmpdir(), 'perch-foreign-'));
let asked: AskedServerHarness;
let app: App;
let jwt = '';
let cookie = '';
let ports: Record<'main' | 'hls' | 'webrtc' | 'api' | 'playback' | 'rtsp', number>;

beforeAll(async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0);
  const key = generateKeyPairSync('ed25519');
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(key.publicKey)), alg: 'EdDSA' }] });
  asked = await openAskedServer({ status: 200, body: jwks }, false, () => undefined);
  jwt = await new SignJWT({ mediamtx_permissions: ALL }).setProtectedHeader({ alg: 'EdDSA' }).sign(key.privateKey);
  const [hls = 0, webrtc = 0, api = 0, playback = 0, rtsp = 0, rtmp = 0] = await freePorts(6);
  const own = Object.entries({ hls, webrtc, api, playback });
  const lines = own.map(([name, port]) => `${name}: yes\n${name}Address: 127.0.0.1:${port}\n`).join('');
  writeFileSync(
    join(folder, 'perch.yml'),
    `authMethod: jwt\nauthJWTJWKS: ${asked.url}\nauthJWTInHTTPQuery: yes\nzlmSecret: zlm-secret\n${lines}address: 127.0.0.1:0
rtmpAddress: 127.0.0.1:${rtmp}\nrtspAddress: 127.0.0.1:${rtsp}\nrtspTransports: [tcp]\nwebrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: 127.0.0.1:0
apiAllowOrigins: ['*', '${NAMED}']\nwebrtcAllowOrigins: ['*', '${NAMED}']\npaths:\n  door:\n`,
  );
  await (await Users.open(folder)).setOwner(OWNER_PASSWORD);
  subscribe('fastify.initialization', collect);
  app = await App.start({
    ...{ version: '0', dataDir: folder, cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  // Routes of these ports are mounted for their first request.
  await Promise.all(own.map(([, port]) => fetch(`http://127.0.0.1:${port}/`)));
  unsubscribe('fastify.initialization', collect);
  ports = { main: app.mainPort ?? 0, hls, webrtc, api, playback, rtsp };
  await logIn();
});
afterAll(async () => {
  await app.close();
  await asked[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

async function logIn(): Promise<void> {
  const body = JSON.stringify({ password: OWNER_PASSWORD });
  const headers = { 'Content-Type': 'application/json' };
  const login = await fetch(`http://127.0.0.1:${ports.main}/v3/session`, { method: 'POST', headers, body });
  cookie = login.headers.getSetCookie()[0]?.split(';')[0] ?? '';
}

function headersOf(given: Given | undefined, from: From, port: number): Record<string, string> {
  const credentials = {
    cookie: { Cookie: cookie },
    Basic: { Authorization: `Basic ${Buffer.from(`any:${jwt}`).toString('base64')}` },
    token: { Authorization: `Bearer ${jwt}` },
  };
  const origins = { same: { Origin: `http://127.0.0.1:${port}` }, cross: { Origin: STRANGER }, none: {} };
  return { ...(given && credentials[given]), ...origins[from] };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly isAsking: boolean;
}

/** Without `fetch`, which overrides the headers that browsers set. */
async function send(
  port: number,
  method: string,
  path: string,
  headers: Record<string, string>,
  body = '',
): Promise<Answer> {
  const length = body === '' ? {} : { 'Content-Length': `${body.length}` };
  const request = ask({ host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, agent: false });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  const isAsking = response.headers['www-authenticate'] !== undefined;
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), isAsking };
}

/** Parameters get a name that does not exist; the body is no valid change. */
const placeOf = (url: string): string => url.replace(/:\w+|\*/g, 'nothing');
const NONSENSE = '{"nonsense":true}';

const changing = (): readonly (Route & { readonly port: number })[] =>
  routes
    .filter(({ method, isForAnySite }) => !SAFE.has(method) && !isForAnySite)
    .flatMap((route) => [...route.app.listeners].map(({ port }) => ({ ...route, port })));

const isRefused = ({ status, text }: Answer): boolean => status === 401 && text.includes('page of another site');

describe('routes that change something', () => {
  test("includes the API's routes on both of its ports, and the main port's own", () => {
    const found = changing();
    expect(found.filter(({ port }) => port === ports.api).length).toBeGreaterThan(30);
    const urls = found.filter(({ port }) => port === ports.main).map(({ method, url }) => `${method} ${url}`);
    expect(urls).toEqual(expect.arrayContaining(['POST /v3/session', 'POST /v3/config/paths/add/*', 'POST /v3/users']));
  });

  test.for(CASES)('with %s, %s origin', async ([given, from]) => {
    const wrong: string[] = [];
    for (const { method, url, port } of changing()) {
      const headers = { ...headersOf(given, from, port), 'Content-Type': 'application/json' };
      const answer = await send(port, method, placeOf(url), headers, NONSENSE);
      if (isRefused(answer) !== (from === 'cross')) {
        wrong.push(`${method} ${port} ${url}: ${answer.status} ${answer.text}`);
      }
      if (url.startsWith('/v3/session')) {
        await logIn();
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a browser that sends Sec-Fetch-Site only is rejected too, and a page that the configuration names is not', async () => {
    const wrong: string[] = [];
    for (const { method, url, port } of changing()) {
      const token = headersOf('token', 'none', port);
      const json = { ...token, 'Content-Type': 'application/json' };
      const site = await send(port, method, placeOf(url), { ...json, 'Sec-Fetch-Site': 'cross-site' }, NONSENSE);
      const named = await send(port, method, placeOf(url), { ...json, Origin: NAMED }, NONSENSE);
      // Login and logout are for the page's own origin alone.
      const isOwnAlone = /^\/v3\/(?:session|claim|guest)\b/.test(url);
      if (!isRefused(site) || (isRefused(named) && !isOwnAlone)) {
        wrong.push(`${method} ${port} ${url}: ${site.status}, ${named.status} ${named.text}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.for(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    '%s, which a form can send, is accepted from programs: they may use any Content-Type',
    async (type) => {
      const url = '/v3/config/paths/add/form';
      for (const port of [ports.main, ports.api]) {
        const body = '{"source":"publisher"}';
        const own = { ...headersOf('Basic', 'same', port), 'Content-Type': type };
        expect((await send(port, 'POST', url, own, body)).status).toBe(415);
        const program = { ...headersOf('Basic', 'none', port), 'Content-Type': type };
        expect((await send(port, 'POST', url, program, body)).status).toBe(200);
        const removed = await send(port, 'DELETE', url.replace('add', 'delete'), headersOf('Basic', 'none', port));
        expect(removed.status).toBe(200);
      }
    },
  );
});

describe('WHEP and WHIP', () => {
  const places = () =>
    [
      [ports.main, '/webrtc/door/whep'],
      [ports.main, '/webrtc/door/whip'],
      [ports.webrtc, '/door/whep'],
      [ports.webrtc, '/door/whip'],
      [ports.webrtc, '/door/talk'],
    ] as const;
  const SDP = { 'Content-Type': 'application/sdp' };

  test.for(CASES)('with %s, %s origin', async ([given, from]) => {
    // A cookie needs our own page. A browser sends a preflight before application/sdp to another origin, and then adds no credentials itself.
    const isLetIn = given !== 'cookie' || from === 'same';
    for (const [port, path] of places()) {
      const answer = await send(port, 'POST', path, { ...headersOf(given, from, port), ...SDP }, 'v=0\r\n');
      expect([path, answer.status]).toEqual([path, isLetIn ? 400 : 401]);
    }
  });

  test('cross-site requests of a browser without preflight do not count with Basic credentials', async () => {
    for (const [port, path] of places()) {
      for (const type of ['text/plain', undefined]) {
        const headers = { ...headersOf('Basic', 'cross', port), ...(type && { 'Content-Type': type }) };
        expect((await send(port, 'POST', path, headers, 'v=0\r\n')).status).toBe(401);
      }
    }
  });
});

describe.runIf(KEYS.global.names.has('zlmSecret'))("ZLMediaKit's calls", () => {
  const READING = new Set(
    ['getMediaList', 'isMediaOnline', 'getMediaInfo', 'getMediaPlayerList', 'getAllSession', 'listStreamProxy']
      .concat(['getProxyInfo', 'listFFmpegSource', 'listStreamPusherProxy', 'getProxyPusherInfo'])
      .concat(['isRecording', 'getSnap', 'getServerConfig', 'getStatistic', 'version', 'getApiList'])
      .map((name) => `/index/api/${name}`),
  );
  const SIGNALLING = /\/(?:webrtc|whip|whep|delete_webrtc|login)$/;
  const MISSING_PATH = 'vhost=__defaultVhost__&app=no&stream=body&id=0&schema=rtsp&type=0&key=x&url=x';
  const codeOf = ({ text }: Answer): number => JSON.parse(text).code as number;

  const calls = async (): Promise<string[]> => {
    const list = await send(ports.main, 'GET', '/index/api/getApiList?secret=zlm-secret', {});
    return (JSON.parse(list.text).data as string[]).filter((path) => !SIGNALLING.test(path));
  };

  test.for(CASES)('with %s, %s origin, by GET and POST', async ([given, from]) => {
    for (const path of await calls()) {
      for (const [port, method] of [
        [ports.main, 'GET'],
        [ports.webrtc, 'GET'],
        [ports.main, 'POST'],
      ] as const) {
        const isChange = !READING.has(path);
        // Reading is guarded by the browser, which shows no page the answer, and the session of the page opens none of these.
        const mayBeAdded = given === 'Basic' && from === 'cross' && method === 'POST';
        const isLetIn = given !== 'cookie' && !(isChange && from === 'cross') && !mayBeAdded;
        const answer = await send(port, method, `${path}?${MISSING_PATH}`, headersOf(given, from, port));
        const isIn = answer.text[0] !== '{' || codeOf(answer) !== -100;
        expect([path, method, isIn]).toEqual([path, method, isLetIn]);
      }
    }
  });

  test('the secret allows changes to programs and named pages, and not to pages of other sites', async () => {
    const path = `/index/api/delStreamProxy?secret=zlm-secret&${MISSING_PATH}`;
    const ask = async (headers: Record<string, string>) => codeOf(await send(ports.main, 'GET', path, headers));
    expect(await ask({})).not.toBe(-100);
    expect(await ask({ Origin: NAMED })).not.toBe(-100);
    expect(await ask({ 'User-Agent': BROWSER })).not.toBe(-100);
    expect(await ask({ Origin: STRANGER })).toBe(-100);
    expect(await ask({ 'Sec-Fetch-Site': 'same-site' })).toBe(-100);
  });

  test('a picture of another page, which names none over plain http, changes nothing with a stored name and password', async () => {
    for (const path of await calls()) {
      const headers = { ...headersOf('Basic', 'none', ports.main), 'User-Agent': BROWSER };
      const answer = await send(ports.main, 'GET', `${path}?${MISSING_PATH}`, headers);
      const isIn = answer.text[0] !== '{' || codeOf(answer) !== -100;
      expect([path, isIn]).toEqual([path, READING.has(path)]);
    }
  });
});

/** The status that a handshake is answered with. */
async function handshake(port: number, path: string, headers: Record<string, string>): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const lines = { Host: `127.0.0.1:${port}`, Connection: 'Upgrade', Upgrade: 'websocket', ...headers };
  const fields = {
    ...lines,
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'Sec-WebSocket-Protocol': 'rtsp.onvif.org',
  };
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${head.join('')}\r\n`);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString('latin1');
}
const statusOf = (answer: string): number => Number(/^HTTP\/1.1 (\d{3})/.exec(answer)?.[1]);

describe('WebSockets', () => {
  const mse = () =>
    [
      [ports.main, '/hls/door/mse'],
      [ports.hls, '/door/mse'],
    ] as const;

  test.for(CASES)('MSE with %s, %s origin', async ([given, from]) => {
    const isLetIn = from === 'cross' ? given === 'token' : given !== 'cookie' || from === 'same';
    for (const [port, path] of mse()) {
      const inAddress = given === 'token' ? `?jwt=${jwt}` : '';
      const headers = headersOf(given === 'token' ? undefined : given, from, port);
      const answer = await handshake(port, `${path}${inAddress}`, headers);
      expect([path, statusOf(answer)]).toEqual([
        path,
        isLetIn ? 101 : given === 'cookie' && from === 'none' ? 101 : 401,
      ]);
      expect(answer).not.toMatch(/www-authenticate/i);
    }
  });

  test.for(CASES)('FLV with %s, %s origin', async ([given, from]) => {
    const isLetIn = from !== 'cross' || given === 'token';
    const inAddress = given === 'token' ? `?jwt=${jwt}` : '';
    const headers = headersOf(given === 'token' ? undefined : given, from, ports.main);
    const answer = await handshake(ports.main, `/live/door.live.flv${inAddress}`, headers);
    // With permission: no stream.
    expect(statusOf(answer)).toBe(isLetIn ? 404 : 401);
    expect(answer).not.toMatch(/www-authenticate/i);
  });

  test.for(CASES)('RTSP with %s, %s origin: what the handshake brings opens nothing within', async ([given, from]) => {
    const answer = await handshake(ports.rtsp, '/door', headersOf(given, from, ports.rtsp));
    expect(statusOf(answer)).toBe(from === 'cross' ? 400 : 101);
  });
});

describe('asking for name and password', () => {
  const BROWSERS = [
    { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Site': 'none' },
    { 'User-Agent': BROWSER, Accept: 'text/html' },
  ];

  test('the page does not make browsers ask for a password; players and their own pages do', async () => {
    const asks = async (port: number, path: string, headers: Record<string, string>) => {
      const answer = await send(port, 'GET', path, headers);
      return answer.status === 401 ? answer.isAsking : answer.status;
    };
    for (const headers of BROWSERS) {
      for (const path of ['/v3/docs', '/v3/paths/list', '/playback/list?path=door', '/metrics', '/debug/pprof/']) {
        expect([path, await asks(ports.main, path, headers)]).toEqual([path, false]);
      }
      expect(await asks(ports.main, '/hls/door/', headers)).toBe(true);
      expect(await asks(ports.webrtc, '/door/', headers)).toBe(true);
      expect(await asks(ports.api, '/v3/paths/list', headers)).toBe(true);
    }
    expect(await asks(ports.main, '/v3/paths/list', {})).toBe(true);
  });
});
