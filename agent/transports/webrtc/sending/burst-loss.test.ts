import { expect, test } from 'vitest';
import { BurstLoss } from './burst-loss.ts';

const PAYLOAD_BYTES = 1_000;

function watch() {
  const track = { ssrc: 1, payloadType: 96, timestampOffset: 0, packetIndex: 65_500, packets: 0, octets: 0 };
  const burst = new BurstLoss(track);
  burst.begin(0, 0);
  const send = (packets: number): number => {
    track.packetIndex += packets;
    track.packets += packets;
    track.octets += packets * PAYLOAD_BYTES;
    return (track.packetIndex - 1) & 0xffff;
  };
  return { burst, send };
}

test('the first report with heavy loss shows the throughput, also where numbers wrap', () => {
  const { burst, send } = watch();
  expect(burst.onReport(150, send(200), 200, 0)).toBe(2_000_000);
  expect(burst.count).toBe(1);
});

test('the round-trip time does not count as waiting', () => {
  const { burst, send } = watch();
  expect(burst.onReport(150, send(200), 200, 100)).toBe(2_000_000);
  expect(burst.maxBitsPerSecond).toBe(4_000_000);
});

test.for([
  ['a fifth is lost', 40, 200],
  ['few packets were sent', 50, 90],
  ['more is said to be lost than there was', 300, 200],
] as const)('where %s, the loss is not heavy', ([, lost, packets]) => {
  const { burst, send } = watch();
  expect(burst.onReport(lost, send(packets), 200, 0)).toBeUndefined();
});

test('a number that was never sent counts for nothing', () => {
  const { burst, send } = watch();
  expect(burst.onReport(150, send(200) + 100, 200, 0)).toBeUndefined();
});

test('packets in flight at that time do not count again', () => {
  const { burst, send } = watch();
  const first = send(200);
  const second = send(300);
  expect(burst.onReport(150, first, 200, 0)).toBeGreaterThan(0);
  expect(burst.onReport(400, second - 1, 300, 0)).toBeUndefined();
  expect(burst.onReport(401, second, 320, 0)).toBeUndefined();
  expect(burst.onReport(401, send(200), 520, 0)).toBeUndefined();
  expect(burst.onReport(601, send(250), 700, 0)).toBeGreaterThan(0);
  expect(burst.count).toBe(2);
});

test('later losses do not count as a burst until a replay', () => {
  const { burst, send } = watch();
  expect(burst.onReport(150, send(200), 5_001, 0)).toBeUndefined();
  burst.restart(6_000);
  expect(burst.onReport(150, send(1), 6_050, 0)).toBeUndefined();
  expect(burst.onReport(300, send(200), 6_250, 0)).toBeGreaterThan(0);
});
