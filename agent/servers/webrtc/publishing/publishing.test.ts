import { expect, test } from 'vitest';
import { FakeClock } from '../../../../test/fake-clock.ts';
import { random } from '../../../../test/random.ts';
import { RecordingLink, RtpSource, vp8Frame } from '../../../../test/webrtc-peer.ts';
import { PerchError } from '../../../base/errors.ts';
import { createLogger, silentLogger } from '../../../base/log.ts';
import type { RtpFormat } from '../../../media/depacketizer.ts';
import { writeBye, writeSenderReport } from '../../../media/rtcp/write.ts';
import type { Track } from '../../../media/track.ts';
import { type Reader, Stream } from '../../../stream/stream.ts';
import type { Publisher } from '../gateway.ts';
import { type RemoteTrack, remoteTrackOf } from '../sdp/inbound.ts';
import { Publishing } from './publishing.ts';

const VP8: RtpFormat = { payloadType: 96, encoding: 'VP8', clockRate: 90_000, channels: 1, fmtp: new Map() };
const RTX: RtpFormat = { ...VP8, payloadType: 97, encoding: 'RTX', fmtp: new Map([['apt', '96']]) };
const OPUS: RtpFormat = { payloadType: 111, encoding: 'OPUS', clockRate: 48_000, channels: 2, fmtp: new Map() };
const GATHER_MS = 2_000;
const FRAME_MS = 40;
const FRAME_TICKS = 3_600;

function inboundOf(
  kind: 'video' | 'audio',
  format: RtpFormat,
  feedback: readonly string[],
  rtx?: RtpFormat,
  hasReducedSize = true,
): RemoteTrack {
  const section = {
    kind,
    protocol: 'UDP/TLS/RTP/SAVPF',
    formatWords: [String(format.payloadType)],
    mid: kind,
    refusedWhy: undefined,
    receives: false,
    sends: true,
    isSimulcast: false,
    hasReducedSize,
    formats: [format],
    feedback: new Set(feedback.map((one) => `${format.payloadType} ${one}`)),
  };
  return remoteTrackOf({ section, format, rtx });
}
const PICTURE = inboundOf('video', VP8, ['nack', 'nack pli', 'goog-remb'], RTX);
const PICTURE_WITHOUT_NACK = inboundOf('video', VP8, ['nack pli']);
const SOUND = inboundOf('audio', OPUS, ['nack']);

interface Opened {
  readonly stream: Stream;
  readonly tracks: readonly Track[];
  /** First payload byte behind the frame header of each picture. */
  readonly pictures: number[];
  readonly samples: { readonly track: number; readonly pts: number; readonly key: boolean; readonly data: Buffer }[];
}

/** A publisher that has just connected. */
function connect(inbound: readonly RemoteTrack[]) {
  const clock = new FakeClock();
  const link = new RecordingLink();
  const opened: Opened[] = [];
  let publisher: Publisher | undefined;
  let closed = 0;
  const paths = {
    publish: (_path: string, one: Publisher) => {
      publisher = one;
      return {
        open: (tracks: readonly Track[]) => {
          const stream = new Stream(tracks);
          const one: Opened = { stream, tracks, pictures: [], samples: [] };
          const reader: Reader = {
            type: 'hidden',
            id: 'test',
            onSample: (track, { pts, key, data }) => {
              one.samples.push({ track, pts, key, data: Buffer.from(data) });
              if (tracks[track]?.kind === 'video') {
                one.pictures.push(data[20] as number);
              }
            },
            onTrack: () => {},
            onEnd: () => {},
          };
          stream.addReader(reader, false);
          opened.push(one);
          return stream;
        },
        close: () => {
          closed += 1;
        },
      };
    },
  };
  const options = { inbound, path: 'door', gatherTimeoutMs: GATHER_MS };
  const logged: string[] = [];
  const log = createLogger('warn', (line) => logged.push(JSON.parse(line).msg));
  const media = new Publishing('session-1', options, paths, clock, log);
  media.start(link);
  const picture = new RtpSource(96, 11);
  return {
    clock,
    link,
    media,
    opened,
    logged,
    picture,
    repairs: new RtpSource(97, 12, 50),
    sound: new RtpSource(111, 21),
    get publisher() {
      return publisher;
    },
    get closed() {
      return closed;
    },
    /** Sends frames `from` to `to`, every 40 ms. @param fate the packets that arrive, in their order */
    async video(from: number, to: number, isKey: (number: number) => boolean, fate = (packets: Buffer[]) => packets) {
      for (let number = from; number < to; number += 1) {
        const packets = picture.frame(number * FRAME_TICKS, vp8Frame(number, isKey(number)));
        for (const bytes of fate(packets.map(({ bytes }) => bytes))) {
          media.onRtp(bytes);
        }
        await clock.advance(FRAME_MS);
      }
    },
  };
}
type Session = ReturnType<typeof connect>;

