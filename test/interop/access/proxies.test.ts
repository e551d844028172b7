import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Agent, startAgent, until } from '../../peers/agent/agent.ts';
import { type Asked, CLIENT, FrontClient } from '../../peers/host/front-client.ts';
import { type FrontServer, type ProxyName, startProxy } from '../../peers/host/proxies.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { describeWith, inShort } from '../../peers/programs/peers.ts';
import { setupCodeOf } from '../../support/base/setup-code.ts';
import { record } from '../../support/disks/recordings.ts';

const PASSWORD = 'a-kingfisher-on-a-perch';
const OFFER = readFileSync(join(import.meta.dirname, '../../fixtures/offers/chromium-156-linux.sdp'), 'utf8');
const RECORDED_AGO_MS = 3_600_000;
const RELOADS = 4;
/** The count of `Attempts` for each address. */
const MAX_ATTEMPTS = 10;
const JSON_TYPE = { 'Content-Type': 'application/json' };
/** Headers that any outside client may send. */
const FORGED = {
  'X-Forwarded-For': '203.0.113.9',
  'X-Real-IP': '203.0.113.9',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-Proto': 'http',
  'X-Forwarded-Prefix': '/evil',
  Forwarded: 'for=203.0.113.9;host=evil.example;proto=http',
};

const dataDir = mkdtempSync(join(tmpdir(), 'perch-proxies-'));
let agent: Agent;
let basic: string;
let owner: string;

