import { createSocket, type Socket } from 'node:dgram';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';

const NTP_PORT = 123;
/** Size of a packet without extension fields and MAC (RFC 5905 §7.3). */
const HEADER_BYTES = 48;
const CLIENT = 3;
const SERVER = 4;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH_S = 2_208_988_800;
/** Stratum of the box's own time: any real server has a lower one. */
const STRATUM = 10;
/** Leap indicator (with stratum 0) while the time is not known: clients get no time. */
const UNSYNCHRONIZED = 3;
/** Precision as log2 of seconds: a millisecond. */
const PRECISION = -10;

interface Time {
  readonly unixMs: number;
  readonly isTrusted: boolean;
}

/** @returns the answer of a time server (RFC 5905 §7.3, SNTP); undefined for what is no client's request */
export function answerNtp(request: Uint8Array, { unixMs, isTrusted }: Time): Uint8Array | undefined {
  const first = request[0] ?? 0;
  const version = (first >> 3) & 7;
  if (request.length < HEADER_BYTES || (first & 7) !== CLIENT || version < 1 || version > 4) {
    return undefined;
  }
  const answer = Buffer.alloc(HEADER_BYTES);
  answer[0] = ((isTrusted ? 0 : UNSYNCHRONIZED) << 6) | (version << 3) | SERVER;
  answer[1] = isTrusted ? STRATUM : 0;
  answer[2] = request[2] ?? 0;
  answer.writeInt8(PRECISION, 3);
  // Root dispersion: 1/64 s.
  answer.writeUInt32BE(0x0400, 8);
  answer.write(isTrusted ? 'LOCL' : 'INIT', 12, 'latin1');
  writeTime(answer, 16, unixMs);
  // The client's transmit timestamp comes back as the origin.
  answer.set(request.subarray(40, 48), 24);
  writeTime(answer, 32, unixMs);
  writeTime(answer, 40, unixMs);
  return answer;
}

function writeTime(answer: Buffer, at: number, unixMs: number): void {
  const seconds = Math.floor(unixMs / 1_000);
  answer.writeUInt32BE((seconds + NTP_EPOCH_S) >>> 0, at);
  answer.writeUInt32BE(Math.floor(((unixMs - seconds * 1_000) / 1_000) * 2 ** 32) >>> 0, at + 4);
}

/** The time server of the network for cameras, which reach no other one. */
export class TimeServer {
  readonly #socket: Socket;
  #state: 'opening' | 'serving' | 'ended' = 'opening';

  constructor(
    address: string,
    deps: { readonly clock: Pick<Clock, 'wallMs'>; readonly log: Logger; isTrusted(): boolean },
    port = NTP_PORT,
  ) {
    // Another time server may have the port on all addresses.
    this.#socket = createSocket({ type: 'udp4', reuseAddr: true });
    this.#socket.on('message', (bytes, { address: to, port: at }) => {
      const answer = answerNtp(bytes, { unixMs: deps.clock.wallMs(), isTrusted: deps.isTrusted() });
      if (answer && this.#state === 'serving') {
        // The client may be gone.
        this.#socket.send(answer, at, to, () => {});
      }
    });
    this.#socket.on('error', (error) => {
      if (this.#state !== 'ended') {
        deps.log.warn({ address, port, reason: error.message }, 'NTP server for cameras has failed');
        this.close();
      }
    });
    this.#socket.bind(port, address, () => {
      this.#state = this.#state === 'opening' ? 'serving' : this.#state;
    });
  }

  get isServing(): boolean {
    return this.#state === 'serving';
  }

  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** The bound port, once the server serves. */
  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    if (this.#state !== 'ended') {
      this.#state = 'ended';
      this.#socket.close();
    }
  }
}
