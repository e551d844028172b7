import { encode, type Question } from 'dns-packet';
import type { Clock } from '../../agent/base/clock.ts';
import { PerchError } from '../../agent/base/errors.ts';
import type { Interfaces } from '../../agent/base/network/interfaces.ts';
import { MulticastSocket } from '../../agent/base/network/multicast-socket.ts';
import { MDNS_PORT } from './link.ts';
import { localLinks } from './local-links.ts';
import { type HeardRecord, readMessage } from './message.ts';
import { boxInstance, isSameName } from './records.ts';
import { GROUPS, TTL } from './sockets.ts';

/** Questions in one query, which must stay below the MTU of Ethernet. */
const MAX_QUESTIONS = 30;
const REPEATS = 2;
const ANSWER_MS = 1_000;

interface FindOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly signal: AbortSignal;
  /** Destination of the queries; default: mDNS's group and port. */
  readonly to?: { readonly address: string; readonly port: number };
}

/** A local network to ask in, and the address of this box there. */
interface AskedLink {
  readonly address: string;
  isNear(address: string): boolean;
}

/** The local networks with IPv4. */
export const askedLinks = (interfaces: Interfaces): readonly AskedLink[] =>
  localLinks(interfaces).filter(({ family }) => family === 'IPv4');

/**
 * Asks the local networks where boxes are, by one-shot queries (RFC 6762 §5.1). Of an answer only the port is used, with
 * the address that sent it: no answer makes this box connect to another host.
 * @returns `host:port` of https by the id of the box
 */
export async function findBoxes(
  ids: readonly string[],
  links: readonly AskedLink[],
  options: FindOptions,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  await Promise.all(links.map((link) => ask(ids, link, options, found)));
  return found;
}

async function ask(
  ids: readonly string[],
  { address, isNear }: AskedLink,
  { clock, signal, to = { address: GROUPS.IPv4, port: MDNS_PORT } }: FindOptions,
  found: Map<string, readonly string[]>,
): Promise<void> {
  const socket = new MulticastSocket(
    { name: '', family: 'IPv4', address },
    {
      ttl: TTL,
      onMessage: (bytes, from) => {
        for (const { name, port } of isNear(from.address) ? portsIn(bytes) : []) {
          const id = ids.find((one) => isSameName(boxInstance(one), name));
          const known = (id !== undefined && found.get(id)) || [];
          const place = `${from.address}:${port}`;
          // Addresses of one box: one for each of its networks.
          if (id !== undefined && known.length < 4 && !known.includes(place)) {
            found.set(id, [...known, place]);
          }
        }
      },
      // The network has gone meanwhile.
      onError: () => {},
    },
  );
  await socket.opened;
  for (let round = 0; round < REPEATS && !signal.aborted && socket.isReady; round += 1) {
    for (let start = 0; start < ids.length; start += MAX_QUESTIONS) {
      void socket.send(queryFor(ids.slice(start, start + MAX_QUESTIONS)), to.port, to.address);
    }
    await clock.sleep(ANSWER_MS, signal);
  }
  socket.close();
}

function queryFor(ids: readonly string[]): Buffer {
  const questions = ids.map((id): Question => ({ name: boxInstance(id), type: 'SRV' }));
  return encode({ type: 'query', id: 0, flags: 0, questions });
}

/** @param bytes of any host of the network */
export function portsIn(bytes: Buffer): readonly { readonly name: string; readonly port: number }[] {
  try {
    const { isResponse, answers } = readMessage(bytes);
    return isResponse ? answers.flatMap(portOf) : [];
  } catch (error) {
    if (error instanceof PerchError) {
      return [];
    }
    throw error;
  }
}

function portOf({ name, type, data }: HeardRecord): { readonly name: string; readonly port: number }[] {
  const { port } = (data ?? {}) as { readonly port?: unknown };
  return type === 'SRV' && typeof port === 'number' && port > 0 ? [{ name, port }] : [];
}
