import type { Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { FrameReader } from './frame-reader.ts';
import { addressOf, type Peer, type Route } from './route.ts';
import { isStun } from './stun.ts';

/** Written in pieces of this size at most; 13 full packets. */
const CHUNK_BYTES = 16 << 10;
const LENGTH_BYTES = 2;
const MAX_FRAME_BYTES = 0xffff;
/** Above this, or when a byte has waited for longer than that, video waits for the next key frame. */
const QUEUE_LIMIT_BYTES = 1 << 20;
const QUEUE_LIMIT_MS = 2_000;
/** Twice what stops whoever asks: a packet beyond it is lost, as on any network. */
const HARD_LIMIT_BYTES = 2 * QUEUE_LIMIT_BYTES;
/** A few checks and what belongs to them: a peer passes its first one within a kilobyte. */
const STRANGER_LIMIT_BYTES = 64 << 10;

/** What a connection is part of. */
export interface TcpRouteOwner {
  readonly clock: Clock;
  readonly log: Logger;
  /** Frames are waiting in this route: `flush` is to be called before the turn of the event loop ends. */
  awaitFlush(route: TcpRoute): void;
  /** Hands over a connectivity check. @returns whether it was one for anybody */
  onStun(datagram: Uint8Array, from: TcpRoute): boolean;
  onAdmitted(route: TcpRoute): void;
  onClosed(route: TcpRoute): void;
}

/** One connection that a peer has opened to us: ICE-TCP, we are passive (RFC 6544 §4.1). */
export class TcpRoute implements Route {
  readonly protocol = 'tcp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly openedMs: number;
  readonly #owner: TcpRouteOwner;
  readonly #socket: Socket;
  #peer: Peer | undefined;
  #strangerBytes = 0;
  /** Frames on their way into the socket: a stream socket holds them long, so they cannot stay in the slots. */
  #chunk = Buffer.alloc(0);
  #writtenTo = 0;
  #filledTo = 0;
  #isAwaitingFlush = false;
  /** The byte that is watched, counted from the connection's first, and since when it has been waiting. */
  #watchedByte = 0;
  #watchedSinceMs = 0;
  #handedOverBytes = 0;

  constructor(owner: TcpRouteOwner, socket: Socket, remote: Pick<Route, 'family' | 'address' | 'port'>) {
    this.#owner = owner;
    this.#socket = socket;
    this.family = remote.family;
    this.address = remote.address;
    this.port = remote.port;
    this.localAddress = socket.localAddress ?? '';
    this.openedMs = owner.clock.monoMs();
    const reader = new FrameReader(this);
    socket.on('data', (chunk: Buffer) => this.#onData(reader, chunk));
    socket.on('close', () => this.#onClosed());
    // Followed by 'close'.
    socket.on('error', () => {});
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** A connection that has ended takes nothing either. */
  get isCongested(): boolean {
    const socket = this.#socket;
    const waitingBytes = socket.writableLength;
    if (socket.destroyed || waitingBytes > QUEUE_LIMIT_BYTES) {
      return true;
    }
    return waitingBytes > 0 && this.#waitedMs(waitingBytes) > QUEUE_LIMIT_MS;
  }

  send(bytes: Uint8Array, offset: number, length: number): void {
    const needed = length + LENGTH_BYTES;
    if (length > MAX_FRAME_BYTES || this.#socket.destroyed || this.#socket.writableLength > HARD_LIMIT_BYTES) {
      return;
    }
    if (this.#filledTo + needed > this.#chunk.length) {
      this.flush();
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, needed));
      this.#writtenTo = 0;
      this.#filledTo = 0;
    }
    const chunk = this.#chunk;
    const at = this.#filledTo;
    chunk[at] = length >> 8;
    chunk[at + 1] = length & 0xff;
    chunk.set(bytes.subarray(offset, offset + length), at + LENGTH_BYTES);
    this.#filledTo = at + needed;
    if (!this.#isAwaitingFlush) {
      this.#isAwaitingFlush = true;
      this.#owner.awaitFlush(this);
    }
  }

  /** Hands over what has been sent since the last time, in one write. */
  flush(): void {
    this.#isAwaitingFlush = false;
    if (this.#filledTo > this.#writtenTo && !this.#socket.destroyed) {
      this.#socket.write(this.#chunk.subarray(this.#writtenTo, this.#filledTo));
      this.#handedOverBytes += this.#filledTo - this.#writtenTo;
    }
    this.#writtenTo = this.#filledTo;
  }

  admit(peer: Peer): void {
    const former = this.#peer;
    this.#peer = peer;
    if (former && former !== peer) {
      former.onRouteClosed(this);
    } else if (!former) {
      this.#owner.onAdmitted(this);
    }
  }

  /** What has been sent still goes out, if the network takes it now. */
  close(): void {
    this.#peer = undefined;
    this.flush();
    if (this.#socket.writableLength === 0) {
      this.#socket.destroySoon();
    } else {
      this.#socket.destroy();
    }
  }

  /** Ends a connection that is not what it should be. */
  end(reason: string): void {
    this.#owner.log.debug({ remote: addressOf(this), reason }, 'WebRTC TCP connection is ended');
    this.#socket.destroy();
  }

  /** Of a `FrameReader`. */
  onFrame(frame: Buffer): void {
    if (this.#socket.destroyed) {
      return;
    }
    if (isStun(frame)) {
      this.#owner.onStun(frame, this);
    } else if (this.#peer) {
      this.#peer.onDatagram(frame, this);
    } else {
      this.end('something else than a connectivity check came first');
    }
  }

  #onData(reader: FrameReader, chunk: Buffer): void {
    if (!this.#peer) {
      this.#strangerBytes += chunk.length;
      if (this.#strangerBytes > STRANGER_LIMIT_BYTES) {
        this.end(`${STRANGER_LIMIT_BYTES} bytes without a connectivity check that passed`);
        return;
      }
    }
    try {
      reader.read(chunk);
    } catch (cause) {
      this.end(explain(cause));
    }
  }

  #onClosed(): void {
    this.#owner.onClosed(this);
    this.#peer?.onRouteClosed(this);
    this.#peer = undefined;
  }

  /** At least how long the oldest byte has been waiting: one byte is watched until the kernel has taken it, then the next one. */
  #waitedMs(waitingBytes: number): number {
    const nowMs = this.#owner.clock.monoMs();
    const takenBytes = this.#handedOverBytes - waitingBytes;
    if (takenBytes >= this.#watchedByte) {
      this.#watchedByte = this.#handedOverBytes;
      this.#watchedSinceMs = nowMs;
    }
    return nowMs - this.#watchedSinceMs;
  }
}
