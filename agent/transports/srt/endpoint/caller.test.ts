import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { heapBytes } from '../../../../test/support/base/heap.ts';
import { callSrt } from './caller.ts';

const REPEAT_MS = 250;
const CALLS = 5;
const HANDSHAKES = 400;

test('calls without an answer keep no memory', async () => {
  const silent = createSocket('udp4');
  onTestFinished(() => void silent.close());
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  const clock = new FakeClock();
  // That of the path, which tries again and again.
  const { signal } = new AbortController();
  const call = async (handshakes: number) => {
    const options = { ip: '127.0.0.1', port: silent.address().port, streamId: '', passphrase: '' };
    let reason = '';
    callSrt({ ...options, connectTimeoutMs: handshakes * REPEAT_MS }, clock, signal).catch((error: unknown) => {
      reason = String(error);
    });
    while (reason === '') {
      await clock.advance(REPEAT_MS);
    }
    expect(reason).toContain('no SRT listener answers');
  };
  await call(2 * HANDSHAKES);
  const before = heapBytes();
  for (let i = 0; i < CALLS; i += 1) {
    await call(HANDSHAKES);
  }
  expect((heapBytes() - before) / (CALLS * HANDSHAKES)).toBeLessThan(300);
});
