import { expect, test } from 'vitest';
import { random } from '../../test/support/base/random.ts';
import { H264_TRACK } from '../../test/support/media/tracks.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { Track } from '../media/sample/track.ts';
import { MAX_PAYLOAD_BYTES, RtpPackets, type RtpViewer } from './rtp-packets.ts';
import { Stream } from './stream.ts';

const AUDIO: Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8_000, channels: 1 };
const AAC: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 16_000,
  channels: 1,
  config: new Uint8Array(2),
  frameSamples: 1_024,
};

/** Unix milliseconds of pts 0. */
const WALL_MS = 1_800_000_000_000;

const sample = (pts: number, key: boolean, data: Uint8Array, dts = pts): Sample => ({
  pts,
  dts,
  wall: pts / 90,
  key,
  data,
});

/** An access unit of one NAL unit. */
function nalu(bytes: number, header = 0x41): Uint8Array {
  const data = new Uint8Array(4 + bytes);
  new DataView(data.buffer).setUint32(0, bytes);
  data.fill(7, 4);
  data[4] = header;
  return data;
}

/** Notes everything that a viewer sees, in words. */
class Notes implements RtpViewer {
  readonly packets: string[] = [];
  readonly batches: number[] = [];
  reordered = 0;
  onPackets(packets: RtpPackets, from: number, to: number): void {
    this.batches.push(to - from);
    const bytes = new Uint8Array(packets.words.buffer);
    for (let n = from; n < to; n += 1) {
      const at = packets.wordOf(n) * 4;
      const start = packets.startsGroup(n) ? ' start' : '';
      const marker = packets.markerOf(n) === 1 ? ' marker' : '';
      const first = (bytes[at] ?? 0).toString(16);
      this.packets.push(
        `${packets.trackOf(n)}@${packets.timestampOf(n)} ${packets.payloadBytesOf(n)}x${first}${start}${marker}`,
      );
    }
  }
  onReordered(): void {
    this.reordered += 1;
  }
  readonly failures: unknown[] = [];
  onFailed(cause: unknown): void {
    this.failures.push(cause);
  }
}

test('parameter sets go ahead of each key frame, with its time, and are where a viewer starts', () => {
  const stream = new Stream([H264_TRACK, AUDIO]);
  const notes = new Notes();
  RtpPackets.join(stream, notes);
  stream.write(0, sample(3_000, false, nalu(100)));
  stream.write(1, sample(160, true, new Uint8Array(160).fill(0xd5)));
  stream.write(0, sample(9_000, true, nalu(2_000, 0x65)));
  expect(notes.packets).toEqual([
    '0@3000 100x41 marker',
    '1@160 160xd5',
    '0@9000 11x78 start',
    '0@9000 1188x7c',
    '0@9000 815x7c marker',
  ]);
});

test('new parameter sets are those of the key frame that follows them', () => {
  const stream = new Stream([H264_TRACK]);
  const notes = new Notes();
  RtpPackets.join(stream, notes);
  stream.setTrack(0, { ...H264_TRACK, sps: new Uint8Array(40).fill(0x67) });
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  expect(notes.packets[0]).toBe('0@0 47x78 start');
});

test('RTP timestamps wrap at 32 bits, and audio that RTP viewers cannot play is omitted', () => {
  const stream = new Stream([H264_TRACK, AAC]);
  const notes = new Notes();
  const packets = RtpPackets.join(stream, notes);
  stream.write(0, sample(2 ** 32 + 5, false, nalu(10)));
  stream.write(1, sample(1, true, new Uint8Array(10)));
  expect(notes.packets).toEqual(['0@5 10x41 marker']);
  expect(packets.lastPts[0]).toBe(2 ** 32 + 5);
});

const OPUS: Track = { kind: 'audio', codec: 'opus', clockRate: 48_000, channels: 2 };
const G722: Track = { kind: 'audio', codec: 'g722', clockRate: 8_000, channels: 1 };
/** A packet of one frame of 20 ms, RFC 6716 §3.1. */
const OPUS_PACKET = Uint8Array.of(0xfc, 1, 2, 3);

test.for<[codec: string, track: Track, data: Uint8Array, ticks: number]>([
  ['Opus', OPUS, OPUS_PACKET, 960],
  ['G.711', AUDIO, new Uint8Array(160), 160],
  ['G.722', G722, new Uint8Array(160), 160],
])('%s whose times vary has none in WebRTC that vary, and a lost packet stays a gap', ([, track, data, ticks]) => {
  const stream = new Stream([track]);
  const times: number[] = [];
  const viewer = new Notes();
  viewer.onPackets = (packets, from) => times.push(packets.timestampOf(from));
  RtpPackets.join(stream, viewer);
  const at = [0, ticks + 3, 2 * ticks - 40, 3 * ticks + 1, 5 * ticks + 2, 6 * ticks - 7, 9 * ticks];
  for (const pts of at) {
    stream.write(0, sample(pts, true, data));
  }
  expect(times).toEqual([0, 1, 2, 3, 5, 6, 9].map((packet) => packet * ticks));
});