/** `count` seconds pass, and the session's clock ticks. */
async function pass(session: Session, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await session.clock.advance(1_000);
    session.media.tick();
  }
}

const first = (number: number): boolean => number === 0;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('picture and sound become a stream with every sample as it was sent', async () => {
  const session = connect([PICTURE, SOUND]);
  const frames = range(0, 5).map((number) => vp8Frame(number, number === 0));
  for (const [number, frame] of frames.entries()) {
    for (const { bytes } of session.picture.frame(number * FRAME_TICKS, frame)) {
      session.media.onRtp(bytes);
    }
    session.media.onRtp(session.sound.packet(number * 960, Uint8Array.of(0xf8, number)));
    await session.clock.advance(FRAME_MS);
  }
  expect(session.opened).toHaveLength(1);
  expect(session.opened[0]?.tracks).toMatchObject([
    { codec: 'vp8', width: 320, height: 240 },
    { codec: 'opus', channels: 2 },
  ]);
  const of = (track: number) => session.opened[0]?.samples.filter((sample) => sample.track === track) ?? [];
  expect(of(0).map(({ data }) => data.equals(Buffer.from(frames[data[20] as number] as Uint8Array)))).toEqual(
    Array(5).fill(true),
  );
  expect(of(0).map(({ pts, key }) => [pts, key])).toEqual(frames.map((_, i) => [i * FRAME_TICKS, i === 0]));
  expect(of(1).map(({ data }) => [...data])).toEqual(frames.map((_, i) => [0xf8, i]));
  expect(session.media.statistics).toMatchObject({ inboundPackets: 20, inboundLost: 0 });
});

test('sound with six channels keeps their layout', () => {
  const fmtp = new Map([
    ['channel_mapping', '0,4,1,2,3,5'],
    ['num_streams', '4'],
    ['coupled_streams', '2'],
  ]);
  const session = connect([inboundOf('audio', { ...OPUS, encoding: 'MULTIOPUS', channels: 6, fmtp }, [])]);
  session.media.onRtp(session.sound.packet(0, Uint8Array.of(0xf8, 1)));
  expect(session.opened[0]?.tracks).toMatchObject([
    { codec: 'opus', channels: 6, layout: { streams: 4, coupledStreams: 2, mapping: [0, 4, 1, 2, 3, 5] } },
  ]);
});

