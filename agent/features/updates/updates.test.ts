import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { PACKAGE, systemTo, UpdatingBox, updateTo } from '../../../test/features/updates/support/updating-box.ts';
import { listenLocally } from '../../../test/support/base/local-listener.ts';
import { recordFolder } from './updates.ts';

let box: UpdatingBox;
beforeEach(async () => {
  box = await UpdatingBox.start();
});
afterEach(() => box[Symbol.asyncDispose]());

test('the contents of an update are shown without changing anything', async () => {
  expect(await box.post('/v3/update/check', updateTo('1.2.0'))).toEqual({
    ...{ statusCode: 200, version: '1.2.0', current: 'v1.1.0', made: '2026-11-21T08:00:00Z' },
    packages: [{ name: 'perch', architecture: 'all', sizeBytes: PACKAGE.length }],
  });
  expect(existsSync(join(box.folder, 'requests'))).toBe(false);
});

test("an update is passed to root's service, with the criteria for the new version", async () => {
  const update = updateTo('1.2.0');
  expect(await box.post('/v3/update', update)).toMatchObject({ statusCode: 200, version: '1.2.0' });
  expect(readFileSync(box.requested).equals(update)).toBe(true);
  const folders = ['/var/lib/perch/recordings/door'];
  expect(box.asked).toEqual([{ task: 'update', host: '127.0.0.1', port: 80, folders }]);
});

test.for([
  ['0.0.0.0:8080', '127.0.0.1'],
  ['[::]:8080', '::1'],
  ['192.0.2.3:8080', '192.0.2.3'],
  ['[2001:db8::1]:8080', '2001:db8::1'],
  ['nas.lan:8080', '192.0.2.7'],
  ['gone.lan:8080', '127.0.0.1'],
] as const)('with the page at %s the new version is looked for at %s', async ([where, host]) => {
  box.address = where;
  await box.post('/v3/update', updateTo('1.2.0'));
  expect(box.asked).toMatchObject([{ host, port: 8080 }]);
});

test("folders with longer names than root's service accepts are not watched", async () => {
  const ofLength = (chars: number, at: number) => `cam${at}`.padEnd(chars - '/srv/'.length, 'é');
  const longest = Array.from({ length: 9 }, (_, at) => ofLength(512, at));
  box.recorded = [ofLength(513, 9), ...longest];
  expect(await box.post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 200 });
  expect(box.asked).toMatchObject([{ folders: longest.slice(0, 8).map((name) => `/srv/${name}`) }]);
});

test('a camera recorded around events is not watched, and one of a pattern is watched in the folder of the pattern', async () => {
  box.recorded = ['gate', 'cam1'];
  expect(await box.post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 200 });
  expect(box.asked).toMatchObject([{ folders: ['/srv/cam1'] }]);
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
    expect(await box.post(url, make())).toMatchObject({ statusCode, why });
  }
  expect(box.asked).toEqual([]);
  expect(existsSync(box.requested)).toBe(false);
  expect(existsSync(`${box.requested}.${process.pid}.new`)).toBe(false);
});

test("a whole system is passed to root's service on an image with two systems", async () => {
  box.commandLine = 'ro quiet perch.system=b';
  await box.serve();
  expect((await box.app.inject('/v3/update')).json()).toMatchObject({ canInstall: true, system: 'b' });
  const update = systemTo('1.2.0');
  const plan = { statusCode: 200, version: '1.2.0', packages: [{ name: 'perch-system', architecture: 'arm64' }] };
  expect(await box.post('/v3/update/check', update)).toMatchObject(plan);
  expect(await box.post('/v3/update', update)).toMatchObject(plan);
  expect(readFileSync(box.requested).equals(update)).toBe(true);
  expect(box.asked).toMatchObject([{ task: 'update' }]);
  expect(await box.post('/v3/update', systemTo('1.1.0'))).toMatchObject({ statusCode: 400, why: 'same' });
  const foreign = generateKeyPairSync('ed25519').privateKey;
  expect(await box.post('/v3/update', systemTo('1.2.0', foreign))).toMatchObject({ statusCode: 400, why: 'notSigned' });
});

