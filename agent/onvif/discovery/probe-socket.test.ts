import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createLogger, silentLogger } from '../../base/log.ts';
import { openProbeSocket, openUnicastSocket, type ProbeSocket } from './probe-socket.ts';

/** An address for documentation (RFC 5737), so never one of this box. */
const NOT_HERE = '192.0.2.1';

const opened = (...asked: Parameters<typeof openProbeSocket>): ProbeSocket => {
  const socket = openProbeSocket(...asked);
  onTestFinished(() => socket.close());
  return socket;
};

test('an interface that is missing or unusable is logged, and the search continues on the others', async () => {
  const lines: string[] = [];
  const log = createLogger('debug', (line) => lines.push(line));
  const ready = vi.fn();
  for (const [family, address] of [
    ['IPv4', NOT_HERE],
    ['IPv6', 'fe80::1'],
  ] as const) {
    opened({ name: 'gone0', family, address }, log, () => {}, ready);
  }
  await vi.waitFor(() =>
    expect(lines.filter((line) => line.includes('cannot probe on this interface'))).toHaveLength(2),
  );
  expect(ready).not.toHaveBeenCalled();
});

test('a probe that cannot be sent is logged, and the next one is sent', async () => {
  const lines: string[] = [];
  const log = createLogger('debug', (line) => lines.push(line));
  const receiver = createSocket('udp4').bind(0, '127.0.0.1');
  onTestFinished(() => {
    receiver.close();
  });
  await once(receiver, 'listening');
  const heard = once(receiver, 'message');
  opened(
    { name: 'lo', family: 'IPv4', address: '127.0.0.1' },
    log,
    () => {},
    (socket) => {
      // Sending to the broadcast address without SO_BROADCAST fails (EACCES).
      socket.send('everybody', 9, '255.255.255.255');
      socket.send('you', receiver.address().port, '127.0.0.1');
    },
  );
  expect(String((await heard)[0])).toBe('you');
  expect(lines.filter((line) => line.includes('sending a probe failed'))).toHaveLength(1);
});

test('a probe of a single address after the end of the search is not sent', () => {
  const socket = openUnicastSocket('IPv4', silentLogger, () => {});
  socket.close();
  expect(() => socket.send('late', 9, '127.0.0.1')).not.toThrow();
});
