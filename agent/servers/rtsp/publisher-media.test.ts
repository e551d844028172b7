import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { mutate } from '../../../test/mutate.ts';
import { random } from '../../../test/random.ts';
import { rtpFrame } from '../../../test/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/tiny-h264.ts';
import { UdpPair } from '../../../test/udp-pair.ts';
import { createLogger, silentLogger } from '../../base/log.ts';
import { writeSenderReport } from '../../media/rtcp/write.ts';
import type { Transport } from '../../media/rtsp/transport.ts';
import type { Sample } from '../../media/sample.ts';
import { parseSdp } from '../../media/sdp/parse.ts';
import { writeSdp } from '../../media/sdp/write.ts';
import type { Track } from '../../media/track.ts';
import { Stream } from '../../stream/stream.ts';
import { PublisherMedia } from './publisher-media.ts';
import { UdpPorts } from './udp-ports.ts';

const SDP = writeSdp([tinyH264, { kind: 'audio', codec: 'g711', law: 'mu', clockRate: 8000, channels: 1 }], {
  name: 'x',
  host: '127.0.0.1',
  sessionId: 1,
});
const overTcp: Transport = { protocol: 'tcp', isSecure: false, isMulticast: false };
const overUdp: Transport = { protocol: 'udp', isSecure: false, isMulticast: false };

/** A publisher's session on a clock that stands still, and what its path gets. */
class Session {
  readonly clock = new FakeClock();
  readonly samples: { readonly track: number; readonly sample: Sample }[] = [];
  readonly frames: Uint8Array[] = [];
  readonly ends: string[] = [];
  tracks: readonly Track[] = [];
  readonly media: PublisherMedia;
  #wake = () => {};

  constructor(sdp: string = SDP, ports?: UdpPorts, log = silentLogger) {
    const owner = {
      onMediaEnd: (reason: string) => this.ends.push(reason),
      writeFrames: (frames: Uint8Array) => this.frames.push(frames),
    };
    const { medias } = parseSdp(sdp);
    this.media = new PublisherMedia({ name: 'garden', medias, ip: '127.0.0.1', owner }, ports, this.clock, log);
  }

  record(): void {
    this.media.start({
      open: (tracks) => {
        this.tracks = tracks;
        const stream = new Stream(tracks);
        const onSample = (track: number, sample: Sample) => {
          this.samples.push({ track, sample });
          this.#wake();
        };
        stream.addReader({ type: 'hidden', id: 'test', onSample, onTrack: () => {}, onEnd: () => {} }, false);
        return stream;
      },
    });
  }

  /** Gives an interleaved frame as a connection does. */
  take(frame: Uint8Array): void {
    this.media.onFrame(frame, frame[1] ?? 0, 4, frame.length);
  }

  async sampled(count: number): Promise<void> {
    while (this.samples.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const picture = (i: number, channel = 0, sequence = i) =>
  rtpFrame(channel, (i === 0 ? idrPicture(50) : skipPicture(i)).subarray(4), {
    type: 96,
    ssrc: 9,
    marker: true,
    sequence,
    ticks: i * 3_600,
  });
const sound = (i: number, channel = 2) =>
  rtpFrame(channel, new Uint8Array(320).fill(0xd5), { type: 0, ssrc: 10, marker: false, sequence: i, ticks: i * 320 });
const packetOf = (frame: Uint8Array) => frame.subarray(4);

test('a publisher’s stream opens as soon as every track has given a unit', () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.record();
  session.take(picture(0));
  expect(session.tracks).toEqual([]);
  session.take(sound(0));
  expect(session.tracks.map(({ codec }) => codec)).toEqual(['h264', 'g711']);
  session.take(picture(1));
  expect(session.samples.map(({ track, sample }) => [track, sample.pts, sample.key])).toEqual([
    [0, 0, true],
    [1, 0, true],
    [0, 3_600, false],
  ]);
  expect(session.media).toMatchObject({
    kind: 'tcp',
    received: { rtpPackets: 3, lost: 0, inError: 0, rtcpPackets: 0 },
  });
});

test('channels are those that the publisher chose, or follow the number of the medium', () => {
  const session = new Session();
  expect(session.media.setUp(0, { ...overTcp, interleaved: [6, 9] })).toMatchObject({ interleaved: [6, 9] });
  expect(() => session.media.setUp(1, { ...overTcp, interleaved: [9, 10] })).toThrow('channels 9-10 are taken');
  expect(session.media.setUp(1, overTcp)).toMatchObject({ interleaved: [2, 3], mode: 'record' });
  session.record();
  session.take(picture(0, 6));
  session.take(sound(0));
  session.take(sound(1, 77));
  expect(session.samples).toHaveLength(2);
});

test('before RECORD nothing is taken', () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.take(picture(0));
  session.record();
  session.take(sound(0));
  expect(session.samples).toEqual([]);
});

test('RECORD after PAUSE begins a new stream', () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  for (let i = 0; i < 2; i += 1) {
    session.record();
    session.take(picture(0));
    session.take(sound(0));
  }
  expect(session.samples.map(({ sample }) => sample.pts)).toEqual([0, 0, 0, 0]);
});