test('any other box rejects a whole system before it has arrived', async () => {
  for (const url of ['/v3/update/check', '/v3/update']) {
    expect(await box.post(url, systemTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noSecondSystem' });
  }
  expect(box.asked).toEqual([]);
  expect(readdirSync(join(box.folder, 'requests'))).toEqual([]);
});

test('the progress of a system that is being written is reported', async () => {
  box.answer = {
    id: 'a',
    ok: true,
    text: 'system 1.2.0 is being written',
    state: 'installing',
    to: '1.2.0',
    percent: 41,
  };
  const { last } = (await box.app.inject('/v3/update')).json() as { last: object };
  expect(last).toMatchObject({ state: 'installing', to: '1.2.0', percent: 41 });
});

test('a box that cannot install updates reports the reason and rejects them', async () => {
  box.isOffered = false;
  expect((await box.app.inject('/v3/update')).json()).toMatchObject({ canInstall: false, lacking: 'noService' });
  expect(await box.post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noService' });
  box.isOffered = true;
  rmSync(join(box.folder, 'keys'), { recursive: true });
  expect((await box.app.inject('/v3/update')).json()).toMatchObject({ canInstall: false, lacking: 'noKey' });
  expect(await box.post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 501, why: 'noKey' });
});

test('the result of the last update is reported, and each step once', async () => {
  expect((await box.app.inject('/v3/update')).json()).toEqual({
    ...{ version: 'v1.1.0', canInstall: true, lacking: null, system: null },
    ...{ isReceiving: false, address: null, last: null },
  });
  const steps = { id: 'a', ok: true, text: 'it is watched', from: '1.0.0', to: '1.1.0', time: '2026-11-21T08:00:00Z' };
  box.answer = { ...steps, state: 'waiting' };
  await box.clock.advance(6_000);
  box.answer = { ...steps, ok: false, state: 'gone back', why: 'unhealthy' };
  await box.clock.advance(6_000);
  expect(box.published).toEqual([
    { state: 'update', step: 'waiting', ok: true, version: '1.1.0' },
    { state: 'update', step: 'gone back', ok: false, why: 'unhealthy', version: '1.1.0' },
  ]);
  const { last } = (await box.app.inject('/v3/update')).json() as { last: object };
  expect(last).toMatchObject({ ok: false, state: 'gone back', why: 'unhealthy', from: '1.0.0', to: '1.1.0' });
});

test('a client that sends a long invalid file gets a reply', async () => {
  const { port } = await listenLocally(box.app);
  const answered = await fetch(`http://127.0.0.1:${port}/v3/update`, {
    ...{ method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: Buffer.alloc(8 << 20, 'no') },
  });
  expect([answered.status, await answered.json()]).toMatchObject([400, { why: 'noUpdate' }]);
});

test('an update may take longer to arrive than other requests', async () => {
  const { port } = await listenLocally(box.app, { readTimeoutMs: 300 });
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
  await expect.poll(async () => (await box.app.inject('/v3/update')).json()).toMatchObject({ isReceiving: true });
  const late = begin('/v3/update/fetch', 'application/json', 100);
  expect((await late.toArray()).join('')).toMatch(/^HTTP\/1.1 408 /);
  slow.write(update.subarray(50_000));
  expect((await slow.toArray()).join('')).toMatch(/^HTTP\/1.1 200 /);
  expect(readFileSync(box.requested).equals(update)).toBe(true);
});

test('an update that is not accepted is removed, and the client is informed', async () => {
  box.isDeaf = true;
  expect(await box.post('/v3/update', updateTo('1.2.0'))).toMatchObject({ statusCode: 504, why: 'noAnswer' });
  expect(readdirSync(join(box.folder, 'requests'))).toEqual([]);
});

test.for([
  [['update.perchupdate', 'update.perchupdate.new'], []],
  [
    ['update.json', 'update.perchupdate', 'update.perchupdate.new'],
    ['update.json', 'update.perchupdate'],
  ],
] as const)('of the files %s left by an earlier process, %s remain after the start', async ([left, expected]) => {
  mkdirSync(join(box.folder, 'requests'));
  for (const name of left) {
    writeFileSync(join(box.folder, 'requests', name), 'left');
  }
  await expect(box.updates().check(Readable.from([Buffer.alloc(100)]))).rejects.toThrow('not a Perch update');
  expect(readdirSync(join(box.folder, 'requests'))).toEqual(expected);
});

test('files of another running process remain after the start, those of ended ones do not', async () => {
  const requests = join(box.folder, 'requests');
  mkdirSync(requests);
  const { pid: ended } = spawnSync('true');
  for (const pid of [process.ppid, process.pid, ended]) {
    writeFileSync(join(requests, `update.perchupdate.${pid}.new`), 'arriving');
  }
  // Its request is about to be written.
  writeFileSync(box.requested, 'complete');
  utimesSync(box.requested, box.clock.wallMs() / 1_000, box.clock.wallMs() / 1_000);
  await expect(box.updates().check(Readable.from([Buffer.alloc(100)]))).rejects.toThrow('not a Perch update');
  expect(readdirSync(requests).sort()).toEqual(['update.perchupdate', `update.perchupdate.${process.ppid}.new`]);
});

test('an update arrives in a file of this process', async () => {
  const update = updateTo('1.2.0');
  const pieces = new Readable({ read: () => {} });
  pieces.push(update.subarray(0, 50_000));
  const installed = box.updates().install(pieces);
  const names = () => readdirSync(box.folder, { recursive: true }).filter((name) => `${name}`.startsWith('requests/'));
  await expect.poll(names).toEqual([`requests/update.perchupdate.${process.pid}.new`]);
  pieces.push(update.subarray(50_000));
  pieces.push(null);
  await installed;
  expect(names()).toEqual(['requests/update.perchupdate']);
});

test('while one update is received another one is rejected with the reason', async () => {
  const first = box.updates();
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
      box.answer = { ...said, [key]: value };
      const { statusCode, body } = await box.app.inject('/v3/update');
      expect([statusCode, JSON.parse(body)], `${key} ${value}`).toMatchObject([200, { last: { ok: false } }]);
    }
  }
});

test('an invalid time is not reported', async () => {
  box.answer = { id: 'a', ok: false, text: '', state: 'gone back', why: 'unhealthy', time: 'soon' };
  expect((await box.app.inject('/v3/update')).json()).toMatchObject({ last: { state: 'gone back', time: null } });
});

test('an earlier update is not published', async () => {
  box.answer = { id: 'a', ok: true, text: '', state: 'good' };
  await box.clock.advance(10_000);
  expect(box.published).toEqual([]);
});

test.for([
  ['/srv/%path/%Y-%m-%d/%H', 'door', '/srv/door'],
  ['/srv/rec-%path-%Y', 'a/b', '/srv/rec-a'],
  ['/srv/%Y/%path', 'door', '/srv'],
  ['/srv/%path/one', 'door', '/srv/door'],
] as const)('%s of %s is written below %s', ([recordPath, name, expected]) => {
  expect(recordFolder(recordPath, name)).toBe(expected);
});
