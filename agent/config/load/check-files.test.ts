import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { checkFile } from './check-files.ts';

const TLS = join(import.meta.dirname, '../../../test/fixtures/tls');

function check(text: string, env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'perch-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'my.yml');
  writeFileSync(file, `perch: own\n${text}`);
  return checkFile(file, env, KEYS);
}

test('a valid file prints no lines', async () => {
  expect(await check('hls: no')).toEqual({ lines: [], isUsable: true });
});

test('an error makes the file unusable, a warning does not', async () => {
  const wrong = await check('hls: perhaps');
  expect(wrong).toEqual({ lines: ["my.yml:2: hls: 'perhaps' is not yes or no"], isUsable: false });
  expect(await check('hlsAdress: :1')).toMatchObject({ isUsable: false });
  expect(await check('foo: 1')).toEqual({ lines: ['my.yml:2: foo: unknown key (warn)'], isUsable: true });
});

test.for(['optional', 'strict'])(
  'with rtspEncryption %s a missing key or certificate is reported with key and path',
  async (encryption) => {
    const text = `rtspEncryption: ${encryption}\nrtspServerKey: /nonexistent/my.key`;
    const why = `cannot be read (ENOENT): the RTSP server needs it, because rtspEncryption is ${encryption} (warn)`;
    const lines = [
      `my.yml: rtspServerCert: ${resolve('server.crt')} ${why}`,
      `my.yml:3: rtspServerKey: /nonexistent/my.key ${why}`,
    ];
    expect(await check(text)).toEqual({ lines, isUsable: true });
  },
);

test('a certificate of another key is reported', async () => {
  const pair = `rtspEncryption: yes\nrtspServerKey: ${TLS}/server.key\nrtspServerCert: ${TLS}`;
  expect((await check(`${pair}/server.crt`)).lines).toEqual([]);
  expect((await check(`${pair}/camera.crt`)).lines).toEqual([
    expect.stringMatching(
      /^my\.yml:3: rtspServerKey: .*server\.key and .*camera\.crt are not a key and its certificate/,
    ),
  ]);
});

test('with hlsEncryption the files of the HLS server are checked', async () => {
  const why = 'cannot be read (ENOENT): the HLS server needs it, because hlsEncryption is on (warn)';
  const text = `hlsEncryption: yes\nhlsServerKey: ${TLS}/server.key\nhlsServerCert:`;
  expect((await check(`${text} ${TLS}/server.crt`)).lines).toEqual([]);
  expect((await check(`${text} /nonexistent/a.crt`)).lines).toEqual([
    `my.yml:4: hlsServerCert: /nonexistent/a.crt ${why}`,
  ]);
});

test.for(['rtspEncryption: no', 'rtsp: no\nrtspEncryption: yes', 'hls: no\nhlsEncryption: yes'])(
  'no certificate is needed with %s',
  async (text) => {
    expect((await check(`${text}\nrtspServerKey: /nonexistent/my.key`)).lines).toEqual([]);
  },
);

test('a file for alwaysAvailable that cannot be read, or is not MP4, is reported with key and path', async () => {
  const path = (file: string) => `paths:\n  cam:\n    alwaysAvailable: yes\n    alwaysAvailableFile: ${file}`;
  const key = 'my.yml: paths.cam.alwaysAvailableFile:';
  expect((await check(path('/nonexistent/a.mp4'))).lines).toEqual([
    `${key} /nonexistent/a.mp4 cannot be read (ENOENT) (warn)`,
  ]);
  expect((await check(path(`${TLS}/server.crt`))).lines).toEqual([
    `${key} ${TLS}/server.crt is not an MP4 file: it does not begin with 'ftyp' (warn)`,
  ]);
});

test('a pipe for alwaysAvailable is reported, though no program writes into it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perch-check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const { lines } = await check(`paths:\n  cam:\n    alwaysAvailable: yes\n    alwaysAvailableFile: ${pipe}`);
  expect(lines).toEqual([
    `my.yml: paths.cam.alwaysAvailableFile: ${pipe} cannot be read (it is not a regular file) (warn)`,
  ]);
});

test('the environment is applied', async () => {
  const { lines } = await check('', { PERCH_RTSPENCRYPTION: 'strict', PERCH_RTSPSERVERKEY: '/nonexistent/env.key' });
  expect(lines.join('\n')).toContain('my.yml: rtspServerKey: /nonexistent/env.key cannot be read');
});
