import { spawnSync } from 'node:child_process';
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { HostAnswer } from '../../../system/host-requests.ts';
import { type AnyManifest, SYSTEM_PACKAGE, type UpdatePackage } from '../../../system/update/manifest.ts';
import { writeHeader } from '../../../system/update/update-file.ts';
import { writeNewest } from '../../../system/update/update-server.ts';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { PerchError } from '../../base/errors.ts';
import { createLogger } from '../../base/log.ts';
import { parseConfig } from '../../config/load/load.ts';
import { updateRoutes } from '../../http/api/device/update-routes.ts';
import { createHttpApp } from '../../http/listener/app.ts';
import { recordFolder, Updates } from './updates.ts';

const KEYS = generateKeyPairSync('ed25519');
const PACKAGE = Buffer.alloc(100_000, 'perch');
const SIZE = { sizeBytes: PACKAGE.length, sha512: createHash('sha512').update(PACKAGE).digest('hex') };
type SystemPackage = UpdatePackage<typeof SYSTEM_PACKAGE>;

let folder: string;
let app: FastifyInstance;
let asked: object[];
let published: object[];
let answer: (HostAnswer & { readonly id: string }) | undefined;
let isOffered: boolean;
/** Root's service says nothing. */
let isDeaf: boolean;
/** Names of what is being recorded. */
let recorded: readonly string[];
let updateAddress: string;
/** Of the page. */
let address: string;
/** Command line of the kernel. */
let commandLine: string;
let updates: () => Updates;
let stop: AbortController;
let clock: FakeClock;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perch-updates-'));
  mkdirSync(join(folder, 'keys'));
  writeFileSync(join(folder, 'keys/own.pem'), KEYS.publicKey.export({ type: 'spki', format: 'pem' }));
  [asked, published, answer, isOffered, isDeaf, updateAddress, recorded] = [
    [],
    [],
    undefined,
    true,
    false,
    '',
    ['door'],
  ];
  [stop, clock, commandLine] = [new AbortController(), new FakeClock(), 'ro quiet'];
  address = ':80';
  const { config } = parseConfig(CONFIG, 'perch.yml', {}, DEFAULTS);
  if (!config) {
    throw new Error('the configuration is wrong');
  }
  updates = () =>
    new Updates({
      ...{ version: 'v1.1.0', dataDir: folder, clock, log: createLogger('silent', () => {}), signal: stop.signal },
      events: { emit: (_type, fields) => void published.push(fields) },
      paths: {
        list: () => [
          ...recorded.map((name) => ({ name, recording: { active: true } as never })),
          { name: 'yard', recording: null },
        ],
      },
      settings: () => ({ ...config, updateAddress, address }),
      addressOf: async (name) => {
        if (name !== 'nas.lan') {
          throw new Error('ENOTFOUND');
        }
        return '192.0.2.7';
      },
      keyFolder: join(folder, 'keys'),
      commandLine,
      host: {
        offers: () => isOffered,
        ask: async (task, fields) => {
          asked.push({ task, ...fields });
          if (isDeaf) {
            throw new PerchError('timeout', 'perch-update.service has not answered');
          }
          return { ok: true, text: 'it is being installed', state: 'installing' };
        },
        lastAnswer: async () => answer,
      },
    });
  await serve();
});
async function serve(): Promise<void> {
  app = createHttpApp({ log: createLogger('silent', () => {}) });
  await app.register(updateRoutes, { access: { require: async () => {} }, updates: updates() });
}
afterEach(async () => {
  stop.abort();
  await app.close();
  rmSync(folder, { recursive: true });
});

const DEFAULTS = { recordPath: '/var/lib/perch/recordings/%path/%Y-%m-%d_%H-%M-%S-%f', cwd: '/' };

const CONFIG = `perch: own
paths:
  door: {record: yes}
  gate: {record: motion}
  ~^cam: {record: yes, recordPath: /srv/%path/%Y-%m-%d_%H-%M-%S-%f}
`;

function updateOf(one: UpdatePackage | SystemPackage, key: KeyObject): Buffer {
  const packages = [one] as AnyManifest['packages'];
  const manifest = { version: one.version, made: '2026-11-21T08:00:00Z', packages } as AnyManifest;
  return Buffer.concat([writeHeader(manifest, key), PACKAGE]);
}

