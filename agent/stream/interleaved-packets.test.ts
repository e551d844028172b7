import { expect, test } from 'vitest';
import { FakeClock } from '../../test/support/base/fake-clock.ts';
import { InterleavedClient } from '../../test/support/clients/interleaved-client.ts';
import { H264_PPS, H264_SPS } from '../../test/support/media/tiny-streams.ts';
import { H264_TRACK } from '../../test/support/media/tracks.ts';
import { hex } from '../../test/support/media/units.ts';
import { h264Track } from '../media/h264/params.ts';
import type { Sample } from '../media/sample/sample.ts';
import type { G711Track } from '../media/sample/track.ts';
import { InterleavedPackets, type InterleavedViewer, ReportedTime } from './interleaved-packets.ts';
import { Stream } from './stream.ts';

const G711: G711Track = { kind: 'audio', codec: 'g711', law: 'a', clockRate: 8000, channels: 1 };

const WALL_MS = Date.UTC(2026, 0, 1);
/** A sample of one NAL unit. */
function nalu(bytes: number, header = 0x41): Uint8Array {
  const data = new Uint8Array(4 + bytes).fill(7);
  new DataView(data.buffer).setUint32(0, bytes);
  data[4] = header;
  return data;
}

function sample(pts: number, key: boolean, data: Uint8Array, dts = pts): Sample {
  return { pts, dts, wall: WALL_MS + pts / 90, key, data };
}

function join(stream: Stream, clock = new FakeClock(), client = new InterleavedClient()) {
  const packets = InterleavedPackets.of(stream, 1440, clock);
  const starts = packets.join(client);
  packets.flow(client);
  return { packets, client, starts, clock };
}

test('a sample becomes one chunk of frames, with the parameter sets ahead of a key frame', () => {
  const stream = new Stream([H264_TRACK, G711]);
  const { client } = join(stream);
  stream.write(0, sample(9_000, true, nalu(3_000, 0x65)));
  stream.write(1, sample(160, true, new Uint8Array(160).fill(0xd5)));
  stream.write(0, sample(12_000, false, nalu(100)));
  expect(client.packets).toEqual([
    '0 11x78',
    '0 1440x7c',
    '0 1440x7c',
    '0 125x7c marker',
    '1 160xd5',
    '0 100x41 marker',
  ]);
  expect(client.chunks).toEqual(['0 key 4', '1 1', '0 1']);
});

test('a viewer begins with the packets since the last key frame, numbered as the others have them', () => {
  const stream = new Stream([H264_TRACK, G711]);
  stream.write(0, sample(0, false, nalu(50)));
  stream.write(0, sample(3_000, true, nalu(2_000, 0x65)));
  stream.write(1, sample(300, true, new Uint8Array(160)));
  const first = join(stream);
  expect(first.client.chunks).toEqual(['0 key 3', '1 1']);
  stream.write(0, sample(6_000, false, nalu(10)));
  const second = join(stream, first.clock);
  stream.write(0, sample(9_000, false, nalu(10)));
  expect(second.client.chunks).toEqual(['0 key 3', '1 1', '0 1', '0 1']);
  expect(second.client.sequences).toEqual(first.client.sequences);
  expect(second.client.timestamps).toEqual(first.client.timestamps);
  expect(stream.readers).toEqual([first.packets]);
});

test('packets are numbered without a gap, and RTP time is pts shifted by a number of the track’s own', () => {
  const stream = new Stream([H264_TRACK]);
  const { client } = join(stream);
  const pts = [2 ** 32 - 3_000, 2 ** 32, 2 ** 32 + 3_000];
  for (const [i, at] of pts.entries()) {
    stream.write(0, sample(at, i === 0, nalu(10)));
  }
  const [, first = 0, second, third] = client.timestamps[0] ?? [];
  expect([second, third]).toEqual([(first + 3_000) % 2 ** 32, (first + 6_000) % 2 ** 32]);
  const [sequence = 0, ...others] = client.sequences[0] ?? [];
  expect(others).toEqual([1, 2, 3].map((step) => (sequence + step) & 0xffff));
});