test.for<[name: string, ppm: number, jitterTicks: number, track: Track, data: Uint8Array, ticks: number]>([
  ['200 ppm slow', -200, 0, AUDIO, new Uint8Array(160), 160],
  ['200 ppm fast', 200, 0, AUDIO, new Uint8Array(160), 160],
  ['625 ppm slow', -625, 0, AUDIO, new Uint8Array(160), 160],
  ['200 ppm fast, with times that vary by 5 ms', 200, 40, AUDIO, new Uint8Array(160), 160],
  ['200 ppm slow, with Opus', -200, 0, OPUS, OPUS_PACKET, 960],
])(
  'sound whose clock is %s has no step in an hour, and reports keep it in sync',
  ([, ppm, jitter, track, data, ticks]) => {
    const stream = new Stream([track]);
    const next = random(5);
    const steps = new Set<number>();
    const viewer = new Notes();
    let [last, worstMs, i] = [-ticks, 0, 0];
    const packetMs = (ticks * 1000) / track.clockRate;
    viewer.onPackets = (packets, from) => {
      const time = packets.timestampOf(from);
      steps.add(time - last);
      last = time;
      // The moment at which a player shows these samples, by the time of a report.
      const reportedMs = (packets.lastWall[0] ?? 0) + ((time - (packets.lastPts[0] ?? 0)) * 1000) / track.clockRate;
      worstMs = Math.max(worstMs, Math.abs(reportedMs - WALL_MS - i * packetMs * (1 + ppm * 1e-6)));
    };
    RtpPackets.join(stream, viewer);
    for (; i < 3_600_000 / packetMs; i += 1) {
      const trueTicks = i * ticks * (1 + ppm * 1e-6);
      const pts = Math.round(trueTicks + (i > 0 ? (next() - 0.5) * 2 * jitter : 0));
      const wall = WALL_MS + (pts * 1000) / track.clockRate;
      stream.write(0, { ...sample(pts, true, data), wall });
    }
    expect([...steps]).toEqual([ticks]);
    expect(worstMs).toBeLessThan(20);
  },
);

test('sound whose packets come in groups of nearly the same time has no gaps, and a lost group is one', () => {
  const stream = new Stream([AUDIO]);
  const times: number[] = [];
  const viewer = new Notes();
  viewer.onPackets = (packets, from) => times.push(packets.timestampOf(from));
  RtpPackets.join(stream, viewer);
  for (let group = 0; group < 1_000; group += 1) {
    for (let i = 0; i < 3 && group !== 900; i += 1) {
      stream.write(0, sample(group * 480 + i, true, new Uint8Array(160)));
    }
  }
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(steps.filter((step) => step !== 160)).toEqual([160 + 480]);
});

test('sound that pauses for longer than its packets is later by as much, whatever its clock has drifted', () => {
  const stream = new Stream([AUDIO]);
  const times: number[] = [];
  const viewer = new Notes();
  viewer.onPackets = (packets, from) => times.push(packets.timestampOf(from));
  RtpPackets.join(stream, viewer);
  for (let i = 0; i < 50_000; i += 1) {
    const pauseTicks = i >= 49_999 ? 80_000 : 0;
    stream.write(0, sample(Math.round(i * 160 * 1.0002) + pauseTicks, true, new Uint8Array(160)));
  }
  const [before = 0, after = 0] = times.slice(-2);
  expect(after - before).toBe(160 + 80_000);
});

test('a stream with B-frames is rejected instead of shown in the wrong order', () => {
  const stream = new Stream([H264_TRACK]);
  const notes = new Notes();
  RtpPackets.join(stream, notes);
  stream.write(0, sample(6_000, true, nalu(10, 0x65), 3_000));
  expect(notes).toMatchObject({ reordered: 1, packets: [] });
});

test('a viewer that throws is removed with its error; the others lose nothing', () => {
  const stream = new Stream([H264_TRACK]);
  const broken = new Notes();
  broken.onPackets = () => {
    throw new Error('broken');
  };
  const sound = new Notes();
  RtpPackets.join(stream, broken);
  RtpPackets.join(stream, sound);
  stream.write(0, sample(0, false, nalu(10)));
  stream.write(0, sample(3_000, false, nalu(10)));
  expect(broken.failures).toEqual([new Error('broken')]);
  expect(sound).toMatchObject({ failures: [], packets: ['0@0 10x41 marker', '0@3000 10x41 marker'] });
});

