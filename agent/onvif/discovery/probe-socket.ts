import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { LocalAddress } from './interfaces.ts';

export const DISCOVERY_PORT = 3702;
const GROUP = '239.255.255.250';
const GROUP_IPV6 = 'ff02::c';
/** Size of the receive buffer: many cameras answer at once with 1 to 3 kB each. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** The WS-Discovery group on one interface. */
export const groupOn = ({ family, name }: Pick<LocalAddress, 'family' | 'name'>): string =>
  family === 'IPv4' ? GROUP : `${GROUP_IPV6}%${name}`;

/** Linux keeps one membership for a link: a second address of it has joined as well. @throws Error for an unusable interface */
export function joinGroup(socket: Socket, group: string, address: string): void {
  try {
    socket.addMembership(group, address);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') {
      throw error;
    }
  }
}

type OnDatagram = (datagram: Uint8Array, from: RemoteInfo) => void;

/** Sends probes; closed by its opener. */
export interface ProbeSocket {
  /** Failures are logged: another network may work. */
  send(text: string, port: number, address: string): void;
  close(): void;
}

/**
 * Opens a socket on an address of this box for its network's group, or without an address for unicast. An unusable interface (no route,
 * removed) is logged and does not stop the others.
 * @param onReady called when it can send
 */
export function openProbeSocket(
  local: Pick<LocalAddress, 'name' | 'family' | 'address'> | 'IPv4' | 'IPv6',
  log: Logger,
  onDatagram: OnDatagram,
  onReady: (socket: ProbeSocket) => void = () => {},
): ProbeSocket {
  const family = typeof local === 'string' ? local : local.family;
  const socket = createSocket({ type: family === 'IPv4' ? 'udp4' : 'udp6', reuseAddr: true });
  let isOpen = true;
  const own: ProbeSocket = {
    send: (text, port, address) => {
      if (isOpen) {
        socket.send(text, port, address, (error) => {
          if (error && isOpen) {
            log.debug({ error: error.message, address }, 'sending a probe failed');
          }
        });
      }
    },
    close: () => {
      isOpen = false;
      socket.close();
    },
  };
  // The listener stays for the whole life of the socket: an error without a listener would end the program.
  socket.on('error', (error) => log.debug({ error: error.message }, 'cannot probe on this interface'));
  socket.on('message', onDatagram);
  const whenBound = () => {
    if (isOpen && prepare(socket, local, log)) {
      onReady(own);
    }
  };
  if (typeof local === 'string') {
    socket.bind(0, whenBound);
  } else {
    socket.bind(0, family === 'IPv4' ? local.address : `${local.address}%${local.name}`, whenBound);
  }
  return own;
}

function prepare(socket: Socket, local: Parameters<typeof openProbeSocket>[0], log: Logger): boolean {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    if (typeof local !== 'string') {
      socket.setMulticastInterface(local.family === 'IPv4' ? local.address : `::%${local.name}`);
      socket.setMulticastTTL(1);
    }
    return true;
  } catch (error) {
    log.debug({ error: explain(error) }, 'cannot probe on this interface');
    return false;
  }
}
