import { expect, test } from 'vitest';
import { vp8Frame } from '../../../../test/support/clients/webrtc/webrtc-peer.ts';
import {
  connect,
  FRAME_TICKS,
  first,
  inboundOf,
  OPUS,
  PICTURE,
  PICTURE_WITHOUT_NACK,
  RTX,
  SOUND,
  VP8,
} from '../../../../test/support/clients/webrtc/webrtc-publisher.ts';
import { writeSenderReport } from '../../../media/rtcp/write.ts';

test.for([
  ['that agreed to reduced size gets feedback alone', [true], ''],
  ['that did not gets it after a report and our name', [false], '201/0 202/1 '],
  ['reduced size agreed for audio only applies where both agree', [false, true], '201/0 202/1 '],
] as const)('a sender %s', async ([, [forPicture, forSound], before]) => {
  const picture = inboundOf('video', VP8, ['nack', 'nack pli', 'goog-remb'], RTX, forPicture);
  const sound = inboundOf('audio', OPUS, ['goog-remb'], undefined, forSound);
  const session = connect(forSound === undefined ? [picture] : [picture, sound]);
  session.media.onRtp(session.sound.packet(0, Uint8Array.of(0xf8, 1)));
  await session.video(0, 20, first);
  session.link.takeKinds();
  await session.video(20, 21, first, (packets) => packets.slice(1));
  expect(session.link.takeKinds()).toEqual([`${before}205/1`]);
  session.opened[0]?.stream.requestKeyFrame();
  expect(session.link.takeKinds()).toEqual([`${before}206/1`]);
  await session.clock.advance(500);
  expect(session.link.takeKinds()).toContain(`${before}206/15`);
});

test("a reader's need for a key frame is sent to the publisher", async () => {
  const session = connect([PICTURE]);
  await session.video(0, 20, first);
  session.opened[0]?.stream.requestKeyFrame();
  session.opened[0]?.stream.requestKeyFrame();
  expect(session.link.takePlis()).toBe(1);
});

test('each second the sender gets a report of losses and an estimate', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 1, first);
  session.media.onRtcp(
    Buffer.from(writeSenderReport({ ssrc: 11, unixMs: 1_800_000_000_000, ticks: 0, packets: 3, payloadBytes: 9 }, 'x')),
  );
  const packets = session.picture.frame(FRAME_TICKS, vp8Frame(1, false));
  session.media.onRtp(packets[0]?.bytes ?? Buffer.alloc(0));
  session.media.onRtp(packets[2]?.bytes ?? Buffer.alloc(0));
  await session.clock.advance(20);
  const { sequence = 0, payload = Buffer.alloc(0) } = packets[1] ?? {};
  session.media.onRtp(session.repairs.repair(sequence, FRAME_TICKS, payload, false));
  session.link.reports.length = 0;
  await session.clock.advance(440);
  session.media.tick();
  const report = session.link.take(201, 1)[0] as Buffer;
  expect(report.readUInt32BE(8)).toBe(11);
  // One of six, a sixth of 256: a retransmission does not undo the loss.
  expect([report[12], report.readUInt32BE(12) & 0xff_ffff]).toEqual([42, 1]);
  expect(report.readUInt32BE(16)).toBe(packets[2]?.sequence);
  // The middle of the report's NTP time, and 460 ms since then in units of 1/65536 s.
  expect(report.readUInt32BE(24)).toBeGreaterThan(0);
  expect(report.readUInt32BE(28)).toBe(Math.round(460 * 65.536));
  const estimate = session.link.take(206, 15)[0] as Buffer;
  expect(estimate.subarray(12, 16).toString()).toBe('REMB');
});

test('a sender without REMB support gets no estimates', async () => {
  const session = connect([PICTURE_WITHOUT_NACK, SOUND]);
  await session.video(0, 3, first);
  session.media.tick();
  expect(session.link.take(206, 15)).toEqual([]);
});
