import { expect, test } from 'vitest';
import { SentHistory } from './sent-history.ts';

test('the newest 4,096 packets are remembered by their sequence numbers', () => {
  const history = new SentHistory(100);
  for (let i = 0; i < 5_000; i += 1) {
    history.add(2 * i, 3 * i);
  }
  const oldest = history.indexOf(100 + 5_000 - 4_096);
  expect([oldest, history.packetOf(oldest), history.timestampOf(oldest)]).toEqual([1_004, 1_808, 2_712]);
  expect([history.indexOf(1_003), history.indexOf(5_100), history.indexOf(99)]).toEqual([-1, -1, -1]);
});

test('before the first packet nothing is found', () => {
  const history = new SentHistory(50_000);
  expect(history.indexOf(50_000)).toBe(-1);
  history.add(7, 8);
  expect([history.indexOf(49_999), history.indexOf(50_000), history.indexOf(50_001)]).toEqual([-1, 50_000, -1]);
});

test.for([
  ['sequence numbers', 65_536 - 3],
  ['the roll-over counter of 32 bits', 2 ** 48 - 70_000],
  ['numbers that no longer fit into 32 bits', 2 ** 32 - 3],
])('packets are found where %s wrap', ([, first]) => {
  const history = new SentHistory(first as number);
  for (let i = 0; i < 6; i += 1) {
    history.add(1_000 + i, i);
  }
  const found = Array.from({ length: 6 }, (_, i) => history.indexOf(((first as number) + i) % 65_536));
  expect(found).toEqual(Array.from({ length: 6 }, (_, i) => (first as number) + i));
  expect(found.map((index) => history.packetOf(index))).toEqual([1_000, 1_001, 1_002, 1_003, 1_004, 1_005]);
});

test('numbers of a stream that has sent more than 2^32 packets are kept whole, also in a replay', () => {
  const history = new SentHistory(0);
  const packets = [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 32 - 2, 2 ** 32 - 1];
  for (const packet of packets) {
    history.add(packet, 0);
  }
  expect(packets.map((_, i) => history.packetOf(i))).toEqual(packets);
});
