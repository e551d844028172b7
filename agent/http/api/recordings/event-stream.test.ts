import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { type DeviceEventType, EventBus } from '../../../base/event-bus.ts';
import { silentLogger } from '../../../base/log.ts';
import { createHttpApp } from '../../listener/app.ts';
import { EventStreams, eventStreamRoutes } from './event-stream.ts';

function setup() {
  const clock = new FakeClock();
  const events = new EventBus(clock);
  const streams = new EventStreams(events, clock);
  const open = (lastId?: string, types?: ReadonlySet<DeviceEventType>, mayStill = async () => {}) => {
    const stream = streams.open('192.168.1.9', types && (({ type }) => types.has(type)), lastId, mayStill);
    onTestFinished(() => void stream.destroy());
    return stream;
  };
  return { clock, events, streams, open };
}

/** Sent bytes that have not been read yet. */
function read(stream: Readable): string {
  let text = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
    text += chunk;
  }
  return text;
}
const RUN = Date.UTC(2026, 0, 1).toString(36);
const AGAIN = 'retry: 3000\n\n';
const FIRST = `retry: 3000\nid: ${RUN}-0\n\n`;

test('an event is sent at once, with its number, type and time', () => {
  const { events, open } = setup();
  const stream = open();
  expect(read(stream)).toBe(FIRST);
  events.emit('path', { path: 'door', state: 'available', tracks: ['H264'], title: undefined });
  expect(read(stream)).toBe(
    `id: ${events.run}-1\nevent: path\n` +
      'data: {"time":"2026-01-01T00:00:00.000Z","path":"door","state":"available","tracks":["H264"]}\n\n',
  );
});

test('external text cannot start a line', () => {
  const { events, open } = setup();
  const stream = open();
  events.emit('login', { state: 'refused', user: 'a\n\nevent: path\ndata: {}\r\u2028' });
  const lines = read(stream)
    .slice(FIRST.length)
    .split(/\r\n|\r|\n/);
  expect(lines.map((line) => line.slice(0, 6))).toEqual([`id: ${events.run}`.slice(0, 6), 'event:', 'data: ', '', '']);
});

test('only the requested types are sent', () => {
  const { events, open } = setup();
  const stream = open(undefined, new Set(['disk', 'login']));
  for (const type of ['path', 'disk', 'config', 'login'] as const) {
    events.emit(type, {});
  }
  expect(read(stream).match(/event: \w+/g)).toEqual(['event: disk', 'event: login']);
});

test('a client that reconnects with its last id gets missed events once', () => {
  const { events, open } = setup();
  for (const path of ['a', 'b', 'c']) {
    events.emit('path', { path });
  }
  const stream = open(`${events.run}-1`);
  expect(read(stream).match(/"path":"\w"|gap/g)).toEqual(['"path":"b"', '"path":"c"']);
  expect(read(open(`${events.run}-3`))).toBe(AGAIN);
});

test.for([
  ['of another run of the program', 'zzz-2', null],
  ['that is none of ours', 'nonsense', null],
  ['from the future', `${RUN}-99999`, null],
] as const)('an id %s is answered with a gap and all kept events', ([, id, missed]) => {
  const { events, open } = setup();
  events.emit('path', { path: 'a' });
  expect(read(open(id))).toContain(`event: gap\ndata: {"missed":${missed}}\n\nid: ${events.run}-1\n`);
});

test('the last 500 events are kept, and the number of dropped ones is sent', () => {
  const { events, open } = setup();
  for (let number = 1; number <= 510; number += 1) {
    events.emit('path', { number });
  }
  const text = read(open(`${events.run}-4`));
  expect(text).toContain('event: gap\ndata: {"missed":6}\n\n');
  expect(text.match(/^id/gm)).toHaveLength(500);
});

test('a client disconnected before the first event also gets missed events', () => {
  const { events, open } = setup();
  events.emit('path', { path: 'a' });
  const [, id] = /^id: (.*)$/m.exec(read(open())) ?? [];
  events.emit('path', { path: 'b' });
  expect(read(open(id)).match(/"path":"\w"|gap/g)).toEqual(['"path":"b"']);
});

