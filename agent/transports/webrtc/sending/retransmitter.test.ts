// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { random } from '../../../../test/support/base/random.ts';
import {
  type Received,
  ScriptedCamera,
  ScriptedViewer,
} from '../../../../test/support/clients/webrtc/scripted-viewer.ts';

/** A viewer that has seen a key frame and some pictures after it. */
async function watch({ firstIndex, knowsRtx = true }: { firstIndex?: number; knowsRtx?: boolean } = {}) {
  const clock = new FakeClock();
  await clock.advance(1_000);
  const camera = new ScriptedCamera(clock);
  const viewer = new ScriptedViewer(camera, { knowsRtx });
  if (firstIndex !== undefined) {
    viewer.video.packetIndex = firstIndex;
  }
  viewer.start();
  camera.picture(true);
  await clock.advance(40);
  await camera.play(1, { keyEvery: 1_000 });
  return { clock, camera, viewer };
}

const original = (packet: Received): Pick<Received, 'sequence' | 'payload'> => ({
  sequence: packet.payload.readUInt16BE(0),
  payload: packet.payload.subarray(2),
});

test('a lost packet is resent with its number before its payload, on a separate SSRC and payload type', async () => {
  const { viewer } = await watch();
  const sent = viewer.takeVideo();
  const lost = sent.slice(10, 14);
  viewer.nack([lost[0]?.sequence ?? 0, 0b101]);
  const repairs = viewer.takeRepairs();
  expect(repairs.map(original)).toEqual(
    [lost[0], lost[1], lost[3]].map((packet) => ({ sequence: packet?.sequence, payload: packet?.payload })),
  );
  expect(repairs.map(({ timestamp, marker }) => [timestamp, marker])).toEqual(
    [lost[0], lost[1], lost[3]].map((packet) => [packet?.timestamp, packet?.marker]),
  );
  expect(new Set(repairs.map(({ payloadType }) => payloadType))).toEqual(new Set([viewer.video.rtx?.payloadType]));
  expect(repairs.map(({ sequence }) => sequence)).toEqual(
    [0, 1, 2].map((i) => ((repairs[0]?.sequence ?? 0) + i) & 0xffff),
  );
});

test('a viewer that knows no format for it gets the identical packet, byte for byte', async () => {
  const { viewer } = await watch({ knowsRtx: false });
  expect(viewer.video.rtxSsrc).toBeUndefined();
  const sent = viewer.link.packets.splice(0);
  const lost = sent.slice(20, 23);
  viewer.nack([lost[0]?.readUInt16BE(2) ?? 0, 0b11]);
  expect(viewer.link.packets).toEqual(lost);
});

test('retransmissions do not change the sequence numbers of later packets', async () => {
  const { viewer, camera } = await watch({ knowsRtx: false });
  const last = viewer.takeVideo().at(-1)?.sequence ?? 0;
  viewer.nack([last - 5, 0b1111]);
  viewer.take();
  camera.picture(false);
  expect(viewer.takeVideo()[0]?.sequence).toBe((last + 1) & 0xffff);
});

test('a packet requested twice at once is sent once, and again after the pause', async () => {
  const { viewer, clock } = await watch();
  const lost = viewer.takeVideo()[30]?.sequence ?? 0;
  viewer.nack([lost, 0], [lost, 0]);
  viewer.nack([lost, 0]);
  expect(viewer.takeRepairs()).toHaveLength(1);
  await clock.advance(19);
  viewer.nack([lost, 0]);
  expect(viewer.takeRepairs()).toHaveLength(0);
  await clock.advance(1);
  viewer.nack([lost, 0]);
  expect(viewer.takeRepairs()).toHaveLength(1);
});

test('with a long round trip the pause is longer: the retransmission is still in flight', async () => {
  const { viewer, clock } = await watch();
  const lost = viewer.takeVideo()[30]?.sequence ?? 0;
  viewer.report(0, 100, 200);
  viewer.nack([lost, 0]);
  await clock.advance(100);
  viewer.nack([lost, 0]);
  expect(viewer.takeRepairs()).toHaveLength(1);
  await clock.advance(60);
  viewer.nack([lost, 0]);
  expect(viewer.takeRepairs()).toHaveLength(1);
});

test('packets are found on both sides of the wrap of sequence numbers', async () => {
  const { viewer } = await watch({ firstIndex: 65_536 - 8 });
  const sent = viewer.takeVideo();
  expect(sent.slice(0, 10).map(({ sequence }) => sequence)).toEqual([
    65_528, 65_529, 65_530, 65_531, 65_532, 65_533, 65_534, 65_535, 0, 1,
  ]);
  viewer.nack([65_534, 0b111]);
  expect(viewer.takeRepairs().map(original)).toEqual(
    sent.slice(6, 10).map(({ sequence, payload }) => ({ sequence, payload })),
  );
});

