import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { heapBytes } from '../../test/support/base/heap.ts';
import { keepLogLines } from '../../test/support/base/log-lines.ts';
import { tinyH264 } from '../../test/support/media/tiny-h264.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Source, StreamSink } from '../stream/contracts.ts';
import { Stream } from '../stream/stream.ts';
import { type RunnerOwner, SourceRunner } from './source-runner.ts';

/** Like a real connection: it holds received bytes, and one of its methods throws. */
class Connection {
  readonly bytes = new Uint8Array(65_536);

  end(): never {
    throw new PerchError('unavailable', 'camera closed the connection', {}, this.#cause());
  }

  #cause(): Error {
    return new Error('read ECONNRESET');
  }
}

const owner: RunnerOwner = {
  sourceOpened: () => new Stream([tinyH264]),
  sourceClosed: () => {},
  sourceFailed: () => {},
  sourceAway: () => {},
  sourceStopped: () => {},
};
const makerOf = (source: Source) => ({ make: () => source, usesQuery: false, isNews: () => true, forget: () => {} });

test('failures of a camera that is off are logged and reported once each, also if they alternate', async () => {
  const clock = new FakeClock();
  const { log, logged } = keepLogLines();
  const reported: string[] = [];
  const reasons = ['connection refused', 'no reply within 10 s'];
  let runs = 0;
  const stream = Promise.withResolvers<never>();
  let sink: StreamSink | undefined;
  const source: Source = {
    type: 'scripted',
    run: async (opened) => {
      runs += 1;
      if (runs === 10) {
        sink = opened;
        await stream.promise;
      }
      throw new PerchError('unavailable', reasons[runs % 2] as string);
    },
  };
  const sourceFailed = (text: string) => void reported.push(text);
  const runner = new SourceRunner(makerOf(source), { ...owner, sourceFailed }, clock, log);
  const newFailures = () => [logged.splice(0).map(([, , facts]) => facts), reported.splice(0)];
  runner.start('');
  await clock.advance(300_000);
  expect(runs).toBe(10);
  const [refused, noReply] = reasons;
  expect(newFailures()).toEqual([
    [{ reason: noReply }, { reason: refused }],
    [noReply, refused],
  ]);

  sink?.publish([tinyH264]);
  stream.reject(new PerchError('unavailable', 'connection refused'));
  await clock.advance(300_000);
  expect(runs).toBeGreaterThan(14);
  expect(newFailures()).toEqual([[{ reason: refused }], [refused, noReply]]);
  await runner.stop();
});

test('the stored failure keeps no memory of the ended connection', async () => {
  const clock = new FakeClock();
  const connections: WeakRef<Connection>[] = [];
  const source: Source = {
    type: 'scripted',
    run: async () => {
      const connection = new Connection();
      connections.push(new WeakRef(connection));
      connection.end();
    },
  };
  const runner = new SourceRunner(makerOf(source), owner, clock, silentLogger);
  runner.start('');
  await expect.poll(() => runner.state).toBe('waiting');
  expect(runner.lastError).toBe('camera closed the connection: read ECONNRESET');
  heapBytes();
  expect(connections.map((connection) => connection.deref())).toEqual([undefined]);
  await runner.stop();
});
