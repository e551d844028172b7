import { randomUUID } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { PerchError } from '../../agent/base/errors.ts';
import { writeProbeMatches } from '../../agent/demo-camera/onvif-replies.ts';
import { parseSoapRequest } from '../../agent/demo-camera/onvif-server.ts';
import { devicePathOf } from './services/device-service.ts';
import type { CameraState } from './state.ts';

const GROUP = '239.255.255.250';
const GROUP_IPV6 = 'ff02::c';
const OWN_TYPES = ['dn:NetworkVideoTransmitter', 'tds:Device'];

/** A camera's WS-Discovery: answers all probes, and sends Hello and Bye. */
export class DiscoverySide {
  readonly port: number;
  readonly #state: CameraState;
  readonly #address: string;
  readonly #sockets: Socket[] = [];

  constructor(state: CameraState, address: string, port: number) {
    this.#state = state;
    this.#address = address;
    this.port = port;
  }

  async open(): Promise<void> {
    const group = this.#isIPv6 ? `${GROUP_IPV6}%${this.#address.split('%')[1] ?? ''}` : GROUP;
    const isEverywhere = this.#address === '0.0.0.0';
    // Bound to the group, so that cameras at several addresses of a machine do not take each other's datagrams.
    await this.#listen(this.#isIPv6 ? '::' : group, (socket) => {
      const interfaces = isEverywhere ? ownAddresses().map(({ address }) => address) : [this.#address];
      for (const each of interfaces) {
        socket.addMembership(this.#isIPv6 ? GROUP_IPV6 : group, this.#isIPv6 ? `::%${each.split('%')[1] ?? ''}` : each);
      }
    });
    await this.#listen(this.#address, (socket) => {
      if (!this.#isIPv6 && !isEverywhere) {
        socket.setMulticastInterface(this.#address);
      }
    });
  }

  close(): void {
    for (const socket of this.#sockets.splice(0)) {
      socket.close();
    }
  }

  async say(kind: 'Hello' | 'Bye'): Promise<void> {
    const socket = this.#sockets[1];
    const group = this.#isIPv6 ? `${GROUP_IPV6}%${this.#address.split('%')[1] ?? ''}` : GROUP;
    const { identity } = this.#state;
    const own = this.#address === '0.0.0.0' ? ownAddresses().at(-1)?.address : this.#address;
    const text = writeProbeMatches(`urn:uuid:${randomUUID()}`, '', identity, this.#ownUrl(own ?? ''))
      .replace('discovery/ProbeMatches<', `discovery/${kind}<`)
      .replace(/<a:RelatesTo>.*?<\/a:RelatesTo>/, '')
      .replace(/<d:ProbeMatches><d:ProbeMatch>/, `<d:${kind}>`)
      .replace(/<\/d:ProbeMatch><\/d:ProbeMatches>/, `</d:${kind}>`);
    const said = this.#state.quirks.leavesOutXaddrsInHello ? text.replace(/<d:XAddrs>.*?<\/d:XAddrs>/, '') : text;
    await new Promise<void>((resolve) => {
      if (socket) {
        // A camera that loses its network cannot say so.
        socket.send(said, this.port, group, () => resolve());
      } else {
        resolve();
      }
    });
  }

  get #isIPv6(): boolean {
    return this.#address.includes(':');
  }

  async #listen(address: string, join: (socket: Socket) => void): Promise<void> {
    const socket = createSocket({ type: this.#isIPv6 ? 'udp6' : 'udp4', reuseAddr: true });
    this.#sockets.push(socket);
    const isMulticast = this.#sockets.length === 1;
    socket.on('message', (datagram, from) => {
      if (!isMulticast || !this.#state.quirks.isDeafToMulticast) {
        this.#answer(datagram, from);
      }
    });
    socket.bind({ port: this.port, address });
    await once(socket, 'listening');
    join(socket);
  }

  #answer(datagram: Uint8Array, from: RemoteInfo): void {
    const { quirks, clock } = this.#state;
    const id = wantedBy(datagram, quirks.types ?? OWN_TYPES);
    if (id === undefined) {
      return;
    }
    const replies = [...(quirks.saysFirst ?? []).map((text) => text.replaceAll('ID', id)), ...this.#answers(id, from)];
    const send = () => {
      for (const reply of replies) {
        // The camera may be closed meanwhile.
        this.#sockets[1]?.send(reply, from.port, from.address, () => {});
      }
    };
    if (quirks.answersAfterMs === undefined) {
      send();
    } else {
      void clock.sleep(quirks.answersAfterMs, new AbortController().signal).then(send);
    }
  }

  #answers(id: string, from: RemoteInfo): string[] {
    const { quirks, identity } = this.#state;
    const own = this.#address === '0.0.0.0' ? addressToward(from.address) : this.#address;
    const filled = (text: string): string => {
      const url = this.#ownUrl(own);
      const { port, pathname } = new URL(url);
      return text.replace('HOST', own).replace('PORT', port).replace('/PATH', pathname);
    };
    const sets = quirks.answersForEach?.map((each) => [each]) ?? [quirks.xaddrs ?? [this.#ownUrl(own)]];
    const answers = sets.map((xaddrs) => {
      const who = quirks.leavesOutScopes ? { ...identity, scopes: [] } : identity;
      let text = writeProbeMatches(`urn:uuid:${randomUUID()}`, id, who, xaddrs.map(filled).join(' '));
      if (quirks.types) {
        text = text.replace(/<d:Types>.*?<\/d:Types>/, `<d:Types>${quirks.types.join(' ')}</d:Types>`);
      }
      if (quirks.isBundledWith) {
        const { endpoint, xaddr } = quirks.isBundledWith;
        const other = { ...identity, endpoint };
        const [match = ''] = /<d:ProbeMatch>.*<\/d:ProbeMatch>/s.exec(writeProbeMatches('', '', other, xaddr)) ?? [];
        text = text.replace('<d:ProbeMatches>', `<d:ProbeMatches>${match}`);
      }
      text = quirks.leavesOutRelatesTo ? text.replace(/<a:RelatesTo>.*?<\/a:RelatesTo>/, '') : text;
      const missing = (quirks.answerBytes ?? 0) - text.length;
      return missing > 0 ? text.replace('<s:Body>', `<s:Body><!--${' '.repeat(missing)}-->`) : text;
    });
    return quirks.answersTwice ? [...answers, ...answers] : answers;
  }

  #ownUrl(address: string): string {
    // Without the zone: it means something on the own machine alone.
    const host = address.includes(':') ? `[${address.split('%')[0]}]` : address;
    return `http://${host}:${this.#state.httpPort}${devicePathOf(this.#state)}`;
  }
}

/** The message id of a probe that such a device answers. */
function wantedBy(datagram: Uint8Array, types: readonly string[]): string | undefined {
  try {
    const { operation, argument } = parseSoapRequest(datagram);
    const wanted = (argument('Types') ?? '').split(/\s+/).filter((type) => type !== '');
    const names = types.map((type) => type.split(':').at(-1));
    const isWanted = wanted.every((type) => names.includes(type.split(':').at(-1)));
    return operation === 'Probe' && isWanted ? (argument('MessageID') ?? '') : undefined;
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

const ownAddresses = () =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4');

/** The own address in the network of the other. */
function addressToward(other: string): string {
  const near = ownAddresses().find(({ address, cidr }) => {
    const network = new BlockList();
    network.addSubnet(address, Number(cidr?.split('/')[1] ?? 32), 'ipv4');
    return network.check(other, 'ipv4');
  });
  return near?.address ?? '127.0.0.1';
}
