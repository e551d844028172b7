import type { Socket } from 'node:dgram';
import type { BurstRoute } from '../../../native/burst-route.ts';
import { BurstSocket } from '../../../native/burst-socket.ts';
import type { FrameBurstSender } from '../../../native/frame-burst-sender.ts';
import { openFrameBurstSender } from '../../../native/native.ts';
import { FRAME_HEADER_BYTES } from '../../../stream/interleaved-writer.ts';

/** Shared by all sockets, or undefined if it is not open or not supported here. */
let bursts: FrameBurstSender | undefined;
let opening: Promise<void> | undefined;

/** Called for the first reader: an idle box saves the memory. Until it has resolved packets are sent one by one. */
export function prepareBursts(): Promise<void> {
  opening ??= openFrameBurstSender().then((sender) => {
    bursts = sender;
  });
  return opening;
}

/** A destination of RTP. */
export interface FrameRoute {
  readonly ip: string;
  readonly port: number;
  /** Undefined: packets are sent one by one. */
  readonly bursts: BurstRoute | undefined;
}

/** Sends the packets of interleaved frames as datagrams. */
export class FrameSocket extends BurstSocket {
  readonly socket: Socket;

  /** @param socket bound */
  constructor(socket: Socket) {
    super(socket);
    this.socket = socket;
  }

  /**
   * @param frames must not change afterwards: packets may wait in libuv
   * @param count of frames from `start` on: all of one size, the last may be shorter
   */
  sendFrames(frames: Buffer, start: number, count: number, to: FrameRoute): void {
    if (!this.#sendBurst(frames, start, count, to.bursts)) {
      let at = start;
      for (let i = 0; i < count; i += 1) {
        const length = frames.readUInt16BE(at + 2);
        at += FRAME_HEADER_BYTES;
        this.send(frames, at, length, to.port, to.ip);
        at += length;
      }
    }
  }

  #sendBurst(frames: Buffer, start: number, count: number, route: BurstRoute | undefined): boolean {
    const descriptor = bursts ? this.descriptorFor(route) : -1;
    if (!bursts || !route || descriptor < 0) {
      return false;
    }
    const errno = bursts.send(descriptor, route.address, frames, start, count);
    if (errno !== 0) {
      route.onError(errno, count);
    }
    return errno === 0;
  }
}