test('B-frames go out in decoding order with their presentation time', () => {
  const stream = new Stream([H264_TRACK]);
  const { client } = join(stream);
  stream.write(0, sample(3_000, true, nalu(10, 0x65), 0));
  stream.write(0, sample(9_000, false, nalu(10), 3_000));
  stream.write(0, sample(6_000, false, nalu(10), 6_000));
  const [first = 0, , second, third] = client.timestamps[0] ?? [];
  expect([second, third]).toEqual([(first + 6_000) % 2 ** 32, (first + 3_000) % 2 ** 32]);
});

test('without a cached GOP a viewer waits for the next key frame', () => {
  const stream = new Stream([H264_TRACK, G711]);
  const { client, starts } = join(stream);
  stream.write(0, sample(0, false, nalu(10)));
  stream.write(1, sample(0, true, new Uint8Array(160)));
  expect(starts).toEqual([]);
  expect(client.chunks).toEqual([]);
  stream.write(0, sample(3_000, true, nalu(10, 0x65)));
  expect(client.chunks).toEqual(['0 key 2']);
});

test('a group beyond 8 MB is not kept', () => {
  const stream = new Stream([H264_TRACK], { gopCacheBytes: 64 << 20 });
  const first = join(stream);
  stream.write(0, sample(0, true, nalu(5 << 20, 0x65)));
  stream.write(0, sample(3_000, false, nalu(4 << 20)));
  const second = join(stream, first.clock);
  expect(second.client.chunks).toEqual([]);
  stream.write(0, sample(6_000, true, nalu(10, 0x65)));
  expect(second.client.chunks).toEqual(['0 key 2']);
});

test('audio without video starts at once', () => {
  const stream = new Stream([G711]);
  const { client } = join(stream);
  stream.write(0, sample(0, true, new Uint8Array(160)));
  expect(client.chunks).toEqual(['0 key 1']);
});

test('RTP-Info names the first packets, and one moment on the clock of every track', () => {
  const stream = new Stream([H264_TRACK, G711]);
  stream.write(0, sample(90_000, true, nalu(10, 0x65)));
  stream.write(1, sample(8_160, true, new Uint8Array(160)));
  const { client, starts } = join(stream);
  expect(starts.map(({ sequence }) => sequence)).toEqual([client.sequences[0]?.[0], client.sequences[1]?.[0]]);
  expect(starts[0]?.rtpTime).toBe(client.timestamps[0]?.[0]);
  expect(((starts[1]?.rtpTime ?? 0) + 160) % 2 ** 32).toBe(client.timestamps[1]?.[0]);
});

test('a sender report precedes each track and has the time of its first packet', () => {
  const stream = new Stream([H264_TRACK, G711]);
  stream.write(0, sample(90_000, true, nalu(10, 0x65)));
  stream.write(1, { ...sample(8_160, true, new Uint8Array(160)), wall: WALL_MS + 1_020 });
  const { client, packets } = join(stream);
  expect(client.reports.map((reports) => reports.length)).toEqual([1, 1]);
  expect(client.reports[0]?.[0]).toMatchObject({ ssrc: packets.ssrcOf(0), timestamp: client.timestamps[0]?.[0] });
  expect(client.reports[0]?.[0]?.unixMs).toBeCloseTo(WALL_MS + 1_000, 0);
  expect(client.reports[1]?.[0]).toMatchObject({ ssrc: packets.ssrcOf(1), timestamp: client.timestamps[1]?.[0] });
  expect(client.reports[1]?.[0]?.unixMs).toBeCloseTo(WALL_MS + 1_020, 0);
});

test('reports follow the capture time slowly, so that no player moves a track back by a frame', async () => {
  const stream = new Stream([H264_TRACK]);
  const { client, clock } = join(stream);
  const moved = (pts: number, byMs: number) =>
    stream.write(0, { ...sample(pts, pts === 0, nalu(4)), wall: WALL_MS + pts / 90 + byMs });
  moved(0, 0);
  // The start of a publisher: its delay turned out smaller.
  moved(90_000, -24);
  const offsets = () =>
    client.reports[0]?.map(({ unixMs, timestamp }) => {
      const mediaMs = ((timestamp - (client.timestamps[0]?.[0] ?? 0) + 2 ** 32) % 2 ** 32) / 90;
      return Math.round(unixMs - WALL_MS - mediaMs);
    });
  await clock.advance(30_000);
  expect(offsets()).toEqual([0, -1, -2, -3]);
  const second = new InterleavedClient();
  const packets = InterleavedPackets.of(stream, 1440, clock);
  packets.join(second);
  packets.flow(second);
  await clock.advance(30_000);
  expect(offsets()?.slice(4)).toEqual([-4, -4, -4]);
  expect(second.reports[0]).toHaveLength(4);
  // A clock that was set.
  moved(180_000, 1_700);
  await clock.advance(10_000);
  expect(offsets()?.at(-1)).toBe(1_700);
});