beforeAll(async () => {
  const recordPath = join(dataDir, 'recordings/%path/%Y-%m-%d_%H-%M-%S-%f');
  await record(dataDir, 4, { path: 'demo', recordPath, wall: Date.now() - RECORDED_AGO_MS });
  agent = await startAgent({
    dataDir,
    env: {
      PERCH_TRUSTEDPROXIES: '127.0.0.1',
      PERCH_ZLMALLOWIPS: CLIENT,
      PERCH_PATHDEFAULTS_RECORDPATH: recordPath,
      TZ: 'UTC',
    },
    // The untrusted proxies connect from ::1.
    listen: ({ main }) => ({ address: `:${main}`, tlsAddress: '' }),
  });
  const headers = { ...JSON_TYPE, origin: agent.url };
  const body = JSON.stringify({ password: PASSWORD, setupCode: setupCodeOf(agent) });
  const claimed = await fetch(`${agent.url}/v3/claim`, { method: 'POST', headers, body });
  expect(claimed.status).toBe(200);
  const cookie = claimed.headers.getSetCookie().map(pairOf).join('; ');
  owner = (await (await fetch(`${agent.url}/v3/session`, { headers: { cookie } })).json()).user;
  basic = `Basic ${Buffer.from(`${owner}:${PASSWORD}`).toString('base64')}`;
});
afterAll(async () => {
  await agent?.[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

const wordsOf = (password: string): string => JSON.stringify({ password });
const pairOf = (setCookie: string): string => setCookie.split(';')[0] ?? '';
const logIn = (password: string, more: Asked = {}): Asked => ({
  ...{ method: 'POST', body: wordsOf(password) },
  ...more,
  headers: { ...JSON_TYPE, ...more.headers },
});

const SITES = [
  ['in a folder', 'home.example', '/perch'],
  ['on a name of its own', 'perch.example', ''],
] as const;

const PROXIES = ['nginx', 'apache', 'caddy'] as const satisfies readonly ProxyName[];
/** The servers with a test for each feature; the others are tested only for the features that proxies break first. */
const EACH_BY_ITSELF = inShort(
  PROXIES.flatMap((name) => SITES.map(([where]) => [name, where] as const)),
  'nginx in a folder',
);
const LOCKING_OUT: readonly ProxyName[] = inShort(PROXIES, 'nginx');

for (const name of PROXIES) {
  describeWith([name, 'ffmpeg'], `behind ${name}, as the guide has it`, () => {
    let proxy: FrontServer;
    beforeAll(async () => {
      proxy = await startProxy(name, agent.ports.main);
    });
    afterAll(() => proxy?.[Symbol.asyncDispose]());

    describe.each(SITES)('%s', (where, host, folder) => {
      const open = () => new FrontClient(proxy, host, folder);
      if (EACH_BY_ITSELF.some(([one, there]) => one === name && there === where)) {
        siteTests(open);
      } else {
        test('serves everything, WebSockets included', async () => {
          await cookiesFit(open());
          await everythingIsThere(open());
        });
      }
    });
    if (LOCKING_OUT.includes(name)) {
      lockOutTest(() => proxy);
    }

    test('redirects the folder without a slash to the page', async () => {
      const site = new FrontClient(proxy, 'home.example', '/perch');
      const { status, headers } = await site.ask(site.base);
      expect([301, 302]).toContain(status);
      expect(new URL(headers.location ?? '', site.base).href).toBe(`${site.base}/`);
    });

    test('ffmpeg plays HLS', async () => {
      const { host } = new URL(proxy.url);
      const { streams } = await ffprobe(`http://${owner}:${PASSWORD}@${host}/perch/hls/demo/index.m3u8`);
      expect(streams.map(({ codec_name }) => codec_name)).toContain('h264');
    });
  });
}

describeWith(['nginx'], 'behind nginx that speaks HTTP/1.0, its default', () => {
  let site: FrontClient;
  let proxy: FrontServer;
  beforeAll(async () => {
    proxy = await startProxy('nginx', agent.ports.main);
    site = new FrontClient(proxy, 'old.example', '/perch');
  });
  afterAll(() => proxy?.[Symbol.asyncDispose]());

  test('serves everything, WebSockets included', () => everythingIsThere(site));
});

/** The features that a proxy breaks first. */
async function everythingIsThere(site: FrontClient): Promise<void> {
  await aPageIsThere(site);
  await recordingsPlay(site);
  await picturesComeAtOnce(site);
  await bodiesArrive(site);
  await whepEnds(site);
  expect(await site.socket('/hls/demo/mse', { authorization: basic })).toBe(101);
}

function siteTests(open: () => FrontClient): void {
  let site: FrontClient;
  beforeAll(() => {
    site = open();
  });
  test('serves the page and the API page with all their parts, and the API knows its address', () =>
    aPageIsThere(site));
  test("a login gets cookies for https and for Perch's own path, and the client keeps its own address", () =>
    cookiesFit(site));
  test("a guest's link leads back to the proxy and shows the camera", () => aLinkOpens(site));
  test("WHEP, also ZLMediaKit's, returns the address that ends the session", () => whepEnds(site));
  test("ZLMediaKit's login holds", () => zlmLogsIn(site));
  test('lists recordings with addresses that play, in ranges', () => recordingsPlay(site));
  test('HEAD returns the headers of GET', () => headsFit(site));
  test('passes bodies on completely, and rejects too large ones with a message', () => bodiesArrive(site));
  test('low-latency HLS blocks until the next part, with many requests on one connection', () => playlistsCome(site));
  test('passes live pictures and events on as they are made', async () => {
    await picturesComeAtOnce(site);
    expect(await site.socket('/hls/demo/mse', { authorization: basic, origin: `https://${site.host}` })).toBe(101);
  });
}

async function aPageIsThere(site: FrontClient): Promise<void> {
  const headers = { authorization: basic, ...FORGED };
  for (const page of ['/', '/v3/docs', '/hls/demo/', '/webrtc/demo/']) {
    const { body, status } = await site.ask(page, { headers });
    expect([page, status]).toEqual([page, 200]);
    const parts = [...body.toString().matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, part = '']) => part);
    for (const part of parts.filter((one) => !one.startsWith('data:'))) {
      const { href } = new URL(part, `${site.base}${page}`);
      expect(href.startsWith(`${site.base}/`), href).toBe(true);
      expect([href, (await site.ask(href, { headers })).status]).toEqual([href, 200]);
    }
  }
  const { servers } = await site.json<{ servers: unknown }>('/v3/openapi.json', { headers });
  expect(servers).toEqual([{ url: site.base }]);
  expect((await site.ask('/v3/paths/list')).status).toBe(401);
  const late = await site.ask('/v3/paths/list/', { headers });
  expect(new URL(late.headers.location ?? '', `${site.base}/v3/paths/list/`).href).toBe(`${site.base}/v3/paths/list`);
}

async function cookiesFit(site: FrontClient): Promise<void> {
  const origin = `https://${site.host}`;
  const { status, headers } = await site.ask('/v3/session', logIn(PASSWORD, { headers: { origin, ...FORGED } }));
  const given = headers['set-cookie'] ?? [];
  expect([status, given.length]).toEqual([200, 2]);
  for (const cookie of given) {
    expect(cookie).toMatch(new RegExp(`_tls=.*; Path=${site.folder || '/'}; .*; Secure$`));
  }
  const cookie = given.map(pairOf).join('; ');
  const { items } = await site.json<{ items: { address: string; current: boolean }[] }>('/v3/sessions', {
    headers: { cookie },
  });
  expect(items.map(({ address }) => address)).toContain(CLIENT);
  expect(items.map(({ address }) => address)).not.toContain('203.0.113.9');
  const foreign = await site.ask('/v3/session', logIn(PASSWORD, { headers: { origin: 'https://evil.example' } }));
  expect(foreign.status).toBe(401);
  const out = await site.ask('/v3/session', { method: 'DELETE', headers: { cookie, origin } });
  expect(out.headers['set-cookie']?.[0]).toMatch(new RegExp(`Path=${site.folder || '/'}; .*Max-Age=0; Secure$`));
  expect((await site.ask('/v3/sessions', { headers: { cookie } })).status).toBe(401);
}

async function aLinkOpens(site: FrontClient): Promise<void> {
  const guest = { paths: ['demo'], until: new Date(Date.now() + RECORDED_AGO_MS).toISOString() };
  const headers = { ...JSON_TYPE, authorization: basic };
  const made = { method: 'POST', headers, body: JSON.stringify(guest) };
  const { link, token } = await site.json<{ link: string; token: string }>('/v3/guests', made);
  expect(link).toBe(`${site.base}/#/guest/${token}`);
  const opened = await site.ask('/v3/guest', {
    ...{ method: 'POST', headers: { ...JSON_TYPE, origin: `https://${site.host}` } },
    body: JSON.stringify({ token }),
  });
  const cookie = (opened.headers['set-cookie'] ?? []).map(pairOf).join('; ');
  expect(cookie).not.toBe('');
  expect((await site.ask('/hls/demo/', { headers: { cookie } })).status).toBe(200);
  expect((await site.ask('/hls/demo/')).status).toBe(401);
}

async function whepEnds(site: FrontClient): Promise<void> {
  const headers = { authorization: basic, 'Content-Type': 'application/sdp', ...FORGED };
  for (const [url, end] of [
    ['/webrtc/demo/whep', '/webrtc/demo/whep/'],
    ['/index/api/whep?app=live&stream=demo', '/index/api/delete_webrtc?'],
  ] as const) {
    const made = await site.ask(url, { method: 'POST', headers, body: OFFER });
    expect([url, made.status, made.body.toString()]).toEqual([url, 201, expect.stringMatching(/^v=0/)]);
    const { href } = new URL(made.headers.location ?? '', site.base + url);
    expect(href.startsWith(site.base + end), href).toBe(true);
    expect((await site.ask(href, { method: 'DELETE', headers: { authorization: basic } })).status).toBe(200);
  }
}

async function zlmLogsIn(site: FrontClient): Promise<void> {
  const { secret } = await site.json<{ secret: string }>('/v3/zlm', { headers: { authorization: basic } });
  const refused = await site.ask('/index/api/getApiList');
  const { cookie } = JSON.parse(refused.body.toString()) as { cookie: string };
  const [challenge = ''] = refused.headers['set-cookie'] ?? [];
  expect(challenge).toMatch(new RegExp(`; Path=${site.folder}/index/api; .*; Secure$`));
  const digest = createHash('md5').update(`zlmediakit:${secret}:${cookie}`).digest('hex');
  const login = await site.ask(`/index/api/login?digest=${digest}`, { headers: { cookie: pairOf(challenge) } });
  const [session = ''] = login.headers['set-cookie'] ?? [];
  expect(session).toMatch(new RegExp(`; Path=${site.folder}/index/api; .*; Secure$`));
  const list = await site.json('/index/api/getApiList', { headers: { cookie: pairOf(session) } });
  expect(list).toMatchObject({ code: 0 });
}

async function recordingsPlay(site: FrontClient): Promise<void> {
  const headers = { authorization: basic };
  const [span] = await site.json<{ url: string; duration: number }[]>('/playback/list?path=demo', {
    headers: { ...headers, ...FORGED },
  });
  const { url = '' } = span ?? {};
  expect(url.startsWith(`${site.base}/playback/get?`), url).toBe(true);
  const whole = await site.ask(`${url}&format=mp4`, { headers });
  const { length } = whole.body;
  const etag = String(whole.headers.etag);
  expect([whole.status, whole.headers['content-length'], whole.headers['accept-ranges']]).toEqual([
    ...[200, String(length), 'bytes'],
  ]);
  const part = (more: Readonly<Record<string, string>>) =>
    site.ask(`${url}&format=mp4`, { headers: { ...headers, range: 'bytes=100-299', ...more } });
  for (const more of [{}, { 'If-Range': etag }] as const) {
    const { status, headers: head, body } = await part(more);
    expect([status, head['content-range'], head.etag]).toEqual([206, `bytes 100-299/${length}`, etag]);
    expect(body.equals(whole.body.subarray(100, 300))).toBe(true);
  }
  expect([(await part({ 'If-Range': '"another"' })).status]).toEqual([200]);
  expect((await part({ 'If-None-Match': etag })).status).toBe(304);
  const behind = await part({ range: `bytes=${length}-` });
  expect([behind.status, behind.headers['content-range']]).toEqual([416, `bytes */${length}`]);
}

async function headsFit(site: FrontClient): Promise<void> {
  const headers = { authorization: basic, cookie: 'cookieCheck=1' };
  const [{ url = '' } = {}] = await site.json<{ url: string }[]>('/playback/list?path=demo', { headers });
  const pages = ['/', '/health', '/v3/info', '/v3/docs', '/v3/openapi.json', '/hls/demo/', '/hls/demo/index.m3u8'];
  for (const page of [...pages, '/webrtc/demo/', '/playback/list?path=demo', url, `${url}&format=mp4`, '/nowhere']) {
    const [get, head] = [await site.ask(page, { headers }), await site.ask(page, { method: 'HEAD', headers })];
    expect([page, head.status, head.headers['content-type'], head.body.length]).toEqual([
      ...[page, get.status, get.headers['content-type'], 0],
    ]);
  }
}

async function bodiesArrive(site: FrontClient): Promise<void> {
  const post = (body: Asked['body'], more: Readonly<Record<string, string>> = {}) =>
    site.ask('/v3/session', { ...logIn('', { headers: more }), body: body ?? '' });
  const words = wordsOf(PASSWORD);
  expect((await post([words.slice(0, 9), words.slice(9)])).status).toBe(200);
  expect((await post(words, { Expect: '100-continue', 'Content-Length': String(words.length) })).status).toBe(200);
  const megabyte = 'x'.repeat(1 << 20);
  for (const body of [`{"password":"${megabyte}"}`, ['{"password":"', megabyte, '"}']]) {
    const { status, body: answer } = await post(body);
    expect([status, JSON.parse(answer.toString())]).toMatchObject([413, { status: 'error' }]);
  }
}

/** The end of a playlist: its next request (RFC 8216bis §6.2.5.2). */
function nextOf(playlist: string): string {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
  const segments = playlist.match(/#EXTINF/g)?.length ?? 0;
  const running = playlist.slice(Math.max(0, playlist.lastIndexOf('#EXTINF')));
  return `_HLS_msn=${first + segments}&_HLS_part=${running.match(/#EXT-X-PART:/g)?.length ?? 0}`;
}

async function playlistsCome(site: FrontClient): Promise<void> {
  using connection = await site.shared({ authorization: basic, cookie: 'cookieCheck=1' });
  const index = await connection.ask('/hls/demo/index.m3u8');
  const cookie = (index.headers['set-cookie'] ?? []).map(pairOf).join('; ');
  using viewer = await site.shared({ cookie });
  const [address = ''] = /^[^#\s]+$/m.exec(index.body.toString()) ?? [];
  const url = new URL(address, `${site.base}/hls/demo/index.m3u8`);
  let next = '';
  const heard: string[] = [];
  while (heard.length < RELOADS) {
    const { status, body } = await viewer.ask(`${url.href}${url.search === '' ? '?' : '&'}${next}`);
    expect(status, body.toString()).toBe(200);
    next = nextOf(body.toString());
    heard.push(next);
    const [, part = ''] = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(body.toString()) ?? [];
    const { status: partStatus } = await viewer.ask(new URL(part, url).href);
    expect([part, partStatus]).toEqual([part, 200]);
  }
  expect(new Set(heard).size).toBe(RELOADS);
}

async function picturesComeAtOnce(site: FrontClient): Promise<void> {
  const headers = { authorization: basic };
  expect((await site.firstOf('/hls/demo/live.mp4', { headers })).length).toBeGreaterThan(0);
  const events = { headers: { ...headers, accept: 'text/event-stream' } };
  expect((await site.firstOf('/v3/events', events)).toString()).toContain('retry:');
}

/** One wrong password. @returns whether it is rejected unread because of earlier ones from its address, instead of after seconds */
async function isShutOut(site: FrontClient, user: string, from: string): Promise<boolean> {
  const body = JSON.stringify({ user, password: 'a-magpie' });
  const refused = await site
    .ask('/v3/session', { ...logIn('', { from, headers: FORGED }), body })
    .catch(() => undefined);
  return refused !== undefined && /from this address/.test(refused.body.toString());
}

/** One concurrent attempt above the limit: further ones would only keep the box busy. */
async function guessUntilShutOut(site: FrontClient, user: string, from: string): Promise<void> {
  let isOut = false;
  let waiting = 0;
  await until(() => {
    for (; waiting <= MAX_ATTEMPTS && !isOut; waiting += 1) {
      void isShutOut(site, user, from).then((isRefused) => {
        isOut ||= isRefused;
        waiting -= 1;
      });
    }
    return isOut || undefined;
  });
}

/** Addresses of clients; each has a separate count for ten minutes. */
const ADDRESSES = {
  nginx: ['127.0.0.11', '127.0.0.12'],
  apache: ['127.0.0.13', '127.0.0.14'],
  caddy: ['127.0.0.15', '127.0.0.16'],
} as const satisfies Record<ProxyName, unknown>;

function lockOutTest(proxy: () => FrontServer): void {
  test('wrong passwords lock out their own address, and all clients of an untrusted proxy', async () => {
    const [site, stranger] = ['perch.example', 'stranger.example'].map((host) => new FrontClient(proxy(), host, ''));
    if (!site || !stranger) {
      return;
    }
    const [first, second] = ADDRESSES[proxy().name];
    // Guesses at one user count together as well: each server has its own user.
    const { name } = proxy();
    const user = JSON.stringify({ name, password: PASSWORD });
    await site.ask('/v3/users', { method: 'POST', headers: { ...JSON_TYPE, authorization: basic }, body: user });
    await guessUntilShutOut(site, name, first);
    // The box may have too many passwords to check for a moment.
    const comesIn = async () => (await site.ask('/v3/session', logIn(PASSWORD, { from: second }))).status === 200;
    await until(async () => (await comesIn()) || undefined);
    await guessUntilShutOut(stranger, name, first);
    const guesses = [1, 2, 3].map(async () => (await isShutOut(stranger, name, second)) || Promise.reject());
    expect(await Promise.any(guesses)).toBe(true);
    expect(agent.process.output().match(/clients of a proxy count as one address/g)).toHaveLength(1);
  });
}
