// @also without-ffi in long

import { expect, test } from 'vitest';
import { PublisherSession, packetOf, picture, SDP, sound } from '../../../test/support/clients/rtsp-publisher.ts';
import { UdpPair } from '../../../test/support/clients/webrtc/udp-pair.ts';
import { writeSenderReport } from '../../media/rtcp/write.ts';
import type { Transport } from '../../media/rtsp/transport.ts';
import { UdpPorts } from './transport/udp-ports.ts';

const overUdp: Transport = { protocol: 'udp', isSecure: false, isMulticast: false };

async function udpSession() {
  const ports = new UdpPorts();
  await ports.listen({
    keys: { rtp: 'rtpAddress', rtcp: 'rtcpAddress' },
    rtpAddress: '127.0.0.1:0',
    rtcpAddress: '127.0.0.1:0',
    readBufferBytes: 0,
  });
  const session = new PublisherSession(SDP, ports);
  const pairs = [await UdpPair.open(), await UdpPair.open()] as const;
  const answers = pairs.map(({ ports: clientPort }, media) => session.media.setUp(media, { ...overUdp, clientPort }));
  const close = async () => {
    session.media.close();
    await Promise.all([ports.close(), ...pairs.map((pair) => pair[Symbol.asyncDispose]())]);
  };
  return { ports, session, pairs, answers, [Symbol.asyncDispose]: close };
}

test('over UDP packets are reordered, duplicates vanish, and tracks are identified by the publisher’s ports', async () => {
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

test('over UDP a lost packet is given up after a while, and later packets follow', async () => {
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

test('over UDP reports are sent to the publisher’s RTCP port, and its own are received there', async () => {
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

test('a newer session that takes over the ports ends the older one', async () => {
  await using publisher = await udpSession();
  const newer = new PublisherSession(SDP, publisher.ports);
  newer.media.setUp(0, { ...overUdp, clientPort: publisher.pairs[0].ports });
  expect(publisher.session.ends).toEqual(['its UDP ports were taken by a newer session of the same address']);
  newer.media.close();
});

test('a UDP publisher ten seconds ahead of real time is closed', async () => {
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