test('sender reports follow every ten seconds with the time of the report', async () => {
  const stream = new Stream([H264_TRACK]);
  const { client, clock } = join(stream);
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  const before = client.reports[0]?.length ?? 0;
  await clock.advance(10_000);
  const report = client.reports[0]?.at(-1);
  expect(client.reports[0]?.length).toBe(before + 1);
  expect(report?.unixMs).toBeCloseTo(WALL_MS + 10_000, 0);
  expect(report?.timestamp).toBe(((client.timestamps[0]?.[0] ?? 0) + 900_000) % 2 ** 32);
});

test('sequence numbers, timestamps and SSRC continue between the last viewer and the next', () => {
  const stream = new Stream([H264_TRACK]);
  const first = join(stream);
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  first.packets.leave(first.client);
  expect(stream.readers).toEqual([]);
  stream.write(0, sample(3_000, true, nalu(10, 0x65)));
  const second = join(stream);
  expect(second.packets).toBe(first.packets);
  const last = first.client.sequences[0]?.at(-1) ?? 0;
  expect(second.client.sequences[0]?.[0]).toBe((last + 1) & 0xffff);
  expect(second.client.timestamps[0]?.[0]).toBe(((first.client.timestamps[0]?.[0] ?? 0) + 3_000) % 2 ** 32);
});

test('a viewer that throws is removed with its error; the others lose nothing', () => {
  const stream = new Stream([H264_TRACK]);
  const { client, packets } = join(stream);
  const broken = new InterleavedClient();
  broken.onChunk = () => {
    throw new Error('broken');
  };
  packets.join(broken);
  packets.flow(broken);
  stream.write(0, sample(0, true, nalu(10, 0x65)));
  stream.write(0, sample(3_000, false, nalu(10)));
  expect(broken.ends).toEqual([new Error('broken')]);
  expect(client.chunks).toEqual(['0 key 2', '0 1']);
});

test('all viewers are notified of the end of the stream, later ones too', () => {
  const stream = new Stream([H264_TRACK]);
  const first = join(stream);
  const joined = new InterleavedClient();
  first.packets.join(joined);
  stream.close();
  const late = join(stream);
  expect([first.client, joined, late.client].map(({ ends }) => ends)).toEqual([[undefined], [undefined], [undefined]]);
});

test.for([true, false])('chunks share memory, and are not overwritten while a viewer keeps them: %s', (isKept) => {
  const stream = new Stream([G711]);
  const packets = InterleavedPackets.of(stream, 1440, new FakeClock());
  const kept: { chunk: Buffer; copy: Buffer }[] = [];
  const viewer: InterleavedViewer = {
    onChunk: (chunk) => {
      kept.push({ chunk, copy: Buffer.from(chunk) });
      return isKept;
    },
    onReport: () => {},
    onEnd: () => {},
  };
  packets.join(viewer);
  packets.flow(viewer);
  for (let i = 0; i < 500; i += 1) {
    stream.write(0, sample(160 * i, true, new Uint8Array(160).fill(i)));
  }
  expect(kept.every(({ chunk, copy }) => chunk.equals(copy))).toBe(isKept);
  expect(new Set(kept.map(({ chunk }) => chunk.buffer)).size).toBeLessThan(10);
});

