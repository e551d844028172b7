import { lookup } from 'node:dns/promises';
import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { systemInterfaces } from '../../base/network/interfaces.ts';
import { canonicalIp } from '../../base/network/ip-address.ts';
import { familyOf, interfacesTowards, isGroup, isSourceSpecific, joinAll } from './multicast.ts';
import { UdpSocket } from './udp-socket.ts';

/** Chooses all interfaces in `interfacesTowards`. */
const THIS_MACHINE = '127.0.0.1';

/** Where a source waits for datagrams. */
interface UdpAddress {
  /** Name or IP address, of this box or of a multicast group. */
  readonly host: string;
  readonly port: number;
  /** IP address of the sender; others are ignored. Undefined for any sender. */
  readonly source: string | undefined;
  /** Name of the interface on which a group is joined, or undefined for all. */
  readonly networkInterface: string | undefined;
  /** Of the file of `dumpPackets`. */
  readonly dumpPrefix: string;
}

/** Parses `udp+rtp://238.0.0.1:5004?interface=eth0&source=192.168.1.20`. @throws PerchError badInput */
export function parseUdpUrl(text: string): UdpAddress {
  const url = new URL(text);
  const port = Number(url.port);
  if (url.hostname === '' || !(port > 0)) {
    const message = `${url.protocol}// needs an address and a port, such as ${url.protocol}//0.0.0.0:5004`;
    throw new PerchError('badInput', message);
  }
  const wanted = url.searchParams.get('source') ?? '';
  const source = wanted === '' ? undefined : canonicalIp(wanted);
  if (wanted !== '' && source === undefined) {
    throw new PerchError('badInput', `source=${wanted.slice(0, 60)} is not an IP address`);
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    source,
    networkInterface: url.searchParams.get('interface') || undefined,
    dumpPrefix: `${url.protocol === 'udp+rtp:' ? 'rtp' : 'mpegts'}_source_packet_conn`,
  };
}

/**
 * Binds the port, and joins the group.
 * @param readBufferBytes 0: chosen by Perch
 * @throws PerchError unavailable
 */
export async function listenUdp(address: UdpAddress, readBufferBytes: number, clock: Clock): Promise<UdpSocket> {
  const { host, port, source, dumpPrefix } = address;
  let socket: UdpSocket | undefined;
  try {
    const ip = canonicalIp(host) ?? (await lookup(host)).address;
    const isShared = isGroup(ip);
    // The socket is bound to the group: it receives no datagrams for the port at other addresses.
    const bind = { family: familyOf(ip), address: ip, port, isShared };
    socket = await UdpSocket.open(bind, dumpPrefix, readBufferBytes, clock);
    if (isShared) {
      joinAll([socket], ip, interfacesOf(address, familyOf(ip)), isSourceSpecific(ip) ? source : undefined);
    }
    socket.listenTo({ ips: source === undefined ? undefined : [source], ports: [] });
    return socket;
  } catch (cause) {
    socket?.close();
    throw new PerchError('unavailable', `UDP ${host}:${port} cannot be opened`, { host, port }, cause);
  }
}

function interfacesOf({ networkInterface, source }: UdpAddress, family: 4 | 6): readonly string[] {
  const all = systemInterfaces();
  if (networkInterface === undefined) {
    return interfacesTowards(source ?? THIS_MACHINE, family, all);
  }
  if (!Object.hasOwn(all, networkInterface)) {
    throw new PerchError('badInput', `there is no network interface '${networkInterface.slice(0, 60)}'`);
  }
  return interfacesTowards(THIS_MACHINE, family, { [networkInterface]: all[networkInterface] });
}
