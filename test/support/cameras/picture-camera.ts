import { expect } from 'vitest';
import { packetizeH264 } from '../../../agent/media/h264/packetize.ts';
import { tinyH264, tinyVideo } from '../media/tiny-h264.ts';
import { payloadsOf, toHex } from '../media/units.ts';
import type { Run } from './rtsp-run.ts';
import { rtpFrame, type Script, type ScriptedCamera, scriptedCamera } from './scripted-camera.ts';

/** A key picture and three that depend on it, as `Sample.data`: 25 frames/s. */
export const PICTURES: readonly Uint8Array[] = tinyVideo(4, 25, 4).map(({ data }) => data);
export const FRAME_TICKS = 3600;

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
export const SPROP = [tinyH264.sps, ...tinyH264.pps].map(base64).join(',');
export const PICTURE_SDP = `v=0\r
o=- 1 1 IN IP4 127.0.0.1\r
s=camera\r
t=0 0\r
a=control:*\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1; profile-level-id=42C00A; sprop-parameter-sets=${SPROP}\r
a=control:track1\r
`;

/** One RTP packet before it is put into a frame. */
export interface Packet {
  readonly payload: Uint8Array;
  readonly sequence: number;
  readonly ticks: number;
  readonly marker: boolean;
  readonly type: number;
  readonly ssrc: number;
}

/** A camera without faults: fragments of at most `maxPayloadBytes`, the marker on the last of each picture. */
export function packetsOf(
  pictures: readonly Uint8Array[] = PICTURES,
  firstPicture = 0,
  maxPayloadBytes = 1200,
): Packet[] {
  const packets = pictures.flatMap((data, i) =>
    payloadsOf((sink) => packetizeH264(data, maxPayloadBytes, true, sink)).map(({ bytes, marker }) => ({
      payload: bytes,
      ticks: (firstPicture + i) * FRAME_TICKS,
      marker,
    })),
  );
  return numbered(packets, 100 * firstPicture);
}

/** The packets with sequence numbers in order. */
export function numbered(packets: readonly Partial<Packet>[], first = 0): Packet[] {
  return packets.map((packet, i) => ({
    payload: new Uint8Array(0),
    ticks: 0,
    marker: false,
    type: 96,
    ssrc: 1,
    ...packet,
    sequence: (first + i) & 0xffff,
  }));
}

export const framesOf = (packets: readonly Packet[], channel = 0): Uint8Array[] =>
  packets.map(({ payload, ...header }) => rtpFrame(channel, payload, header));

/**
 * A camera with a picture: like the scripted one, but sends `frames` after its reply to PLAY.
 * @param script its deviations from others
 */
export function pictureCamera(
  script: Script = () => undefined,
  {
    sdp = PICTURE_SDP,
    frames = framesOf(packetsOf()),
  }: { sdp?: string; frames?: readonly (Uint8Array | string)[] } = {},
): Promise<ScriptedCamera> {
  const play: Script = (request, caller) => {
    if (script(request, caller)) {
      return true;
    }
    if (request.method !== 'PLAY') {
      return undefined;
    }
    caller.reply(request, 200, [['Session', '4711']]);
    caller.send(...frames);
    return true;
  };
  return scriptedCamera(play, sdp);
}

/** These pictures arrive, each byte of them, and nothing before or between them. */
export async function expectPictures(run: Run, pictures: readonly Uint8Array[] = PICTURES): Promise<void> {
  await run.sampled(pictures.length);
  const seen = run.samples.slice(0, pictures.length).map(({ sample }) => toHex(sample.data));
  expect(seen).toEqual(pictures.map(toHex));
}

/** Milliseconds between the pictures, from their pts. */
export const stepsMs = (run: Run): number[] =>
  run.samples.slice(1).map(({ sample }, i) => (sample.pts - (run.samples[i]?.sample.pts ?? 0)) / 90);
