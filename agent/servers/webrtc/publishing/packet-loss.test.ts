import { expect, test } from 'vitest';
import { random } from '../../../../test/support/base/random.ts';
import { vp8Frame } from '../../../../test/support/clients/webrtc/webrtc-peer.ts';
import {
  connect,
  FRAME_MS,
  FRAME_TICKS,
  first,
  PICTURE,
  PICTURE_WITHOUT_NACK,
  range,
} from '../../../../test/support/clients/webrtc/webrtc-publisher.ts';

test('a lost packet is requested and arrives in a separate stream', async () => {
  const session = connect([PICTURE]);
  const sent = range(0, 3).map((number) => session.picture.frame(number * FRAME_TICKS, vp8Frame(number, number === 0)));
  const lost = sent[1]?.[1];
  for (const packet of sent.flat()) {
    if (packet !== lost) {
      session.media.onRtp(packet.bytes);
    }
  }
  expect(session.link.takeNacked()).toEqual([lost?.sequence]);
  expect(session.opened[0]?.pictures).toEqual([0]);
  await session.clock.advance(30);
  const { sequence = 0, payload = Buffer.alloc(0), marker = false } = lost ?? {};
  session.media.onRtp(session.repairs.repair(sequence, FRAME_TICKS, payload, marker));
  expect(session.opened[0]?.pictures).toEqual([0, 1, 2]);
  expect(session.link.takePlis()).toBe(0);
  expect(session.media.statistics).toMatchObject({ inboundLost: 0, roundTripMs: 30 });
});

test('a sender without a stream for repairs sends the packet as it was', async () => {
  const session = connect([{ ...PICTURE, rtx: undefined }]);
  const sent = range(0, 3).flatMap((number) =>
    session.picture.frame(number * FRAME_TICKS, vp8Frame(number, number === 0)),
  );
  const again = Buffer.from(sent[4]?.bytes ?? []);
  for (const [i, packet] of sent.entries()) {
    if (i !== 4) {
      session.media.onRtp(packet.bytes);
    }
  }
  expect(session.link.takeNacked()).toEqual([sent[4]?.sequence]);
  session.media.onRtp(again);
  expect(session.opened[0]?.pictures).toEqual([0, 1, 2]);
});

test('after vain requests for a packet a key frame is requested, and video continues with it', async () => {
  const session = connect([PICTURE]);
  const lose = (packets: Buffer[]): Buffer[] => packets.slice(1);
  await session.video(0, 2, first);
  await session.video(2, 3, first, lose);
  await session.video(3, 14, first);
  expect(session.link.takeNacked()).toHaveLength(4);
  expect(session.link.takePlis()).toBe(0);
  await session.video(14, 16, first);
  expect(session.link.takePlis()).toBe(1);
  await session.video(16, 20, (number) => number === 16);
  expect(session.opened[0]?.pictures).toEqual([0, 1, 16, 17, 18, 19]);
  expect(session.opened[0]?.stream.framesInError).toBe(1);
  expect(session.media.statistics.inboundLost).toBe(1);
});

test('a publisher without retransmissions gets no NACK, but a key frame request after a tenth of a second', async () => {
  const session = connect([PICTURE_WITHOUT_NACK]);
  await session.video(0, 20, first);
  await session.video(20, 21, first, (packets) => packets.slice(1));
  await session.video(21, 24, first);
  expect(session.link.takeNacked()).toEqual([]);
  expect(session.link.takePlis()).toBe(1);
});

test('duplicate and reordered packets change nothing', async () => {
  const session = connect([PICTURE]);
  const next = random(7);
  const isKey = (number: number): boolean => number % 20 === 0;
  await session.video(0, 1, isKey);
  await session.video(1, 60, isKey, (packets) => {
    const copies = packets.flatMap((packet) => (next() < 0.3 ? [packet, Buffer.from(packet)] : [packet]));
    return copies.toSorted(() => next() - 0.5);
  });
  expect(session.opened[0]?.pictures).toEqual(range(0, 60));
  expect(session.media.statistics).toMatchObject({ inboundLost: 0, inboundPackets: 180 });
});

test('sequence numbers and timestamps wrap, also while packets are missing', async () => {
  const session = connect([PICTURE]);
  session.picture.sequence = 0xffff - 20;
  session.repairs.sequence = 0xffff - 2;
  const start = 2 ** 32 - 10 * FRAME_TICKS;
  const next = random(11);
  const sent = new Map<number, () => Buffer>();
  let lost = 0;
  for (let number = 0; number < 40; number += 1) {
    const timestamp = start + number * FRAME_TICKS;
    for (const { sequence, payload, marker, bytes } of session.picture.frame(
      timestamp,
      vp8Frame(number, number === 0),
    )) {
      sent.set(sequence, () => session.repairs.repair(sequence, timestamp, payload, marker));
      if (number > 0 && number < 39 && next() < 0.2) {
        lost += 1;
      } else {
        session.media.onRtp(bytes);
      }
    }
    await session.clock.advance(FRAME_MS);
    for (const sequence of session.link.takeNacked()) {
      session.media.onRtp(sent.get(sequence)?.() ?? Buffer.alloc(0));
    }
  }
  expect(lost).toBeGreaterThan(15);
  expect(session.opened[0]?.pictures).toEqual(range(0, 40));
  expect(session.opened[0]?.samples.map(({ pts }) => pts)).toEqual(range(0, 40).map((i) => i * FRAME_TICKS));
});

test('under heavy loss the session continues, and video returns with a key frame', async () => {
  const session = connect([PICTURE]);
  const next = random(3550);
  let isKeyWanted = true;
  for (let number = 0; number < 600; number += 1) {
    const loss = number < 500 ? 0.3 : 0;
    await session.video(
      number,
      number + 1,
      () => isKeyWanted,
      (packets) => packets.filter(() => next() >= loss),
    );
    isKeyWanted = session.link.takePlis() > 0;
    session.link.reports.length = 0;
  }
  expect(session.opened[0]?.pictures.slice(-50)).toEqual(range(550, 600).map((number) => number & 0xff));
  expect(session.link.closedWhy).toBeUndefined();
});
