import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4, isIPv6 } from 'node:net';
import { PerchError } from '../errors.ts';

/** A large key frame, or one of 4 Mbit/s video for ten viewers, arrives and leaves in one burst. */
const BUFFER_BYTES = 1 << 20;

/** Opens a server's UDP port. @throws Node's error if the address cannot be bound */
export async function bindUdp(address: string, port: number, recvBufferSize = BUFFER_BYTES): Promise<Socket> {
  const family = isIPv4(address) ? 4 : 6;
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    recvBufferSize,
    sendBufferSize: BUFFER_BYTES,
    // Addresses are numeric: the default lookup would delay each packet to the next turn of the event loop.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  try {
    const listening = once(socket, 'listening');
    socket.bind({ address, port, exclusive: true });
    await listening;
  } catch (cause) {
    socket.close();
    throw cause;
  }
  // The peer is unreachable at the moment, and the packet is lost.
  socket.on('error', () => {});
  return socket;
}

/**
 * A server's port on one address, or on all of them: then IPv4 is first.
 * @param key of the setting, for messages
 * @param recvBufferSize 0: the size of a large key frame
 * @throws PerchError if the address is not numeric or cannot be bound
 */
export async function openUdpPort(key: string, host: string, port: number, recvBufferSize = 0): Promise<Socket[]> {
  if (host !== '' && !isIPv4(host) && !isIPv6(host)) {
    throw new PerchError('badInput', `${key} '${host}' is not numeric: write for example :8000 or 192.168.1.2:8000`);
  }
  const open = (ip: string, number: number) =>
    bindUdp(ip, number, recvBufferSize > 0 ? recvBufferSize : undefined).catch((cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const text = isTaken
        ? `UDP port ${number} is taken by another program: stop it or change ${key}`
        : `cannot open UDP port ${number} (${key})`;
      throw new PerchError('unavailable', text, { port: number }, isTaken ? undefined : cause);
    });
  if (host !== '') {
    return [await open(host, port)];
  }
  const first = await open('0.0.0.0', port);
  // The kernel may lack IPv6.
  const second = await open('::', first.address().port).catch(() => undefined);
  return second ? [first, second] : [first];
}

/** Peers by address, then port, so that no string is built to find one. */
export class PeerTable<Peer> {
  readonly #byIp = new Map<string, Map<number, Peer>>();

  get isEmpty(): boolean {
    return this.#byIp.size === 0;
  }

  get(ip: string, port: number): Peer | undefined {
    return this.#byIp.get(ip)?.get(port);
  }

  countAt(ip: string): number {
    return this.#byIp.get(ip)?.size ?? 0;
  }

  set(ip: string, port: number, peer: Peer): void {
    const ports = this.#byIp.get(ip) ?? new Map<number, Peer>();
    this.#byIp.set(ip, ports);
    ports.set(port, peer);
  }

  /** Unless another peer has taken the port. */
  delete(ip: string, port: number, peer: Peer): void {
    const ports = this.#byIp.get(ip);
    if (ports?.get(port) === peer) {
      ports.delete(port);
      if (ports.size === 0) {
        this.#byIp.delete(ip);
      }
    }
  }
}
