import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '../../../test/support/base/free-port.ts';
import { askFrom } from '../../../test/support/clients/ask-from.ts';
import { RtspCaller } from '../../../test/support/clients/rtsp-caller.ts';
import { Users } from '../../auth/accounts/users.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/log.ts';
import { authorization, parseChallenges } from '../../media/rtsp/digest.ts';
import { App } from '../app.ts';

const RIGHT = 'blue heron';
const NAMES = ['owner', 'ann', 'frigate', 'tom', 'unknown'];
const FILE_USER = { user: 'tom', pass: RIGHT, permissions: [{ action: 'read' }, { action: 'publish' }] };
const HTTP = {
  API: ['GET', '/v3/config/global/get'],
  page: ['GET', '/v3/system'],
  metrics: ['GET', '/metrics'],
  WHEP: ['OPTIONS', '/webrtc/door/whep'],
  WHIP: ['OPTIONS', '/webrtc/door/whip'],
  HLS: ['GET', '/hls/door/index.m3u8?cookieCheck=1'],
  playback: ['GET', '/playback/list?path=door'],
} as const;

const folder = mkdtempSync(join(tmpdir(), 'perch-names-'));
const passwords = new Map<string, string>([
  ['owner', RIGHT],
  ['ann', RIGHT],
  ['tom', RIGHT],
]);
let app: App;
let url = '';
let port = 0;
let addressCount = 0;

function newAddress(): string {
  addressCount += 1;
  return `127.2.0.${addressCount}`;
}
const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const wrongs = Array.from({ length: 12 }, (_, i) => `wrong ${i}`);
const LOCKED_HTTP = [...Array(10).fill('401'), '429 later', '429 later'];
const LOCKED_RTSP = [...Array(10).fill('401'), '503 later', '503 later'];

async function http(address: string, [method, path]: readonly [string, string], user = '', password = '') {
  const headers: Record<string, string> = user === '' ? {} : { Authorization: basic(user, password) };
  const answer = await askFrom(address, `${url}${path}`, { method, headers });
  return `${answer.status}${answer.headers['www-authenticate'] ? ' asks' : ''}${answer.headers['retry-after'] ? ' later' : ''}`;
}

async function rtsp(address: string, user = '', password = '') {
  using caller = await RtspCaller.connect(port, false, address);
  const fields = user === '' ? [] : [['Authorization', basic(user, password)] as const];
  const { status, headers } = await caller.ask('DESCRIBE', `rtsp://127.0.0.1:${port}/door`, fields);
  const isAsking = headers.get('WWW-Authenticate') !== undefined;
  return `${status}${isAsking ? ' asks' : ''}${headers.get('Retry-After') ? ' later' : ''}`;
}

beforeAll(async () => {
  // Wrong credentials wait for none of their four seconds.
  vi.spyOn(Math, 'random').mockReturnValue(0);
  port = await freePort();
  writeFileSync(
    join(folder, 'perch.yml'),
    `perch: own\naddress: 127.0.0.1:0\nrtspAddress: 127.0.0.1:${port}\nrtspTransports: [tcp]\nrtspAuthMethods: [basic, digest]\nwebrtcAddress: 127.0.0.1:0\nwebrtcLocalUDPAddress: ""\nwebrtcLocalTCPAddress: 127.0.0.1:0\napi: no\nauthInternalUsers: ${JSON.stringify([FILE_USER])}\npaths:\n  door:\n`,
  );
  const users = await Users.open(folder);
  await users.setOwner(RIGHT);
  await users.add({ name: 'ann', cameras: 'all', live: true, recordings: true }, RIGHT);
  app = await App.start({
    ...{ version: '0', dataDir: folder, cwd: folder, env: {}, pageFolder: folder },
    ...{ clock: systemClock, log: createLogger('silent', () => {}), discovery: { only: [] } },
  });
  url = `http://127.0.0.1:${app.mainPort}`;
  const json = { 'Content-Type': 'application/json', Origin: url };
  const session = { method: 'POST', headers: json, body: JSON.stringify({ password: RIGHT }) };
  const cookies = (await askFrom('127.0.0.1', `${url}/v3/session`, session)).headers['set-cookie'] ?? [];
  const Cookie = cookies.map((cookie) => cookie.split(';')[0]).join('; ');
  const body = JSON.stringify({ name: 'Frigate', recordings: true, publish: true });
  const made = await fetch(`${url}/v3/devicepasswords`, { method: 'POST', headers: { ...json, Cookie }, body });
  passwords.set('frigate', ((await made.json()) as { password: string }).password);
});

afterAll(async () => {
  await app.close();
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

const httpRows = Object.keys(HTTP).flatMap((protocol) =>
  NAMES.map((name) => [protocol as keyof typeof HTTP, name] as const),
);

test.for(httpRows)(
  'ten wrong passwords over HTTP (%s) get the same answers for every name: %s',
  async ([protocol, name]) => {
    const address = newAddress();
    const right = passwords.get(name);
    for (let i = 0; i < 12; i += 1) {
      // A request without credentials is not counted as an attempt.
      expect(await http(address, HTTP.WHEP)).toBe('401 asks');
    }
    if (right !== undefined) {
      expect(await http(address, HTTP.WHEP, name, right)).toBe('204');
    }
    const answers: string[] = [];
    for (const password of wrongs) {
      answers.push(await http(address, HTTP[protocol], name, password));
    }
    expect(answers).toEqual(LOCKED_HTTP);
    if (right !== undefined) {
      // The player that was in before, and one elsewhere.
      expect(await http(address, HTTP.WHEP, name, right)).toBe('204');
      expect(await http(newAddress(), HTTP.WHEP, name, right)).toBe('204');
    }
  },
);

test.for(NAMES)('ten wrong passwords over RTSP (Basic) get the same answers for every name: %s', async (name) => {
  const address = newAddress();
  const right = passwords.get(name);
  for (let i = 0; i < 12; i += 1) {
    expect(await rtsp(address)).toBe('401 asks');
  }
  if (right !== undefined) {
    expect(await rtsp(address, name, right)).toBe('404');
  }
  const answers: string[] = [];
  for (const password of wrongs) {
    answers.push(await rtsp(address, name, password));
  }
  expect(answers).toEqual(LOCKED_RTSP);
  if (right !== undefined) {
    expect(await rtsp(address, name, right)).toBe('404');
    expect(await rtsp(newAddress(), name, right)).toBe('404');
  }
});

test.for(NAMES)('ten wrong responses over RTSP (Digest) get the same answers for every name: %s', async (user) => {
  const address = newAddress();
  const uri = `rtsp://127.0.0.1:${port}/door`;
  const answers: string[] = [];
  using caller = await RtspCaller.connect(port, false, address);
  const asked = await caller.ask('DESCRIBE', uri);
  const challenge = parseChallenges(asked.headers.all('WWW-Authenticate')).find(({ scheme }) => scheme === 'digest');
  const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');
  for (const [i, password] of wrongs.slice(0, 11).entries()) {
    const use = { method: 'DESCRIBE', uri, count: i + 1, clientNonce: 'abc' };
    const answer = challenge && authorization(challenge, { user, password }, use, hash);
    const { status, headers } = await caller.ask('DESCRIBE', uri, [['Authorization', answer ?? '']]);
    answers.push(`${status} ${headers.get('WWW-Authenticate') ?? ''}${headers.get('Retry-After') ? 'later' : ''}`);
  }
  expect(answers).toEqual([...Array(10).fill('401 Basic realm="ipcam"'), '503 later']);
  const right = passwords.get(user);
  if (right !== undefined) {
    expect(await rtsp(address, user, right)).toBe('404');
  }
});
