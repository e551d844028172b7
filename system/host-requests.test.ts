import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../test/support/base/fake-clock.ts';
import { HostRequests, parseAnswer } from './host-requests.ts';
import { RequestFolder } from './updater/take-update.ts';

const PATIENCE_MS = 10_000;
const NEVER = new AbortController().signal;

let root: string;
let dataDir: string;
let answers: string;
let clock: FakeClock;
let requests: HostRequests;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'perch-requests-'));
  dataDir = join(root, 'data');
  answers = join(root, 'host');
  mkdirSync(dataDir);
  mkdirSync(answers);
  clock = new FakeClock();
  requests = new HostRequests({ dataDir, clock, answers });
});
afterEach(() => rmSync(root, { recursive: true }));

const makeReady = (folder = dataDir) => writeFileSync(join(answers, 'disk.ready'), `${folder}\n`);
const requestFile = () => join(dataDir, 'requests/disk.json');
const requested = async (): Promise<{ id: string; [field: string]: unknown }> => {
  await expect.poll(() => readdirSync(join(dataDir, 'requests'))).toEqual(['disk.json']);
  return JSON.parse(readFileSync(requestFile(), 'utf8'));
};
const answer = (fields: object) => writeFileSync(join(answers, 'disk.json'), JSON.stringify(fields));
/** It has polled for its answer, and polls again. Reading files takes no time of this clock. */
const looksAgain = async (): Promise<void> => {
  await expect.poll(() => clock.sleeping).toBe(1);
  await clock.advance(200);
};
/** The error, checked later. */
const failing = (asked: Promise<unknown>): Promise<Error> =>
  asked.then(
    () => new Error('it was done'),
    (error) => error,
  );

test('a request is a whole file that others cannot read, and its answer is the one with its id', async () => {
  makeReady();
  const asked = requests.ask('disk', { folder: '/mnt/usb' }, PATIENCE_MS, NEVER);
  const { id, folder } = await requested();
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect(folder).toBe('/mnt/usb');
  expect(statSync(requestFile()).mode & 0o007).toBe(0);
  answer({ id: 'f'.repeat(32), ok: false, text: 'of an earlier one' });
  await looksAgain();
  await expect.poll(() => clock.sleeping).toBe(1);
  answer({ id, ok: true, text: 'done', restarts: true });
  await looksAgain();
  expect(await asked).toEqual({ ok: true, text: 'done', restarts: true });
});

test('one that was left over is replaced', async () => {
  makeReady();
  mkdirSync(join(dataDir, 'requests'));
  writeFileSync(requestFile(), 'old');
  writeFileSync(`${requestFile()}.new`, 'half');
  const asked = requests.ask('disk', {}, PATIENCE_MS, NEVER);
  await expect.poll(() => readFileSync(requestFile(), 'utf8')).not.toBe('old');
  await expect.poll(() => clock.sleeping).toBe(1);
  answer({ id: (await requested()).id, ok: true, text: 'done' });
  await looksAgain();
  expect(await asked).toMatchObject({ ok: true });
});

test.for([
  ['no marker', () => {}],
  ['the marker of another data folder', () => makeReady('/var/lib/other')],
])('with %s no request is written', async ([, prepare]) => {
  (prepare as () => void)();
  expect(requests.offers('disk')).toBe(false);
  await expect(requests.ask('disk', {}, PATIENCE_MS, NEVER)).rejects.toMatchObject({ code: 'unsupported' });
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a second request for the same action is rejected until the first is answered', async () => {
  makeReady();
  const first = requests.ask('disk', {}, PATIENCE_MS, NEVER);
  await expect(requests.ask('disk', {}, PATIENCE_MS, NEVER)).rejects.toMatchObject({
    code: 'exhausted',
    context: { isBusy: true },
  });
  await expect.poll(() => clock.sleeping).toBe(1);
  answer({ id: (await requested()).id, ok: true, text: '' });
  await looksAgain();
  await first;
  const again = failing(requests.ask('disk', {}, 0, NEVER));
  expect(await again).toMatchObject({ code: 'timeout' });
});

test('a service that says nothing is named, with where to look: it was not started, or it failed', async () => {
  makeReady();
  const unheard = failing(requests.ask('disk', {}, PATIENCE_MS, NEVER));
  await requested();
  // Files are read meanwhile, which takes no time of this clock.
  let isOver = false;
  void unheard.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await clock.advance(1_000);
  }
  expect((await unheard).message).toContain('systemctl status perch-disk.path');
  // An hour later it would come as a surprise.
  expect(readdirSync(join(dataDir, 'requests'))).toEqual([]);
});

test('a process that ends withdraws no request', async () => {
  makeReady();
  const stop = new AbortController();
  const unheard = failing(requests.ask('disk', {}, PATIENCE_MS, stop.signal));
  await requested();
  stop.abort();
  await unheard;
  expect(readdirSync(join(dataDir, 'requests'))).toEqual(['disk.json']);
});

test('a request that is too large is not written', async () => {
  makeReady();
  const folder = 'a'.repeat(5_000);
  await expect(requests.ask('disk', { folder }, PATIENCE_MS, NEVER)).rejects.toThrow('more than 4096 bytes');
  expect(readdirSync(dataDir)).toEqual([]);
});

test('a request for an update may name the folders that root reads, in any letters', async () => {
  const folders = Array.from({ length: 8 }, (_, at) => `/${at}`.padEnd(512, '\u0001'));
  writeFileSync(join(answers, 'update.ready'), `${dataDir}\n`);
  const asked = failing(requests.ask('update', { host: '127.0.0.1', port: 80, folders }, 0, AbortSignal.abort()));
  await asked;
  using folder = new RequestFolder(join(dataDir, 'requests'));
  expect(folder.takeRequest()).toMatchObject({ host: '127.0.0.1', port: 80, folders });
});

test.for([
  ['nothing', ''],
  ['null', 'null'],
  ['a list', '[]'],
  ['a number', '7'],
  ['a word for ok', '{"id":"a","ok":"yes","text":""}'],
  ['a number for id', '{"id":1,"ok":true,"text":""}'],
  ['no text', '{"id":"a","ok":true}'],
  ['no end', '{"id":"a","ok":true,"text":""'],
  ['20,000 characters', `{"id":"a","ok":true,"text":"${' '.repeat(20_000)}"}`],
] as const)('%s is not an answer', ([, text]) => {
  expect(parseAnswer(text)).toBeUndefined();
});

test('an answer that is cut off or has a wrong byte throws nothing', () => {
  const good = JSON.stringify({ id: 'a', ok: true, text: 'done "well"', more: [1, { a: null }] });
  for (let at = 0; at < good.length; at += 1) {
    expect(() => parseAnswer(good.slice(0, at))).not.toThrow();
    for (const wrong of ['"', '{', '\\', '\0', '9', '�']) {
      expect(() => parseAnswer(good.slice(0, at) + wrong + good.slice(at + 1))).not.toThrow();
    }
  }
});
