import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { type CameraTrouble, cameraError } from '../soap/http/failures.ts';
import { KeyFrameRequester } from './key-frames.ts';

function begin({ longestGroupMs = 20_000, heeds = true, fails = undefined as CameraTrouble | undefined } = {}) {
  const clock = new FakeClock();
  const asked: number[] = [];
  const reasons: string[] = [];
  let keyMs = 0;
  const asker = new KeyFrameRequester({
    gop: {
      get groupMs() {
        return clock.monoMs() - keyMs;
      },
      longestGroupMs,
    },
    clock,
    request: async () => {
      asked.push(clock.monoMs());
      if (fails) {
        throw cameraError(fails, 'the camera does not do that');
      }
      keyMs = heeds ? clock.monoMs() + 100 : keyMs;
    },
    onStopped: (reason) => reasons.push(reason),
  });
  /** Lets time pass; a viewer asks for a key frame each half second. */
  const pass = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 500) {
      await clock.advance(500);
      asker.want();
    }
    await clock.advance(0);
  };
  return { asked, reasons, pass };
}

test('a camera with short groups gets no request', async () => {
  const { asked, pass } = begin({ longestGroupMs: 2_000 });
  await pass(3_500);
  expect(asked).toEqual([]);
});

test('with any number of viewers, a key frame is requested every three seconds at most', async () => {
  const { asked, pass } = begin();
  await pass(30_000);
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.length).toBeLessThanOrEqual(10);
  expect(asked[0]).toBe(2_000);
});

test('a group that has just begun causes no request', async () => {
  const { asked, pass } = begin();
  await pass(1_500);
  expect(asked).toEqual([]);
});

test('a camera that ignores the request gets it ever less often, and finally not at all', async () => {
  const { asked, reasons, pass } = begin({ heeds: false });
  await pass(600_000);
  expect(asked).toHaveLength(4);
  expect(reasons).toEqual(['4 requests in a row without a key frame']);
});

test('one that cannot is not asked twice', async () => {
  const { asked, reasons, pass } = begin({ fails: 'notSupported' });
  await pass(60_000);
  expect(asked).toHaveLength(1);
  expect(reasons).toEqual(['the camera does not do that']);
});

test('a camera gets requests again after a short outage', async () => {
  const { asked, reasons, pass } = begin({ fails: 'unreachable' });
  await pass(20_000);
  expect(asked.length).toBeGreaterThan(1);
  expect(reasons).toEqual([]);
});
