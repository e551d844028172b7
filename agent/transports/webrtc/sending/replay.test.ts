// @also without-ffi in long

import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { NotedNetwork, type SentPacket } from '../../../../test/support/clients/webrtc/webrtc-network.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { PacketSender } from './packet-sender.ts';

const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8_000, channels: 1 };
const [VIDEO_SSRC, AUDIO_SSRC] = [1, 2];
const STEP_MS = 40;
const TICKS_PER_MS = 90;

/** A camera that a test can move on by pictures, and viewers of it. */
class Rig {
  readonly clock = new FakeClock();
  readonly stream: Stream;
  keyFramesWanted = 0;
  readonly #startMs = this.clock.wallMs();

  constructor(tracks: readonly Track[] = [H264_TRACK, AUDIO], gopCacheBytes?: number) {
    this.stream = new Stream(tracks, gopCacheBytes === undefined ? {} : { gopCacheBytes });
    this.stream.onKeyFrameWanted = () => {
      this.keyFramesWanted += 1;
    };
  }

  /** A picture of now, in one NAL unit. */
  picture(bytes: number, key = false): void {
    const data = new Uint8Array(4 + bytes).fill(7);
    new DataView(data.buffer).setUint32(0, bytes);
    data[4] = key ? 0x65 : 0x41;
    const pts = this.timestamp;
    this.stream.write(0, { pts, dts: pts, wall: this.clock.wallMs(), key, data });
  }

