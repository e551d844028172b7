import { systemClock } from '../../../agent/base/clock.ts';
import { bindUdp } from '../../../agent/base/network/udp.ts';
import { SrtListener } from '../../../agent/transports/srt/endpoint/listener.ts';
import { MediaRelay } from '../../impair/media-relay.ts';
import { freeUdpPair } from '../../support/base/free-port.ts';
import { type RunningProcess, startProcess } from '../programs/process.ts';

const PACKET_BYTES = 1316;
const EVERY_MS = 10;
const AT_ONCE = 5;
/** Sent after the payloads that count: programs keep up to 4 kB of what they read and write until more comes. */
const TRAILING_PACKETS = 32;
const HEADER_BYTES = 16;

const seconds = (s: number) => new Promise<void>((resolve) => setTimeout(resolve, 1000 * s));

/** Numbered payloads at 5 Mbit/s. */
async function produce({ packets }: SrtNetwork, write: (payload: Buffer) => void): Promise<void> {
  for (let number = 0; number < packets + TRAILING_PACKETS; ) {
    for (let i = 0; i < AT_ONCE; i += 1, number += 1) {
      const payload = Buffer.alloc(PACKET_BYTES, 0x47);
      payload.writeUInt32BE(number);
      write(payload);
    }
    await seconds(EVERY_MS / 1000);
  }
}

const startTool = (from: string, to: string) =>
  startProcess('srt-live-transmit', ['-q', `-chunk:${PACKET_BYTES}`, '-buffering:1', from, to]);

/** A program's standard output. */
function collect({ child }: RunningProcess): readonly Buffer[] {
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}

function lostOf({ packets }: SrtNetwork, chunks: readonly Buffer[]): number {
  const bytes = Buffer.concat(chunks);
  const numbers = new Set<number>();
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    numbers.add(bytes.readUInt32BE(at));
  }
  return Array.from({ length: packets }, (_, number) => number).filter((number) => !numbers.has(number)).length;
}

/** The network between the two ends, in both directions. */
export interface SrtNetwork {
  readonly loss: number;
  /** One-way delay. */
  readonly delayMs: number;
  /** Default: six round trips, as for 10 % loss in Haivision's guide; at least 400: a busy machine holds programs up for 100. */
  readonly latencyMs?: number;
  /** Maximum number of lost transmissions of one payload; default: no limit. */
  readonly maxLosses?: number;
  /** Payloads to send. */
  readonly packets: number;
}
const latencyOf = ({ delayMs, latencyMs = Math.max(400, 12 * delayMs) }: SrtNetwork) => latencyMs;
/** The same payloads lose the same transmissions, whichever programs send them. The relay takes its own options only. */
const badNetwork = ({ loss, delayMs, maxLosses = Number.POSITIVE_INFINITY }: SrtNetwork) => ({
  ...{ seed: 11, loss, delayMs, maxLosses },
  contentOf: numberOf,
});

/** Undefined: a control packet. */
function numberOf(packet: Uint8Array): number | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return packet.length === HEADER_BYTES + PACKET_BYTES ? view.getUint32(HEADER_BYTES) : undefined;
}

/** @returns payloads lost */
export async function libsrtToLibsrt(network: SrtNetwork): Promise<number> {
  const [port] = await freeUdpPair();
  const receiver = startTool(`srt://127.0.0.1:${port}?mode=listener&latency=${latencyOf(network)}`, 'file://con');
  const received = collect(receiver);
  await using relay = await MediaRelay.start(port, badNetwork(network));
  const sender = startTool('file://con', `srt://127.0.0.1:${relay.port}?latency=${latencyOf(network)}`);
  await seconds(2);
  await produce(network, (payload) => sender.child.stdin.write(payload));
  await seconds(2 + latencyOf(network) / 1000);
  await Promise.all([sender.stop('SIGKILL'), receiver.stop('SIGKILL')]);
  return lostOf(network, received);
}

/** @returns payloads lost */
export async function libsrtToPerch(network: SrtNetwork): Promise<number> {
  const chunks: Buffer[] = [];
  const listener = new SrtListener(
    [await bindUdp('127.0.0.1', 0)],
    async (request) => {
      const connection = await request.accept('');
      if (connection) {
        connection.handlers = { onPayload: (payload) => chunks.push(Buffer.from(payload)), onClose: () => {} };
      }
    },
    systemClock,
  );
  await using relay = await MediaRelay.start(listener.endpoint.port, badNetwork(network));
  const sender = startTool('file://con', `srt://127.0.0.1:${relay.port}?latency=${latencyOf(network)}`);
  await seconds(2);
  await produce(network, (payload) => sender.child.stdin.write(payload));
  await seconds(2 + latencyOf(network) / 1000);
  await sender.stop('SIGKILL');
  await listener.close('over');
  return lostOf(network, chunks);
}

/** @returns payloads lost */
export async function perchToLibsrt(network: SrtNetwork): Promise<number> {
  const accepted = Promise.withResolvers<(payload: Buffer) => void>();
  const listener: SrtListener = new SrtListener(
    [await bindUdp('127.0.0.1', 0)],
    async (request) => {
      const connection = await request.accept('');
      if (connection) {
        accepted.resolve((payload) => listener.endpoint.write(connection, payload, 0, PACKET_BYTES, PACKET_BYTES));
      }
    },
    systemClock,
  );
  await using relay = await MediaRelay.start(listener.endpoint.port, badNetwork(network));
  const receiver = startTool(`srt://127.0.0.1:${relay.port}?latency=${latencyOf(network)}`, 'file://con');
  const received = collect(receiver);
  const write = await accepted.promise;
  await seconds(1);
  await produce(network, write);
  await seconds(2 + latencyOf(network) / 1000);
  await receiver.stop('SIGKILL');
  await listener.close('over');
  return lostOf(network, received);
}
