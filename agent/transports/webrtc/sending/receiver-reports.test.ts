import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { writeSenderReport } from '../../../media/rtcp/write.ts';
import { BitrateMeter } from './bitrate-meter.ts';
import { ReceiverReports } from './receiver-reports.ts';

const [VIDEO, AUDIO, FOREIGN] = [1, 2, 3];

function watch() {
  const clock = new FakeClock();
  return { clock, reports: new ReceiverReports([VIDEO, AUDIO], clock) };
}

/** The middle of the NTP time in a sender report of now, as a viewer gives it back. */
function lastReportOf(clock: FakeClock): number {
  const report = writeSenderReport({ ssrc: VIDEO, unixMs: clock.wallMs(), ticks: 0, packets: 0, payloadBytes: 0 }, 'x');
  return new DataView(report.buffer).getUint32(10);
}

test('losses of all tracks are added, and reports about other sources count for nothing', () => {
  const { reports } = watch();
  reports.onReport(VIDEO, 5, 100, 0, 0);
  reports.onReport(AUDIO, 2, 100, 0, 0);
  reports.onReport(FOREIGN, 900, 1_000, 0, 0);
  expect(reports.lost).toBe(7);
});

test('a duplicate retransmission is not a loss of another track', () => {
  const { reports } = watch();
  reports.onReport(VIDEO, -3, 100, 0, 0);
  reports.onReport(AUDIO, 2, 100, 0, 0);
  expect(reports.lost).toBe(2);
});

test('the loss of a while is that between its first and its last report', () => {
  const { reports } = watch();
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 0, expected: 0 });
  reports.onReport(VIDEO, 5, 1_000, 0, 0);
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 0, expected: 0 });
  reports.onReport(VIDEO, 7, 1_100, 0, 0);
  reports.onReport(VIDEO, 10, 1_200, 0, 0);
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 5, expected: 200 });
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 0, expected: 0 });
});

test('extended numbers may wrap, and a restarted viewer has lost nothing', () => {
  const { reports } = watch();
  reports.onReport(VIDEO, 5, 2 ** 32 - 50, 0, 0);
  reports.takeLoss(VIDEO);
  reports.onReport(VIDEO, 6, 50, 0, 0);
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 1, expected: 100 });
  reports.onReport(VIDEO, 0, 10, 0, 0);
  expect(reports.takeLoss(VIDEO)).toEqual({ lost: 0, expected: 0 });
});

test('the round trip is the time since the sender report, without that at the viewer', async () => {
  const { clock, reports } = watch();
  const lastReport = lastReportOf(clock);
  await clock.advance(730);
  expect(reports.roundTripMs).toBeUndefined();
  reports.onReport(VIDEO, 0, 0, lastReport, 0.65 * 65_536);
  expect(reports.roundTripMs).toBeCloseTo(80, 1);
});

test.for([
  ['NTP seconds wrap', Date.UTC(2036, 1, 7, 6, 28, 15, 900)],
  ['the middle of them wraps', (60_673 * 65_536 - 2_208_988_800) * 1_000 - 100],
] as const)('the round trip is correct when %s before the report', async ([, wallMs]) => {
  const { clock, reports } = watch();
  clock.stepWall(wallMs - clock.wallMs());
  const lastReport = lastReportOf(clock);
  await clock.advance(300);
  reports.onReport(VIDEO, 0, 0, lastReport, 0.1 * 65_536);
  expect(reports.roundTripMs).toBeCloseTo(200, 1);
});

test('a clock step or an implausible delay is not a round-trip time', async () => {
  const { clock, reports } = watch();
  const lastReport = lastReportOf(clock);
  clock.stepWall(3_600_000);
  reports.onReport(VIDEO, 0, 0, lastReport, 0);
  clock.stepWall(-3_700_000);
  reports.onReport(VIDEO, 0, 0, lastReport, 0);
  reports.onReport(VIDEO, 0, 0, lastReport, 0xffff_ffff);
  expect(reports.roundTripMs).toBeUndefined();
});

test('a viewer whose clock is a little fast has a round trip of nothing', async () => {
  const { clock, reports } = watch();
  const lastReport = lastReportOf(clock);
  await clock.advance(500);
  reports.onReport(VIDEO, 0, 0, lastReport, 0.505 * 65_536);
  expect(reports.roundTripMs).toBe(0);
});

test('a bit rate is the average so far, then that of the last seconds', () => {
  const rate = new BitrateMeter(1_000, 0);
  rate.update(1_000 + 250_000, 1_000);
  expect(rate.bitsPerSecond).toBe(2_000_000);
  rate.update(251_000, 2_000);
  rate.update(251_000, 2_000);
  expect(rate.bitsPerSecond).toBe(1_000_000);
  for (let s = 3; s < 60; s += 1) {
    rate.update(251_000 + 125_000 * (s - 2), 1_000 * s);
  }
  expect(rate.bitsPerSecond).toBeCloseTo(1_000_000, -2);
});
