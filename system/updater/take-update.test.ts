import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { mutate } from '../../test/support/base/mutate.ts';
import { random } from '../../test/support/base/random.ts';
import { parseRequest, RequestFolder, roomNeeded } from './take-update.ts';

const REQUEST = {
  ...{ id: '0123456789abcdef0123456789abcdef', host: '127.0.0.1', port: 80 },
  folders: ['/var/lib/perch/recordings/door'],
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perch-requests-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

test('a request is taken once', () => {
  writeFileSync(at('update.json'), JSON.stringify(REQUEST));
  using requests = new RequestFolder(folder);
  expect(requests.takeRequest()).toEqual(REQUEST);
  expect(readdirSync(folder)).toEqual([]);
});

test.for([
  ['nothing', ''],
  ['null', 'null'],
  ['an id that is a path', JSON.stringify({ ...REQUEST, id: '../../etc/passwd' })],
  ['a port that is a text', JSON.stringify({ ...REQUEST, port: '80' })],
  ['a host with a name', JSON.stringify({ ...REQUEST, host: 'example.org' })],
  ['port 0', JSON.stringify({ ...REQUEST, port: 0 })],
  ['folders that are none', JSON.stringify({ ...REQUEST, folders: '/' })],
  ['a folder with dots', JSON.stringify({ ...REQUEST, folders: ['/var/../etc'] })],
  ['a folder that is relative', JSON.stringify({ ...REQUEST, folders: ['etc'] })],
  ['nine folders', JSON.stringify({ ...REQUEST, folders: Array(9).fill('/srv') })],
  ['a folder with a longer name than any', JSON.stringify({ ...REQUEST, folders: [`/${'x'.repeat(512)}`] })],
  ['more than any request has', JSON.stringify({ ...REQUEST, more: 'x'.repeat(33_000) })],
] as const)('%s is rejected as a request and removed', ([, text]) => {
  writeFileSync(at('update.json'), text);
  using requests = new RequestFolder(folder);
  expect(requests.takeRequest()).toBe('wrong');
  expect(readdirSync(folder)).toEqual([]);
});

test('a withdrawn request is ignored', () => {
  writeFileSync(at('update.perchupdate'), 'of the next request');
  using requests = new RequestFolder(folder);
  expect(requests.takeRequest()).toBeUndefined();
  expect(readdirSync(folder)).toEqual(['update.perchupdate']);
});

/** A file of another owner. */
function elsewhere(): string {
  const other = mkdtempSync(join(tmpdir(), 'perch-elsewhere-'));
  onTestFinished(() => rmSync(other, { recursive: true }));
  writeFileSync(join(other, 'file'), '{}');
  return other;
}

test.for([
  ['a link to a file', (other: string) => symlinkSync(join(other, 'file'), at('update.json'))],
  ['a link to a folder', (other: string) => symlinkSync(other, at('update.json'))],
  ['a link to nothing', (other: string) => symlinkSync(join(other, 'nothing'), at('update.json'))],
  ['a pipe without a writer', () => execFileSync('mkfifo', [at('update.json')])],
  ['an empty folder', () => mkdirSync(at('update.json'))],
  [
    'a folder with files, folders and a link in it',
    (other: string) => {
      mkdirSync(at('update.json/a/b'), { recursive: true });
      writeFileSync(at('update.json/a/b/file'), '');
      symlinkSync(other, at('update.json/a/link'));
    },
  ],
] as const)('%s in place of a request is removed, and the target of a link is kept', ([, make]) => {
  const other = elsewhere();
  make(other);
  using requests = new RequestFolder(folder);
  expect(requests.takeRequest()).toBe('wrong');
  expect(readdirSync(folder)).toEqual([]);
  expect(existsSync(join(other, 'file'))).toBe(true);
});

test('a folder in the place of an update is removed, too', () => {
  mkdirSync(at('update.perchupdate/a'), { recursive: true });
  using requests = new RequestFolder(folder);
  requests.removeUpdate();
  expect(readdirSync(folder)).toEqual([]);
});

test('requests of any shape are accepted or rejected', () => {
  const next = random(20_261_121);
  const text = Buffer.from(JSON.stringify(REQUEST));
  for (let round = 0; round < 5_000; round += 1) {
    const request = parseRequest(Buffer.from(mutate(text, next)).toString('utf8'));
    if (request) {
      expect(request.id).toMatch(/^[0-9a-f]{32}$/);
      expect(request.folders.every((one) => one.startsWith('/') && !one.includes('/../'))).toBe(true);
    }
  }
});

test.for([
  ['a link', () => symlinkSync('/etc/passwd', at('update.perchupdate'))],
  ['a pipe without a writer', () => execFileSync('mkfifo', [at('update.perchupdate')])],
  ['a folder', () => mkdirSync(at('update.perchupdate'))],
  [
    'a file of gigabytes',
    () => {
      writeFileSync(at('update.perchupdate'), '');
      truncateSync(at('update.perchupdate'), 2 ** 33);
    },
  ],
] as const)('%s in the place of an update is not read', ([, make]) => {
  make();
  using requests = new RequestFolder(folder);
  expect(() => requests.openUpdate()).toThrow();
});

test('an update of Node needs room for its archive, the kept package, the new package, the updater and two installations', () => {
  const [packed, installed, kept] = [29 << 20, 116 << 20, 47 << 20];
  const needed = roomNeeded([{ sizeBytes: 2 << 20 }, { sizeBytes: packed }]);
  expect(needed.own).toBeGreaterThan(packed + kept + installed);
  // dpkg stores the new files next to the present ones.
  expect(needed.system).toBeGreaterThan(installed);
  expect(needed.own + needed.system).toBeLessThan(400 << 20);
});
