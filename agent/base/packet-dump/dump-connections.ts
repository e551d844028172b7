import type { Socket as UdpSocket } from 'node:dgram';
import { connect, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket, Server as TlsServer } from 'node:tls';
import { DumpedSocket, lendAddresses } from './dumped-socket.ts';
import { udpFrame } from './frames.ts';
import type { PacketDump } from './packet-dump.ts';
import { packetBlock } from './pcapng.ts';

/** Undefined: `dumpPackets` is off. One for the process, because sockets are opened in many places. */
let dump: PacketDump | undefined;
/** Open servers with the prefixes of their files. */
const servers = new Map<Server, string>();
const watched = new WeakSet<Server>();
const dumpedUdp = new WeakSet<UdpSocket>();

/** Applies to connections that are opened from now on, and to UDP sockets. */
export function setPacketDump(next: PacketDump | undefined): void {
  dump = next;
  for (const [server, prefix] of servers) {
    watch(server, prefix);
  }
}

/** The server's connections are dumped from now on, whenever `dumpPackets` is on. With TLS behind a plain server, it is named for both. */
export function dumpServer(server: Server, prefix: string): void {
  servers.set(server, prefix);
  server.once('close', () => servers.delete(server));
  watch(server, prefix);
}

/** As `connect` of node:net. */
export function openTcp(options: NetConnectOpts, prefix: string): Socket {
  if (!dump) {
    return connect(options);
  }
  const { onread: _, ...rest } = options;
  return new DumpedSocket(connect(rest), prefix, false, dump) as unknown as Socket;
}

/** As `connect` of node:tls. */
export function openTls(options: ConnectionOptions & NetConnectOpts, prefix: string): TLSSocket {
  if (!dump) {
    return connectTls(options);
  }
  const { onread: _, ...rest } = options;
  const below = new DumpedSocket(connect(rest), prefix, false, dump);
  const secure = connectTls({ ...rest, socket: below });
  below.once('connect', () => {
    below.flow?.hold();
    // Node passes it on from a system's socket alone.
    secure.emit('connect');
  });
  secure.on('keylog', (line) => below.flow?.secret(line));
  secure.once('secureConnect', () => below.flow?.release());
  lendAddresses(secure, below);
  return secure;
}

/** Dumps a bound UDP socket from now on, if `dumpPackets` is on. */
export function dumpDatagrams(socket: UdpSocket, prefix: string): void {
  const file = dump?.open(prefix);
  if (!file) {
    return;
  }
  dumpedUdp.add(socket);
  const local = (): { ip: string; port: number } => {
    const { address, port } = socket.address();
    return { ip: address, port };
  };
  socket.prependListener('message', (datagram, { address, port }) =>
    file.write(packetBlock(file.dump.nowUs, udpFrame({ ip: address, port }, local(), datagram))),
  );
  const send = socket.send.bind(socket) as (...args: unknown[]) => void;
  // `send(bytes, port, ip)` or `send(bytes, start, length, port, ip)`, with or without a callback.
  socket.send = (bytes: Uint8Array, ...rest: unknown[]): void => {
    const [start, length, port, ip] = typeof rest[1] === 'number' ? rest : [0, bytes.length, ...rest];
    const part = bytes.subarray(Number(start), Number(start) + Number(length));
    send(bytes, ...rest);
    const to = { ip: String(ip), port: Number(port) };
    file.write(packetBlock(file.dump.nowUs, udpFrame(local(), to, part)));
  };
  socket.once('close', () => void file.end());
}

/** Node alone has to read and send for such a socket. */
export const isDumpedUdp = (socket: UdpSocket): boolean => dumpedUdp.has(socket);

const onKeyLog = (line: Buffer, secure: TLSSocket): void => below(secure)?.flow?.secret(line);

/**
 * Gives the server's listeners the sockets that are dumped, in place of those that the system accepts. It stays when `dumpPackets` is
 * switched off: connections whose handshake has begun still need their addresses.
 */
function watch(server: Server, prefix: string): void {
  if (!dump || watched.has(server)) {
    return;
  }
  watched.add(server);
  const isTls = server instanceof TlsServer;
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  if (isTls) {
    server.on('keylog', onKeyLog);
  }
  const taken = (event: string | symbol, args: unknown[]): unknown[] => {
    const [socket] = args;
    if (event === 'connection' && dump) {
      const dumped =
        socket instanceof DumpedSocket
          ? socket
          : new DumpedSocket(socket as Socket, servers.get(server) ?? prefix, true, dump);
      if (isTls) {
        dumped.flow?.hold();
      }
      return [dumped];
    }
    const secure = (event === 'secureConnection' ? socket : event === 'tlsClientError' ? args[1] : undefined) as
      | TLSSocket
      | undefined;
    const plain = secure && below(secure);
    if (secure && plain) {
      plain.flow?.release();
      lendAddresses(secure, plain);
    }
    return args;
  };
  server.emit = (event: string | symbol, ...args: unknown[]) => emit(event, ...taken(event, args));
}

/** The stream below TLS, for which Node has no public name. */
function below(secure: Socket): DumpedSocket | undefined {
  const { _handle: handle } = secure as Socket & Internals;
  const stream = handle?._parentWrap?.stream;
  return stream instanceof DumpedSocket ? stream : undefined;
}

interface Internals {
  readonly _handle?: { readonly _parentWrap?: { readonly stream?: unknown } } | null;
}
