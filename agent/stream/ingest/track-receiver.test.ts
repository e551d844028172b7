import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { random } from '../../../test/support/base/random.ts';
import { rtpFrame } from '../../../test/support/cameras/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/support/media/tiny-h264.ts';
import type { SenderTraits } from '../../media/payload/depacketizer.ts';
import { writeBye, writeSenderReport } from '../../media/rtcp/write.ts';
import { formatsByType, parseSdp } from '../../media/sdp/parse.ts';
import { writeSdp } from '../../media/sdp/write.ts';
import type { UnitOutput } from './inbound-track.ts';
import { Timeline } from './timeline.ts';
import { TrackReceiver } from './track-receiver.ts';

class Log implements UnitOutput {
  readonly pts: number[] = [];
  readonly strays: string[] = [];
  damage = 0;
  onUnit(_: TrackReceiver, pts: number): void {
    this.pts.push(pts);
  }
  onTrack(): void {}
  onDamage(): void {
    this.damage += 1;
  }
  onStray(_: TrackReceiver, reason: string): void {
    this.strays.push(reason);
  }
}

/** @param traits of a camera, whose clock is not trusted either; undefined: of a publisher */
function receiver(traits?: SenderTraits): { log: Log; track: TrackReceiver } {
  const log = new Log();
  const clock = new FakeClock();
  const format = parseSdp(writeSdp([tinyH264], { name: 'x', host: '::1', sessionId: 1 })).medias[0]?.formats[0];
  if (!format) {
    throw new Error('no format');
  }
  return {
    log,
    track: new TrackReceiver(format, new Timeline(clock, false, traits !== undefined), log, clock, traits),
  };
}

interface Picture {
  readonly sequence: number;
  readonly ticks: number;
  readonly ssrc?: number;
  readonly isKey?: boolean;
}

function show(track: TrackReceiver, pictures: readonly Picture[], atMs = 0): void {
  for (const [i, { isKey = false, ...header }] of pictures.entries()) {
    const payload = (isKey ? idrPicture(40) : skipPicture(i)).subarray(4);
    const frame = rtpFrame(0, payload, { type: 96, marker: true, ...header });
    track.packet(frame, 4, frame.length, atMs + i * 40);
  }
  // A former sender is silent by then.
  track.flush(atMs + pictures.length * 40 + 1_000);
}

const spans = (pts: readonly number[]) => pts.map((value) => value - (pts[0] ?? 0));

test('a restarted sender continues in time, from its next key picture', () => {
  const { log, track } = receiver();
  show(track, [
    { sequence: 1, ticks: 3600, isKey: true },
    { sequence: 2, ticks: 7200 },
    { sequence: 30_000, ticks: 900_000_000, ssrc: 2, isKey: true },
    { sequence: 30_001, ticks: 900_003_600, ssrc: 2 },
  ]);
  expect(spans(log.pts)).toEqual([0, 3600, 7200, 10_800]);
});

test('a new SSRC with continuous sequence numbers is the same sender', () => {
  const { log, track } = receiver();
  show(track, [
    { sequence: 1, ticks: 3600, isKey: true },
    { sequence: 2, ticks: 7200, ssrc: 7 },
    { sequence: 3, ticks: 10_800, ssrc: 8 },
  ]);
  expect(spans(log.pts)).toEqual([0, 3600, 7200]);
  expect(track.timeline.jumps).toBe(0);
});

test.for([
  ['further on', 12_500],
  ['far away', 40_000],
  ['behind', 9_990],
  ['where it was', 10_001],
] as const)('a new SSRC whose numbers begin %s has lost nothing', ([, sequence]) => {
  const { log, track } = receiver();
  show(track, [
    { sequence: 10_000, ticks: 0, isKey: true },
    { sequence: 10_001, ticks: 3600 },
    { sequence, ticks: 7200, ssrc: 2, isKey: true },
    { sequence: sequence + 1, ticks: 10_800, ssrc: 2 },
  ]);
  expect(log.pts).toHaveLength(4);
  expect(track.sequence).toMatchObject({ lost: 0, late: 0 });
});