/** A whole system of the image. */
function systemTo(version: string, key: KeyObject = KEYS.privateKey): Buffer {
  return updateOf({ name: SYSTEM_PACKAGE, version, architecture: 'arm64', ...SIZE }, key);
}

function updateTo(version: string, key: KeyObject = KEYS.privateKey): Buffer {
  return updateOf({ name: 'perch', version, architecture: 'all', ...SIZE }, key);
}

const post = async (url: string, payload: Buffer) => {
  const headers = { 'content-type': 'application/octet-stream' };
  const { statusCode, body } = await app.inject({ method: 'POST', url, headers, payload });
  return { statusCode, ...(JSON.parse(body) as Record<string, unknown>) };
};
const requested = (): string => join(folder, 'requests/update.perchupdate');

test('the contents of an update are shown without changing anything', async () => {
  expect(await post('/v3/update/check', updateTo('1.2.0'))).toEqual({
    ...{ statusCode: 200, version: '1.2.0', current: 'v1.1.0', made: '2026-11-21T08:00:00Z' },
    packages: [{ name: 'perch', architecture: 'all', sizeBytes: PACKAGE.length }],
  });
  expect(existsSync(join(folder, 'requests'))).toBe(false);
});

test("an update is passed to root's service, with the criteria for the new version", async () => {
  const update = updateTo('1.2.0');
  expect(await post('/v3/update', update)).toMatchObject({ statusCode: 200, version: '1.2.0' });
  expect(readFileSync(requested()).equals(update)).toBe(true);
  const folders = ['/var/lib/perch/recordings/door'];
  expect(asked).toEqual([{ task: 'update', host: '127.0.0.1', port: 80, folders }]);
});

test.for([
  ['0.0.0.0:8080', '127.0.0.1'],
  ['[::]:8080', '::1'],
  ['192.0.2.3:8080', '192.0.2.3'],
  ['[2001:db8::1]:8080', '2001:db8::1'],
  ['nas.lan:8080', '192.0.2.7'],
  ['gone.lan:8080', '127.0.0.1'],
] as const)('with the page at %s the new version is looked for at %s', async ([where, host]) => {
  address = where;
  await post('/v3/update', updateTo('1.2.0'));
  expect(asked).toMatchObject([{ host, port: 8080 }]);
});

test("folders with longer names than root's service accepts are not watched", async () => {
  const ofLength = (chars: number, at: number) => `cam${at}`.padEnd(chars - '/srv/'.length, 'é');
  const longest = Array.from({ length: 9 }, (_, at) => ofLength(512, at));
  recorded = [ofLength(513, 9), ...longest];
  expect(await post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 200 });
  expect(asked).toMatchObject([{ folders: longest.slice(0, 8).map((name) => `/srv/${name}`) }]);
});

test('a camera recorded around events is not watched, and one of a pattern is watched in the folder of the pattern', async () => {
  recorded = ['gate', 'cam1'];
  expect(await post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 200 });
  expect(asked).toMatchObject([{ folders: ['/srv/cam1'] }]);
});

test.for([
  [400, 'same', () => updateTo('1.1.0')],
  [400, 'older', () => updateTo('1.0.9')],
  [400, 'notSigned', () => updateTo('1.2.0', generateKeyPairSync('ed25519').privateKey)],
  [400, 'damaged', () => updateTo('1.2.0').fill(0, 100_000)],
  [400, 'damaged', () => updateTo('1.2.0').subarray(0, 50_000)],
  [400, 'noUpdate', () => Buffer.from('hello'.repeat(100))],
] as const)('%i %s: the file is not passed on', async ([statusCode, why, make]) => {
  for (const url of ['/v3/update/check', '/v3/update']) {
    expect(await post(url, make())).toMatchObject({ statusCode, why });
  }
  expect(asked).toEqual([]);
  expect(existsSync(requested())).toBe(false);
  expect(existsSync(`${requested()}.${process.pid}.new`)).toBe(false);
});

