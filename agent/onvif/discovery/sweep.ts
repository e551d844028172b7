import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { FoundCamera } from './found-camera.ts';
import { type Network, networkOf, ownNetworks } from './interfaces.ts';
import { PROBE_TYPES, writeProbe } from './probe.ts';
import { ProbeReplies } from './probe-replies.ts';
import { DISCOVERY_PORT, openProbeSocket, type ProbeSocket } from './probe-socket.ts';

/** Concurrent probes, some 50 a second. */
const MAX_CONCURRENT = 64;
/** A datagram may be lost, and a camera may delay its reply by half a second. */
const AGAIN_AFTER_MS = 500;
const LAST_WAIT_MS = 800;

interface SweepOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly includeLoopback?: boolean;
  /** Devices' UDP port, default 3702; others for tests. */
  readonly port?: number;
  /** Called for a camera on this machine, which is dropped. */
  readonly onLoopback?: (address: string) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Probes each address by unicast, for networks without multicast; a /24 takes some six seconds. */
export async function sweep(
  addresses: readonly string[],
  options: SweepOptions,
  onFound: (camera: FoundCamera) => void,
): Promise<void> {
  const { signal, log, onProgress, includeLoopback } = options;
  const replies = new ProbeReplies(onFound, options.onLoopback);
  const sockets = openSockets(addresses, ownNetworks(includeLoopback), log, replies);
  const waiting = addresses.values();
  let done = 0;
  const work = async () => {
    for (const address of waiting) {
      if (signal.aborted) {
        return;
      }
      await probeOne(address, sockets[address.includes(':') ? 'IPv6' : 'IPv4'], replies, options);
      done += 1;
      onProgress?.(done, addresses.length);
    }
  };
  await Promise.all(Array.from({ length: MAX_CONCURRENT }, work));
  for (const socket of Object.values(sockets)) {
    socket.close();
  }
  replies.logRefusals(log);
}

/** One for each address family in use. */
function openSockets(
  addresses: readonly string[],
  networks: readonly Network[],
  log: Logger,
  replies: ProbeReplies,
): Partial<Record<'IPv4' | 'IPv6', ProbeSocket>> {
  const asked = new Set(addresses);
  const open = (family: 'IPv4' | 'IPv6') =>
    openProbeSocket(family, log, (datagram, { address }) => {
      // Other senders know neither the port nor the message id.
      if (asked.has(address)) {
        replies.receive(datagram, address, { address: networkOf(address, networks)?.address ?? '', networks });
      }
    });
  return {
    ...(addresses.some((address) => !address.includes(':')) && { IPv4: open('IPv4') }),
    ...(addresses.some((address) => address.includes(':')) && { IPv6: open('IPv6') }),
  };
}

async function probeOne(
  address: string,
  socket: ProbeSocket | undefined,
  replies: ProbeReplies,
  { signal, clock = systemClock, port = DISCOVERY_PORT }: SweepOptions,
): Promise<void> {
  for (const pauseMs of [AGAIN_AFTER_MS, LAST_WAIT_MS]) {
    if (signal.aborted || replies.hasHeard(address)) {
      return;
    }
    for (const type of PROBE_TYPES) {
      const { messageId, text } = writeProbe(type);
      replies.asked(messageId);
      socket?.send(text, port, address);
    }
    await clock.sleep(pauseMs, signal);
  }
}
