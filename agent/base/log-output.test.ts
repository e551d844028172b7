import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger, type Logger } from './log.ts';
import { LogOutput } from './log-output.ts';

const SETTINGS: Parameters<LogOutput['apply']>[0] = {
  logDestinations: ['stdout'],
  logStructured: false,
  logFile: 'mediamtx.log',
  sysLogPrefix: 'mediamtx',
};
const TIME = /^\S+ \S+ /gm;

let folder: string;
let printed: string[];
let nowMs: number;
let output: LogOutput;
let log: Logger;

/** @param logger replaces the system's `logger` */
function begin(logger?: string, maxFileBytes?: number): void {
  output = new LogOutput({
    stdout: (text) => printed.push(text),
    cwd: folder,
    clock: { monoMs: () => nowMs },
    ...(logger && { logger }),
    ...(maxFileBytes && { maxFileBytes }),
  });
  log = createLogger('debug', (line) => output.write(line));
}

const textOf = async (name: string) => (await readFile(join(folder, name), 'utf8')).replace(TIME, '');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perch-log-'));
  printed = [];
  nowMs = 0;
  begin();
});

afterEach(async () => {
  await output.close();
  await rm(folder, { recursive: true });
});

test('the terminal has the lines from the start on', () => {
  log.info('started');
  expect(printed.join('').replace(TIME, '')).toBe('INF started\n');
});

test('lines go to all destinations, and to the file alone once it is the only one', async () => {
  output.apply({ ...SETTINGS, logDestinations: ['stdout', 'file'] });
  log.child({ path: 'garden' }).warn({ url: 'rtsp://a:b@c/' }, 'no picture');
  await output.close();
  output.apply({ ...SETTINGS, logDestinations: ['file'] });
  log.info('again');
  await output.close();
  expect(await textOf('mediamtx.log')).toBe('WAR [garden] no picture url=rtsp://c/\nINF again\n');
  expect(printed).toHaveLength(1);
});

test('structured lines are JSON objects with the fields of MediaMTX, without secrets', () => {
  output.apply({ ...SETTINGS, logStructured: true });
  log.child({ path: 'garden' }).error({ url: 'rtsp://a:b@c/', retryMs: 5 }, 'no picture');
  expect(JSON.parse(printed.join(''))).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'ERR',
    message: 'no picture',
    path: 'garden',
    url: 'rtsp://c/',
    retryMs: 5,
  });
});

test('a file that was rotated is left alone after it is opened again', async () => {
  output.apply({ ...SETTINGS, logDestinations: ['file'] });
  log.info('one');
  await vi.waitFor(async () => expect(await textOf('mediamtx.log')).toBe('INF one\n'));
  await rename(join(folder, 'mediamtx.log'), join(folder, 'rotated'));
  output.reopen();
  log.info('two');
  await output.close();
  expect([await textOf('rotated'), await textOf('mediamtx.log')]).toEqual(['INF one\n', 'INF two\n']);
});

test('a file that has its largest size is renamed, and no line is lost', async () => {
  begin(undefined, 100);
  output.apply({ ...SETTINGS, logDestinations: ['file'] });
  log.info({ n: 0 }, 'a line of some length');
  const lines = (...numbers: number[]) => numbers.map((n) => `INF a line of some length n=${n}\n`).join('');
  await vi.waitFor(async () => expect(await textOf('mediamtx.log')).toBe(lines(0)));
  for (const n of [1, 2]) {
    log.info({ n }, 'a line of some length');
  }
  await vi.waitFor(async () => expect(await textOf('mediamtx.log')).toBe(lines(2)));
  log.info({ n: 3 }, 'a line of some length');
  await output.close();
  expect([await textOf('mediamtx.log.1'), await textOf('mediamtx.log')]).toEqual([lines(0, 1), lines(2, 3)]);
});

test('a file that cannot be written is reported and tried again, with the number of lost lines', async () => {
  const name = join(folder, 'missing', 'x.log');
  output.apply({ ...SETTINGS, logDestinations: ['file'], logFile: name });
  log.info('one');
  await vi.waitFor(() => expect(printed.join('')).toContain(`cannot write the log to ${name}`));
  log.info('two');
  expect(printed).toHaveLength(1);
  await mkdir(join(folder, 'missing'));
  nowMs += 10_000;
  log.info('three');
  await output.close();
  expect(await textOf('missing/x.log')).toBe('WAR log lines dropped count=1\nINF three\n');
});

test('syslog gets level, name and text of each line', async () => {
  // Same options and input as util-linux and busybox: the real one needs a running syslog.
  const program = join(folder, 'logger');
  await writeFile(program, `#!/bin/sh\nwhile read -r line; do echo "$* $line" >> ${folder}/syslog; done\n`);
  await chmod(program, 0o755);
  begin(program);
  output.apply({ ...SETTINGS, logDestinations: ['syslog'], sysLogPrefix: 'cams' });
  log.child({ path: 'garden' }).error('no picture');
  await vi.waitFor(async () => expect(await readFile(join(folder, 'syslog'), 'utf8')).toContain('no picture'));
  log.info('ready');
  await vi.waitFor(async () => {
    expect(await readFile(join(folder, 'syslog'), 'utf8')).toBe(
      '-t cams -p daemon.err [garden] no picture\n-t cams -p daemon.info ready\n',
    );
  });
});

test('a machine without syslog gets one complaint in ten seconds', async () => {
  begin(join(folder, 'missing'));
  output.apply({ ...SETTINGS, logDestinations: ['syslog'] });
  log.info('one');
  await vi.waitFor(() =>
    expect(printed.join('')).toMatch(/cannot write the log to syslog, retrying every 10 s: .*ENOENT/),
  );
  log.info('two');
  expect(printed).toHaveLength(1);
});