test('a lost packet is asked for and comes again in a stream of its own', async () => {
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

test.for([
  ['that agreed to reduced size gets feedback alone', [true], ''],
  ['that did not gets it behind a report and our name', [false], '201/0 202/1 '],
  ['that agreed for its sound only gets what is for both like that', [false, true], '201/0 202/1 '],
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

test('a packet that never comes is asked for in vain; then a key frame is, and the picture goes on with it', async () => {
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

test('a publisher that keeps nothing is not asked for packets, but for a key frame after a tenth of a second', async () => {
  const session = connect([PICTURE_WITHOUT_NACK]);
  await session.video(0, 20, first);
  await session.video(20, 21, first, (packets) => packets.slice(1));
  await session.video(21, 24, first);
  expect(session.link.takeNacked()).toEqual([]);
  expect(session.link.takePlis()).toBe(1);
});

test('packets that come twice and out of their order change nothing', async () => {
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

test('a track that has not come within the time for it is done without', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.video(0, 49, first);
  expect(session.opened).toHaveLength(0);
  await session.video(49, 52, first);
  expect(session.opened[0]?.tracks).toMatchObject([{ codec: 'vp8' }]);
  expect(session.opened[0]?.pictures).toEqual(range(0, 52));
});

test('a picture that comes later is done without too: who publishes here cannot be started again', async () => {
  const session = connect([PICTURE, SOUND]);
  const packet = (i: number) => session.sound.packet(i * 960, Uint8Array.of(0xf8, i));
  for (let i = 0; i < 120; i += 1) {
    session.media.onRtp(packet(i));
    await session.clock.advance(20);
  }
  expect(session.opened[0]?.tracks).toMatchObject([{ codec: 'opus' }]);
  for (let i = 120; i < 240; i += 1) {
    session.media.onRtp(packet(i));
    await session.video(i, i + 1, (number) => number === 120);
    session.media.tick();
  }
  expect(session.link.closedWhy).toBeUndefined();
  expect(session.opened).toHaveLength(1);
  expect(session.opened[0]?.samples).toHaveLength(240);
  const late = session.logged.filter((line) => line.includes('later'));
  expect(late).toEqual([
    "publisher of path 'door' sends its video later than webrtcTrackGatherTimeout allows: it is left out",
  ]);
});

test('without any track the session ends when the time is over', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.clock.advance(GATHER_MS - 1);
  expect(session.link.closedWhy).toBeUndefined();
  await session.clock.advance(1);
  expect(session.link.closedWhy).toBe('deadline exceeded while waiting tracks');
});

test('another publisher, or the end of the path, ends the session with the reason', () => {
  const session = connect([PICTURE]);
  expect(session.publisher).toMatchObject({ type: 'webRTCSession', id: 'session-1' });
  session.publisher?.onReplaced("another publisher has taken path 'door'", 'publisher');
  expect(session.link.closedWhy).toBe("another publisher has taken path 'door'");
  expect(session.link.end).toBe('final');
  const other = connect([PICTURE]);
  other.publisher?.onReplaced("path 'door' was removed or changed", 'configuration');
  expect(other.link.end).toBe('forNow');
});

test('a path that cannot be published to ends the session with the reason', () => {
  const reason = new PerchError('badInput', "can't publish to path 'door' since 'source' is not 'publisher'");
  const paths = {
    publish: () => {
      throw reason;
    },
  };
  const options = { inbound: [PICTURE], path: 'door', gatherTimeoutMs: GATHER_MS };
  const media = new Publishing('session-1', options, paths, new FakeClock(), silentLogger);
  expect(() => media.start(new RecordingLink())).toThrow(reason);
});

test('the end of the session is the end of the publication, and nothing goes on', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 2, first, (packets) => [packets[0], packets[2]].filter((packet) => packet !== undefined));
  session.media.close();
  expect(session.closed).toBe(1);
  session.link.reports.length = 0;
  session.media.onRtp(session.picture.packet(9, Buffer.alloc(3)));
  await session.clock.advance(5_000);
  expect(session.link.reports).toEqual([]);
});

test('a reader that needs a key frame gets it asked for', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 20, first);
  session.opened[0]?.stream.requestKeyFrame();
  session.opened[0]?.stream.requestKeyFrame();
  expect(session.link.takePlis()).toBe(1);
});

test('packets of unknown types, of other senders, damaged and junk go nowhere and cost nothing', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  const before = session.media.statistics;
  session.link.reports.length = 0;
  for (let i = 0; i < 100; i += 1) {
    session.media.onRtp(new RtpSource(100, 30).packet(i, Buffer.alloc(9)));
    const damaged = session.picture.packet(9, Buffer.alloc(900));
    damaged[40] = (damaged[40] as number) ^ 1;
    session.media.onRtp(damaged);
    // A second layer of a simulcast, and repairs of what is not missing.
    session.media.onRtp(new RtpSource(96, 40 + (i % 4), 100 + i).packet(9, Buffer.alloc(9)));
    session.media.onRtp(session.repairs.repair(5_000 + i, 9, Buffer.alloc(9), true));
    session.media.onRtp(session.repairs.packet(9, Buffer.alloc(0)));
    session.media.onRtp(Buffer.alloc(i, 0x80));
    session.media.onRtcp(Buffer.alloc(i, 0x80));
  }
  expect(session.media.statistics).toEqual(before);
  expect(session.link.reports).toEqual([]);
});

test('each second the sender is told what was lost on the way, and what it may send', async () => {
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
  // One of six, a sixth of 256; it came again, but the network has lost it.
  expect([report[12], report.readUInt32BE(12) & 0xff_ffff]).toEqual([42, 1]);
  expect(report.readUInt32BE(16)).toBe(packets[2]?.sequence);
  // The middle of the report's NTP time, and 460 ms since then in units of 1/65536 s.
  expect(report.readUInt32BE(24)).toBeGreaterThan(0);
  expect(report.readUInt32BE(28)).toBe(Math.round(460 * 65.536));
  const estimate = session.link.take(206, 15)[0] as Buffer;
  expect(estimate.subarray(12, 16).toString()).toBe('REMB');
});

test('a sender that says nothing of estimates gets none', async () => {
  const session = connect([PICTURE_WITHOUT_NACK, SOUND]);
  await session.video(0, 3, first);
  session.media.tick();
  expect(session.link.take(206, 15)).toEqual([]);
});

test('a publisher that has stopped without a word is gone after half a minute', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  await pass(session, 29);
  expect(session.link.closedWhy).toBeUndefined();
  await pass(session, 2);
  expect(session.link.closedWhy).toBe('publisher has sent no media for 30 s');
});

