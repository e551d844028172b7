import { networkInterfaces } from 'node:os';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { FoundCamera } from './found-camera.ts';
import { type InterfaceChoice, type LocalAddress, probeAddresses } from './interfaces.ts';
import { PROBE_TYPES, writeProbe } from './probe.ts';
import { ProbeReplies } from './probe-replies.ts';
import { DISCOVERY_PORT, groupOn, openProbeSocket, type ProbeSocket } from './probe-socket.ts';

/** UDP loses datagrams, and cameras delay their reply by up to 500 ms: every probe is sent three times. */
const ROUND_PAUSES_MS = [0, 200, 500] as const;

interface ScanOptions extends InterfaceChoice {
  /** Cameras answer within a second; 3 to 5 s leave room for slow ones. */
  readonly listenMs: number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Devices' UDP port, default 3702; others for tests. */
  readonly port?: number;
  /** Called for a camera on this machine, which is dropped. */
  readonly onLoopback?: (address: string) => void;
}

/** Probes every local network, and reports each camera when it answers; ends after `listenMs`. */
export async function scan(options: ScanOptions, onFound: (camera: FoundCamera) => void): Promise<void> {
  const { listenMs, signal, log, clock = systemClock } = options;
  if (signal.aborted) {
    return;
  }
  const end = new AbortController();
  const replies = new ProbeReplies(onFound, options.onLoopback);
  const sockets = probeAddresses(networkInterfaces(), options).map((local) =>
    openProbeSocket(
      local,
      log.child({ interface: local.name, address: local.address }),
      (datagram, from) => replies.receive(datagram, from.address, local),
      (socket) => void sendRounds(socket, local, replies, { ...options, clock, signal: end.signal }),
    ),
  );
  await clock.sleep(listenMs, signal);
  end.abort();
  for (const socket of sockets) {
    socket.close();
  }
  replies.logRefusals(log);
}

async function sendRounds(
  socket: ProbeSocket,
  local: LocalAddress,
  replies: ProbeReplies,
  { clock, signal, port = DISCOVERY_PORT }: { clock: Clock; signal: AbortSignal; port?: number },
): Promise<void> {
  for (const pauseMs of ROUND_PAUSES_MS) {
    await clock.sleep(pauseMs, signal);
    if (signal.aborted) {
      return;
    }
    for (const type of PROBE_TYPES) {
      const { messageId, text } = writeProbe(type);
      replies.asked(messageId);
      socket.send(text, port, groupOn(local));
    }
  }
}