test.for([
  ['leaves', (packets: InterleavedPackets, viewer: InterleavedViewer) => packets.leave(viewer)],
  ['throws', () => expect.unreachable('the viewer threw')],
] as const)('a kept first chunk of a viewer that %s at once is not overwritten, and is its last', ([, end]) => {
  const stream = new Stream([H264_TRACK]);
  const { packets, client } = join(stream);
  for (let i = 0; i < 20; i += 1) {
    stream.write(0, sample(3_000 * i, i === 0, nalu(1_000, i === 0 ? 0x65 : 0x41)));
  }
  const kept: { chunk: Buffer; copy: Buffer }[] = [];
  const viewer: InterleavedViewer = {
    onChunk: (chunk) => {
      kept.push({ chunk, copy: Buffer.from(chunk) });
      packets.leave(client);
      end(packets, viewer);
      return true;
    },
    onReport: () => {},
    onEnd: () => {},
  };
  packets.join(viewer);
  packets.flow(viewer);
  join(stream);
  for (let i = 20; i < 300; i += 1) {
    stream.write(0, sample(3_000 * i, i % 25 === 0, nalu(1_000, i % 25 === 0 ? 0x65 : 0x41)));
  }
  expect(kept.map(({ chunk, copy }) => chunk.equals(copy))).toEqual([true]);
});

test('placeholders precede the first key frame of viewers that request them, and no others', () => {
  const track = h264Track(hex(H264_SPS), [hex(H264_PPS)]);
  const stream = new Stream([track, G711]);
  stream.write(0, sample(90_000, true, nalu(50, 0x65), 82_800));
  stream.write(1, sample(8_000, true, new Uint8Array(160)));
  stream.write(0, sample(104_400, false, nalu(60), 86_400));
  const waiting = join(new Stream([track, G711]), new FakeClock(), new InterleavedClient(true));
  const { client, starts, clock } = join(stream, new FakeClock(), new InterleavedClient(true));
  const { client: other, starts: otherStarts } = join(stream, clock);
  stream.write(0, sample(97_200, false, nalu(70), 90_000));
  expect(client.chunks).toEqual(['0 3', ...other.chunks]);
  expect(client.packets).toEqual([...new Array(3).fill('0 20x78 marker'), ...other.packets]);
  const [first = 0] = other.sequences[0] ?? [];
  const before = [3, 2, 1].map((distance) => (first - distance) & 0xffff);
  expect(client.sequences).toEqual([[...before, ...(other.sequences[0] ?? [])], other.sequences[1]]);
  const [keyTime = 0] = other.timestamps[0] ?? [];
  expect(client.timestamps[0]?.slice(0, 3)).toEqual([3, 2, 1].map((distance) => (keyTime - 3_600 * distance) >>> 0));
  expect(starts[0]).toEqual({ ...otherStarts[0], sequence: before[0] });
  expect(starts[1]).toEqual(otherStarts[1]);
  expect(waiting.starts).toEqual([]);
  waiting.packets.stream.write(0, sample(90_000, true, nalu(50, 0x65), 82_800));
  expect(waiting.client.chunks).toEqual(['0 3', '0 key 2']);
});

test('the first time is reported exactly, as are later ones that differ imperceptibly', () => {
  const reportedTime = new ReportedTime();
  expect(reportedTime.offsetMs(1_000, 51_000, 0)).toBe(50_000);
  expect(reportedTime.offsetMs(2_000, 52_020, 5)).toBe(50_000);
  expect(reportedTime.offsetMs(3_000, 52_980, 5)).toBe(50_000);
});

test('a larger difference is corrected within the limit, and no further than necessary', () => {
  const reportedTime = new ReportedTime();
  reportedTime.offsetMs(0, 50_000, 0);
  expect(reportedTime.offsetMs(1_000, 51_600, 0)).toBe(50_000);
  expect(reportedTime.offsetMs(1_000, 51_600, 5)).toBe(50_005);
  expect(reportedTime.offsetMs(2_000, 51_980, 5)).toBe(50_000);
  expect(reportedTime.offsetMs(3_000, 53_022, 5)).toBe(50_002);
});

test('a difference above a second is another clock and reported at once, in both directions', () => {
  const reportedTime = new ReportedTime();
  reportedTime.offsetMs(0, 50_000, 0);
  expect(reportedTime.offsetMs(1_000, 52_001, 0)).toBe(51_001);
  expect(reportedTime.offsetMs(2_000, 2_000, 5)).toBe(0);
});