test('one that says goodbye is gone after five seconds, unless it goes on', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 3, first);
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 4);
  await session.video(3, 4, first);
  await pass(session, 10);
  expect(session.link.closedWhy).toBeUndefined();
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 1);
  expect(session.link.closedWhy).toBe('the publisher has said goodbye (RTCP BYE)');
});

test('a track that never came has no goodbye to say', async () => {
  const session = connect([PICTURE, SOUND]);
  await session.video(0, 3, first);
  await pass(session, 2);
  expect(session.opened[0]?.tracks).toHaveLength(1);
  session.media.onRtcp(Buffer.from(writeBye(11)));
  await pass(session, 3);
  expect(session.link.closedWhy).toBe('the publisher has said goodbye (RTCP BYE)');
});

test('a file that is sent faster than it plays ends the session', async () => {
  const session = connect([PICTURE]);
  for (let number = 0; number < 400 && session.link.closedWhy === undefined; number += 1) {
    for (const { bytes } of session.picture.frame(number * FRAME_TICKS, vp8Frame(number, number % 20 === 0, 100))) {
      session.media.onRtp(bytes);
    }
    await session.clock.advance(4);
  }
  expect(session.link.closedWhy).toBe(
    'publisher sends faster than real time, which cannot be slowed down (ffmpeg: -re)',
  );
});

test('a sender that begins anew with another SSRC is followed when the former is silent', async () => {
  const session = connect([PICTURE]);
  await session.video(0, 5, first);
  await session.clock.advance(1_500);
  const anew = new RtpSource(96, 99, 7);
  for (const number of range(50, 53)) {
    for (const { bytes } of anew.frame(number * FRAME_TICKS + 77, vp8Frame(number, number === 50))) {
      session.media.onRtp(bytes);
    }
    await session.clock.advance(FRAME_MS);
  }
  expect(session.opened[0]?.pictures).toEqual([0, 1, 2, 3, 4, 50, 51, 52]);
  const times = session.opened[0]?.samples.map(({ pts }) => pts) ?? [];
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(session.link.takeNacked()).toEqual([]);
});

test('under heavy loss nothing ends, and the picture comes back with a key frame', async () => {
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
