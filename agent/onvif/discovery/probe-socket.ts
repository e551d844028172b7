import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { explain } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { LocalAddress } from './interfaces.ts';

/** The port that devices listen on for probes. */
export const DISCOVERY_PORT = 3702;
const GROUP = '239.255.255.250';
const GROUP_IPV6 = 'ff02::c';
/** Many cameras answer at once, 1 to 3 kB each; the system gives what it allows. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** How an address of WS-Discovery's group is called on one interface. */
export const groupOn = ({ family, name }: Pick<LocalAddress, 'family' | 'name'>): string =>
  family === 'IPv4' ? GROUP : `${GROUP_IPV6}%${name}`;

export type OnDatagram = (datagram: Uint8Array, from: RemoteInfo) => void;

/** A socket that asks and hears the answers; it is closed by whoever opened it. */
export interface ProbeSocket {
  /** A failure is one line of the log: another network may work. */
  send(text: string, port: number, address: string): void;
  close(): void;
}

/**
 * Opens a socket on an address of this machine, for its network's group; without one, for single addresses anywhere.
 * An interface that cannot be used (no route, gone meanwhile) must not end the look at the others: it is told by the log.
 * @param onReady called when it can send; what is sent before waits
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
            log.debug({ error: error.message, address }, 'a probe could not be sent');
          }
        });
      }
    },
    close: () => {
      isOpen = false;
      socket.close();
    },
  };
  // For its whole life: an error without a listener would end the program.
  socket.on('error', (error) => log.debug({ error: error.message }, 'cannot look for cameras here'));
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
    log.debug({ error: explain(error) }, 'cannot look for cameras here');
    return false;
  }
}
