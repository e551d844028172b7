import { expect, test } from 'vitest';
import { byLength } from '../../../../test/peers/programs/peers.ts';
import { mutate } from '../../../../test/support/base/mutate.ts';
import { random } from '../../../../test/support/base/random.ts';
import { rtpFrame } from '../../../../test/support/cameras/scripted-camera.ts';
import {
  overTcp,
  PublisherSession,
  packetOf,
  picture,
  recording,
  SDP,
  sound,
} from '../../../../test/support/clients/rtsp-publisher.ts';
import { hex } from '../../../../test/support/media/units.ts';
import { createLogger } from '../../../base/log.ts';
import { writeSenderReport } from '../../../media/rtcp/write.ts';

test('a publisher’s stream opens once every track has a unit', () => {
  const session = new PublisherSession();
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
  const session = new PublisherSession();
  expect(session.media.setUp(0, { ...overTcp, interleaved: [6, 9] })).toMatchObject({ interleaved: [6, 9] });
  expect(() => session.media.setUp(1, { ...overTcp, interleaved: [9, 10] })).toThrow('channels 9-10 are in use');
  expect(session.media.setUp(1, overTcp)).toMatchObject({ interleaved: [2, 3], mode: 'record' });
  session.record();
  session.take(picture(0, 6));
  session.take(sound(0));
  session.take(sound(1, 77));
  expect(session.samples).toHaveLength(2);
});

test('before RECORD nothing is received', () => {
  const session = new PublisherSession();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.take(picture(0));
  session.record();
  session.take(sound(0));
  expect(session.samples).toEqual([]);
});

test('RECORD after PAUSE begins a new stream', () => {
  const session = new PublisherSession();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  for (let i = 0; i < 2; i += 1) {
    session.record();
    session.take(picture(0));
    session.take(sound(0));
  }
  expect(session.samples.map(({ sample }) => sample.pts)).toEqual([0, 0, 0, 0]);
});

test('unsupported media are ignored, and a publisher without others is rejected', () => {
  const unknown = 'm=text 0 RTP/AVP 107\r\na=rtpmap:107 t140/1000\r\n';
  const session = new PublisherSession(`${SDP}${unknown}`);
  for (const media of [0, 1, 2]) {
    session.media.setUp(media, overTcp);
  }
  session.record();
  session.take(rtpFrame(4, new Uint8Array(20), { type: 107, sequence: 1 }));
  session.take(picture(0));
  session.take(sound(0));
  expect(session.samples).toHaveLength(2);
  expect(() => new PublisherSession(`v=0\r\n${unknown}`)).toThrow(
    "publisher of path 'garden' offers T140, none of which is supported",
  );
});

test('reports go back every ten seconds, on the channel of each track that has sent', async () => {
  const session = new PublisherSession();
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

test('a publisher has ended after a BYE on every track', async () => {
  const session = new PublisherSession();
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
  expect(session.ends).toEqual(['publisher has left (RTCP BYE)']);
});

test('audio that does not arrive is left out after five seconds', async () => {
  const lines: string[] = [];
  const session = new PublisherSession(
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

test('audio that the path drops is ignored, and video does not wait for it', () => {
  const session = new PublisherSession();
  session.media.setUp(0, overTcp);
  session.media.setUp(1, overTcp);
  session.record({ isSilent: true });
  session.take(sound(0));
  session.take(picture(0));
  session.take(sound(1));
  expect(session.tracks.map(({ codec }) => codec)).toEqual(['h264']);
  expect(session.samples.map(({ track, sample }) => [track, sample.key])).toEqual([[0, true]]);
  expect(session.media.received.rtpPackets).toBe(1);
});

test('a publisher of audio only, which the path drops, gets the reason', () => {
  const session = new PublisherSession();
  session.media.setUp(1, overTcp);
  expect(() => session.record({ isSilent: true })).toThrow('only audio, which the path drops (audio: no)');
});

test('a path’s rejection ends the session with its reason', () => {
  const session = new PublisherSession();
  session.media.setUp(0, overTcp);
  session.media.start({
    publish: () => {
      throw new Error('no room');
    },
  });
  session.take(picture(0));
  expect(session.ends).toEqual(['no room']);
});

test('an unknown track next to known ones is passed on, and an unsupported one left out; both are logged', () => {
  const unknown =
    'm=audio 0 RTP/AVP 98\r\na=rtpmap:98 speex/16000\r\na=fmtp:98 vbr=on\r\nm=application 0 RTP/AVP 107\r\n';
  const outOfOrder = 'm=video 0 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=fmtp:99 packetization-mode=2\r\n';
  const { session, said } = recording(`${SDP}${unknown}${outOfOrder}`);
  session.take(picture(0));
  session.take(sound(0));
  session.take(rtpFrame(4, hex('0102'), { type: 98, ssrc: 3, sequence: 1, ticks: 320, marker: true }));
  expect(session.samples).toHaveLength(3);
  expect(session.tracks[2]).toEqual({
    ...{ kind: 'data', codec: 'generic', clockRate: 16_000, media: 'audio' },
    ...{ rtpmap: 'speex/16000', fmtp: 'vbr=on' },
  });
  expect(said()).toMatchObject([
    { path: 'garden', kind: 'audio', formats: ['SPEEX'], msg: 'unknown track goes to RTSP readers only' },
    { path: 'garden', kind: 'video', msg: 'publisher offers an unsupported track' },
  ]);
});

test('a publisher without a decodable frame is ended after thirty seconds, with the reason', async () => {
  const { session } = recording('v=0\ns=x\nm=video 0 RTP/AVP 26\na=control:trackID=0');
  // 4:2:0, with a side that RTP cannot express (RFC 2435).
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

test('a publisher that sends only audio after its video continues', async () => {
  const { session } = recording();
  session.take(picture(0));
  for (let i = 0; i < 1_500; i += 1) {
    session.take(sound(i));
    await session.clock.advance(40);
  }
  expect(session.ends).toEqual([]);
});

test('mutated packets never end a publisher, and it recovers with the next good group', () => {
  const session = new PublisherSession();
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
  for (let i = 0; i < byLength(5_000, 20_000); i += 1) {
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