test('media that cannot be taken are passed over, and a publisher without any other is refused', () => {
  const unknown = 'm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n';
  const session = new Session(`${SDP}${unknown}`);
  for (const media of [0, 1, 2]) {
    session.media.setUp(media, overTcp);
  }
  session.record();
  session.take(rtpFrame(4, new Uint8Array(20), { type: 107, sequence: 1 }));
  session.take(picture(0));
  session.take(sound(0));
  expect(session.samples).toHaveLength(2);
  expect(() => new Session(`v=0\r\n${unknown}`)).toThrow(
    "publisher of path 'garden' offers VND.ONVIF.METADATA, none of which can be taken",
  );
});

test('reports go back every ten seconds, on the channel of each track that has sent', async () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, { ...overTcp, interleaved: [8, 9] });
  session.record();
  session.take(picture(0));
  session.take(picture(2));
  session.take(sound(0, 8));
  await session.clock.advance(10_000);
  expect(session.frames.map((frame) => frame[1])).toEqual([1, 9]);
  const report = session.frames[0] as Uint8Array;
  // Receiver report on SSRC 9: one of three packets lost, the highest was number 2.
  expect(Buffer.from(report.subarray(5, 6)).toString('hex')).toBe('c9');
  expect(Buffer.from(report.subarray(12, 24)).toString('hex')).toBe('000000095500000100000002');
  expect(session.media.sent).toMatchObject({ rtcpPackets: 2 });
  expect(session.media.received).toMatchObject({ lost: 1 });
});

test('a publisher that says goodbye on every track has ended', async () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.record();
  session.take(picture(0));
  session.take(sound(0));
  const bye = (channel: number, ssrc: number) => Uint8Array.of(0x24, channel, 0, 8, 0x81, 203, 0, 1, 0, 0, 0, ssrc);
  session.take(bye(1, 9));
  await session.clock.advance(1_000);
  expect(session.ends).toEqual([]);
  session.take(bye(3, 10));
  await session.clock.advance(1_000);
  expect(session.ends).toEqual(['the publisher has said goodbye (RTCP BYE)']);
});

test('sound that does not come is left out after five seconds', async () => {
  const lines: string[] = [];
  const session = new Session(
    SDP,
    undefined,
    createLogger('warn', (line) => lines.push(line)),
  );
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.record();
  session.take(picture(0));
  await session.clock.advance(5_000);
  expect(session.tracks.map(({ codec }) => codec)).toEqual(['h264']);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { path: 'garden', codec: 'PCMU', msg: 'track does not deliver and is left out' },
  ]);
});

test('what a path refuses ends the session with its reason', () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.start({
    open: () => {
      throw new Error('no room');
    },
  });
  session.take(picture(0));
  expect(session.ends).toEqual(['no room']);
});

async function udpSession() {
  const ports = new UdpPorts();
  await ports.listen({ rtpAddress: '127.0.0.1:0', rtcpAddress: '127.0.0.1:0', readBufferBytes: 0 });
  const session = new Session(SDP, ports);
  const pairs = [await UdpPair.open(), await UdpPair.open()] as const;
  const answers = pairs.map(({ ports: clientPort }, media) => session.media.setUp(media, { ...overUdp, clientPort }));
  const close = async () => {
    session.media.close();
    await Promise.all([ports.close(), ...pairs.map((pair) => pair[Symbol.asyncDispose]())]);
  };
  return { ports, session, pairs, answers, [Symbol.asyncDispose]: close };
}

