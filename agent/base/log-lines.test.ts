import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { createLogger } from './log.ts';
import { LogLines } from './log-lines.ts';

const ALL = { level: undefined, path: undefined, text: undefined };

function setup() {
  const lines = new LogLines(new FakeClock());
  const log = createLogger('debug', (line) => lines.add(line));
  const texts = (filter = {}, before = Number.POSITIVE_INFINITY, most = 100) =>
    lines.find({ ...ALL, ...filter }, before, most).map(({ text }) => text);
  return { lines, log, texts };
}

test('lines are found by level, path and text, the newest first, page by page', () => {
  const { lines, log, texts } = setup();
  const door = log.child({ path: 'door' });
  log.debug('a word');
  log.info({ port: 8080 }, 'main port is open');
  door.warn({ reason: 'connection refused' }, 'no picture from the camera');
  log.child({ path: 'gate' }).error('the disk is full');
  expect(texts()).toEqual([
    'the disk is full',
    'no picture from the camera reason="connection refused"',
    'main port is open port=8080',
    'a word',
  ]);
  expect(texts({ level: 'warn' })).toHaveLength(2);
  expect(texts({ level: 'error' })).toEqual(['the disk is full']);
  expect(texts({ path: 'door' })).toEqual([expect.stringContaining('no picture')]);
  expect(texts({ text: 'REFUSED' })).toEqual([expect.stringContaining('no picture')]);
  expect(texts({ text: 'gate' })).toEqual(['the disk is full']);
  expect(texts({}, 3, 1)).toEqual(['main port is open port=8080']);
  expect(lines.after(3).events.map(({ data }) => JSON.parse(data))).toMatchObject([
    { number: 4, level: 'error', path: 'gate', text: 'the disk is full', time: expect.stringMatching(/^\d{4}-.*Z$/) },
  ]);
});

test('lines about readers can be omitted, except warnings', () => {
  const { log, texts } = setup();
  const said = ['HLS viewer is connected', 'WebRTC viewer has left', 'more HLS viewers have connected and left'];
  for (const text of said) {
    log.info({ remote: '192.0.2.1' }, text);
  }
  log.info('WebRTC publisher is connected');
  log.warn('WebRTC viewer never connected');
  const others = ['WebRTC viewer never connected', 'WebRTC publisher is connected'];
  expect(texts({ isWithoutViewers: true })).toEqual(others);
  expect(texts()).toHaveLength(said.length + others.length);
});

test('no password of an address, of a query or of a camera gets into a line, nor into its path', () => {
  const { lines, log } = setup();
  log
    .child({ path: 'rtsp://me:hunter2@h/1' })
    .warn(
      { url: 'rtsp://me:hun/ter2@h/1?token=hunter2', err: new Error('cannot open rtsp://me:hunter2@h/2') },
      'no answer from rtsp://me:hunter2@h/3',
    );
  expect(lines.find(ALL, 9, 9)[0]?.data).toMatch(/no answer from rtsp:\/\/h\/3/);
  expect(lines.find(ALL, 9, 9)[0]?.data).not.toMatch(/hunter2|hun\/ter2/);
});

test('the oldest lines go when they are many or long, and it is known how many', () => {
  const { lines, log, texts } = setup();
  for (let i = 1; i <= 5_100; i += 1) {
    log.info(`line ${i}`);
  }
  expect(texts({}, Number.POSITIVE_INFINITY, 9_999)).toHaveLength(5_000);
  expect(lines.after(0)).toMatchObject({ missed: 100 });
  for (let i = 0; i < 1_000; i += 1) {
    log.info('x'.repeat(10_000));
  }
  const all = lines.find(ALL, Number.POSITIVE_INFINITY, 9_999);
  expect(all[0]?.text).toHaveLength(4_000);
  expect(all.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThanOrEqual(1 << 20);
  expect(all.length).toBeGreaterThan(200);
});

test('a line is one line of JSON, with any name of a client', () => {
  const { lines, log } = setup();
  const heard: string[] = [];
  const stop = lines.listen(({ data }) => heard.push(data));
  log.info({ user: 'a\n\nevent: x\u2028' }, 'refused');
  stop();
  log.info('unheard');
  expect(heard).toHaveLength(1);
  expect(heard[0]).not.toMatch(/[\n\r]/);
});
