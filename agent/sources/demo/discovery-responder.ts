import { randomUUID } from 'node:crypto';
import { unlessExpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { MulticastSocket } from '../../base/network/multicast-socket.ts';
import { DEMO_IDENTITY, writeProbeMatches } from './onvif-replies.ts';
import { parseSoapRequest } from './onvif-server.ts';

const DISCOVERY_GROUP = '239.255.255.250';
export const DISCOVERY_PORT = 3702;
const TYPES = /(^|[\s:])(NetworkVideoTransmitter|Device)(\s|$)/;

/**
 * Answers WS-Discovery probes from this box's loopback only: the demo camera is not on the LAN.
 * A port that cannot be opened is logged; the camera works without discovery.
 * @returns a function that stops it
 */
export async function startDiscoveryResponder(port: number, deviceUrl: string, log: Logger): Promise<() => void> {
  const loopback = { name: 'lo', family: 'IPv4', address: '127.0.0.1' } as const;
  const socket: MulticastSocket = new MulticastSocket(loopback, {
    group: DISCOVERY_GROUP,
    port,
    ttl: 1,
    onMessage: (datagram, from) => {
      const reply = from.address.startsWith('127.') ? answerProbe(datagram, deviceUrl) : undefined;
      if (reply !== undefined) {
        void socket.send(reply, from.port, from.address);
      }
    },
    onError: (error) => log.warn({ error: error.message, port }, 'the demo camera cannot be discovered'),
  });
  await socket.opened;
  return () => socket.close();
}

/** The answer to a datagram; undefined when it is not a probe, or one for other devices. */
function answerProbe(datagram: Uint8Array, deviceUrl: string): string | undefined {
  const request = unlessExpected(() => parseSoapRequest(datagram));
  const types = request?.argument('Types') ?? '';
  if (request?.operation !== 'Probe' || (types !== '' && !TYPES.test(types))) {
    return undefined;
  }
  const messageId = (request.argument('MessageID') ?? '').replace(/[^\w:.-]/g, '').slice(0, 128);
  return writeProbeMatches(`urn:uuid:${randomUUID()}`, messageId, DEMO_IDENTITY, deviceUrl);
}
