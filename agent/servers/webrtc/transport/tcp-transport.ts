import type { Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { explain } from '../../../base/errors.ts';
import type { Logger } from '../../../base/log.ts';
import { copyBytes } from '../../../media/sample/copy-bytes.ts';
import { type PacketMemory, SLOT_BYTES } from '../../../native/packet-memory.ts';
import { isStun } from '../../../transports/webrtc/link/stun.ts';
import { addressOf, type Peer, type Transport } from '../../../transports/webrtc/link/transport.ts';
import { FrameReader } from './frame-reader.ts';

/** 13 full packets. */
const CHUNK_BYTES = 16 << 10;
const LENGTH_BYTES = 2;
/** Above either limit, video waits for the next key frame. */
const MAX_QUEUED_BYTES = 1 << 20;
/** A peer passes its first check within a kilobyte. */
const MAX_UNVERIFIED_BYTES = 64 << 10;

export interface TcpTransportOwner {
  readonly clock: Clock;
  readonly log: Logger;
  /** Frames wait in this transport: calls `flush` before the turn of the event loop ends. */
  awaitFlush(transport: TcpTransport): void;
  /** @returns whether the check belongs to a peer */
  onStun(datagram: Uint8Array, from: TcpTransport): boolean;
  onAdmitted(transport: TcpTransport): void;
  onClosed(transport: TcpTransport): void;
}

/** A connection opened by the peer: ICE-TCP, passive side (RFC 6544 §4.1). */
export class TcpTransport implements Transport {
  readonly protocol = 'tcp';
  readonly family: 'IPv4' | 'IPv6';
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly openedMs: number;
  readonly #owner: TcpTransportOwner;
  readonly #socket: Socket;
  #peer: Peer | undefined;
  #unverifiedBytes = 0;
  /** Frames not yet written. */
  #chunk = Buffer.alloc(0);
  #writtenTo = 0;
  #filledTo = 0;
  #isAwaitingFlush = false;
  /** The watched byte, counted from the connection's first, and since when it waits. */
  #watchedByte = 0;
  #watchedSinceMs = 0;
  #handedOverBytes = 0;

  constructor(owner: TcpTransportOwner, socket: Socket, remote: Pick<Transport, 'family' | 'address' | 'port'>) {
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
    // 'close' follows.
    socket.on('error', () => {});
  }

  get peer(): Peer | undefined {
    return this.#peer;
  }

  /** True after the connection ended. */
  get isCongested(): boolean {
    const socket = this.#socket;
    const waitingBytes = socket.writableLength;
    if (socket.destroyed || waitingBytes > MAX_QUEUED_BYTES) {
      return true;
    }
    return waitingBytes > 0 && this.#waitedMs(waitingBytes) > 2_000;
  }

  send(bytes: Uint8Array, offset: number, length: number): void {
    const needed = length + LENGTH_BYTES;
    // Twice the congestion limit: further packets are dropped.
    if (length > 0xffff || this.#socket.destroyed || this.#socket.writableLength > 2 * MAX_QUEUED_BYTES) {
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
    copyBytes(bytes, offset, offset + length, chunk, at + LENGTH_BYTES);
    this.#filledTo = at + needed;
    if (!this.#isAwaitingFlush) {
      this.#isAwaitingFlush = true;
      this.#owner.awaitFlush(this);
    }
  }

  sendPackets({ bytes, lengths }: PacketMemory, count: number): void {
    for (let i = 0; i < count; i += 1) {
      this.send(bytes, SLOT_BYTES * i, lengths[i] as number);
    }
  }

  /** Writes all frames since the last call at once. */
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
      former.onTransportClosed(this);
    } else if (!former) {
      this.#owner.onAdmitted(this);
    }
  }

  /** Sends the rest if the network accepts it now. */
  close(): void {
    this.#peer = undefined;
    this.flush();
    if (this.#socket.writableLength === 0) {
      this.#socket.destroySoon();
    } else {
      this.#socket.destroy();
    }
  }

  /** Closes a misbehaving connection. */
  end(reason: string): void {
    this.#owner.log.debug({ remote: addressOf(this), reason }, 'WebRTC TCP connection closed');
    this.#socket.destroy();
  }

  /** For the `FrameReader`. */
  onFrame(frame: Buffer): void {
    if (this.#socket.destroyed) {
      return;
    }
    if (isStun(frame)) {
      this.#owner.onStun(frame, this);
    } else if (this.#peer) {
      this.#peer.onDatagram(frame, this);
    } else {
      this.end('the first packet is not a connectivity check');
    }
  }

  #onData(reader: FrameReader, chunk: Buffer): void {
    if (!this.#peer) {
      this.#unverifiedBytes += chunk.length;
      if (this.#unverifiedBytes > MAX_UNVERIFIED_BYTES) {
        this.end(`${MAX_UNVERIFIED_BYTES} bytes without a passed connectivity check`);
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
    this.#peer?.onTransportClosed(this);
    this.#peer = undefined;
  }

  /** A lower bound for the oldest byte: one byte is watched until the kernel accepts it, then the next one. */
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
