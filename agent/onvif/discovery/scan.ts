import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { systemInterfaces } from '../../base/network/interfaces.ts';
import type { FoundCamera } from './found-camera.ts';
import { type InterfaceChoice, type Network, networkOf, ownNetworks, probeAddresses } from './interfaces.ts';
import { PROBE_TYPES, writeProbe } from './probe.ts';
import { ProbeReplies } from './probe-replies.ts';
import {
  DISCOVERY_PORT,
  discoveryGroup,
  openProbeSocket,
  openUnicastSocket,
  type ProbeSocket,
} from './probe-socket.ts';

/** UDP loses datagrams, and cameras delay their reply by up to 500 ms: every probe is sent three times. */
const ROUND_PAUSES_MS = [0, 200, 500] as const;
/** The same for probes of single addresses, which are sent twice. */
const WAITS_MS = [500, 800] as const;

interface ProbeOptions extends InterfaceChoice {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  /** UDP port of the devices; default 3702, another one only in tests. */
  readonly port?: number;
  readonly onLoopback?: (address: string) => void;
}

interface ScanOptions extends ProbeOptions {
  /** Cameras answer within a second; 3 to 5 s leave room for slow ones. */
  readonly listenMs: number;
}

interface SweepOptions extends ProbeOptions {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Probes every local network, and reports each camera when it answers; ends after `listenMs`. */
export async function scan(options: ScanOptions, onFound: (camera: FoundCamera) => void): Promise<void> {
  const { listenMs, signal, log, clock = systemClock } = options;
  if (signal.aborted) {
    return;
  }
  const end = new AbortController();
  const replies = new ProbeReplies(onFound, options.onLoopback);
  const sendRounds = async (socket: ProbeSocket, group: string): Promise<void> => {
    for (const pauseMs of ROUND_PAUSES_MS) {
      await clock.sleep(pauseMs, end.signal);
      if (end.signal.aborted) {
        return;
      }
      sendProbes(socket, group, replies, options);
    }
  };
  const sockets = probeAddresses(systemInterfaces(), options).map((local) =>
    openProbeSocket(
      local,
      log.child({ interface: local.name, address: local.address }),
      (datagram, from) => replies.receive(datagram, from.address, local),
      (socket) => void sendRounds(socket, discoveryGroup(local)),
    ),
  );
  await clock.sleep(listenMs, signal);
  end.abort();
  for (const socket of sockets) {
    socket.close();
  }
  replies.logRefusals(log);
}

/** Probes each address by unicast, for networks without multicast; a /24 takes some six seconds. */
export async function sweep(
  addresses: readonly string[],
  options: SweepOptions,
  onFound: (camera: FoundCamera) => void,
): Promise<void> {
  const { signal, log, onProgress, includeLoopback, clock = systemClock } = options;
  const replies = new ProbeReplies(onFound, options.onLoopback);
  const sockets = openSockets(addresses, ownNetworks(includeLoopback), log, replies);
  const waiting = addresses.values();
  let done = 0;
  const probeOne = async (address: string): Promise<void> => {
    for (const waitMs of WAITS_MS) {
      if (signal.aborted || replies.hasHeard(address)) {
        return;
      }
      sendProbes(sockets.get(familyOf(address)), address, replies, options);
      await clock.sleep(waitMs, signal);
    }
  };
  const work = async () => {
    for (const address of waiting) {
      if (signal.aborted) {
        return;
      }
      await probeOne(address);
      done += 1;
      onProgress?.(done, addresses.length);
    }
  };
  // Some 50 probes a second.
  await Promise.all(Array.from({ length: 64 }, work));
  for (const socket of sockets.values()) {
    socket.close();
  }
  replies.logRefusals(log);
}

function sendProbes(
  socket: ProbeSocket | undefined,
  address: string,
  replies: ProbeReplies,
  { port = DISCOVERY_PORT }: ProbeOptions,
): void {
  for (const type of PROBE_TYPES) {
    const { messageId, text } = writeProbe(type);
    replies.asked(messageId);
    socket?.send(text, port, address);
  }
}

const familyOf = (address: string): 'IPv4' | 'IPv6' => (address.includes(':') ? 'IPv6' : 'IPv4');

function openSockets(
  addresses: readonly string[],
  networks: readonly Network[],
  log: Logger,
  replies: ProbeReplies,
): ReadonlyMap<string, ProbeSocket> {
  const asked = new Set(addresses);
  const receive = (datagram: Uint8Array, { address }: { readonly address: string }): void => {
    // Other senders know neither the port nor the message id.
    if (asked.has(address)) {
      replies.receive(datagram, address, { address: networkOf(address, networks)?.address ?? '', networks });
    }
  };
  const families = new Set(addresses.map(familyOf));
  return new Map([...families].map((family) => [family, openUnicastSocket(family, log, receive)]));
}
