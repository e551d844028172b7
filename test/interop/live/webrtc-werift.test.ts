// @also without-ffi in long

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  H265RtpPayload,
  MediaStreamTrack,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  type RtpPacket,
  useH264,
  useOPUS,
} from 'werift';
import type { PathStatus } from '../../../agent/paths/path-status.ts';
import { type Agent, PATIENT, startAgent, until } from '../../peers/agent/agent.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { ffmpegWarnings, ffprobe } from '../../peers/programs/ffmpeg.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';
import { temporaryFolder } from '../../support/disks/recordings.ts';

const SECONDS = byLength(3, 60);

describeWith(['ffmpeg'], "werift's peer connection", () => {
  let agent: Agent;
  let publisher: AsyncDisposable;
  beforeAll(async () => {
    agent = await startAgent({ config: `${PATIENT}api: yes\npaths:\n  all_others:\n` });
    publisher = await publishClip(agent, 'cam', await barClip({ ...SMALL, audio: 'opus' }), { isEndless: true });
  });
  afterAll(async () => {
    await publisher?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  const H264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });

  function open(video = H264): RTCPeerConnection {
    return new RTCPeerConnection({
      codecs: { video: [video], audio: [useOPUS()] },
      iceServers: [],
      iceUseIpv6: false,
    });
  }

  /** @returns how the session ends */
  async function offer(
    peer: RTCPeerConnection,
    path: string,
    purpose: 'whep' | 'whip',
  ): Promise<() => Promise<number>> {
    await peer.setLocalDescription(await peer.createOffer());
    const url = `http://127.0.0.1:${agent.ports.webrtc}/${path}/${purpose}`;
    const headers = { 'Content-Type': 'application/sdp' };
    const response = await fetch(url, { method: 'POST', headers, body: peer.localDescription?.sdp ?? '' });
    const sdp = await response.text();
    expect([response.status, sdp.slice(0, 3)]).toEqual([201, 'v=0']);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    const session = new URL(response.headers.get('Location') ?? '', url);
    return async () => (await fetch(session, { method: 'DELETE' })).status;
  }

  test('plays a camera, and publishes its packets as another one', async () => {
    const reader = open();
    const writer = open();
    const copies = { video: new MediaStreamTrack({ kind: 'video' }), audio: new MediaStreamTrack({ kind: 'audio' }) };
    reader.onTrack.subscribe((track) => {
      const copy = track.kind === 'video' ? copies.video : copies.audio;
      track.onReceiveRtp.subscribe((packet) => copy.writeRtp(packet.clone()));
    });
    reader.addTransceiver('video', { direction: 'recvonly' });
    reader.addTransceiver('audio', { direction: 'recvonly' });
    const endReading = await offer(reader, 'cam', 'whep');
    await until(() => reader.connectionState === 'connected' || undefined);
    writer.addTransceiver(copies.video, { direction: 'sendonly' });
    writer.addTransceiver(copies.audio, { direction: 'sendonly' });
    const endWriting = await offer(writer, 'again', 'whip');
    const status = await until(async () => {
      const found = await agent.json<PathStatus>('/v3/paths/get/again').catch(() => undefined);
      return found?.ready && found.tracks.length === 2 ? found : undefined;
    });
    expect([...status.tracks].sort()).toEqual(['H264', 'Opus']);
    const args = ['-rtsp_transport', 'tcp', '-read_intervals', `%+${SECONDS}`, '-count_frames'];
    const { streams } = await ffprobe(agent.rtspUrl('again'), args);
    expect(streams.find(({ codec_type }) => codec_type === 'video')).toMatchObject({
      codec_name: 'h264',
      width: SMALL.width,
      height: SMALL.height,
    });
    expect(Number(streams[0]?.nb_read_frames)).toBeGreaterThan(SECONDS * 10);
    expect([await endReading(), await endWriting()]).toEqual([200, 200]);
    await Promise.all([reader.close(), writer.close()]);
  });

  // No browser here takes H.265 over WebRTC.
  test('plays an H.265 camera: its reassembled pictures decode without a warning', async () => {
    using folder = temporaryFolder();
    await using _ = await publishClip(agent, 'hevc', await barClip({ ...SMALL, video: 'h265' }), { isEndless: true });
    const peer = open(new RTCRtpCodecParameters({ mimeType: 'video/H265', clockRate: 90_000, rtcpFeedback: [] }));
    const packets: RtpPacket[] = [];
    peer.onTrack.subscribe((track) => {
      track.onReceiveRtp.subscribe((packet) => packets.push(packet.clone()));
    });
    peer.addTransceiver('video', { direction: 'recvonly' });
    const end = await offer(peer, 'hevc', 'whep');
    const wanted = SECONDS * SMALL.fps;
    await until(() => (packets.filter(({ header }) => header.marker).length > wanted ? true : undefined));
    expect(await end()).toBe(200);
    await peer.close();

    const { bytes, pictures } = annexBOf(packets);
    const file = join(folder.path, 'received.h265');
    writeFileSync(file, bytes);
    expect(await ffmpegWarnings(['-f', 'hevc', '-i', file])).toBe('');
    const { streams } = await ffprobe(file, ['-f', 'hevc', '-count_frames']);
    expect(streams[0]).toMatchObject({ codec_name: 'hevc', width: SMALL.width, height: SMALL.height });
    expect(Number(streams[0]?.nb_read_frames)).toBe(pictures);
  });
});

/** The output of werift's depacketizer for the packets in sequence, up to the last whole picture. */
function annexBOf(packets: readonly RtpPacket[]): { bytes: Buffer; pictures: number } {
  const first = packets[0]?.header.sequenceNumber ?? 0;
  const place = ({ header }: RtpPacket) => ((header.sequenceNumber - first + 0x18000) & 0xffff) - 0x8000;
  const inOrder = [...new Map(packets.map((packet) => [place(packet), packet]))].sort(([a], [b]) => a - b);
  expect(inOrder.map(([at]) => at)).toEqual(Array.from(inOrder, (_, i) => i));
  const whole: Buffer[] = [];
  let picture: Buffer[] = [];
  let fragment: Buffer | undefined;
  let pictures = 0;
  for (const [, { header, payload }] of inOrder) {
    const unit = H265RtpPayload.deSerialize(payload, fragment);
    fragment = unit.fragment;
    if (fragment === undefined) {
      picture.push(unit.payload);
    }
    if (header.marker) {
      whole.push(...picture);
      picture = [];
      pictures += 1;
    }
  }
  return { bytes: Buffer.concat(whole), pictures };
}
