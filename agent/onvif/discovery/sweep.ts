import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { AnswerIntake } from './answer-intake.ts';
import type { FoundCamera } from './found-camera.ts';
import { type Network, networkOf, ownNetworks } from './interfaces.ts';
import { PROBE_TYPES, writeProbe } from './probe.ts';
import { DISCOVERY_PORT, openProbeSocket, type ProbeSocket } from './probe-socket.ts';

/** At most so many addresses are waited for at a time: some 50 are begun in a second. */
const IN_FLIGHT = 64;
/** A datagram may be lost, and a camera thinks for up to half a second. */
const AGAIN_AFTER_MS = 500;
const LAST_WAIT_MS = 800;

export interface SweepOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly includeLoopback?: boolean;
  /** UDP port that devices listen on, 3702 but in tests. */
  readonly port?: number;
  /** A camera of this machine itself has answered, and was dropped. */
  readonly onLoopback?: (address: string) => void;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Asks each of these addresses alone, for networks that do not carry multicast; a /24 takes some six seconds. */
export async function sweep(
  addresses: readonly string[],
  options: SweepOptions,
  onFound: (camera: FoundCamera) => void,
): Promise<void> {
  const { signal, log, onProgress, includeLoopback } = options;
  const intake = new AnswerIntake(onFound, options.onLoopback);
  const sockets = openSockets(addresses, ownNetworks(includeLoopback), log, intake);
  const waiting = addresses.values();
  let done = 0;
  const work = async () => {
    for (const address of waiting) {
      if (signal.aborted) {
        return;
      }
      await probeOne(address, sockets[address.includes(':') ? 'IPv6' : 'IPv4'], intake, options);
      done += 1;
      onProgress?.(done, addresses.length);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  for (const socket of Object.values(sockets)) {
    socket.close();
  }
  intake.logRefusals(log);
}

/** One for each family that there is an address of. */
function openSockets(
  addresses: readonly string[],
  networks: readonly Network[],
  log: Logger,
  intake: AnswerIntake,
): Partial<Record<'IPv4' | 'IPv6', ProbeSocket>> {
  const asked = new Set(addresses);
  const open = (family: 'IPv4' | 'IPv6') =>
    openProbeSocket(family, log, (datagram, { address }) => {
      // Only who was asked: others know neither the port nor the message id.
      if (asked.has(address)) {
        intake.receive(datagram, address, { address: networkOf(address, networks)?.address ?? '', networks });
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
  intake: AnswerIntake,
  { signal, clock = systemClock, port = DISCOVERY_PORT }: SweepOptions,
): Promise<void> {
  for (const pauseMs of [AGAIN_AFTER_MS, LAST_WAIT_MS]) {
    if (signal.aborted || intake.hasHeard(address)) {
      return;
    }
    for (const type of PROBE_TYPES) {
      const { messageId, text } = writeProbe(type);
      intake.asked(messageId);
      socket?.send(text, port, address);
    }
    await clock.sleep(pauseMs, signal);
  }
}