test('all viewers share one packetizer, which lives from the first to the last of them', () => {
  const stream = new Stream([H264_TRACK]);
  const [one, two] = [new Notes(), new Notes()];
  const packets = RtpPackets.join(stream, one);
  expect(RtpPackets.join(stream, two)).toBe(packets);
  expect(stream.readers).toEqual([packets]);
  stream.write(0, sample(0, false, nalu(10)));
  packets.leave(one);
  stream.write(0, sample(3_000, false, nalu(10)));
  packets.leave(two);
  expect([one.packets.length, two.packets.length]).toEqual([1, 2]);
  expect(stream.readers).toEqual([]);
  expect(RtpPackets.join(stream, one)).not.toBe(packets);
});

test('the packets of a large key frame leave while it is still being cut', () => {
  const stream = new Stream([H264_TRACK]);
  const notes = new Notes();
  RtpPackets.join(stream, notes);
  stream.write(0, sample(0, true, nalu(200 * MAX_PAYLOAD_BYTES, 0x65)));
  expect(notes.batches).toEqual([64, 64, 64, 10]);
});

test('a payload above the limit is left out', () => {
  const stream = new Stream([H264_TRACK]);
  const notes = new Notes();
  const packets = RtpPackets.join(stream, notes);
  const data = new Uint8Array(MAX_PAYLOAD_BYTES + 1);
  packets.onPayload(0, 0, data, 0, data.length, true);
  expect(packets.written).toBe(0);
  packets.onPayload(0, 0, data, 1, data.length, true);
  expect(packets.written).toBe(1);
});

test('the first viewer gets the cached GOP without a callback for each packet', () => {
  const stream = new Stream([H264_TRACK, AUDIO]);
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  stream.write(1, sample(160, true, new Uint8Array(160).fill(0xd5)));
  stream.write(0, sample(3_000, false, nalu(20)));
  const notes = new Notes();
  const packets = RtpPackets.join(stream, notes);
  expect(notes.packets).toEqual([]);
  expect([packets.groupStart, packets.written, packets.lastPts[0], packets.lastStep[0]]).toEqual([0, 4, 3_000, 3_000]);
  stream.write(0, sample(6_000, false, nalu(30)));
  expect(notes.packets).toEqual(['0@6000 30x41 marker']);
  expect(packets.groupStart).toBe(0);
});

test('new parameter sets end the GOP: no viewer starts with pictures of the old ones', () => {
  const stream = new Stream([H264_TRACK]);
  const packets = RtpPackets.join(stream, new Notes());
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  expect(packets.groupStart).toBe(0);
  stream.setTrack(0, { ...H264_TRACK, sps: new Uint8Array(40).fill(0x67) });
  expect([packets.groupStart, packets.putStill()]).toEqual([-1, -1]);
});

test('a GOP that is too large leaves a still, packetized again on demand, without callbacks', () => {
  const stream = new Stream([H264_TRACK], { gopCacheBytes: 1_000 });
  stream.write(0, sample(9_000, true, nalu(500, 0x65)));
  stream.write(0, sample(12_000, false, nalu(600)));
  const notes = new Notes();
  const packets = RtpPackets.join(stream, notes);
  expect([packets.groupStart, packets.written]).toEqual([-1, 0]);
  expect([packets.putStill(), packets.stillEnd]).toEqual([0, 2]);
  expect([0, 1].map((n) => [packets.isStill(n), packets.startsGroup(n), packets.timestampOf(n)])).toEqual([
    [true, false, 9_000],
    [true, false, 9_000],
  ]);
  expect(packets.putStill()).toBe(0);
  for (let pts = 15_000; packets.has(0); pts += 90_000) {
    stream.write(0, sample(pts, false, nalu(5_000)));
  }
  const { written } = packets;
  expect(packets.putStill()).toBe(written);
  stream.write(0, sample(1e9, false, nalu(10)));
  expect(notes.packets.filter((note) => note.startsWith('0@9000'))).toEqual([]);
  expect(notes.packets.at(-1)).toBe('0@1000000000 10x41 marker');
  stream.write(0, sample(2e9, true, nalu(10, 0x65)));
  expect(packets.isStill(packets.groupStart)).toBe(false);
  expect(packets.putStill()).toBe(packets.written - 2);
});

test('the ring keeps the last packets of any number', () => {
  const stream = new Stream([H264_TRACK]);
  const notes = new Notes();
  RtpPackets.join(stream, notes);
  for (let i = 0; i < 5_000; i += 1) {
    stream.write(0, sample(i, false, nalu(1 + (i % 100), 0x41)));
  }
  expect(notes.packets.at(-1)).toBe('0@4999 100x41 marker');
  expect(notes.packets.length).toBe(5_000);
});