test.for<[quirk: string, change: Partial<Picture> & { readonly addTicks?: number }, jumps: number]>([
  ['whose numbers begin at 0', { sequence: 0 }, 0],
  ['whose numbers begin a little behind', { sequence: 9_990 }, 0],
  ['whose SSRC and numbers are new', { sequence: 77, ssrc: 2 }, 0],
  ['whose numbers and times are new', { sequence: 40_000, addTicks: 1_000_000_000 }, 1],
  ['whose SSRC, numbers and times are new', { sequence: 40_000, addTicks: -1_000_000_000, ssrc: 2 }, 1],
])('a sender %s in the middle of a group loses nothing', ([, { sequence = 0, ssrc = 1, addTicks = 0 }, jumps]) => {
  const { log, track } = receiver();
  show(track, [
    { sequence: 10_000, ticks: 2 ** 31, isKey: true },
    { sequence: 10_001, ticks: 2 ** 31 + 3600 },
  ]);
  const again = [0, 1, 2].map((i) => ({ sequence: sequence + i, ticks: 2 ** 31 + addTicks + 3600 * (2 + i), ssrc }));
  show(track, again, 80);
  expect(spans(log.pts)).toEqual([0, 3600, 7200, 10_800, 14_400]);
  expect(log.damage).toBe(0);
  expect(track.sequence).toMatchObject({ lost: 0, late: 0 });
  expect(track.timeline.jumps).toBe(jumps);
});

test('an incomplete picture of a restarted sender is damage', () => {
  const { log, track } = receiver();
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  const part = rtpFrame(0, Uint8Array.of(0x5c, 0x81, 0x9a), { type: 96, sequence: 2, ticks: 3600 });
  track.packet(part, 4, part.length, 40);
  show(track, [{ sequence: 700, ticks: 7200, ssrc: 2 }], 80);
  expect(log).toMatchObject({ pts: [expect.any(Number)], damage: 1 });
});

test('a single packet with a wild number changes nothing', () => {
  const { log, track } = receiver();
  show(track, [
    { sequence: 1, ticks: 0, isKey: true },
    { sequence: 30_000, ticks: 1_000_000 },
    { sequence: 2, ticks: 3600 },
    { sequence: 3, ticks: 7200 },
  ]);
  expect(spans(log.pts)).toEqual([0, 3600, 7200]);
  expect(log.damage).toBe(0);
});

test('a loss before an empty packet is a loss', () => {
  const { log, track } = receiver();
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  const empty = rtpFrame(0, new Uint8Array(0), { type: 96, sequence: 3, ticks: 3600 });
  expect(track.packet(empty, 4, empty.length, 40)).toBe(true);
  show(track, [{ sequence: 4, ticks: 7200 }]);
  expect(log).toMatchObject({ pts: [expect.any(Number)], damage: 1 });
});

test('packets of another type are counted and ignored', () => {
  const { log, track } = receiver();
  const junk = rtpFrame(0, new Uint8Array(30), { type: 50, sequence: 9 });
  expect(track.packet(junk, 4, junk.length, 0)).toBe(false);
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  expect(log.pts).toHaveLength(1);
  expect(track.reception.badPackets).toBe(1);
});

test('a goodbye is taken back by the next packet', () => {
  const { track } = receiver();
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  track.control(Uint8Array.of(0x81, 203, 0, 1, 0, 0, 0, 1), 0, 8);
  expect(track.hasLeft).toBe(true);
  show(track, [{ sequence: 2, ticks: 3600 }]);
  expect(track.hasLeft).toBe(false);
});

test('a BYE of another source does not end the track', () => {
  const { track } = receiver();
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  track.control(writeBye(7), 0, 8);
  expect(track.hasLeft).toBe(false);
  track.control(writeBye(1), 0, 8);
  track.control(writeBye(7), 0, 8);
  expect(track.hasLeft).toBe(true);
});

