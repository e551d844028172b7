import { request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { listenLocally } from '../../../../test/support/base/local-listener.ts';
import { LOOPBACK } from '../../../../test/support/harness/http/control-api-harness.ts';
import { openHttpHarness } from '../../../../test/support/harness/http/http-harness.ts';
import { createLogger } from '../../../base/log.ts';
import { LogLines } from '../../../base/log-lines.ts';
import { EventStreams } from '../recordings/event-stream.ts';
import { logRoutes } from './log-routes.ts';

const PASSWORD = 'correct horse battery';
const basic = (user: string, password: string) => `Basic ${btoa(`${user}:${password}`)}`;

async function open() {
  const clock = new FakeClock();
  const lines = new LogLines(clock);
  const log = createLogger('debug', (line) => lines.add(line));
  const box = await openHttpHarness({ password: PASSWORD });
  onTestFinished(() => box[Symbol.asyncDispose]());
  await box.accounts.people.addUser({ name: 'ann', cameras: 'all', live: true, recordings: true }, 'another password');
  await box.app.register(logRoutes, { access: box.access, lines, streams: new EventStreams(lines, clock) });
  const get = async (url: string, authorization = basic('owner', PASSWORD)) => {
    const headers = { ...LOOPBACK.headers, authorization };
    const answer = await box.app.inject({ ...LOOPBACK, method: 'GET', url, headers });
    return { status: answer.statusCode, ...answer.json() };
  };
  return { ...box, clock, log, get };
}

test('the log is read page by page, filtered', async () => {
  const { log, get } = await open();
  for (let i = 1; i <= 5; i += 1) {
    log.child({ path: i % 2 ? 'door' : 'gate' })[i === 5 ? 'error' : 'info'](`event ${i}`);
  }
  const first = await get('/v3/log?limit=2');
  expect(first).toMatchObject({ items: [{ text: 'event 5', level: 'error', path: 'door' }, { text: 'event 4' }] });
  expect(await get(`/v3/log?limit=2&before=${first.before}`)).toMatchObject({ items: [{ number: 3 }, { number: 2 }] });
  expect(await get('/v3/log?before=2')).toMatchObject({ items: [{ number: 1 }], before: null });
  expect((await get('/v3/log?path=gate&text=EVENT%202')).items).toMatchObject([{ text: 'event 2' }]);
  expect((await get('/v3/log?level=error')).items).toHaveLength(1);
});

test.for([
  ['level=loud', "invalid level 'loud': known are error, warn, info, debug"],
  ['limit=0', "invalid limit '0': a number from 1 to 1000"],
  ['limit=1001', "invalid limit '1001'"],
  ['before=x', "invalid before 'x'"],
] as const)('?%s is rejected with the reason', async ([query, reason]) => {
  const { get } = await open();
  expect(await get(`/v3/log?${query}`)).toMatchObject({ status: 'error', error: expect.stringContaining(reason) });
});

test.for([
  ['nobody', ''],
  ['a viewer', basic('ann', 'another password')],
] as const)('%s cannot read the log', async ([, authorization]) => {
  const { log, get } = await open();
  log.info('secret of the house');
  for (const url of ['/v3/log', '/v3/log/live']) {
    expect(await get(url, authorization)).toEqual({ status: 'error', error: 'authentication error' });
  }
});

test('the log is followed live, with missed lines, and filtered', async () => {
  const { app, log } = await open();
  log.info('before');
  const { port } = await listenLocally(app);
  const asking = request({
    ...{ port, host: '127.0.0.1', path: '/v3/log/live?level=warn' },
    headers: { authorization: basic('owner', PASSWORD), 'last-event-id': 'another-0' },
  }).end();
  const answer = await new Promise<import('node:http').IncomingMessage>((resolve) => asking.once('response', resolve));
  expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  log.info('too quiet');
  log.child({ path: 'door' }).warn('no picture from rtsp://me:hunter2@h/1');
  let heard = '';
  for await (const chunk of answer) {
    heard += chunk;
    if (heard.includes('no picture')) {
      break;
    }
  }
  expect(heard).toContain('event: gap');
  expect(heard).toContain('event: line\ndata: {"number":3,');
  expect(heard).toContain('"path":"door","text":"no picture from rtsp://h/1"}');
  expect(heard).not.toMatch(/too quiet|hunter2/);
});