test("a whole system is passed to root's service on an image with two systems", async () => {
  await app.close();
  commandLine = 'ro quiet perch.system=b';
  await serve();
  expect((await app.inject('/v3/update')).json()).toMatchObject({ canInstall: true, system: 'b' });
  const update = systemTo('1.2.0');
  const plan = { statusCode: 200, version: '1.2.0', packages: [{ name: 'perch-system', architecture: 'arm64' }] };
  expect(await post('/v3/update/check', update)).toMatchObject(plan);
  expect(await post('/v3/update', update)).toMatchObject(plan);
  expect(readFileSync(requested()).equals(update)).toBe(true);
  expect(asked).toMatchObject([{ task: 'update' }]);
  expect(await post('/v3/update', systemTo('1.1.0'))).toMatchObject({ statusCode: 400, why: 'same' });
  const foreign = generateKeyPairSync('ed25519').privateKey;
  expect(await post('/v3/update', systemTo('1.2.0', foreign))).toMatchObject({ statusCode: 400, why: 'notSigned' });
});

test('any other box rejects a whole system before it has arrived', async () => {
  for (const url of ['/v3/update/check', '/v3/update']) {
    expect(await post(url, systemTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noSecondSystem' });
  }
  expect(asked).toEqual([]);
  expect(readdirSync(join(folder, 'requests'))).toEqual([]);
});

test('the progress of a system that is being written is reported', async () => {
  answer = { id: 'a', ok: true, text: 'system 1.2.0 is being written', state: 'installing', to: '1.2.0', percent: 41 };
  const { last } = (await app.inject('/v3/update')).json() as { last: object };
  expect(last).toMatchObject({ state: 'installing', to: '1.2.0', percent: 41 });
});

test('a box that cannot install updates reports the reason and rejects them', async () => {
  isOffered = false;
  expect((await app.inject('/v3/update')).json()).toMatchObject({ canInstall: false, lacking: 'noService' });
  expect(await post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noService' });
  isOffered = true;
  rmSync(join(folder, 'keys'), { recursive: true });
  expect((await app.inject('/v3/update')).json()).toMatchObject({ canInstall: false, lacking: 'noKey' });
  expect(await post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noKey' });
});

test('the result of the last update is reported, and each step once', async () => {
  expect((await app.inject('/v3/update')).json()).toEqual({
    ...{ version: 'v1.1.0', canInstall: true, lacking: null, system: null },
    ...{ isReceiving: false, address: null, last: null },
  });
  const steps = { id: 'a', ok: true, text: 'it is watched', from: '1.0.0', to: '1.1.0', time: '2026-11-21T08:00:00Z' };
  answer = { ...steps, state: 'waiting' };
  await clock.advance(6_000);
  answer = { ...steps, ok: false, state: 'gone back', why: 'unhealthy' };
  await clock.advance(6_000);
  expect(published).toEqual([
    { state: 'update', step: 'waiting', ok: true, version: '1.1.0' },
    { state: 'update', step: 'gone back', ok: false, why: 'unhealthy', version: '1.1.0' },
  ]);
  const { last } = (await app.inject('/v3/update')).json() as { last: object };
  expect(last).toMatchObject({ ok: false, state: 'gone back', why: 'unhealthy', from: '1.0.0', to: '1.1.0' });
});

test('a client that sends a long invalid file gets a reply', async () => {
  const { port } = await listenLocally(app);
  const answered = await fetch(`http://127.0.0.1:${port}/v3/update`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: Buffer.alloc(8 << 20, 'no') },
  });
  expect([answered.status, await answered.json()]).toMatchObject([400, { why: 'noUpdate' }]);
});

/** A web server on loopback with an update in its folder. @returns the requested URLs */
async function publish(version: string, file: Buffer): Promise<readonly string[]> {
  const wanted: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    wanted.push(url);
    response.end(url.endsWith('.json') ? writeNewest(version) : file);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  updateAddress = `http://127.0.0.1:${(server.address() as AddressInfo).port}/perch/`;
  return wanted;
}
const tell = async (url: string, payload?: object) => {
  const { statusCode, body } = await app.inject({ method: 'POST', url, ...(payload && { payload }) });
  return { statusCode, ...(JSON.parse(body) as Record<string, unknown>) };
};

test('an update is searched and fetched at the configured address', async () => {
  const update = updateTo('1.2.0');
  const wanted = await publish('1.2.0', update);
  expect((await app.inject('/v3/update')).json()).toMatchObject({ address: updateAddress });
  expect(wanted).toEqual([]);
  const newest = { statusCode: 200, version: '1.2.0', current: 'v1.1.0', isNewer: true };
  expect(await tell('/v3/update/look')).toEqual(newest);
  expect(asked).toEqual([]);
  expect(await tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 200, version: '1.2.0' });
  expect(readFileSync(requested()).equals(update)).toBe(true);
  expect(asked).toMatchObject([{ task: 'update', host: '127.0.0.1', port: 80 }]);
  expect(wanted).toEqual(['/perch/perch-update.json', '/perch/perch-1.2.0.perchupdate']);
});

test.for(['1.1.0', '1.0.9'])('version %s at the address is not newer than the running one', async (version) => {
  await publish(version, updateTo(version));
  expect(await tell('/v3/update/look')).toMatchObject({ statusCode: 200, version, isNewer: false });
  expect(await tell('/v3/update/fetch', { version })).toMatchObject({ statusCode: 400 });
  expect(asked).toEqual([]);
});

test.for([
  ['notSigned', () => updateTo('1.2.0', generateKeyPairSync('ed25519').privateKey)],
  ['damaged', () => updateTo('1.2.0').fill(0, 100_000)],
  ['damaged', () => updateTo('1.2.0').subarray(0, 50_000)],
  ['damaged', () => Buffer.concat([updateTo('1.2.0'), Buffer.alloc(1 << 20)])],
  ['damaged', () => updateTo('1.1.9')],
  ['noUpdate', () => Buffer.from('<html>'.repeat(100))],
] as const)('%s: the file at the address is not passed on', async ([why, make]) => {
  await publish('1.2.0', make());
  expect(await tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 400, why });
  expect(asked).toEqual([]);
  expect(existsSync(requested())).toBe(false);
  expect(existsSync(`${requested()}.${process.pid}.new`)).toBe(false);
});