test('no report is sent before the first packet', () => {
  const { track } = receiver();
  expect(track.receiverReport(1)).toBeUndefined();
  show(track, [
    { sequence: 1, ticks: 0, isKey: true },
    { sequence: 4, ticks: 3600 },
  ]);
  const report = track.receiverReport(1);
  // Half of the four packets were lost, two of them in all; the highest was number 4.
  expect(Buffer.from(report?.subarray(12, 20) ?? []).toString('hex')).toBe('8000000200000004');
});

test('jitter is how much the delay of pictures changes, and neither steady lateness nor a jump of timestamps counts', () => {
  const { track } = receiver();
  let sequence = 0;
  const picture = (ticks: number, atMs: number) => {
    sequence += 1;
    const frame = rtpFrame(0, skipPicture(1).subarray(4), { type: 96, marker: true, sequence, ticks });
    track.packet(frame, 4, frame.length, atMs);
  };
  for (let i = 0; i < 200; i += 1) {
    picture(i * 3600, i * 40 + 500);
  }
  expect(track.jitterTicks).toBe(0);
  for (let i = 200; i < 400; i += 1) {
    // Every other packet arrives 10 ms late: 900 ticks between neighbours.
    picture(i * 3600, i * 40 + 500 + 10 * (i % 2));
  }
  expect(track.jitterTicks).toBeGreaterThan(850);
  expect(track.jitterTicks).toBeLessThanOrEqual(900);
  const before = track.jitterTicks;
  picture(2_000_000_000, 16_500);
  expect(track.jitterTicks).toBe(before);
  const report = track.receiverReport(1);
  expect(new DataView(report?.buffer ?? new ArrayBuffer(0)).getUint32(20)).toBe(before);
});

test.for<[sender: string, traits: SenderTraits | undefined]>([
  ['a publisher', undefined],
  ['a camera', { hasDoubtfulMarkers: true }],
  ['a camera whose pictures continue after a loss', { hasDoubtfulMarkers: true, continuesAfterLoss: true }],
])(
  'mutated packets and reports of %s never end the receiver, and it recovers with the next good pictures',
  ([, traits]) => {
    const { log, track } = receiver(traits);
    const next = random(9);
    let sequence = 0;
    const send = (payload: Uint8Array, picture: number, isBad: boolean) => {
      sequence = (sequence + 1) & 0xffff;
      const frame = rtpFrame(0, payload, { type: 96, marker: payload.length > 20, sequence, ticks: picture * 3600 });
      for (let change = isBad ? 4 : 0; change > 0; change -= 1) {
        frame[4 + Math.floor(next() * Math.min(40, frame.length - 4))] = Math.floor(next() * 256);
      }
      const end = isBad && next() < 0.3 ? 4 + Math.floor(next() * (frame.length - 4)) : frame.length;
      track.packet(frame, 4, end, picture * 40);
      track.control(frame, 4, end);
    };
    const group = (first: number, badness: number) => {
      for (const set of [tinyH264.sps, ...tinyH264.pps, idrPicture(9).subarray(4)]) {
        send(set, first, next() < badness);
      }
      for (let picture = 1; picture < 10; picture += 1) {
        send(skipPicture(picture).subarray(4), first + picture, next() < badness);
      }
    };
    for (let groups = 0; groups < 1_000; groups += 1) {
      group(groups * 10, 0.3);
    }
    const before = log.pts.length;
    // One group at most to believe in the sequence again.
    group(10_000, 0);
    group(10_010, 0);
    group(10_020, 0);
    expect(log.pts.length - before).toBeGreaterThanOrEqual(20);
    expect(spans(log.pts.slice(-10))).toEqual(Array.from({ length: 10 }, (_, i) => i * 3600));
  },
);

