import { createSocket, type RemoteInfo } from 'node:dgram';
import type { Clock } from '../../../base/clock.ts';
import type { DefaultRoute } from './contract.ts';

const SSDP_PORT = 1900;
const GROUP = '239.255.255.250';
/** UPnP Device Architecture 1.1 §1.3.2; version 1 also finds devices of version 2. */
const TARGETS = [
  'urn:schemas-upnp-org:device:InternetGatewayDevice:1',
  'urn:schemas-upnp-org:service:WANIPConnection:1',
  'urn:schemas-upnp-org:service:WANPPPConnection:1',
];
/** When the search is sent, since its beginning, and its end. */
const ROUNDS_MS = [0, 500, 1_500];
const LISTEN_MS = 2_500;

interface SearchOptions extends DefaultRoute {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly port?: number;
  /** Tests on loopback have no group. */
  readonly isUnicastOnly?: boolean;
}

/**
 * Searches the network's router, in its group and at its own address.
 * @returns the address of its description, or undefined if it does not speak UPnP; answers of other devices are ignored
 */
export async function findGateway(options: SearchOptions, signal: AbortSignal): Promise<URL | undefined> {
  const { clock, own, gateway, port = SSDP_PORT, isUnicastOnly = false } = options;
  const over = new AbortController();
  const stop = (): void => over.abort();
  signal.addEventListener('abort', stop, { once: true });
  const socket = createSocket('udp4');
  let found: URL | undefined;
  let replies = 0;
  socket.on('message', (datagram, from) => {
    replies += 1;
    found ??= locationOf(datagram, from, gateway);
    if (found || replies > 32) {
      stop();
    }
  });
  socket.on('error', stop);
  try {
    await new Promise<void>((resolve) => {
      over.signal.addEventListener('abort', () => resolve(), { once: true });
      socket.bind(0, own, () => {
        socket.setMulticastInterface(own);
        socket.setMulticastTTL(2);
        resolve();
      });
    });
    let passedMs = 0;
    for (const atMs of [...ROUNDS_MS, LISTEN_MS]) {
      await clock.sleep(atMs - passedMs, over.signal);
      passedMs = atMs;
      if (over.signal.aborted || signal.aborted || atMs === LISTEN_MS) {
        break;
      }
      for (const host of isUnicastOnly ? [gateway] : [GROUP, gateway]) {
        for (const target of TARGETS) {
          // A router that refuses the port, or an interface that has gone.
          socket.send(writeSearch(target), port, host, () => {});
        }
      }
    }
    return found;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.removeAllListeners().on('error', () => {});
    socket.close();
  }
}

const writeSearch = (target: string): string =>
  ['M-SEARCH * HTTP/1.1', `HOST: ${GROUP}:${SSDP_PORT}`, 'MAN: "ssdp:discover"', 'MX: 1', `ST: ${target}`, '', ''].join(
    '\r\n',
  );

/** The description's address in the reply of the router itself: any device in the network can send replies. Never throws. */
export function locationOf(datagram: Uint8Array, from: Pick<RemoteInfo, 'address'>, gateway: string): URL | undefined {
  if (from.address !== gateway || datagram.length > 2_048) {
    return undefined;
  }
  const [first = '', ...lines] = Buffer.from(datagram).toString('latin1').split('\r\n', 64);
  const field = (name: string): string =>
    lines
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim() ?? '';
  if (!/^HTTP\/1\.[01] 200/i.test(first) || !/InternetGatewayDevice|WAN(?:IP|PPP)Connection/.test(field('st'))) {
    return undefined;
  }
  return ofGateway(field('location'), gateway);
}

/** A URL at the router itself by http, or undefined. @param base of a relative one */
export function ofGateway(text: string, gateway: string, base?: URL): URL | undefined {
  if (text === '' || !URL.canParse(text, base?.href)) {
    return undefined;
  }
  const url = new URL(text, base?.href);
  const isPlain = url.protocol === 'http:' && url.username === '' && url.password === '';
  return isPlain && url.hostname === gateway ? url : undefined;
}
