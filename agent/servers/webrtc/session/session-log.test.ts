// @also without-ffi in long

import { afterEach, expect, test } from 'vitest';
import { RTCPeerConnection, useH264, usePCMU } from 'werift';
import { FakeClock } from '../../../../test/support/base/fake-clock.ts';
import { credentialsIn, IceClient } from '../../../../test/support/clients/webrtc/ice-client.ts';
import { WEBRTC_OPTIONS } from '../../../../test/support/clients/webrtc/webrtc-options.ts';
import { webrtcPaths } from '../../../../test/support/clients/webrtc/webrtc-paths.ts';
import { offerOf } from '../../../../test/support/harness/http/signalling-app.ts';
import { H264_TRACK } from '../../../../test/support/media/tracks.ts';
import { createLogger } from '../../../base/log.ts';
import type { Track } from '../../../media/sample/track.ts';
import { Stream } from '../../../stream/stream.ts';
import { WebRtcServer } from '../server/server.ts';

const OFFER = offerOf('chromium-156-linux');
const AAC: Track = {
  kind: 'audio',
  codec: 'aac',
  clockRate: 48_000,
  channels: 1,
  config: new Uint8Array(2),
  frameSamples: 1_024,
};
const INFO = 30;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

const viewerAt = (remoteAddr: string) => ({ path: 'cam', query: '', remoteAddr, userAgent: '', user: '' });

/** A server and its log; ports are removed from the lines. */
async function startServer(tcpAddress = '127.0.0.1:0') {
  const clock = new FakeClock();
  const lines: { level: number; msg: string; reason?: string }[] = [];
  const log = createLogger('debug', (line) => lines.push(JSON.parse(line)));
  const options = { ...WEBRTC_OPTIONS, webrtcLocalTCPAddress: tcpAddress };
  const paths = webrtcPaths(async () => new Stream([H264_TRACK, AAC]));
  const server = new WebRtcServer(options, paths, clock, log);
  await server.listen();
  cleanups.push(() => server.close());
  const logged = (words: string) =>
    lines
      .filter(({ msg }) => msg.includes(words))
      .map(({ level, msg, reason = '' }) => [level, msg, reason.replace(/port \d+/g, 'port N')].join(' ').trim());
  return { clock, lines, server, logged };
}

test('a peer that never connects is logged once a minute per address, with the step that failed', async () => {
  const { clock, server, logged } = await startServer();
  for (const address of ['192.0.2.1:5', '192.0.2.1:6', '[2001:db8::1]:5']) {
    await server.read(viewerAt(address), OFFER);
  }
  await clock.advance(11_000);
  const msg = 'WebRTC viewer never connected no check reached UDP port N or TCP port N from';
  expect(logged('never connected')).toEqual([`40 ${msg} 192.0.2.1`, `20 ${msg} 192.0.2.1`, `40 ${msg} 2001:db8::1`]);
  await clock.advance(60_000);
  await server.read(viewerAt('192.0.2.1:7'), OFFER);
  await clock.advance(11_000);
  expect(logged('never connected').at(-1)).toBe(`40 ${msg} 192.0.2.1`);
  expect(logged('has left')).toEqual([]);
});

test('a viewer whose handshake failed is distinguished from one without checks; MediaMTX has one message for both', async () => {
  const { clock, server, logged } = await startServer('');
  const { secret, answer } = await server.read(viewerAt('192.0.2.1:5'), OFFER);
  const client = await IceClient.udp(server.udpPort);
  cleanups.push(() => client[Symbol.asyncDispose]());
  await client.check(credentialsIn(answer));
  await clock.advance(11_000);
  const what = 'checks arrived from 192.0.2.1, the handshake did not finish';
  expect(logged('never connected')).toEqual([`40 WebRTC viewer never connected ${what}`]);
  expect(server.endingOf(secret)?.reason).toBe('deadline exceeded while waiting connection');
});

test('a rejected offer is logged once a minute with path, address and reason', async () => {
  const { lines, server } = await startServer();
  const withoutCodecs = OFFER.replaceAll('H264', 'H263').replace(/m=audio[\s\S]*/, '');
  for (const port of [5, 6]) {
    await expect(server.read(viewerAt(`192.0.2.1:${port}`), withoutCodecs)).rejects.toThrow('codecs');
  }
  const facts = { path: 'cam', address: '192.0.2.1', reason: expect.stringContaining('codecs not supported') };
  expect(lines.filter(({ msg }) => msg === 'WebRTC offer rejected')).toEqual([
    expect.objectContaining({ level: INFO, ...facts }),
    expect.objectContaining({ level: 20, ...facts }),
  ]);
});

test('left out tracks are logged once the viewer is connected, and a move not during candidate selection', async () => {
  const { clock, server, logged } = await startServer('');
  const h264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });
  const pc = new RTCPeerConnection({
    iceServers: [],
    iceUseIpv6: false,
    codecs: { video: [h264], audio: [usePCMU()] },
  });
  cleanups.push(() => pc.close());
  pc.addTransceiver('video', { direction: 'recvonly' });
  pc.addTransceiver('audio', { direction: 'recvonly' });
  await pc.setLocalDescription(await pc.createOffer());
  const { id, secret, answer } = await server.read(viewerAt('192.0.2.1:5'), pc.localDescription?.sdp ?? '');
  expect(logged('some tracks')).toEqual([]);
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  await expect.poll(() => server.get(id)?.peerConnectionEstablished).toBe(true);
  expect(logged('some tracks')).toEqual(['30 WebRTC viewer receives the stream without some tracks']);
  for (const waitMs of [0, 6_000]) {
    await clock.advance(waitMs);
    const client = await IceClient.udp(server.udpPort);
    cleanups.push(() => client[Symbol.asyncDispose]());
    await client.check(credentialsIn(answer));
  }
  const moves = logged('peer moved');
  expect([moves[0], moves.at(-1)]).toEqual(['20 WebRTC peer moved', '30 WebRTC peer moved']);
  server.end(secret);
  expect(logged('has left')).toEqual(['30 WebRTC viewer has left closed by the viewer']);
});

test('a missing peer of an address with recent connections has closed its page: no warning', async () => {
  const { clock, server, logged } = await startServer('');
  const h264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });
  const pc = new RTCPeerConnection({ iceServers: [], iceUseIpv6: false, codecs: { video: [h264] } });
  cleanups.push(() => pc.close());
  pc.addTransceiver('video', { direction: 'recvonly' });
  await pc.setLocalDescription(await pc.createOffer());
  const { id, secret, answer } = await server.read(viewerAt('192.0.2.1:5'), pc.localDescription?.sdp ?? '');
  await pc.setRemoteDescription({ type: 'answer', sdp: answer });
  await expect.poll(() => server.get(id)?.peerConnectionEstablished).toBe(true);
  const levelOfMissing = async (): Promise<string | undefined> => {
    await server.read(viewerAt('192.0.2.1:6'), OFFER);
    await clock.advance(11_000);
    return logged('never connected').at(-1)?.slice(0, 2);
  };
  expect(await levelOfMissing()).toBe('20');
  server.end(secret);
  expect(await levelOfMissing()).toBe('20');
  await clock.advance(60_000);
  expect(await levelOfMissing()).toBe('40');
});

test('only open ports are mentioned', async () => {
  const { lines, server } = await startServer('');
  const [open] = lines.filter(({ msg }) => msg === 'WebRTC media ports are open');
  expect(open).toMatchObject({ udp: server.udpPort });
  expect(open).not.toHaveProperty('tcp');
});
