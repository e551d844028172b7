import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { createLogger } from '../../../base/log.ts';
import { AdditionalHosts } from './additional-hosts.ts';

type Answer = readonly string[] | Error | 'never';

/** A name server with set answers, and the log. */
function open(first: Answer) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = createLogger('info', (line) => {
    const { host, reason, msg } = JSON.parse(line);
    lines.push([host, msg, reason].filter(Boolean).join(': '));
  });
  const server = { answer: first, asked: 0, release: () => {} };
  const lookUp = (): Promise<readonly string[]> => {
    server.asked += 1;
    const { answer } = server;
    if (answer === 'never') {
      return new Promise((_, reject) => {
        server.release = () => reject(new Error('EAI_AGAIN'));
      });
    }
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { clock, lines, server, hosts: new AdditionalHosts(clock, log, lookUp) };
}
const LEFT_OUT = 'cam.test: an additional WebRTC host (webrtcAdditionalHosts) does not resolve and is left out';

test('an address is used unchanged, a name is resolved', async () => {
  const { hosts, server } = open(['192.0.2.7', '2001:db8::7']);
  expect(await hosts.resolve('192.0.2.4')).toEqual(['192.0.2.4']);
  expect(server.asked).toBe(0);
  expect(await hosts.resolve('cam.test')).toEqual(['192.0.2.7', '2001:db8::7']);
});

test('a failed name is looked up every ten seconds at most, and logged when the reason changes', async () => {
  const { hosts, server, clock, lines } = open(new Error('ENOTFOUND'));
  for (let second = 0; second < 25; second += 1) {
    expect(await hosts.resolve('cam.test')).toEqual([]);
    await clock.advance(1_000);
  }
  expect(server.asked).toBe(3);
  expect(lines).toEqual([`${LEFT_OUT}: ENOTFOUND`]);
  server.answer = new Error('EAI_AGAIN');
  await clock.advance(10_000);
  await hosts.resolve('cam.test');
  expect(lines.slice(1)).toEqual([`${LEFT_OUT}: EAI_AGAIN`]);
});

test('a name that resolves again is logged, and a new failure too', async () => {
  const { hosts, server, clock, lines } = open(new Error('ENOTFOUND'));
  await hosts.resolve('cam.test');
  server.answer = ['192.0.2.7'];
  await clock.advance(10_000);
  expect(await hosts.resolve('cam.test')).toEqual(['192.0.2.7']);
  server.answer = new Error('ENOTFOUND');
  await hosts.resolve('cam.test');
  expect(lines).toEqual([
    `${LEFT_OUT}: ENOTFOUND`,
    'cam.test: an additional WebRTC host resolves again',
    `${LEFT_OUT}: ENOTFOUND`,
  ]);
});

test('a dead name server delays requests of the same second, and none while its answer is pending', async () => {
  const { hosts, server, clock, lines } = open('never');
  const waiting = Promise.all(Array.from({ length: 20 }, () => hosts.resolve('cam.test')));
  await clock.advance(1_000);
  expect((await waiting).flat()).toEqual([]);
  // Without time passing.
  expect(await hosts.resolve('cam.test')).toEqual([]);
  await clock.advance(30_000);
  expect(await hosts.resolve('cam.test')).toEqual([]);
  expect(server.asked).toBe(1);
  expect(lines).toEqual([`${LEFT_OUT}: no answer within 1000 ms`]);
  server.release();
  await clock.advance(0);
  server.answer = ['192.0.2.7'];
  expect(await hosts.resolve('cam.test')).toEqual(['192.0.2.7']);
});