/** Pictures of two senders in turn, `foreign` of them from another one for each of the track's. */
function mixed(track: TrackReceiver, own: number, first: number, count: number, foreign = 1): void {
  for (let i = 0; i < count; i += 1) {
    for (let other = 0; other < foreign; other += 1) {
      const number = i * foreign + other;
      const strange = { type: 96, marker: true, sequence: 30_000 + number, ticks: 2 ** 31 + number * 3600, ssrc: 99 };
      const frame = rtpFrame(0, skipPicture(7 + number).subarray(4), strange);
      track.packet(frame, 4, frame.length, i * 40);
    }
    const payload = (i === 0 ? idrPicture(40) : skipPicture(i)).subarray(4);
    const frame = rtpFrame(0, payload, { type: 96, marker: true, sequence: first + i, ticks: i * 3600, ssrc: own });
    track.packet(frame, 4, frame.length, i * 40 + 20);
  }
}

test.for<[by: string, announce: (track: TrackReceiver) => void]>([
  [
    "SETUP's Transport",
    (track) => {
      track.announce(5);
      track.begin(undefined);
    },
  ],
  [
    'RTP-Info',
    (track) => {
      track.announce(undefined);
      track.begin(700);
    },
  ],
  [
    'both, the first of them wrong',
    (track) => {
      track.announce(4711);
      track.begin(700);
    },
  ],
])(
  'the sender that %s names plays without damage, another one from the first packet on is left out',
  ([, announce]) => {
    const { log, track } = receiver();
    announce(track);
    mixed(track, 5, 700, 200, 3);
    expect(spans(log.pts)).toEqual(Array.from({ length: 200 }, (_, i) => i * 3600));
    expect(log).toMatchObject({ damage: 0, strays: ['packets of another sender, SSRC 63'] });
    expect(track.foreignPackets).toBeGreaterThan(550);
    expect(track.sequence).toMatchObject({ lost: 0, late: 0 });
  },
);

test('without announcement the sender of the first packet after PLAY plays, and after its end the other one', () => {
  const { log, track } = receiver();
  track.announce(undefined);
  track.begin(undefined);
  show(track, [{ sequence: 699, ticks: -3600, ssrc: 5, isKey: true }], -40);
  mixed(track, 5, 700, 100);
  expect(spans(log.pts)).toEqual(Array.from({ length: 101 }, (_, i) => i * 3600));
  expect(track.ssrc).toBe(5);
  show(track, [{ sequence: 1, ticks: 0, ssrc: 99, isKey: true }], 8_000);
  show(track, [{ sequence: 2, ticks: 3600, ssrc: 99 }], 9_100);
  expect(track.ssrc).toBe(99);
});

test('a sender with the sequence number of RTP-Info is a stranger when PLAY is long past', () => {
  const { log, track } = receiver();
  track.announce(undefined);
  const send = (i: number, sequence: number, ssrc: number) => {
    const payload = (i === 0 ? idrPicture(40) : skipPicture(i)).subarray(4);
    const frame = rtpFrame(0, payload, { type: 96, marker: true, sequence, ticks: i * 3600, ssrc });
    track.packet(frame, 4, frame.length, i * 40);
  };
  send(0, 30_000, 5);
  track.begin(700);
  for (let i = 1; i <= 250; i += 1) {
    if (i === 200) {
      send(i, 705, 99);
    }
    send(i, 30_000 + i, 5);
  }
  expect(track.ssrc).toBe(5);
  expect(spans(log.pts)).toEqual(Array.from({ length: 251 }, (_, i) => i * 3600));
});

test('an announced SSRC that does not come delays the first pictures, and loses none', () => {
  const { log, track } = receiver();
  track.announce(4711);
  track.begin(undefined);
  show(track, [
    { sequence: 1, ticks: 0, isKey: true },
    { sequence: 2, ticks: 3600 },
  ]);
  expect(spans(log.pts)).toEqual([0, 3600]);
});

test('reports and goodbyes of another sender change nothing', () => {
  const { track } = receiver();
  track.announce(5);
  mixed(track, 5, 700, 60);
  const report = (ssrc: number, unixMs: number) =>
    writeSenderReport({ ssrc, unixMs, ticks: 0, packets: 1, payloadBytes: 1 }, 'x');
  const control = (packet: Uint8Array) => track.control(packet, 0, packet.length);
  control(report(99, 1_000_000));
  expect(track.timeline.reportOffsetMs).toBeNaN();
  control(report(5, 2_000_000));
  const { reportOffsetMs } = track.timeline;
  control(report(98, 1_000_000));
  control(writeBye(99));
  expect(track.timeline.reportOffsetMs).toBe(reportOffsetMs);
  expect(track.hasLeft).toBe(false);
});

