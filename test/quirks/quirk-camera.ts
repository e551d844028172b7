import type { Socket } from 'node:dgram';
import type { RtspRequest } from '../../agent/media/rtsp/message.ts';
import { parseTransport } from '../../agent/media/rtsp/transport.ts';
import { freeUdpPair } from '../support/base/free-port.ts';
import { type Caller, type Script, type ScriptedCamera, scriptedCamera } from '../support/cameras/scripted-camera.ts';
import { bound } from '../support/cameras/udp-camera.ts';
import type { QuirkClip } from './clip.ts';
import { PICTURE_TYPE, type Quirk, Sending, type Sound, type TrackSender } from './sending.ts';

/** How a camera responds, in addition to how it sends. */
export interface Dialogue {
  readonly isUdp?: boolean;
  readonly sound?: Sound;
  /** The response to PLAY follows the first packets after this time. */
  readonly answersPlayAfterMs?: number;
  /** It begins to send with its response to the last SETUP. */
  readonly sendsFromSetup?: boolean;
  /**
   * The RTP-Info of the response to PLAY for each track: its next packet; the first packet that was sent; the next packet's number with
   * the time of the response; number and time 0.
   */
  readonly rtpInfo?: 'next' | 'first' | 'now' | 'zero';
  /** The Range of the response to PLAY. */
  readonly range?: string;
  /** Parameter sets are not in the SDP. */
  readonly hasBareSdp?: boolean;
}

/** A camera of this kind. */
export interface QuirkCamera extends ScriptedCamera {
  /** Its current or last stream to its last client. */
  readonly sending: Sending | undefined;
}

/** Two ports of the camera, of one track. */
interface Ports {
  readonly numbers: readonly [rtp: number, rtcp: number];
  readonly sockets: readonly [rtp: Socket, rtcp: Socket];
}

async function openPorts(): Promise<Ports> {
  const numbers = await freeUdpPair();
  return { numbers, sockets: [await bound(numbers[0]), await bound(numbers[1])] };
}

function udpSender({ sockets }: Ports, [rtp, rtcp]: readonly [number, number]): TrackSender {
  return {
    rtp: (packet) => sockets[0].send(packet, rtp, '127.0.0.1'),
    rtcp: (packet) => sockets[1].send(packet, rtcp, '127.0.0.1'),
  };
}

function tcpSender(caller: Caller, [rtp, rtcp]: readonly [number, number]): TrackSender {
  const send = (channel: number, packet: Uint8Array) => {
    if (!caller.socket.destroyed) {
      caller.send(Uint8Array.of(0x24, channel, packet.length >> 8, packet.length & 0xff), packet);
    }
  };
  return { rtp: (packet) => send(rtp, packet), rtcp: (packet) => send(rtcp, packet) };
}

function sdpOf({ codec, sets }: QuirkClip, { sound, hasBareSdp }: Dialogue): string {
  const fmtp = hasBareSdp ? '' : `a=fmtp:${PICTURE_TYPE} ${codec.fmtp(sets)}\r\n`;
  const picture = `m=video 0 RTP/AVP ${PICTURE_TYPE}\r\na=rtpmap:${PICTURE_TYPE} ${codec.encoding}/90000\r\n${fmtp}a=control:track0\r\n`;
  const ear = sound ? 'm=audio 0 RTP/AVP 0\r\na=control:track1\r\n' : '';
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\n${picture}${ear}`;
}

/** A camera that sends the first `count` pictures of the clip in real time, with this quirk. */
export async function quirkCamera(
  clip: QuirkClip,
  quirk: Quirk & Dialogue,
  count = clip.pictures.length,
): Promise<QuirkCamera> {
  const { sound, rtpInfo } = quirk;
  const tracks = sound ? 2 : 1;
  const ports = quirk.isUdp ? await Promise.all(Array.from({ length: tracks }, openPorts)) : [];
  const answers = new Set<NodeJS.Timeout>();
  const senders: TrackSender[] = [];
  let sending: Sending | undefined;
  const prepare = () => {
    sending?.stop();
    sending = new Sending(clip, quirk, sound, [...senders], count);
    return sending;
  };
  const setUp = (request: RtspRequest, caller: Caller) => {
    const asked = request.headers.get('Transport') ?? '';
    const wanted = parseTransport(asked);
    if ((wanted.protocol === 'udp') !== (quirk.isUdp ?? false)) {
      caller.reply(request, 461);
      return;
    }
    const track = request.uri.endsWith('track1') ? 1 : 0;
    const pair = ports[track];
    senders[track] = pair
      ? udpSender(pair, wanted.clientPort ?? [0, 0])
      : tcpSender(caller, wanted.interleaved ?? [0, 1]);
    const transport = pair ? `${asked};server_port=${pair.numbers.join('-')}` : asked;
    caller.reply(request, 200, [
      ['Session', '4711'],
      ['Transport', transport],
    ]);
    if (quirk.sendsFromSetup && track === tracks - 1) {
      prepare().start();
    }
  };
  const info = (uri: string) =>
    Array.from({ length: tracks }, (_, track) => {
      const next = rtpInfo === 'zero' ? undefined : sending?.next(track, rtpInfo === 'now');
      const { sequence, ticks } = next ?? { sequence: 0, ticks: 0 };
      return `url=${uri}/track${track};seq=${sequence};rtptime=${ticks >>> 0}`;
    }).join(',');
  const play = (request: RtspRequest, caller: Caller) => {
    const reply = (text: string) =>
      caller.reply(request, 200, [
        ['Session', '4711'],
        ...(quirk.range === undefined ? [] : [['Range', quirk.range] as const]),
        ...(rtpInfo === undefined ? [] : [['RTP-Info', text] as const]),
      ]);
    if (quirk.sendsFromSetup) {
      reply(info(request.uri));
      return;
    }
    const prepared = prepare();
    const first = info(request.uri);
    if (quirk.answersPlayAfterMs === undefined) {
      reply(first);
      prepared.start();
      return;
    }
    prepared.start();
    answers.add(setTimeout(() => reply(rtpInfo === 'first' ? first : info(request.uri)), quirk.answersPlayAfterMs));
  };
  const script: Script = (request, caller) => {
    if (request.method === 'SETUP') {
      setUp(request, caller);
      return true;
    }
    if (request.method === 'PLAY') {
      play(request, caller);
      return true;
    }
    return undefined;
  };
  const camera = await scriptedCamera(script, sdpOf(clip, quirk));
  return {
    port: camera.port,
    callers: camera.callers,
    until: camera.until,
    get sending() {
      return sending;
    },
    async [Symbol.asyncDispose]() {
      sending?.stop();
      for (const timer of answers) {
        clearTimeout(timer);
      }
      for (const { sockets } of ports) {
        sockets[0].close();
        sockets[1].close();
      }
      await camera[Symbol.asyncDispose]();
    },
  };
}
