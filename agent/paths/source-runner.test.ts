import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { heapBytes } from '../../test/support/base/heap.ts';
import { PerchError } from '../base/errors.ts';
import { silentLogger } from '../base/log.ts';
import type { Source } from '../stream/contracts.ts';
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
  const owner: RunnerOwner = {
    sourceOpened: () => {
      throw new Error('it never opens');
    },
    sourceClosed: () => {},
    sourceFailed: () => {},
    sourceAway: () => {},
    sourceStopped: () => {},
  };
  const maker = { make: () => source, usesQuery: false, isNews: () => true, forget: () => {} };
  const runner = new SourceRunner(maker, owner, clock, silentLogger);
  runner.start('');
  await expect.poll(() => runner.state).toBe('waiting');
  expect(runner.lastError).toBe('camera closed the connection: read ECONNRESET');
  heapBytes();
  expect(connections.map((connection) => connection.deref())).toEqual([undefined]);
  await runner.stop();
});
