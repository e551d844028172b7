import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/fake-clock.ts';
import { mutate } from '../../../test/mutate.ts';
import { random } from '../../../test/random.ts';
import { rtpFrame } from '../../../test/scripted-camera.ts';
import { idrPicture, skipPicture, tinyH264 } from '../../../test/tiny-h264.ts';
import { UdpPair } from '../../../test/udp-pair.ts';
import { hex } from '../../../test/units.ts';
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
  /** Its connection is not read. */
  isPaused = false;
  pauses = 0;
  tracks: readonly Track[] = [];
  readonly media: PublisherMedia;
  #wake = () => {};

  constructor(sdp: string = SDP, ports?: UdpPorts, log = silentLogger) {
    const owner = {
      onMediaEnd: (reason: string) => this.ends.push(reason),
      writeFrames: (frames: Uint8Array) => this.frames.push(frames),
      pauseReading: () => {
        this.isPaused = true;
        this.pauses += 1;
      },
      resumeReading: () => {
        this.isPaused = false;
      },
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

/** A session over TCP that records, and what it writes to the log from `warn` on. */
function recording(sdp = SDP) {
  const lines: string[] = [];
  const session = new Session(
    sdp,
    undefined,
    createLogger('warn', (line) => lines.push(line)),
  );
  for (const media of parseSdp(sdp).medias.keys()) {
    session.media.setUp(media, overTcp);
  }
  session.record();
  return { session, said: () => lines.map((line) => JSON.parse(line) as { msg: string }) };
}

/** Sends a film as fast as its connection is read. @returns how many pictures have been read */
async function sendFilm(session: Session, pictures: number, seconds: number): Promise<number> {
  let sent = 0;
  for (let ms = 0; ms <= seconds * 1000; ms += 50) {
    for (; sent < pictures && !session.isPaused; sent += 1) {
      session.take(picture(sent));
      session.take(sound(sent));
    }
    await session.clock.advance(50);
  }
  return sent;
}

test('a publisher that sends as fast as it can is read in real time after its first two seconds, and told so once', async () => {
  const { session, said } = recording();
  const sent = await sendFilm(session, 1_000, 20);
  expect(Math.abs(sent - 22 * 25)).toBeLessThan(5);
  expect(said()).toMatchObject([
    { path: 'garden', msg: 'publisher sends faster than real time: it is slowed down to it (ffmpeg: -re)' },
  ]);
  expect(session.ends).toEqual([]);
  // Its system may throw away what has not come yet when it gets bytes that nobody reads any more.
  expect(session.frames).toEqual([]);
});

test('a publisher that has to wait never waits for long at a time, and is not silent meanwhile', async () => {
  const { session } = recording();
  const waits: number[] = [];
  let sent = 0;
  for (let waitMs = 0; sent < 500; ) {
    if (session.isPaused) {
      await session.clock.advance(10);
      waitMs += 10;
      expect(session.media.heardMs).toBe(session.clock.monoMs());
      continue;
    }
    waits.push(waitMs);
    waitMs = 0;
    session.take(picture(sent));
    session.take(sound(sent));
    sent += 1;
  }
  expect(Math.max(...waits)).toBeLessThanOrEqual(200);
});

test('a publisher that begins with what it has kept for two seconds, and goes on in real time, never waits', async () => {
  const { session, said } = recording();
  for (let i = 0; i < 1_000; i += 1) {
    session.take(picture(i));
    session.take(sound(i));
    await session.clock.advance(i < 49 ? 0 : 40);
  }
  expect(session.pauses).toBe(0);
  expect(said()).toEqual([]);
});

test('a jump of the timestamps is not speed', async () => {
  const { session } = recording();
  for (let i = 0; i < 100; i += 1) {
    const jump = i < 50 ? 0 : 90_000 * 3_600;
    const header = { type: 96, ssrc: 9, marker: true, sequence: i, ticks: i * 3_600 + jump };
    session.take(rtpFrame(0, idrPicture(50).subarray(4), header));
    session.take(sound(i));
    await session.clock.advance(40);
  }
  expect(session.pauses).toBe(0);
});

test.for([
  ['ends', (session: Session) => session.media.close()],
  ['pauses', (session: Session) => session.media.stop()],
] as const)('when a publisher that has to wait %s, its connection is read again', async ([, leave]) => {
  const { session } = recording();
  for (let i = 0; !session.isPaused; i += 1) {
    session.take(picture(i));
    session.take(sound(i));
  }
  leave(session);
  expect(session.isPaused).toBe(false);
  await session.clock.advance(60_000);
  expect(session.pauses).toBe(1);
});

test('over UDP a publisher that comes ten seconds ahead of real time is ended', async () => {
  await using publisher = await udpSession();
  const { session, ports } = publisher;
  const [video, audio] = publisher.pairs;
  session.record();
  for (let i = 0; session.ends.length === 0; i += 1) {
    expect(i).toBeLessThan(300);
    await video.send('rtp', packetOf(picture(i)), ports.rtpPort);
    await audio.send('rtp', packetOf(sound(i)), ports.rtpPort);
    await session.clock.advance(0);
  }
  expect(session.ends).toEqual([
    'publisher sends faster than real time, which cannot be slowed down over UDP (ffmpeg: -re)',
  ]);
});

test('a track that cannot be taken is named in the log, one that is neither sound nor picture is not', () => {
  const unknown = 'm=audio 0 RTP/AVP 98\r\na=rtpmap:98 SPEEX/16000\r\nm=application 0 RTP/AVP 107\r\n';
  const { session, said } = recording(`${SDP}${unknown}`);
  session.take(picture(0));
  session.take(sound(0));
  expect(session.samples).toHaveLength(2);
  expect(said()).toMatchObject([
    {
      path: 'garden',
      kind: 'audio',
      formats: ['SPEEX'],
      msg: 'publisher offers a track that cannot be taken',
    },
  ]);
});

test('a publisher none of whose pictures can be taken is ended after thirty seconds, with the reason', async () => {
  const { session } = recording('v=0\ns=x\nm=video 0 RTP/AVP 26\na=control:trackID=0');
  // 4:2:0, and a side that RTP cannot tell (RFC 2435).
  const image = hex('00 000000 01 32 00 f3 aabb');
  for (let second = 0; second < 31; second += 1) {
    expect(session.ends).toHaveLength(second < 30 ? 0 : 1);
    session.take(rtpFrame(0, image, { type: 26, ssrc: 9, sequence: second, ticks: second * 90_000, marker: true }));
    await session.clock.advance(1_000);
  }
  expect(session.ends[0]).toMatch(
    /^publisher of path 'garden' sends JPEG, but no whole picture for 30 s: JPEG images of more than 2040 pixels/,
  );
});

test('a publisher that sends sound alone after its pictures goes on', async () => {
  const { session } = recording();
  session.take(picture(0));
  for (let i = 0; i < 1_500; i += 1) {
    session.take(sound(i));
    await session.clock.advance(40);
  }
  expect(session.ends).toEqual([]);
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
