import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { createLogger } from '../base/log.ts';
import type { Destination } from '../config/schema/forward.ts';
import type { Forwarder } from '../protocols/contract.ts';
import { Stream } from '../stream/stream.ts';
import { PathForwards } from './path-forwards.ts';

/** One connection, which the test opens and breaks. */
class ScriptedForwarder implements Forwarder {
  outboundBytes = 0;
  readonly #over = Promise.withResolvers<void>();
  accept: () => void = () => {};
  wait: () => void = () => {};
  isStopped = false;

  run(_stream: Stream, onForwarding: () => void, signal: AbortSignal, onWaiting: () => void): Promise<void> {
    this.accept = onForwarding;
    this.wait = onWaiting;
    signal.addEventListener('abort', () => {
      this.isStopped = true;
      this.#over.resolve();
    });
    return this.#over.promise;
  }

  break(message: string): void {
    this.#over.reject(new PerchError('unavailable', message));
  }

  leave(): void {
    this.#over.resolve();
  }
}

const to = (dest: string, more: Partial<Destination> = {}): Destination => ({
  dest,
  destFingerprint: '',
  whipBearerToken: '',
  ...more,
});
const [A, B] = [to('rtsp://a/door'), to('rtsp://b/door')];

function open() {
  const clock = new FakeClock();
  const lines: string[] = [];
  /** Connections in their order, by URL. */
  const made: Record<string, ScriptedForwarder[]> = {};
  const make = ({ dest }: Destination) => {
    const forwarder = new ScriptedForwarder();
    made[dest] = [...(made[dest] ?? []), forwarder];
    return forwarder;
  };
  const forwards = new PathForwards(
    make,
    clock,
    createLogger('debug', (line) => lines.push(line)),
  );
  const last = ({ dest }: Destination) => made[dest]?.at(-1) as ScriptedForwarder;
  return { clock, lines, made, last, forwards, stream: new Stream([tinyH264]) };
}

test('each destination has its own state; an error stays until the destination accepts the stream', async () => {
  const { clock, forwards, last, stream } = open();
  forwards.follow([A, B]);
  expect(forwards.items).toMatchObject([
    { pos: 0, protocol: 'rtsp', state: 'idle', lastError: null, outboundBytes: 0, reconnects: 0 },
    { pos: 1, state: 'idle' },
  ]);
  forwards.start(stream);
  await clock.advance(0);
  last(A).accept();
  last(A).outboundBytes = 5;
  last(B).break('b is off');
  await clock.advance(0);
  expect(forwards.items).toMatchObject([
    { state: 'forwarding', outboundBytes: 5 },
    { state: 'error', lastError: 'b is off', lastErrorTime: '2026-01-01T00:00:00.000Z' },
  ]);
  await clock.advance(1_000);
  expect(forwards.items[1]).toMatchObject({ state: 'error', reconnects: 1 });
  last(B).accept();
  expect(forwards.items[1]).toMatchObject({ state: 'forwarding', lastError: null, lastErrorTime: null });
  await forwards.close();
});

test('a destination that fails is tried after 1, 2, 4 s and so on up to 10 s, and its bytes add up', async () => {
  const { clock, made, forwards, last, stream } = open();
  forwards.follow([A]);
  forwards.start(stream);
  await clock.advance(0);
  for (const pauseMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    last(A).outboundBytes = 3;
    last(A).break('off');
    const before = made[A.dest]?.length ?? 0;
    await clock.advance(0.79 * pauseMs);
    expect(made[A.dest]?.length).toBe(before);
    await clock.advance(0.21 * pauseMs);
    expect(made[A.dest]?.length).toBe(before + 1);
  }
  expect(forwards.items).toMatchObject([{ reconnects: 6, outboundBytes: 18 }]);
  await forwards.close();
});

test('a destination that ends the connection by itself is connected again', async () => {
  const { clock, made, forwards, last, stream } = open();
  forwards.follow([A]);
  forwards.start(stream);
  await clock.advance(0);
  last(A).leave();
  await clock.advance(0);
  expect(forwards.items[0]).toMatchObject({ lastError: 'the destination ended the connection' });
  await clock.advance(1_000);
  expect(made[A.dest]?.length).toBe(2);
  await forwards.close();
});

test('while another server publishes there a destination is idle; its error is logged once until it accepts the stream', async () => {
  const { clock, lines, forwards, last, stream } = open();
  forwards.follow([A]);
  forwards.start(stream);
  const warnings = () => lines.filter((line) => line.includes('not reached')).length;
  for (let tries = 0; tries < 2; tries += 1) {
    await clock.advance(10_000);
    last(A).wait();
    expect(forwards.items[0]).toMatchObject({ state: 'idle', lastError: null, lastErrorTime: null });
    last(A).break('off');
    await clock.advance(0);
    expect([forwards.items[0]?.lastError, warnings()]).toEqual(['off', 1]);
  }
  await clock.advance(10_000);
  last(A).accept();
  last(A).break('off');
  await clock.advance(0);
  expect(warnings()).toBe(2);
  await forwards.close();
});

test('a changed list begins and ends only the destinations that changed', async () => {
  const { clock, made, forwards, last, stream } = open();
  forwards.follow([A, B]);
  forwards.start(stream);
  await clock.advance(0);
  const [{ id } = { id: '' }] = forwards.items;
  const C = to('rtsp://c/door', { whipBearerToken: 'abc' });
  forwards.follow([C, A]);
  await clock.advance(0);
  expect(forwards.items.map(({ pos, conf }) => [pos, conf.dest])).toEqual([
    [0, 'rtsp://c/door'],
    [1, 'rtsp://a/door'],
  ]);
  expect(forwards.items[1]?.id).toBe(id);
  expect([last(A).isStopped, last(B).isStopped, made[A.dest]?.length]).toEqual([false, true, 1]);
  expect(forwards.items[0]?.conf.whipBearerToken).toBe('<redacted>');
  await forwards.close();
});

test('the end of the stream ends the connections; the next stream opens them again after the former are closed', async () => {
  const { clock, made, forwards, last, stream } = open();
  forwards.follow([A]);
  forwards.start(stream);
  await clock.advance(0);
  last(A).accept();
  forwards.stop();
  forwards.start(new Stream([tinyH264]));
  expect(made[A.dest]?.length).toBe(1);
  await clock.advance(0);
  expect([made[A.dest]?.[0]?.isStopped, made[A.dest]?.length]).toEqual([true, 2]);
  await forwards.close();
  expect(forwards.items).toMatchObject([{ state: 'idle' }]);
});

test('neither items nor log show passwords and stream keys', async () => {
  const { clock, forwards, last, lines, stream } = open();
  const keyed = to('rtmps://live.example/app/k3y-1234');
  const named = to('rtsp://pia:s3cret@box/door');
  forwards.follow([keyed, named]);
  forwards.start(stream);
  await clock.advance(0);
  last(keyed).accept();
  last(named).break('off');
  await clock.advance(0);
  expect(forwards.items.map(({ conf }) => conf.dest)).toEqual(['rtmps://live.example/app/***', 'rtsp://box/door']);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.join('')).not.toMatch(/k3y|s3cret/);
  await forwards.close();
});
