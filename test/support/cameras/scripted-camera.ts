import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { writeRtpHeader } from '../../../agent/media/rtp/header.ts';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import {
  type HeaderField,
  type RtspMessage,
  type RtspRequest,
  writeResponse,
} from '../../../agent/media/rtsp/message.ts';
import { Conditions } from '../base/condition.ts';

/** One client of the camera. */
export class Caller {
  /** Methods in the order they came. */
  readonly requests: RtspRequest[] = [];
  readonly replies: RtspMessage[] = [];
  /** Interleaved frames from the client, as `channel:payload` in hex. */
  readonly frames: string[] = [];
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  get methods(): string[] {
    return this.requests.map((request) => request.method);
  }

  reply(request: RtspRequest, status: number, headers: readonly HeaderField[] = [], body = ''): void {
    const cseq = request.headers.get('CSeq') ?? '0';
    this.socket.write(writeResponse(status, [['CSeq', cseq], ...headers], new TextEncoder().encode(body)));
  }

  send(...bytes: readonly (Uint8Array | string)[]): void {
    this.socket.write(
      Buffer.concat(bytes.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part))),
    );
  }
}

/** Answers one request; undefined leaves it to the camera's default. */
export type Script = (request: RtspRequest, caller: Caller) => boolean | undefined;

export interface ScriptedCamera extends AsyncDisposable {
  readonly port: number;
  readonly callers: readonly Caller[];
  /** Resolves when `condition` holds after something has arrived. */
  until(condition: () => boolean): Promise<void>;
}

/** Only sound: the smallest description that a player can use at once. */
export const SOUND_SDP = 'v=0\r\ns=camera\r\na=control:*\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n';

/** A camera on loopback that follows a script, so that every fault of real ones can be reproduced. */
export async function scriptedCamera(script: Script, sdp: string = SOUND_SDP): Promise<ScriptedCamera> {
  const callers: Caller[] = [];
  const conditions = new Conditions();
  const wake = () => conditions.changed();
  // A camera's next message does not wait until the client confirms the last one.
  const server = createServer({ noDelay: true }, (socket) => {
    const caller = new Caller(socket);
    callers.push(caller);
    const framer = new RtspFramer({
      onFrame: (chunk, channel, start, end) => {
        caller.frames.push(`${channel}:${Buffer.from(chunk.subarray(start, end)).toString('hex')}`);
      },
      onMessage: (message) => {
        if (message.kind === 'response') {
          caller.replies.push(message);
          return;
        }
        caller.requests.push(message);
        if (!script(message, caller)) {
          behave(message, caller, sdp);
        }
      },
    });
    socket.on('data', (chunk) => {
      framer.push(chunk as Buffer, chunk.length);
      wake();
    });
    // The client may close the connection at any time.
    socket.on('error', wake);
    socket.on('close', wake);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    callers,
    until: (condition) => conditions.until(condition),
    async [Symbol.asyncDispose]() {
      for (const { socket } of callers) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

function behave(request: RtspRequest, caller: Caller, sdp: string): void {
  switch (request.method) {
    case 'OPTIONS':
      caller.reply(request, 200, [['Public', 'OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER']]);
      break;
    case 'DESCRIBE':
      caller.reply(request, 200, [['Content-Type', 'application/sdp']], sdp);
      break;
    case 'SETUP':
      caller.reply(request, 200, [
        ['Session', '4711'],
        ['Transport', request.headers.get('Transport') ?? ''],
      ]);
      break;
    case 'PLAY':
      caller.reply(request, 200, [['Session', '4711']]);
      caller.send(...soundPackets(0, 5));
      break;
    default:
      caller.reply(request, 200);
      break;
  }
}

/** An interleaved frame with an RTP packet in it. */
export function rtpFrame(
  channel: number,
  payload: Uint8Array,
  { type = 0, sequence = 0, ticks = 0, marker = false, ssrc = 1 } = {},
): Uint8Array {
  const frame = new Uint8Array(16 + payload.length);
  frame.set([0x24, channel, (12 + payload.length) >> 8, (12 + payload.length) & 0xff]);
  writeRtpHeader(frame, 4, marker, type, sequence, ticks, ssrc);
  frame.set(payload, 16);
  return frame;
}

/** `count` packets of G.711, 20 ms each. */
export function soundPackets(first: number, count: number, channel = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const sequence = first + i;
    return rtpFrame(channel, new Uint8Array(160).fill(0xff), { sequence, ticks: 160 * sequence });
  });
}
