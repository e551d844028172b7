import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { type KeyPair, keyFilesOf, readKeyPair, watchKeyPair } from './key-pair.ts';

const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/tls');

/** A folder with the box's own pair in one file; counts how often the pair was requested. */
function folder() {
  const cwd = mkdtempSync(join(tmpdir(), 'perch-pair-'));
  onTestFinished(() => rmSync(cwd, { recursive: true }));
  const file = join(cwd, 'own.pem');
  const parts = ['server.key', 'server.crt'].map((name) => readFileSync(join(FIXTURES, name), 'utf8'));
  writeFileSync(file, parts.join('\n'));
  const lines: string[] = [];
  let asked = 0;
  const own = {
    file: async () => {
      asked += 1;
      return file;
    },
  };
  const log = createLogger('debug', (line) => lines.push(line));
  const put = (name: string) => {
    copyFileSync(join(FIXTURES, `${name}.key`), join(cwd, 'server.key'));
    copyFileSync(join(FIXTURES, `${name}.crt`), join(cwd, 'server.crt'));
  };
  const of = (key: string, cert: string) => keyFilesOf('hls', { key, cert }, { cwd, own, log });
  return { cwd, file, lines, put, of, asked: () => asked };
}

test.for([
  ['server.key', 'server.crt'],
  ['', ''],
  ['', 'server.crt'],
] as const)("missing '%s' and '%s': Perch's own pair, logged once", async ([key, cert]) => {
  const { of, lines, file } = folder();
  const files = await of(key, cert);
  expect(files.own).toBe(file);
  expect(await readKeyPair('hls', files)).toMatchObject({ isOwn: true });
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["no certificate is configured, using Perch's own"]);
});

test('existing files of the default names are used, and nothing is created', async () => {
  const { of, put, asked } = folder();
  put('server');
  expect(await readKeyPair('hls', await of('server.key', 'server.crt'))).toMatchObject({ isOwn: false });
  expect(asked()).toBe(0);
});

test.for([
  ['my.key', 'server.crt'],
  ['server.key', 'my.crt'],
  ['my.key', 'my.crt'],
] as const)('%s and %s, which are configured, must exist', async ([key, cert]) => {
  const { of, asked } = folder();
  await expect(readKeyPair('hls', await of(key, cert))).rejects.toThrow('hlsServerKey cannot be read');
  expect(asked()).toBe(0);
});

test("files that appear later replace Perch's own pair, and a renewed own pair is used", async () => {
  const { of, put, file } = folder();
  const clock = new FakeClock();
  const used: KeyPair[] = [];
  const stop = watchKeyPair('hls', await of('', ''), (pair) => used.push(pair), clock, silentLogger);
  onTestFinished(stop);
  await clock.advance(3_000);
  await expect.poll(() => used.at(-1)?.isOwn).toBe(true);
  const before = used.length;
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n`);
  await expect.poll(() => clock.advance(3_000).then(() => used.length)).toBeGreaterThan(before);
  put('camera');
  await expect.poll(() => clock.advance(3_000).then(() => used.at(-1)?.isOwn)).toBe(false);
});
