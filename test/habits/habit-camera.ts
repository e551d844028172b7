import { readFileSync } from 'node:fs';
import { packetizeH264 } from '../../agent/media/h264/packetize.ts';
import { findStartCode, trimZeros } from '../../agent/media/payload/nal.ts';
import { writeSenderReport } from '../../agent/media/rtcp/write.ts';
import { parseTransport } from '../../agent/media/rtsp/transport.ts';
import { clip } from '../peers/camera.ts';
import { freeUdpPair } from '../support/base/free-port.ts';
import {
  type Caller,
  rtpFrame,
  type Script,
  type ScriptedCamera,
  scriptedCamera,
} from '../support/cameras/scripted-camera.ts';
import { bound } from '../support/cameras/udp-camera.ts';
import { payloadsOf, sampleOf } from '../support/media/units.ts';

export const FPS = 25;
export const FRAME_MS = 1000 / FPS;
const FRAME_TICKS = 90_000 / FPS;
const FRAME_HEADER_BYTES = 4;
const FIRST_SEQUENCE = 1001;
const FIRST_TICKS = 50_000;
const SSRC = 0x1234_5678;

/** NAL units of each picture of a real encoder. */
export interface HabitClip {
  readonly sets: readonly Uint8Array[];
  readonly pictures: readonly (readonly Uint8Array[])[];
}

/** @param coding arguments of libx264, next to size and frame rate */
export async function habitClip(name: string, seconds: number, coding: readonly string[]): Promise<HabitClip> {
  const input = ['-f', 'lavfi', '-i', `testsrc2=s=320x240:r=${FPS}`, '-t', String(seconds)];
  const made = await clip(`habit-${name.replaceAll(' ', '-')}-${seconds}.h264`, [
    ...input,
    ...['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1', ...coding],
    ...['-bsf:v', 'h264_metadata=aud=insert', '-f', 'h264'],
  ]);
  const bytes = new Uint8Array(readFileSync(made));
  const sets: Uint8Array[] = [];
  const pictures: Uint8Array[][] = [];
  for (let at = findStartCode(bytes, 0, bytes.length); at >= 0; ) {
    const next = findStartCode(bytes, at + 3, bytes.length);
    const nal = bytes.subarray(at + 3, trimZeros(bytes, at + 3, next < 0 ? bytes.length : next));
    const type = (nal[0] as number) & 0x1f;
    if (type === 9) {
      pictures.push([]);
    } else if (type === 7 || type === 8) {
      if (sets.length < 2) {
        sets.push(nal);
      }
    } else if (type !== 6) {
      pictures.at(-1)?.push(nal);
    }
    at = next;
  }
  return { sets, pictures };
}

/** One RTP packet of a picture, before it is sent. */
export interface HabitPacket {
  payload: Uint8Array;
  marker: boolean;
  ticks: number;
  sequence: number;
  ssrc: number;
  /** It is numbered and never sent. */
  isLost?: boolean;
}

export interface Habit {
  /** Changes the packets of picture `i`. */
  packets?(packets: HabitPacket[], i: number): HabitPacket[];
  /** When picture `i` is sent, after PLAY has come. */
  atMs?(i: number): number;
  readonly answersPlayAfterMs?: number;
  /** It begins to send with its answer to SETUP; `atMs` counts from then on. */
  readonly sendsFromSetup?: boolean;
  /** The answer to PLAY names the next packet in RTP-Info, and sender reports come each second from the beginning. */
  readonly tellsTimes?: boolean;
  readonly isUdp?: boolean;
  /** NAL units of `i`th picture in payloads of so many bytes. */
  readonly maxPayloadBytes?: number;
  /** G.711 in real time on a second track; `fromMs`: media time of its first packet, sent after PLAY with all that is older than now. */
  readonly sound?: { readonly fromMs: number };
}

/** A camera of this kind. */
export interface HabitCamera extends ScriptedCamera {
  /** Pictures whose last packet has gone out. */
  readonly sent: number;
}