  sound(): void {
    const pts = 8 * (this.clock.wallMs() - this.#startMs);
    this.stream.write(1, { pts, dts: pts, wall: this.clock.wallMs(), key: true, data: new Uint8Array(160) });
  }

  /** A key frame and the pictures after it, ending now. */
  async group(pictures: number, bytes: number): Promise<void> {
    for (let i = 0; i < pictures; i += 1) {
      await this.clock.advance(STEP_MS);
      this.picture(bytes, i === 0);
    }
  }

  /** The RTP time of now. */
  get timestamp(): number {
    return TICKS_PER_MS * (this.clock.wallMs() - this.#startMs);
  }

  view() {
    const network = new NotedNetwork();
    const track = (ssrc: number) => ({
      ssrc,
      payloadType: 96,
      timestampOffset: 0,
      packetIndex: 100,
      packets: 0,
      octets: 0,
    });
    const sender = new PacketSender({
      link: network,
      stream: this.stream,
      tracks: this.stream.tracks.map((_, i) => track(i + 1)),
      videoTrack: 0,
      cname: 'test',
      clock: this.clock,
      onReordered: () => {},
    });
    return { network, sender };
  }
}

/** Time of each picture in the order of sending, without the repeated first packet. */
function pictures({ packets }: NotedNetwork): number[] {
  const video = packets.filter(({ ssrc }) => ssrc === VIDEO_SSRC);
  return video.filter(({ marker }) => marker).map(({ timestamp }) => timestamp);
}

const bytesOf = (packets: readonly SentPacket[]): number => packets.reduce((sum, { bytes }) => sum + bytes, 0);

test('a viewer gets the current GOP at once, in order and without a gap, with timestamps up to the live edge', async () => {
  const rig = new Rig();
  await rig.group(25, 500);
  const { network } = rig.view();
  // The very first packet goes out twice, after its batch; parameter sets are a packet.
  expect(network.sent.indexOf('1:100', 1)).toBe(26);
  network.packets.splice(26, 1);
  expect(network.sent).toEqual(Array.from({ length: 26 }, (_, i) => `1:${100 + i}`));
  // Packets sent at the same moment are one tick apart.
  expect(pictures(network)).toEqual(Array.from({ length: 25 }, (_, i) => rig.timestamp + i));
});

test('a large GOP is spread over time; each frame has the RTP time of its sending, and live ones follow with their own', async () => {
  const rig = new Rig();
  await rig.group(100, 10_000);
  const { network } = rig.view();
  expect(bytesOf(network.packets)).toBeLessThan(67_000);
  for (let ms = 1; ms <= 200; ms += 1) {
    const [before, count] = [bytesOf(network.packets), pictures(network).length];
    await rig.clock.advance(1);
    expect(bytesOf(network.packets) - before).toBeLessThan(6_000 + 1_300);
    const late = pictures(network).slice(count);
    expect(late.every((time) => Math.abs(time - rig.timestamp) <= 3 * TICKS_PER_MS)).toBe(true);
    if (ms % STEP_MS === 0) {
      rig.picture(10_000);
    }
  }
  for (let i = 0; i < 25; i += 1) {
    await rig.clock.advance(STEP_MS);
    rig.picture(10_000);
    expect(pictures(network).at(-1)).toBe(rig.timestamp);
  }
  expect(pictures(network)).toHaveLength(130);
  const numbers = network.packets.map(({ sequence }) => sequence);
  expect(new Set(numbers).size).toBe(numbers.length - 1);
  expect(Math.max(...numbers)).toBe(100 + numbers.length - 2);
});

test('audio is not replayed: it is sent live, also during a replay', async () => {
  const rig = new Rig();
  await rig.group(50, 10_000);
  rig.sound();
  const { network } = rig.view();
  await rig.clock.advance(20);
  rig.sound();
  const sound = network.packets.filter(({ ssrc }) => ssrc === AUDIO_SSRC);
  expect(sound.map(({ timestamp }) => timestamp)).toEqual([rig.timestamp * (8 / 90)]);
  expect(pictures(network).length).toBeLessThan(50);
});

test('sender reports precede the first frame and follow the burst, both with the live time', async () => {
  const rig = new Rig();
  await rig.group(50, 10_000);
  const { network } = rig.view();
  expect(network.reports).toEqual([{ ssrc: VIDEO_SSRC, wallMs: rig.clock.wallMs(), timestamp: rig.timestamp }]);
  rig.sound();
  await rig.clock.advance(60);
  expect(network.reports).toHaveLength(1);
  await rig.clock.advance(20);
  expect(network.reports.slice(1).map(({ ssrc }) => ssrc)).toEqual([VIDEO_SSRC, AUDIO_SSRC]);
  expect(network.rtcpPackets).toBe(2);
  const [first, second] = network.reports;
  const passedMs = (second?.wallMs ?? 0) - (first?.wallMs ?? 0);
  expect((second?.timestamp ?? 0) - (first?.timestamp ?? 0)).toBe(passedMs * TICKS_PER_MS);
});

test('congestion pauses the replay, which continues without a loss', async () => {
  const rig = new Rig();
  await rig.group(100, 10_000);
  const { network, sender } = rig.view();
  network.isCongested = true;
  const { length } = network.packets;
  await rig.clock.advance(100);
  expect(network.packets).toHaveLength(length);
  network.isCongested = false;
  await rig.clock.advance(165);
  expect(pictures(network)).toHaveLength(100);
  expect(sender.framesDiscarded).toBe(0);
});

test('a key frame during the replay ends it: the viewer continues there', async () => {
  const rig = new Rig();
  await rig.group(100, 10_000);
  const { network } = rig.view();
  await rig.clock.advance(10);
  rig.picture(2_000, true);
  rig.picture(300);
  await rig.clock.advance(2);
  // The current picture is finished.
  expect(pictures(network).length).toBeLessThan(30);
  const rest = network.packets.slice(-5).map(({ bytes }) => bytes);
  const overhead = 22;
  expect(rest.slice(-4)).toEqual([11, 1_188, 815, 300].map((bytes) => bytes + overhead));
  expect(pictures(network).at(-1)).toBeGreaterThanOrEqual(rig.timestamp - 2 * TICKS_PER_MS);
});

test('of a GOP too large for a replay the key frame is shown at once, a new one is requested, and nothing follows until then', async () => {
  const rig = new Rig([H264_TRACK, AUDIO], 50_000);
  await rig.group(100, 1_000);
  const { network, sender } = rig.view();
  expect(pictures(network)).toEqual([rig.timestamp]);
  expect(rig.keyFramesWanted).toBe(1);
  rig.sound();
  await rig.clock.advance(STEP_MS);
  rig.picture(1_000);
  expect(pictures(network)).toHaveLength(1);
  expect(network.sent.at(-1)).toBe('2:100');
  await rig.clock.advance(STEP_MS);
  rig.picture(1_000, true);
  await rig.clock.advance(STEP_MS);
  rig.picture(1_000);
  expect(pictures(network).slice(1)).toEqual([rig.timestamp - STEP_MS * TICKS_PER_MS, rig.timestamp]);
  expect(sender.framesDiscarded).toBe(1);
});

test('a still for one viewer does not reach others', async () => {
  const rig = new Rig([H264_TRACK]);
  const early = rig.view();
  await rig.group(100, 90_000);
  const late = rig.view();
  await rig.clock.advance(1);
  await rig.clock.advance(STEP_MS);
  rig.picture(1_000);
  expect([pictures(early.network).length, pictures(late.network).length]).toEqual([101, 1]);
  expect(pictures(early.network).at(-1)).toBe(rig.timestamp);
});

test('without any key frame one is requested, and nothing is sent until it arrives', async () => {
  const rig = new Rig();
  rig.picture(500);
  const { network } = rig.view();
  expect(rig.keyFramesWanted).toBe(1);
  rig.sound();
  rig.picture(500);
  expect(network.packets).toEqual([]);
  await rig.clock.advance(STEP_MS);
  rig.picture(500, true);
  expect(pictures(network)).toEqual([rig.timestamp]);
});

test('a viewer that joins before the key frame of new parameter sets sees nothing of the old ones', async () => {
  const rig = new Rig();
  const watching = rig.view();
  await rig.group(10, 500);
  rig.stream.setTrack(0, { ...H264_TRACK, sps: new Uint8Array(40).fill(0x67) });
  const { network } = rig.view();
  expect(network.packets).toEqual([]);
  await rig.clock.advance(STEP_MS);
  rig.picture(500, true);
  // A STAP-A of both sets and the picture; the repeated first packet.
  expect(network.packets.map(({ bytes }) => bytes)).toEqual([47 + 22, 500 + 22, 47 + 22]);
  expect(pictures(watching.network)).toHaveLength(11);
});

test('a large key frame of the live stream is paced too, and later packets wait for its end', async () => {
  const rig = new Rig();
  await rig.group(1, 500);
  const { network } = rig.view();
  await rig.clock.advance(STEP_MS);
  network.packets.length = 0;
  rig.picture(500_000, true);
  expect(bytesOf(network.packets)).toBeLessThan(67_000);
  const time = rig.timestamp;
  rig.picture(400);
  expect(pictures(network)).toEqual([]);
  await rig.clock.advance(36);
  expect(pictures(network)).toHaveLength(2);
  expect(new Set(network.packets.slice(0, -1).map(({ timestamp }) => timestamp))).toEqual(new Set([time]));
  expect(network.packets.at(-1)?.bytes).toBe(422);
});

test('two viewers are replayed to each by their own cursor', async () => {
  const rig = new Rig();
  await rig.group(50, 10_000);
  const one = rig.view();
  await rig.clock.advance(25);
  const two = rig.view();
  expect(pictures(one.network).length).toBeGreaterThan(pictures(two.network).length);
  await rig.clock.advance(100);
  expect([pictures(one.network).length, pictures(two.network).length]).toEqual([50, 50]);
});

test('a viewer that leaves during the replay is sent nothing more, and the stream loses its reader', async () => {
  const rig = new Rig();
  await rig.group(100, 10_000);
  const { network, sender } = rig.view();
  sender.close();
  const { length } = network.packets;
  await rig.clock.advance(200);
  expect(network.packets).toHaveLength(length);
  expect(rig.stream.readers).toEqual([]);
});

test('the group can be sent again: with new numbers and later times', async () => {
  const rig = new Rig();
  await rig.group(10, 500);
  const { network, sender } = rig.view();
  await rig.clock.advance(10);
  const before = pictures(network);
  sender.restartAtKey();
  const again = pictures(network).slice(before.length);
  expect(again).toHaveLength(10);
  expect(again.every((time) => time > (before.at(-1) as number))).toBe(true);
  expect(network.sent.at(-1)).toBe('1:121');
});

test('a repeated still has a later time: the same one would count as a duplicate', async () => {
  const rig = new Rig([H264_TRACK, AUDIO], 50_000);
  await rig.group(100, 1_000);
  const { network, sender } = rig.view();
  await rig.clock.advance(500);
  sender.restartAtKey();
  const [first, second] = pictures(network);
  expect(second).toBeGreaterThan(first as number);
});

test('the first frame has its sender report, however large it is', async () => {
  const rig = new Rig([H264_TRACK]);
  const { network } = rig.view();
  await rig.clock.advance(STEP_MS);
  rig.picture(100_000, true);
  expect(network.reports).toEqual([{ ssrc: VIDEO_SSRC, wallMs: rig.clock.wallMs(), timestamp: rig.timestamp }]);
});

test('with key frames only the rest is left out and counted; the group brings the viewer back', async () => {
  const rig = new Rig();
  await rig.group(1, 500);
  const { network, sender } = rig.view();
  sender.keyFramesOnly = true;
  await rig.group(10, 500);
  await rig.group(10, 500);
  expect([pictures(network).length, sender.framesDiscarded]).toEqual([3, 18]);
  sender.keyFramesOnly = false;
  sender.restartAtKey();
  expect(pictures(network)).toHaveLength(13);
});

test('a burst of hundreds of small frames is limited to the capacity of decoders', async () => {
  const rig = new Rig();
  await rig.group(1_000, 100);
  const { network } = rig.view();
  const first = pictures(network).length;
  expect(first).toBeLessThan(520);
  await rig.clock.advance(100);
  expect(pictures(network).length - first).toBeLessThanOrEqual(51);
  await rig.clock.advance(1_000);
  expect(pictures(network)).toHaveLength(1_000);
});

test('sent packets are found by their number', async () => {
  const rig = new Rig();
  await rig.group(3, 500);
  const { network, sender } = rig.view();
  const index = sender.history?.indexOf(102) ?? -1;
  expect([index, sender.history?.packetOf(index)]).toEqual([102, 2]);
  expect(sender.history?.timestampOf(index)).toBe(network.packets[2]?.timestamp);
});