test('numbers that were never sent give nothing', async () => {
  const { viewer } = await watch();
  const sent = viewer.takeVideo();
  const first = sent[0]?.sequence ?? 0;
  const next = (sent.at(-1)?.sequence ?? 0) + 1;
  viewer.nack([first - 1, 0], [first - 17, 0xffff >> 1], [next, 0xffff], [next + 32_000, 0xffff]);
  expect(viewer.link.packets).toEqual([]);
});

test('packets that have left the ring are not retransmitted', async () => {
  const { viewer, camera } = await watch();
  const old = viewer.takeVideo()[5]?.sequence ?? 0;
  // A new group, longer than the second that is kept of the previous one.
  await camera.play(8, { keyEvery: 10 });
  viewer.take();
  viewer.nack([old, 0xffff]);
  expect(viewer.link.packets).toEqual([]);
});

test('a congested network gets no retransmissions', async () => {
  const { viewer } = await watch();
  const lost = viewer.takeVideo()[5]?.sequence ?? 0;
  Object.assign(viewer.link.transport, { isCongested: true });
  viewer.nack([lost, 0]);
  expect(viewer.link.packets).toEqual([]);
});

test('a viewer that asks for everything all the time gets a seventh more, and a small first credit', async () => {
  const { viewer, camera, clock } = await watch();
  const heard = { video: 0, repairs: 0 };
  const count = (): number[] => {
    const packets = viewer.take();
    for (const { ssrc, payload } of packets) {
      heard[ssrc === viewer.video.ssrc ? 'video' : 'repairs'] += payload.length;
    }
    return packets.filter(({ ssrc }) => ssrc === viewer.video.ssrc).map(({ sequence }) => sequence);
  };
  const all = count();
  for (let i = 0; i < 200; i += 1) {
    camera.picture(i % 50 === 0, 10_000);
    await clock.advance(40);
    all.push(...count());
    viewer.nack(...all.slice(-200).map((sequence): [number, number] => [sequence, 0xffff]));
  }
  count();
  expect(heard.repairs).toBeGreaterThan(0.1 * heard.video);
  expect(heard.repairs).toBeLessThan(0.15 * heard.video + 65_536);
});

test('a minute with three percent lost: each loss is made up for once, also where the numbers wrap', async () => {
  const next = random(5);
  const { viewer, camera, clock } = await watch({ firstIndex: 65_000 });
  viewer.take();
  let losses = 0;
  let repaired = 0;
  for (let i = 0; i < 1_500; i += 1) {
    camera.picture(i % 50 === 0, i % 50 === 0 ? 60_000 : 50_000);
    await clock.advance(40);
    const lost = viewer.takeVideo().filter(() => next() < 0.03);
    losses += lost.length;
    viewer.nack(...lost.map(({ sequence }): [number, number] => [sequence, 0]));
    const repairs = viewer.takeRepairs();
    expect(repairs.map(original)).toEqual(lost.map(({ sequence, payload }) => ({ sequence, payload })));
    repaired += repairs.length;
  }
  expect(losses).toBeGreaterThan(1_500);
  expect(repaired).toBe(losses);
});

test('garbled RTCP never throws and costs at most a seventh and the first credit', async () => {
  const next = random(11);
  const pick = (limit: number): number => Math.floor(next() * limit);
  const { viewer, camera, clock } = await watch();
  const sequence = viewer.takeVideo().at(-1)?.sequence ?? 0;
  const ssrc = viewer.video.ssrc.toString(16).padStart(8, '0');
  const seeds = [
    `81c90007 00000001 ${ssrc} 10000005 00010203 0000002a 0abcdef0 00008000`,
    `81cd0003 00000001 ${ssrc} ${sequence.toString(16).padStart(4, '0')}ffff`,
    `81ce0002 00000001 ${ssrc}`,
    `84ce0004 00000001 00000000 ${ssrc} 01000000`,
    `8fce0005 00000001 00000000 52454d42 01000000 ${ssrc}`,
    `8fce0005 00000001 00000000 52454d42 01ffffff ${ssrc}`,
  ].map((text) => Buffer.from(text.replaceAll(' ', ''), 'hex'));
  for (let i = 0; i < 5_000; i += 1) {
    const packet = Buffer.concat(Array.from({ length: 1 + pick(4) }, () => seeds[pick(seeds.length)] as Buffer));
    for (let damage = pick(4); damage > 0; damage -= 1) {
      packet[pick(packet.length)] = pick(256);
    }
    viewer.viewing.onRtcp(packet.subarray(0, next() < 0.3 ? pick(packet.length) : packet.length));
    if (i % 10 === 9) {
      camera.picture(i % 500 === 499);
      await clock.advance(40);
    }
    if (i % 250 === 249) {
      viewer.viewing.tick();
    }
  }
  const heard = { video: 0, repairs: 0 };
  for (const packet of viewer.take()) {
    heard[packet.ssrc === viewer.video.ssrc ? 'video' : 'repairs'] += packet.payload.length;
  }
  expect(heard.video).toBeGreaterThan(500 * 3_000);
  // In addition to a group of two seconds every eight seconds.
  expect(heard.video).toBeLessThan(2 * 500 * 3_000);
  expect(heard.repairs).toBeLessThan(0.15 * heard.video + 65_536);
});
