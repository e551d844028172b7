import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { packetizeH264 } from '../../../agent/media/h264/packetize.ts';
import { writeRtpHeader } from '../../../agent/media/rtp/header.ts';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import { type RtspRequest, writeResponse } from '../../../agent/media/rtsp/message.ts';
import { accessUnits } from './access-units.ts';

/**
 * A camera whose time is known: `node clip-camera.ts CLIP.h264 FPS PAYLOAD_BYTES GROUP PHASES` serves the clip again and again over RTSP within the
 * connection, each picture at its time, for any reader. Prints `ready PORT START PICTURES`: the Unix time in ms at which the first
 * picture was due, and how many the clip has. Ends with its standard input. With more than one of PHASES it is that many cameras, which
 * readers get in turn; their key frames are spread over a group of GROUP pictures.
 */
const [file = '', fps = '25', payloadBytes = '1400', group = '1', phases = '1'] = process.argv.slice(2);
const TICKS = 90_000 / Number(fps);
const PAYLOAD_TYPE = 96;
const SSRC = 0x0ca3e2a1;

const units = accessUnits(readFileSync(file));
/** The readers of one phase. Each is behind the clip's position by some pictures. */
const readers = Array.from({ length: Number(phases) }, (_, phase) => ({
  clients: new Set<Socket>(),
  behind: Math.floor((phase * Number(group)) / Number(phases)),
  sequence: 0,
}));
type Readers = (typeof readers)[number];
let plays = 0;
/** Index of the next picture in the clip. */
let next = 0;
let isKeyFrameRequested = false;

/** One picture as interleaved frames, in one piece. */
function framesOf(unit: Uint8Array, ticks: number, of: Readers): Buffer {
  const pieces: Uint8Array[] = [];
  const sink = {
    onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean) {
      const size = 12 + prefixBytes + end - start;
      const frame = new Uint8Array(4 + size);
      frame.set([0x24, 0, size >> 8, size & 0xff]);
      writeRtpHeader(frame, 4, marker, PAYLOAD_TYPE, of.sequence, ticks >>> 0, SSRC);
      for (let byte = 0; byte < prefixBytes; byte += 1) {
        frame[16 + byte] = prefix >>> (8 * (prefixBytes - 1 - byte));
      }
      frame.set(data.subarray(start, end), 16 + prefixBytes);
      pieces.push(frame);
      of.sequence = (of.sequence + 1) & 0xffff;
    },
  };
  packetizeH264(unit, Number(payloadBytes), true, sink);
  return Buffer.concat(pieces);
}

/** Whether an IDR slice is in it (ITU-T H.264 table 7-1). */
function isKey(unit: Uint8Array): boolean {
  const view = new DataView(unit.buffer, unit.byteOffset, unit.byteLength);
  for (let at = 0; at + 5 <= unit.length; at += 4 + view.getUint32(at)) {
    if ((view.getUint8(at + 4) & 0x1f) === 5) {
      return true;
    }
  }
  return false;
}

function jump(dueWallMs: number): void {
  isKeyFrameRequested = false;
  do {
    next = (next + 1) % units.length;
  } while (!isKey(units[next] as Uint8Array));
  process.stdout.write(`jumped ${Math.round(dueWallMs)} ${next}\n`);
}

/** SPS and PPS precede the clip's first picture. */
function description(): string {
  const first = units[0] ?? new Uint8Array(0);
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  const sets: string[] = [];
  for (let at = 0; at + 5 < first.length; at += 4 + view.getUint32(at)) {
    const type = view.getUint8(at + 4) & 0x1f;
    if (type === 7 || type === 8) {
      sets.push(Buffer.from(first.subarray(at + 4, at + 4 + view.getUint32(at))).toString('base64'));
    }
  }
  const format = `a=rtpmap:${PAYLOAD_TYPE} H264/90000\r\na=fmtp:${PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets=${sets.join(',')}\r\n`;
  return `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=clip\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP ${PAYLOAD_TYPE}\r\n${format}a=control:track1\r\n`;
}

function answer(request: RtspRequest, socket: Socket): void {
  const session: [string, string] = ['Session', '4711;timeout=60'];
  const body = request.method === 'DESCRIBE' ? description() : '';
  const more: Record<string, [string, string][]> = {
    OPTIONS: [['Public', 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER']],
    DESCRIBE: [['Content-Type', 'application/sdp']],
    SETUP: [session, ['Transport', request.headers.get('Transport') ?? '']],
    PLAY: [session],
  };
  const head: [string, string][] = [['CSeq', request.headers.get('CSeq') ?? '0'], ...(more[request.method] ?? [])];
  const isUdp = request.method === 'SETUP' && !(request.headers.get('Transport') ?? '').includes('interleaved');
  socket.write(writeResponse(isUdp ? 461 : 200, head, new TextEncoder().encode(body)));
  if (request.method === 'PLAY') {
    readers[plays % readers.length]?.clients.add(socket);
    plays += 1;
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  const framer = new RtspFramer({
    onFrame: () => {},
    onMessage: (message) => {
      if (message.kind === 'request') {
        answer(message, socket);
      }
    },
  });
  socket.on('data', (chunk) => framer.push(chunk as Buffer, chunk.length));
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const { clients } of readers) {
      clients.delete(socket);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const startMs = performance.now();
  const startWallMs = Date.now();
  let number = 0;
  const send = (): void => {
    if (isKeyFrameRequested) {
      jump(startWallMs + (number * 1000) / Number(fps));
    }
    for (const phase of readers) {
      const unit = units[(next + units.length - phase.behind) % units.length] as Uint8Array;
      const frames = framesOf(unit, number * TICKS, phase);
      for (const client of phase.clients) {
        client.write(frames);
      }
    }
    number += 1;
    next = (next + 1) % units.length;
    setTimeout(send, Math.max(0, startMs + (number * 1000) / Number(fps) - performance.now()));
  };
  send();
  process.stdout.write(`ready ${(server.address() as AddressInfo).port} ${startWallMs} ${units.length}\n`);
});
process.stdin.on('data', () => {
  isKeyFrameRequested = true;
});
process.stdin.on('end', () => process.exit());