test('the download of a file that is rejected ends at once', async () => {
  const head = updateTo('1.1.9').subarray(0, 50_000);
  let isOpen = true;
  const server = createServer((_request, response) => {
    response.write(head);
    response.once('close', () => {
      isOpen = false;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  updateAddress = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  expect(await tell('/v3/update/fetch', { version: '1.2.0' })).toMatchObject({ statusCode: 400, why: 'damaged' });
  await expect.poll(() => isOpen).toBe(false);
});

test('nothing is fetched without an address, on a box that cannot install it, or for an invalid version', async () => {
  expect(await tell('/v3/update/look')).toMatchObject({ statusCode: 501, why: 'noAddress' });
  const fetchIt = (version: string) => tell('/v3/update/fetch', { version });
  expect(await fetchIt('1.2.0')).toMatchObject({ statusCode: 501, why: 'noAddress' });
  const wanted = await publish('1.2.0', updateTo('1.2.0'));
  expect(await fetchIt('/../1.2.0')).toMatchObject({ statusCode: 400 });
  isOffered = false;
  expect(await fetchIt('1.2.0')).toMatchObject({ statusCode: 501, why: 'noService' });
  expect(wanted).toEqual([]);
});

test('an update may take longer to arrive than other requests', async () => {
  const { port } = await listenLocally(app, { readTimeoutMs: 300 });
  const update = updateTo('1.2.0');
  const begin = (path: string, type: string, length: number) => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    onTestFinished(() => void socket.destroy());
    socket.write(`POST ${path} HTTP/1.1\r\nHost: box\r\nConnection: close\r\nContent-Type: ${type}\r\n`);
    socket.write(`Content-Length: ${length}\r\n\r\n`);
    return socket;
  };
  const slow = begin('/v3/update', 'application/octet-stream', update.length);
  slow.write(update.subarray(0, 50_000));
  await expect.poll(async () => (await app.inject('/v3/update')).json()).toMatchObject({ isReceiving: true });
  const late = begin('/v3/update/fetch', 'application/json', 100);
  expect((await late.toArray()).join('')).toMatch(/^HTTP\/1.1 408 /);
  slow.write(update.subarray(50_000));
  expect((await slow.toArray()).join('')).toMatch(/^HTTP\/1.1 200 /);
  expect(readFileSync(requested()).equals(update)).toBe(true);
});

test('an update that is not accepted is removed, and the client is informed', async () => {
  isDeaf = true;
  expect(await post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 504, why: 'noAnswer' });
  expect(readdirSync(join(folder, 'requests'))).toEqual([]);
});

test.for([
  [['update.perchupdate', 'update.perchupdate.new'], []],
  [
    ['update.json', 'update.perchupdate', 'update.perchupdate.new'],
    ['update.json', 'update.perchupdate'],
  ],
] as const)('of the files %s left by an earlier process, %s remain after the start', async ([left, expected]) => {
  mkdirSync(join(folder, 'requests'));
  for (const name of left) {
    writeFileSync(join(folder, 'requests', name), 'left');
  }
  await expect(updates().check(Readable.from([Buffer.alloc(100)]))).rejects.toThrow('not a Perch update');
  expect(readdirSync(join(folder, 'requests'))).toEqual(expected);
});

test('files of another running process remain after the start, those of ended ones do not', async () => {
  const requests = join(folder, 'requests');
  mkdirSync(requests);
  const { pid: ended } = spawnSync('true');
  for (const pid of [process.ppid, process.pid, ended]) {
    writeFileSync(join(requests, `update.perchupdate.${pid}.new`), 'arriving');
  }
  // Its request is about to be written.
  writeFileSync(requested(), 'complete');
  utimesSync(requested(), clock.wallMs() / 1_000, clock.wallMs() / 1_000);
  await expect(updates().check(Readable.from([Buffer.alloc(100)]))).rejects.toThrow('not a Perch update');
  expect(readdirSync(requests).sort()).toEqual(['update.perchupdate', `update.perchupdate.${process.ppid}.new`]);
});

test('an update arrives in a file of this process', async () => {
  const update = updateTo('1.2.0');
  const pieces = new Readable({ read: () => {} });
  pieces.push(update.subarray(0, 50_000));
  const installed = updates().install(pieces);
  const names = () => readdirSync(folder, { recursive: true }).filter((name) => `${name}`.startsWith('requests/'));
  await expect.poll(names).toEqual([`requests/update.perchupdate.${process.pid}.new`]);
  pieces.push(update.subarray(50_000));
  pieces.push(null);
  await installed;
  expect(names()).toEqual(['requests/update.perchupdate']);
});

test('while one update is received another one is rejected with the reason', async () => {
  const first = updates();
  const never = new Readable({ read: () => {} });
  const checked = first.check(never).catch((error: unknown) => error);
  await expect(first.check(Readable.from([]))).rejects.toMatchObject({ context: { why: 'taking', isBusy: true } });
  never.push(null);
  expect(await checked).toBeInstanceOf(Error);
});

test("damaged fields of root's last answer do not hide the others", async () => {
  const said = {
    id: 'a',
    ok: false,
    text: '',
    state: 'gone back',
    why: 'unhealthy',
    from: '1.0.0',
    to: '1.1.0',
    time: '',
  };
  for (const key of ['state', 'why', 'from', 'to', 'time']) {
    for (const value of [undefined, null, 7, true, [], {}, 'x'.repeat(5_000)]) {
      answer = { ...said, [key]: value };
      const { statusCode, body } = await app.inject('/v3/update');
      expect([statusCode, JSON.parse(body)], `${key} ${value}`).toMatchObject([200, { last: { ok: false } }]);
    }
  }
});

test('an invalid time is not reported', async () => {
  answer = { id: 'a', ok: false, text: '', state: 'gone back', why: 'unhealthy', time: 'soon' };
  expect((await app.inject('/v3/update')).json()).toMatchObject({ last: { state: 'gone back', time: null } });
});

test('an earlier update is not published', async () => {
  answer = { id: 'a', ok: true, text: '', state: 'good' };
  await clock.advance(10_000);
  expect(published).toEqual([]);
});

test.for([
  ['/srv/%path/%Y-%m-%d/%H', 'door', '/srv/door'],
  ['/srv/rec-%path-%Y', 'a/b', '/srv/rec-a'],
  ['/srv/%Y/%path', 'door', '/srv'],
  ['/srv/%path/one', 'door', '/srv/door'],
] as const)('%s of %s is written below %s', ([recordPath, name, expected]) => {
  expect(recordFolder(recordPath, name)).toBe(expected);
});

test.for(['', 'null', '[]', '{"version":7}'])('a body "%s" names no version to be fetched', async (payload) => {
  updateAddress = 'http://127.0.0.1:1/';
  const headers = { 'content-type': 'application/json' };
  const { statusCode } = await app.inject({ method: 'POST', url: '/v3/update/fetch', headers, payload });
  expect(statusCode).toBe(400);
});