test('over UDP packets are put in order, duplicates vanish, and tracks are told apart by the publisher’s ports', async () => {
  await using publisher = await udpSession();
  const { session, ports } = publisher;
  const [video, audio] = publisher.pairs;
  expect(publisher.answers[0]).toMatchObject({
    clientPort: video.ports,
    serverPort: [ports.rtpPort, ports.rtcpPort],
    mode: 'record',
  });
  session.record();
  for (const i of [0, 2, 2, 1, 3]) {
    await video.send('rtp', packetOf(picture(i)), ports.rtpPort);
  }
  await audio.send('rtp', packetOf(sound(0)), ports.rtpPort);
  await session.sampled(5);
  const pictures = session.samples.filter(({ track }) => track === 0);
  expect(pictures.map(({ sample }) => sample.pts)).toEqual([0, 3_600, 7_200, 10_800]);
  expect(session.media.received).toMatchObject({ rtpPackets: 5, lost: 0 });
});

test('over UDP a lost packet is given up after a while, and what waited behind it goes on', async () => {
  await using publisher = await udpSession();
  const { session, ports } = publisher;
  const [video, audio] = publisher.pairs;
  session.record();
  await video.send('rtp', packetOf(picture(0)), ports.rtpPort);
  await video.send('rtp', packetOf(picture(2)), ports.rtpPort);
  await audio.send('rtp', packetOf(sound(0)), ports.rtpPort);
  await session.sampled(2);
  await audio.send('rtp', packetOf(sound(1)), ports.rtpPort);
  await session.sampled(3);
  expect(session.media.received.rtpPackets).toBe(3);
  await session.clock.advance(500);
  expect(session.media.received).toMatchObject({ rtpPackets: 4, lost: 1 });
});

test('over UDP reports go back to the publisher’s RTCP port, and its own are taken there', async () => {
  await using publisher = await udpSession();
  const { session, ports } = publisher;
  const [video, audio] = publisher.pairs;
  session.record();
  await video.send('rtp', packetOf(picture(0)), ports.rtpPort);
  await audio.send('rtp', packetOf(sound(0)), ports.rtpPort);
  const report = writeSenderReport({ ssrc: 9, unixMs: 1_000, ticks: 0, packets: 1, payloadBytes: 9 }, 'x');
  await video.send('rtcp', report, ports.rtcpPort);
  await session.sampled(2);
  while (session.media.received.rtcpPackets === 0) {
    await session.clock.advance(0);
  }
  await session.clock.advance(10_000);
  await Promise.all([video.until(() => video.rtcp.length === 1), audio.until(() => audio.rtcp.length === 1)]);
  expect(video.rtcp[0]?.[1]).toBe(201);
});

test('a newer session that takes the ports ends the older one', async () => {
  await using publisher = await udpSession();
  const newer = new Session(SDP, publisher.ports);
  newer.media.setUp(0, { ...overUdp, clientPort: publisher.pairs[0].ports });
  expect(publisher.session.ends).toEqual(['its UDP ports were taken by a newer session of the same address']);
  newer.media.close();
});

test('mutated packets never end a publisher, and it recovers with the next good group', () => {
  const session = new Session();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.record();
  const next = random(21);
  const bad = (frame: Uint8Array, channel: number) => {
    const packet = mutate(packetOf(frame), next);
    session.media.onFrame(packet, channel, 0, packet.length);
  };
  const report = rtpFrame(1, writeSenderReport({ ssrc: 9, unixMs: 1, ticks: 0, packets: 1, payloadBytes: 9 }, 'x'), {
    type: 0,
    sequence: 0,
  });
  for (let i = 0; i < 20_000; i += 1) {
    bad(picture(i % 10, 0, i & 0xffff), 0);
    bad(sound(i & 0xffff), 2);
    bad(report, 1 + 2 * (i % 2));
  }
  expect(session.ends).toEqual([]);
  session.record();
  session.samples.length = 0;
  session.take(picture(0));
  session.take(sound(0));
  expect(session.samples).toHaveLength(2);
});
