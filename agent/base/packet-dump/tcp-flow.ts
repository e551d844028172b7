import { ACK, type Address, FIN, PSH, SYN, tcpFrame } from './frames.ts';
import type { DumpFile } from './packet-dump.ts';
import { packetBlock, secretsBlock } from './pcapng.ts';

/** An IP packet has at most 65,535 bytes. */
const MAX_SEGMENT_BYTES = 60_000;
/** Packets before the keys of TLS; a peer that never completes its handshake must not fill the memory. */
const MAX_HELD_BLOCKS = 200;
const NOTHING = new Uint8Array(0);

interface End {
  readonly address: Address;
  /** Sequence number of its next byte. */
  next: number;
}

/** One TCP connection in its file: the bytes that Perch reads and writes, as segments with a made-up handshake. */
export class TcpFlow {
  readonly #file: DumpFile;
  readonly #local: End;
  readonly #remote: End;
  /** Packets that follow the keys of TLS, because a reader decrypts in one pass. Undefined: none are held. */
  #held: Buffer[] | undefined;

  constructor(file: DumpFile, local: Address, remote: Address, isServer: boolean) {
    this.#file = file;
    this.#local = { address: local, next: isServer ? 2_000 : 1_000 };
    this.#remote = { address: remote, next: isServer ? 1_000 : 2_000 };
    const [client, server] = isServer ? [this.#remote, this.#local] : [this.#local, this.#remote];
    this.#segment(client, server, SYN, NOTHING);
    client.next += 1;
    this.#segment(server, client, SYN | ACK, NOTHING);
    server.next += 1;
    this.#segment(client, server, ACK, NOTHING);
  }

  received(bytes: Uint8Array): void {
    this.#bytes(this.#remote, this.#local, bytes);
  }

  sent(bytes: Uint8Array): void {
    this.#bytes(this.#local, this.#remote, bytes);
  }

  receivedEnd(): void {
    this.#end(this.#remote, this.#local);
  }

  sentEnd(): void {
    this.#end(this.#local, this.#remote);
  }

  /** Packets wait for the keys until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  secret(line: Uint8Array): void {
    this.#file.write(secretsBlock(line));
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const block of held) {
      this.#file.writeTaken(block);
    }
  }

  close(): void {
    this.release();
    void this.#file.end();
  }

  #bytes(from: End, to: End, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += MAX_SEGMENT_BYTES) {
      const part = bytes.subarray(at, at + MAX_SEGMENT_BYTES);
      this.#segment(from, to, PSH | ACK, part);
      from.next = (from.next + part.length) >>> 0;
    }
  }

  #end(from: End, to: End): void {
    this.#segment(from, to, FIN | ACK, NOTHING);
    from.next = (from.next + 1) >>> 0;
  }

  #segment(from: End, to: End, flags: number, payload: Uint8Array): void {
    const fields = { sequence: from.next, acknowledged: (flags & ACK) === 0 ? 0 : to.next, flags };
    const block = packetBlock(this.#file.dump.nowUs, tcpFrame(from.address, to.address, fields, payload));
    if (!this.#held) {
      this.#file.write(block);
      return;
    }
    if (this.#file.take(block)) {
      this.#held.push(block);
    }
    if (this.#held.length > MAX_HELD_BLOCKS) {
      this.release();
    }
  }
}
