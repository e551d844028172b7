import { createCipheriv } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { BurstSender } from './burst-sender.ts';
import type { DatagramReceiver, ReceivedSink } from './datagram-receiver.ts';
import { descriptorOf } from './descriptor.ts';
import type { CipherFunctions, ReceiveFunctions, SocketFunctions } from './functions.ts';
import { GCM_KEY_BYTES, GCM_NONCE_BYTES, GcmCipher } from './gcm-cipher.ts';
import { PacketMemory, SLOT_BYTES } from './packet-memory.ts';
import { ReceivingSocket } from './receiving-socket.ts';
import { readSocketAddress, socketAddress } from './socket-address.ts';
import { StreamReader } from './stream-reader.ts';

const HEADER_BYTES = 12;
const PAYLOAD_BYTES = 100;
/** Packet sizes of a burst: two full packets and a shorter one. */
const BURST_BYTES = [PAYLOAD_BYTES, PAYLOAD_BYTES, 60];
/** The byte that fills each nonce. */
const GCM_NONCES = [2, 5];
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const TIMEOUT_MS = 1_000;
const POLL_MS = 10;
const LOOPBACK = '127.0.0.1';

/** Compares two packets with `node:crypto`: the second one has a nonce of its own. @throws Error if they differ */
export function checkGcm(functions: CipherFunctions): void {
  const memory = new PacketMemory(GCM_NONCES.length);
  const key = Buffer.alloc(GCM_KEY_BYTES, 1);
  const header = Buffer.alloc(HEADER_BYTES, 3);
  const source = Buffer.alloc(PAYLOAD_BYTES, 3);
  const cipher = new GcmCipher(functions, memory, HEADER_BYTES);
  cipher.useKey(key);
  cipher.useSource(source);
  for (const [i, byte] of GCM_NONCES.entries()) {
    const nonce = Buffer.alloc(GCM_NONCE_BYTES, byte);
    memory.bytes.set(header, SLOT_BYTES * i);
    cipher.seal(i, nonce, 0, PAYLOAD_BYTES);
    const expected = createCipheriv('aes-128-gcm', key, nonce).setAAD(header);
    const payload = Buffer.concat([expected.update(source), expected.final(), expected.getAuthTag()]);
    const sealed = Buffer.from(memory.bytes.buffer, SLOT_BYTES * i + HEADER_BYTES, payload.length);
    if (!sealed.equals(payload)) {
      throw new Error('AES-128-GCM gives wrong bytes');
    }
  }
}

/** Reads from a socket of this process. @throws Error if it does not get what was sent */
export function checkReceive(functions: ReceiveFunctions): void {
  const descriptors = new Int32Array(2);
  if (functions.socketpair(AF_UNIX, SOCK_STREAM, 0, functions.pointerTo(descriptors)) !== 0) {
    throw new Error(`the kernel refuses a pair of sockets (error ${functions.errno[0]})`);
  }
  const [from = -1, to = -1] = descriptors;
  try {
    const reader = new StreamReader(functions);
    const sent = Buffer.alloc(PAYLOAD_BYTES, 4);
    const before = reader.receive(to);
    writeSync(from, sent);
    const count = reader.receive(to);
    if (before !== -constants.errno.EAGAIN || !sent.equals(reader.buffer.subarray(0, Math.max(0, count)))) {
      throw new Error(`recv gives ${before}, then ${count} for ${sent.length} bytes`);
    }
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** Sends one burst over loopback. @throws Error if its packets do not arrive as sent */
export async function checkBurst(functions: SocketFunctions): Promise<void> {
  const memory = new PacketMemory(BURST_BYTES.length);
  const expected = BURST_BYTES.map((length, i) => {
    memory.lengths[i] = length;
    memory.bytes.fill(i + 1, SLOT_BYTES * i, SLOT_BYTES * i + length);
    return Buffer.alloc(length, i + 1);
  });
  const [from, to] = [createSocket('udp4'), createSocket('udp4')];
  try {
    const [descriptor, port] = await Promise.all([bind(from).then(() => descriptorOf(from)), bind(to)]);
    const address = socketAddress(LOOPBACK, port);
    if (descriptor < 0 || !address) {
      throw new Error("Node's socket has no descriptor");
    }
    const sender = new BurstSender(functions, memory);
    const errno = sender.send(descriptor, address, 0, sender.countBurst(0, BURST_BYTES.length));
    if (errno !== 0) {
      throw new Error(`the kernel rejects UDP_SEGMENT (error ${errno})`);
    }
    const received = await receive(to, BURST_BYTES.length);
    if (received.length < BURST_BYTES.length) {
      throw new Error('a burst over loopback does not arrive');
    }
    if (!received.every((packet, i) => packet.equals(expected[i] as Buffer))) {
      throw new Error('a burst over loopback arrives changed');
    }
  } finally {
    from.close();
    to.close();
  }
}

/** Receives two datagrams over loopback. @throws Error if they do not arrive as sent */
export async function checkDatagrams(receiver: DatagramReceiver): Promise<void> {
  const [from, to] = [createSocket('udp4'), createSocket('udp4')];
  try {
    const [sentFrom, port] = await Promise.all([bind(from), bind(to)]);
    const receiving = ReceivingSocket.of(to);
    if (!receiving) {
      throw new Error("Node's socket has no descriptor");
    }
    receiving.pause();
    const sent = [Buffer.alloc(PAYLOAD_BYTES, 1), Buffer.alloc(1, 2)];
    for (const datagram of sent) {
      await new Promise((resolve) => from.send(datagram, port, LOOPBACK, resolve));
    }
    const received: string[] = [];
    const onReceived: ReceivedSink['onReceived'] = (bytes, start, end, senders, senderAt) => {
      const { address, port: senderPort } = readSocketAddress(senders, senderAt);
      received.push(`${address}:${senderPort} ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`);
    };
    for (let waitedMs = 0; received.length < sent.length && waitedMs < TIMEOUT_MS; waitedMs += POLL_MS) {
      receiver.receive(receiving.descriptor, { onReceived });
      // The kernel may deliver the datagrams later.
      await new Promise((resolve) => setTimeout(resolve, received.length < sent.length ? POLL_MS : 0));
    }
    if (received.join() !== sent.map((datagram) => `${LOOPBACK}:${sentFrom} ${datagram.toString('hex')}`).join()) {
      throw new Error('datagrams over loopback arrive changed, or not at all');
    }
  } finally {
    from.close();
    to.close();
  }
}

async function bind(socket: Socket): Promise<number> {
  const listening = once(socket, 'listening');
  socket.bind(0, LOOPBACK);
  await listening;
  socket.on('error', () => {});
  return socket.address().port;
}

/** @returns the packets; fewer than `count` after a timeout */
function receive(socket: Socket, count: number): Promise<Buffer[]> {
  return new Promise((resolve) => {
    const packets: Buffer[] = [];
    // After a long turn of the event loop the timer fires before packets that have arrived are read.
    const timer = setTimeout(() => setImmediate(resolve, packets), TIMEOUT_MS);
    socket.on('message', (packet) => {
      packets.push(packet);
      if (packets.length === count) {
        clearTimeout(timer);
        resolve(packets);
      }
    });
  });
}
