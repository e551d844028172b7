import type { Socket } from 'node:dgram';
import type { Socket as TcpSocket } from 'node:net';
import { isDumpedUdp } from '../base/packet-dump/dump-connections.ts';

/** Node's internal handle of a socket, which has no public name. */
export interface SocketHandle {
  /** File descriptor; negative: closed. */
  readonly fd: number;
  recvStart(): unknown;
  recvStop(): unknown;
}

/** Finds Node's handle of a bound socket. @returns undefined if it is not found, or Node has to read and send because packets are dumped */
export function handleOf(socket: Socket): SocketHandle | undefined {
  if (isDumpedUdp(socket)) {
    return undefined;
  }
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const state: unknown = Reflect.get(socket, symbol);
    const handle = (state as { handle?: Partial<SocketHandle> } | undefined)?.handle;
    if (typeof handle?.fd === 'number' && handle.fd >= 0 && handle.recvStart && handle.recvStop) {
      return handle as SocketHandle;
    }
  }
  return undefined;
}

/** Finds the file descriptor of a bound socket. @returns -1: not found */
export const descriptorOf = (socket: Socket): number => handleOf(socket)?.fd ?? -1;

/** Finds the file descriptor of an open connection in Node's handle. @returns -1: closed, or not found */
export function tcpDescriptorOf(socket: TcpSocket): number {
  const fd = (socket as { _handle?: { fd?: unknown } | null })._handle?.fd;
  return typeof fd === 'number' ? fd : -1;
}
