import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { RTSP_SESSION } from '../../../../test/support/media/reader.ts';
import { silentLogger } from '../../../base/log.ts';
import type { SessionOptions } from './session.ts';
import { SessionTable } from './session-table.ts';

const factsOf = (ip: string): SessionOptions => ({
  id: ip,
  kind: RTSP_SESSION,
  target: { name: 'cam', query: '' },
  user: '',
  userAgent: '',
  connection: {
    id: ip,
    ip,
    remote: `${ip}:1`,
    local: undefined,
    isClosed: false,
    queuedBytes: 0,
    tunnel: 'none' as const,
    write: () => {},
    pause: () => {},
    resume: () => {},
    close: () => {},
    finish: () => {},
  },
  readTimeoutMs: 10_000,
});

const openTable = () => new SessionTable(new FakeClock(), silentLogger);

test('one address has 256 sessions at most, and one more when one has ended', () => {
  const table = openTable();
  const sessions = Array.from({ length: 256 }, () => table.open(factsOf('192.0.2.1')));
  expect(() => table.open(factsOf('192.0.2.1'))).toThrow('256 from this address');
  expect(table.open(factsOf('192.0.2.2')).isClosed).toBe(false);
  sessions[0]?.close('test');
  expect(table.open(factsOf('192.0.2.1')).isClosed).toBe(false);
});

test('the addresses of one IPv6 network count as one', () => {
  const table = openTable();
  for (let i = 0; i < 256; i += 1) {
    table.open(factsOf(`2001:db8:1:2::${i.toString(16)}`));
  }
  expect(() => table.open(factsOf('2001:db8:1:2:ffff::1'))).toThrow('too many RTSP sessions');
});

test('at most 1,000 sessions are open', () => {
  const table = openTable();
  for (let i = 0; i < 1_000; i += 1) {
    table.open(factsOf(`10.0.${i >> 7}.${i & 127}`));
  }
  expect(() => table.open(factsOf('192.0.2.1'))).toThrow('1000 are open');
});

test('a session is found by its key', () => {
  const table = openTable();
  const session = table.open(factsOf('192.0.2.1'));
  expect(table.ofKey(session.key)).toBe(session);
  expect(table.ofKey('')).toBeUndefined();
});

test('keys differ and do not reveal the API’s id', () => {
  const table = openTable();
  const sessions = Array.from({ length: 100 }, () => table.open(factsOf('192.0.2.1')));
  expect(new Set(sessions.map(({ key }) => key)).size).toBe(100);
  expect(sessions.every(({ id, key }) => !id.replaceAll('-', '').includes(key))).toBe(true);
});