test('after a goodbye another sender is followed at once', () => {
  const { log, track } = receiver();
  show(track, [{ sequence: 1, ticks: 0, isKey: true }]);
  track.control(writeBye(1), 0, 8);
  const frame = rtpFrame(0, idrPicture(3).subarray(4), { type: 96, marker: true, sequence: 9_000, ticks: 9, ssrc: 2 });
  track.packet(frame, 4, frame.length, 40);
  expect(log.pts).toHaveLength(2);
  expect(track.hasLeft).toBe(false);
});

test('datagrams out of order between those of another sender are put in order', () => {
  const { log, track } = receiver();
  track.reorder();
  track.announce(5);
  track.begin(undefined);
  const send = (sequence: number, ssrc: number, atMs: number) => {
    const payload = (sequence === 10 ? idrPicture(4) : skipPicture(sequence)).subarray(4);
    const frame = rtpFrame(0, payload, { type: 96, marker: true, sequence, ticks: sequence * 3600, ssrc });
    track.packet(frame, 4, frame.length, atMs);
  };
  for (const [i, sequence] of [10, 12, 11, 13, 15, 14, 16].entries()) {
    send(sequence + 20 + i, 99, i * 40);
    send(sequence, 5, i * 40);
  }
  expect(spans(log.pts)).toEqual([0, 1, 2, 3, 4, 5, 6].map((i) => i * 3600));
  expect(track).toMatchObject({ reordered: 2, late: 0 });
});

test('packets of changing types without a valid header change the format once a second', () => {
  const [media] = parseSdp('v=0\r\no=- 1 1 IN IP4 ::1\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 8 10\r\n').medias;
  const [format] = media?.formats ?? [];
  if (!media || !format) {
    throw new Error('no format');
  }
  const clock = new FakeClock();
  const timeline = new Timeline(clock);
  const track = new TrackReceiver(format, timeline, new Log(), clock, {}, formatsByType(media));
  const seen = new Set<unknown>();
  for (let i = 0; i < 200; i += 1) {
    // 15 contributing sources, whose bytes are missing.
    const packet = new Uint8Array(40).fill(0x8f, 0, 1).fill(i % 2 === 0 ? 8 : 10, 1, 2);
    track.packet(packet, 0, packet.length, i * 10);
    seen.add(track.timeline);
  }
  expect(track.reception).toMatchObject({ packets: 0, badPackets: 200 });
  expect(seen.size).toBeLessThanOrEqual(3);
});

test('few tiny packets of another sender wait', () => {
  const { track } = receiver();
  const send = (sequence: number, ssrc: number, atMs: number) => {
    const frame = rtpFrame(0, new Uint8Array(1), { type: 96, marker: true, sequence, ticks: 0, ssrc });
    track.packet(frame, 4, frame.length, atMs);
  };
  send(100, 1, 0);
  send(30_000, 2, 10);
  send(101, 1, 20);
  for (let i = 0; i < 20_000; i += 1) {
    send(30_000, 2, 20);
  }
  expect(track.foreignPackets).toBe(20_001);
  send(102, 1, 20);
  expect(track.packets).toBe(3);
});

test('of a thousand other senders only the first ones are reported', () => {
  const { log, track } = receiver();
  for (let i = 0; i < 1_000; i += 1) {
    for (const ssrc of [1, 5_000 + i]) {
      const sequence = ssrc === 1 ? i : 30_000;
      const frame = rtpFrame(0, new Uint8Array(1), { type: 96, marker: true, sequence, ticks: 0, ssrc });
      track.packet(frame, 4, frame.length, i * 20);
    }
  }
  expect(track.foreignPackets).toBeGreaterThan(900);
  expect(log.strays).toHaveLength(16);
});