test('kept events never exceed the queue of a client', () => {
  const { events, open } = setup();
  for (let number = 1; number <= 400; number += 1) {
    events.emit('config', { number, change: 'ü'.repeat(400), keys: ['x'.repeat(100)] });
  }
  const stream = open(`${events.run}-1`);
  const text = read(stream);
  expect(stream.destroyed).toBe(false);
  const [, missed] = /^event: gap\ndata: \{"missed":(\d+)\}$/m.exec(text) ?? [];
  expect(text.match(/"number":\d+/g)?.length).toBe(399 - Number(missed));
  expect(text).toContain('"number":400');
  expect(Number(missed)).toBeLessThan(300);
});

test('a heartbeat is sent every fifteen seconds, and ends the stream of a client without permission', async () => {
  const { clock, events, open } = setup();
  let isAllowed = true;
  const stream = open(undefined, undefined, async () => {
    if (!isAllowed) {
      throw new Error('no longer');
    }
  });
  await clock.advance(30_000);
  expect(read(stream)).toBe(`${FIRST}: \n\n: \n\n`);
  isAllowed = false;
  await clock.advance(15_000);
  events.emit('path', {});
  expect(read(stream)).toBe(': \n\n');
  expect(read(stream)).toBe('');
  await expect.poll(() => stream.closed).toBe(true);
  expect(clock.sleeping).toBe(0);
});

test('a client that reads nothing is disconnected', () => {
  const { events, open } = setup();
  const stream = open();
  const text = 'x'.repeat(500);
  let sent = 0;
  for (; sent < 2_000 && !stream.destroyed; sent += 1) {
    events.emit('event', { text });
  }
  expect(sent * text.length).toBeGreaterThan(200_000);
  expect(sent * text.length).toBeLessThan(300_000);
});

test('addresses of one network share a limit', () => {
  const { streams } = setup();
  const from = (address: string) => streams.open(address, undefined, undefined, async () => {});
  const opened = Array.from({ length: 16 }, (_, i) => from(`2001:db8::${i + 1}`));
  expect(() => from('2001:db8::99')).toThrow('16 from this address');
  opened.push(from('2001:db8:0:1::1'));
  for (const stream of opened) {
    stream.destroy();
  }
});

test('16 clients per address and 64 in all may listen, and each that leaves frees its place', async () => {
  const { streams } = setup();
  const from = (address: string) => streams.open(address, undefined, undefined, async () => {});
  const opened = ['a', 'b', 'c', 'd'].flatMap((address) => Array.from({ length: 16 }, () => from(address)));
  expect(() => from('a')).toThrow('64 clients listen already, or 16 from this address');
  expect(() => from('e')).toThrow('64 clients listen already, or 16 from this address');
  opened[0]?.destroy();
  await setImmediate();
  opened.push(from('a'));
  expect(() => from('a')).toThrow('16 from this address');
  for (const stream of opened) {
    stream.destroy();
  }
});

test('viewers at their limit do not affect the owner, even from the same address', async () => {
  const { streams } = setup();
  await using app = createHttpApp({ log: silentLogger });
  await app.register(eventStreamRoutes, {
    streams,
    access: { require: async () => {}, ip: ({ headers }) => String(headers['x-from']) },
    viewerOf: ({ headers }) => (headers['x-viewer'] === 'yes' ? { may: () => true } : undefined),
  });
  const ask = async (from: string, viewer: 'yes' | 'no') => {
    const headers = { 'x-from': from, 'x-viewer': viewer };
    const answer = await app.inject({ method: 'GET', url: '/events', headers, payloadAsStream: true });
    onTestFinished(() => void answer.stream().destroy());
    return answer.statusCode;
  };
  for (const from of ['a', 'b', 'c', 'd']) {
    const answers = await Promise.all(Array.from({ length: 16 }, () => ask(from, 'yes')));
    expect(new Set(answers)).toEqual(new Set([200]));
  }
  expect([await ask('a', 'yes'), await ask('e', 'yes')]).toEqual([429, 429]);
  const owners = await Promise.all(Array.from({ length: 16 }, () => ask('a', 'no')));
  expect([new Set(owners), await ask('a', 'no'), await ask('e', 'no')]).toEqual([new Set([200]), 429, 200]);
});

test('long texts and lists are cut', () => {
  const { events, open } = setup();
  const stream = open();
  events.emit('disk', { text: 'x'.repeat(10_000), keys: Array.from({ length: 500 }, () => 'y'.repeat(600)) });
  expect(read(stream).length).toBeLessThan(30_000);
});
