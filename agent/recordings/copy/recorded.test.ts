import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { RecordedTimes } from './recorded.ts';

const MINUTE_US = 60e6;
const minute = (i: number) => ({ startUs: i * MINUTE_US, endUs: (i + 1) * MINUTE_US });

/** @param measured what the index has of the range */
function open(measured: () => Promise<number>) {
  const scans: boolean[] = [];
  const clock = new FakeClock();
  const playback = {
    measure: async (_: object, isScan = true) => {
      scans.push(isScan);
      return { bytes: 0, recordedUs: await measured(), firstUs: undefined };
    },
  };
  return { scans, clock, recorded: new RecordedTimes({ playback, clock }) };
}

test('recordings that the index does not have yet are compared, all of them', async () => {
  const { recorded } = open(async () => 0);
  expect(await recorded.has('cam', minute(0))).toBe(false);
  for (let i = 0; i < 3; i += 1) {
    recorded.take('cam', minute(i));
  }
  expect(await recorded.has('cam', minute(0))).toBe(true);
  expect(await recorded.has('cam', { startUs: 0, endUs: 3 * MINUTE_US })).toBe(true);
  expect(await recorded.has('cam', minute(3))).toBe(false);
  expect(await recorded.has('yard', minute(0))).toBe(false);
  await expect(recorded.has('cam', { startUs: 0, endUs: 4 * MINUTE_US })).rejects.toMatchObject({
    context: { why: 'overlap' },
  });
});

test('a scan that fails is repeated', async () => {
  let isAway = true;
  const { recorded, scans } = open(async () => {
    if (isAway) {
      throw new Error('away');
    }
    return 0;
  });
  await expect(recorded.has('cam', minute(0))).rejects.toThrow('away');
  isAway = false;
  await recorded.has('cam', minute(0));
  await recorded.has('cam', minute(0));
  expect(scans).toEqual([true, true, false]);
});
