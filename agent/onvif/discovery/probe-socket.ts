import { createSocket, type RemoteInfo } from 'node:dgram';
import type { Logger } from '../../base/log.ts';
import { groupOn, type Link, MulticastSocket } from '../../base/network/multicast-socket.ts';

export const DISCOVERY_PORT = 3702;
/** Size of the receive buffer: many cameras answer at once with 1 to 3 kB each. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** The WS-Discovery group on one interface. */
export const discoveryGroup = (link: Link): string => groupOn(link, { IPv4: '239.255.255.250', IPv6: 'ff02::c' });

type OnDatagram = (datagram: Uint8Array, from: RemoteInfo) => void;

/** Sends probes; closed by its opener. */
export interface ProbeSocket {
  /** Failures are logged: another network may work. */
  send(text: string, port: number, address: string): void;
  close(): void;
}

/**
 * Opens a socket on an address of this box for its network's group. An unusable interface (no route, removed) is logged and does not stop
 * the others.
 * @param onReady called when it can send
 */
export function openProbeSocket(
  link: Link,
  log: Logger,
  onDatagram: OnDatagram,
  onReady: (socket: ProbeSocket) => void = () => {},
): ProbeSocket {
  const socket = new MulticastSocket(link, {
    ttl: 1,
    prepare: (bound) => bound.setRecvBufferSize(RECEIVE_BUFFER_BYTES),
    onMessage: onDatagram,
    onError: (error) => log.debug({ error: error.message }, 'cannot probe on this interface'),
  });
  const own = {
    send: (text: string, port: number, address: string) => {
      void socket.send(text, port, address).then((error) => {
        if (error && !socket.isClosed) {
          log.debug({ error: error.message, address }, 'sending a probe failed');
        }
      });
    },
    close: () => socket.close(),
  };
  void socket.opened.then((isReady) => isReady && onReady(own));
  return own;
}

/** Opens a socket for probes of single addresses. */
export function openUnicastSocket(family: Link['family'], log: Logger, onDatagram: OnDatagram): ProbeSocket {
  const type = family === 'IPv4' ? 'udp4' : 'udp6';
  const socket = createSocket({ type, recvBufferSize: RECEIVE_BUFFER_BYTES }, onDatagram);
  socket.on('error', (error) => log.debug({ error: error.message }, 'cannot probe single addresses'));
  socket.bind(0);
  let isOpen = true;
  return {
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
}