/** A camera that sends the clip's pictures in real time, each as `Sample.data` first, and has one habit. */
export async function habitCamera(clip: HabitClip, habit: Habit, count = clip.pictures.length): Promise<HabitCamera> {
  const sprop = clip.sets.map((set) => Buffer.from(set).toString('base64')).join(',');
  const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=${sprop}\r\na=control:track1\r\n${habit.sound ? 'm=audio 0 RTP/AVP 0\r\na=control:track2\r\n' : ''}`;
  const timers = new Set<NodeJS.Timeout>();
  let sent = 0;
  const ports = habit.isUdp ? await freeUdpPair() : undefined;
  const sockets = ports ? [await bound(ports[0]), await bound(ports[1])] : [];
  let clientPort = 0;
  let nextSequence = FIRST_SEQUENCE;
  let nextTicks = FIRST_TICKS;
  const start = (caller: Caller) => {
    let sequence = FIRST_SEQUENCE - 1;
    const beganMs = performance.now();
    const send = (i: number) => {
      const nals = clip.pictures[i] as readonly Uint8Array[];
      const plain = nals.flatMap((nal, n) =>
        payloadsOf((sink) =>
          packetizeH264(sampleOf(nal), habit.maxPayloadBytes ?? 1200, n === nals.length - 1, sink),
        ).map(({ bytes, marker }): HabitPacket => {
          sequence += 1;
          return { payload: bytes, marker, ticks: FIRST_TICKS + i * FRAME_TICKS, sequence, ssrc: SSRC };
        }),
      );
      const frames = (habit.packets?.(plain, i) ?? plain)
        .filter(({ isLost }) => !isLost)
        .map(({ payload, ...header }) =>
          rtpFrame(0, payload, { ...header, sequence: header.sequence & 0xffff, ticks: header.ticks >>> 0, type: 96 }),
        );
      if (habit.isUdp) {
        for (const frame of frames) {
          sockets[0]?.send(frame.subarray(FRAME_HEADER_BYTES), clientPort, '127.0.0.1');
        }
      } else if (!caller.socket.destroyed) {
        caller.send(...frames);
      }
      sent = i + 1;
      nextSequence = sequence + 1;
      nextTicks = FIRST_TICKS + sent * FRAME_TICKS;
    };
    const next = (i: number) => {
      if (i >= count || caller.socket.destroyed) {
        return;
      }
      const dueMs = beganMs + (habit.atMs?.(i) ?? i * FRAME_MS) - performance.now();
      if (dueMs <= 0) {
        send(i);
        next(i + 1);
        return;
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(i);
        next(i + 1);
      }, dueMs);
      timers.add(timer);
    };
    const lead = habit.atMs
      ? Math.max(0, ...Array.from({ length: 60 }, (_, i) => i * FRAME_MS - (habit.atMs?.(i) ?? 0)))
      : 0;
    if (habit.sound) {
      let n = 0;
      const { fromMs } = habit.sound;
      const speak = () => {
        const nowMs = performance.now() - beganMs + lead;
        for (; fromMs + n * 20 <= nowMs && !caller.socket.destroyed; n += 1) {
          caller.send(rtpFrame(2, new Uint8Array(160).fill(n), { sequence: n, ticks: 8 * fromMs + 160 * n, type: 0 }));
        }
      };
      speak();
      timers.add(setInterval(speak, 20));
    }
    if (habit.tellsTimes) {
      const report = () => {
        const afterMs = performance.now() - beganMs + lead;
        const info = { ssrc: SSRC, unixMs: Date.now(), ticks: FIRST_TICKS + Math.round(90 * afterMs) };
        const packet = writeSenderReport({ ...info, packets: sent, payloadBytes: 0 }, 'camera');
        if (habit.isUdp) {
          sockets[1]?.send(packet, clientPort + 1, '127.0.0.1');
        } else if (!caller.socket.destroyed) {
          caller.send(Uint8Array.of(0x24, 1, packet.length >> 8, packet.length & 0xff), packet);
        }
      };
      report();
      timers.add(setInterval(report, 1_000));
    }
    next(0);
  };
  const script: Script = (request, caller) => {
    if (request.method === 'SETUP') {
      const wanted = parseTransport(request.headers.get('Transport') ?? '');
      if ((wanted.protocol === 'udp') !== (habit.isUdp ?? false)) {
        caller.reply(request, 461);
        return true;
      }
      clientPort = wanted.clientPort?.[0] ?? 0;
      const transport = request.headers.get('Transport') ?? '';
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', ports ? `${transport};server_port=${ports[0]}-${ports[1]}` : transport],
      ]);
      if (habit.sendsFromSetup && (!habit.sound || request.uri.endsWith('track2'))) {
        start(caller);
      }
      return true;
    }
    if (request.method === 'PLAY') {
      const info = () => `url=${request.uri}/track1;seq=${nextSequence & 0xffff};rtptime=${nextTicks >>> 0}`;
      const reply = () =>
        caller.reply(request, 200, [['Session', '4711'], ...(habit.tellsTimes ? [['RTP-Info', info()] as const] : [])]);
      if (habit.sendsFromSetup) {
        reply();
      } else if (habit.answersPlayAfterMs === undefined) {
        reply();
        start(caller);
      } else {
        start(caller);
        const timer = setTimeout(reply, habit.answersPlayAfterMs);
        timers.add(timer);
      }
      return true;
    }
    return undefined;
  };
  const camera = await scriptedCamera(script, sdp);
  return {
    port: camera.port,
    callers: camera.callers,
    until: camera.until,
    get sent() {
      return sent;
    },
    async [Symbol.asyncDispose]() {
      for (const timer of timers) {
        clearTimeout(timer);
      }
      for (const socket of sockets) {
        socket.close();
      }
      await camera[Symbol.asyncDispose]();
    },
  };
}
