import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/disks/recordings.ts';
import { silentLogger } from '../../../base/log.ts';
import type { CameraEvent } from '../../../record/events/event.ts';
import { BoxSide, type CameraState, Outages } from './box-side.ts';

/** A box whose client sends to `publish`. Confirmations are given by `stored`. */
function openBox(publish: (subject: string, text: string) => void, cameras: () => readonly CameraState[] = () => []) {
  const folder = temporaryFolder();
  const clock = new FakeClock();
  let happens: (event: CameraEvent) => void = () => {};
  let onStored: (fault: undefined, message: object) => void = () => {};
  const side = new BoxSide({
    ...{ box: 'b1', folder: folder.path, clock, log: silentLogger, random: () => 0 },
    source: {
      ...{ version: '1', cameras, outages: () => [], onChange: () => () => {} },
      onEvent: (listener) => {
        happens = listener;
        return () => {};
      },
    },
    onConnected: async () => {
      throw new Error('the connection is closed');
    },
  });
  const ended = Promise.withResolvers<Error>();
  const client = {
    isClosed: () => false,
    subscribe: (_: string, { callback }: { callback: typeof onStored }) => {
      onStored = callback;
    },
    publish,
  };
  const connection = { client, ended: ended.promise, close: async () => {} } as never;
  const serving = side.serve(connection, {} as never);
  return {
    ...{ side, clock },
    happens: (id: string) =>
      happens({ id, path: 'gate', type: 'motion', text: '', source: 'camera', startUs: 1e15, endUs: undefined }),
    stored: (id: string) => onStored(undefined, { headers: new Map([['Perch-Event', id]]) }),
    close: async () => {
      ended.resolve(new Error('over'));
      await serving;
      side.close();
      folder[Symbol.dispose]();
    },
  };
}

test('a client that sends nothing, and orders that cannot be taken, do not end the box', async () => {
  const box = openBox(() => {
    throw new Error('the connection is closed');
  });
  box.happens('a');
  await box.clock.advance(120_000);
  expect(box.side.queued).toBe(1);
  await box.close();
});

test('what comes after an event that was not stored is sent again after it', async () => {
  const sent: string[] = [];
  const box = openBox((subject, text) => {
    if (subject === 'fleet.b1.event') {
      sent.push(JSON.parse(text).id);
    }
  });
  for (const id of ['a', 'b', 'c']) {
    box.happens(id);
  }
  await box.clock.advance(10);
  expect(sent).toEqual(['a', 'b', 'c']);
  box.stored('a.1');
  box.stored('c.3');
  await box.clock.advance(3_000);
  expect(sent).toEqual(['a', 'b', 'c', 'b', 'c']);
  box.stored('c.3');
  box.stored('b.2');
  await box.clock.advance(10);
  expect(box.side.queued).toBe(0);
  await box.close();
});

test('a state that is too long for the bus leaves cameras out', async () => {
  const states: string[] = [];
  const camera = { path: 'x'.repeat(240), name: 'y'.repeat(400), ready: true, recording: true };
  const box = openBox(
    (_, text) => void states.push(text),
    () => Array(500).fill(camera),
  );
  await box.clock.advance(10);
  expect(Buffer.byteLength(states[0] ?? '')).toBeLessThanOrEqual(128 << 10);
  expect(JSON.parse(states[0] ?? '').cameras.length).toBeGreaterThan(100);
  await box.close();
});

test('an outage is reported when it is known and when it is over, and one from before the start is not', async () => {
  const clock = new FakeClock();
  const nowUs = () => clock.wallMs() * 1000;
  const more = { path: 'gate', type: 'perch.offline', text: '', source: 'perch' } as const;
  const outages: CameraEvent[] = [{ id: 'past', ...more, startUs: nowUs() - 300e6, endUs: nowUs() - 100e6 }];
  const reported: [string, boolean][] = [];
  const end = Outages.watch(
    clock,
    (fromUs, toUs) => outages.filter(({ startUs, endUs = toUs }) => startUs <= toUs && endUs >= fromUs),
    ({ id, endUs }) => void reported.push([id, endUs !== undefined]),
  );
  outages.push({ id: 'a', ...more, startUs: nowUs(), endUs: undefined });
  await clock.advance(60_000);
  await clock.advance(600_000);
  expect(reported).toEqual([['a', false]]);
  outages[1] = { id: 'a', ...more, startUs: nowUs() - 660e6, endUs: nowUs() + 1e6 };
  await clock.advance(60_000);
  await clock.advance(60_000);
  expect(reported).toEqual([
    ['a', false],
    ['a', true],
  ]);
  end();
});
