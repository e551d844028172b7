import { createDecoder } from 'libopus-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RTCPeerConnection, type RTCRtpTransceiver, RtcpSrPacket, type RtpPacket, useH264, useOPUS } from 'werift';
import { type Agent, startAgent, until } from '../peers/agent/agent.ts';
import { barClip, SMALL } from '../peers/cameras/bar-clip.ts';
import { clip, type GstCamera, startGstCamera } from '../peers/cameras/camera.ts';
import { describeWith, inShort } from '../peers/programs/peers.ts';

const SECONDS = 30;
const TICKS = 4;
/** The camera knows both times to the millisecond; encoding delays the audio by up to three frames. */
const MAX_MS = 10;
const OPUS_HZ = 48_000;
/** Three frames of 20 ms. */
const PACKET_TICKS = 2_880;
const VIDEO_HZ = 90_000;
const LOUD = 2_000;

const RATES = inShort(
  [
    ['speech', 16_000],
    ['cd', 44_100],
    ['phone', 8_000],
  ] as const,
  'cd',
);

/** A key picture at each full second, and a tick with it. */
async function tickClip(rateHz: number): Promise<string> {
  const silent = await barClip({ ...SMALL, seconds: SECONDS });
  const ticks = `aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.1)':s=48000:d=${SECONDS}`;
  const sound = ['-f', 'lavfi', '-i', ticks, '-map', '0:v', '-map', '1:a', '-c:v', 'copy', '-c:a', 'aac'];
  return clip(`ticks-aac-${rateHz}-${SECONDS}.mkv`, ['-i', silent, ...sound, '-ac', '1', '-ar', String(rateHz)]);
}

const launch = (file: string): string =>
  `( filesrc location=${file} ! matroskademux name=d  d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96  d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )`;

/** Received audio or video. */
class Received {
  readonly packets: RtpPacket[] = [];
  /** Time in the latest sender report, in Unix ms: that of the RTP timestamp in `rtp`. */
  #unixMs = Number.NaN;
  #rtp = 0;

  constructor({ receiver }: RTCRtpTransceiver) {
    receiver.onRtcp.subscribe((packet) => {
      if (packet instanceof RtcpSrPacket) {
        const { ntpTimestamp, rtpTimestamp } = packet.senderInfo;
        this.#unixMs = Number((ntpTimestamp * 1000n) >> 32n);
        this.#rtp = rtpTimestamp;
      }
    });
  }

  /** werift gives a track's first packet twice. */
  take(packet: RtpPacket): void {
    if (packet.header.sequenceNumber !== this.packets.at(-1)?.header.sequenceNumber) {
      this.packets.push(packet.clone());
    }
  }

  /** When it was captured, by the sender's own account. */
  captureMs(timestamp: number, clockRate: number): number {
    return this.#unixMs + (((timestamp - this.#rtp) | 0) * 1000) / clockRate;
  }
}

/** Capture times of ticks: of the first loud sample after a quiet time. */
async function ticksIn(sound: Received): Promise<number[]> {
  const decoder = await createDecoder({ channels: 1 });
  const found: number[] = [];
  let quiet = 0;
  for (const { header, payload } of sound.packets) {
    const pcm = decoder.decode(payload);
    for (const [i, value] of pcm.entries()) {
      const isLoud = Math.abs(value) > LOUD;
      if (isLoud && quiet > OPUS_HZ / 5) {
        found.push(sound.captureMs(header.timestamp + i, OPUS_HZ));
      }
      quiet = isLoud ? 0 : quiet + 1;
    }
  }
  decoder.free();
  return found;
}

/** Capture times of key pictures: SPS, IDR or the first fragment of one (RFC 6184 §5.8). */
const keysIn = (pictures: Received): number[] => {
  const isKey = ({ payload }: RtpPacket): boolean =>
    ((payload[0] ?? 0) & 0x1f) === 5 || (((payload[0] ?? 0) & 0x1f) === 28 && (payload[1] ?? 0) === 0x85);
  return pictures.packets.filter(isKey).map(({ header }) => pictures.captureMs(header.timestamp, VIDEO_HZ));
};

describeWith(['ffmpeg', 'gstreamer'], "AAC of cameras in werift's peer connection", () => {
  let camera: GstCamera;
  let agent: Agent;
  beforeAll(async () => {
    const mounts = RATES.map(async ([name, rateHz]) => [`/${name}`, launch(await tickClip(rateHz))] as const);
    camera = await startGstCamera(Object.fromEntries(await Promise.all(mounts)));
    const paths = RATES.map(([name]) => `  ${name}: { source: '${camera.url(`/${name}`)}', sourceOnDemand: yes }`);
    agent = await startAgent({ config: `paths:\n${paths.join('\n')}\n` });
  });
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await camera?.[Symbol.asyncDispose]();
  });

  async function watch(path: string, isEnough: (video: Received, audio: Received) => boolean) {
    const h264 = useH264({ parameters: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f' });
    const codecs = { video: [h264], audio: [useOPUS()] };
    const peer = new RTCPeerConnection({ codecs, iceServers: [], iceUseIpv6: false });
    const video = new Received(peer.addTransceiver('video', { direction: 'recvonly' }));
    const audio = new Received(peer.addTransceiver('audio', { direction: 'recvonly' }));
    peer.onTrack.subscribe((track) => {
      const received = track.kind === 'video' ? video : audio;
      track.onReceiveRtp.subscribe((packet) => received.take(packet));
    });
    await peer.setLocalDescription(await peer.createOffer());
    const url = `http://127.0.0.1:${agent.ports.webrtc}/${path}/whep`;
    const headers = { 'Content-Type': 'application/sdp' };
    const response = await fetch(url, { method: 'POST', headers, body: peer.localDescription?.sdp ?? '' });
    const sdp = await response.text();
    expect([response.status, sdp.slice(0, 3)]).toEqual([201, 'v=0']);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    await until(async () => isEnough(video, audio) || undefined);
    await peer.close();
    return { video, audio };
  }

  test.concurrent.for(RATES)('%s: a tick is at the key picture of its second', async ([name], { expect }) => {
    const { video, audio } = await watch(
      name,
      (_, sound) => sound.packets.length > ((TICKS + 2) * OPUS_HZ) / PACKET_TICKS,
    );
    const stamps = audio.packets.map(({ header }) => header.timestamp);
    const steps = stamps.slice(1).map((stamp, i) => (stamp - (stamps[i] ?? 0)) >>> 0);
    expect(new Set(steps)).toEqual(new Set([PACKET_TICKS]));
    const keys = keysIn(video);
    const ticks = await ticksIn(audio);
    const lags = ticks
      .map((tickMs) => tickMs - (keys.toSorted((a, b) => Math.abs(a - tickMs) - Math.abs(b - tickMs))[0] ?? 0))
      // The first and the last second may have the tick without the picture.
      .filter((lagMs) => Math.abs(lagMs) < 500);
    expect(lags.length).toBeGreaterThanOrEqual(TICKS);
    expect(lags.filter((lagMs) => Math.abs(lagMs) > MAX_MS)).toEqual([]);
  });
});
