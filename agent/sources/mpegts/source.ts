import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/log.ts';
import { ReadRounds } from '../../base/time/read-rounds.ts';
import { runInput } from '../../base/time/run-input.ts';
import type { Source, SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { NO_STATISTICS, plus } from '../../stream/ingest/source-statistics.ts';
import { TsInput } from '../../stream/ingest/ts-input.ts';
import { listenUdp, parseUdpUrl } from '../../transports/udp/listen.ts';
import { isGroup } from '../../transports/udp/multicast.ts';
import type { UdpSocket } from '../../transports/udp/udp-socket.ts';
import { acceptUnix } from '../../transports/unix/accept.ts';

export interface MpegTsSourceOptions {
  /** Name of the path. */
  readonly name: string;
  readonly url: string;
  readonly readTimeoutMs: number;
  /** Size of the socket's receive buffer; 0: chosen by Perch. */
  readonly readBufferBytes: number;
  readonly audio?: boolean;
}

type Connection = Pick<UdpSocket, 'close'> & Partial<Pick<UdpSocket, 'readInRounds'>>;

/** A transport stream that arrives at a UDP port, a multicast group or a local socket. */
export class MpegTsSource implements Source {
  readonly type = 'mpegtsSource';
  readonly #options: MpegTsSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #past = NO_STATISTICS;
  #transport: SourceStatistics['transport'];
  #input: TsInput | undefined;

  constructor(options: MpegTsSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): SourceStatistics {
    return this.#input ? plus(this.#past, { ...this.#input.statistics, transport: this.#transport }) : this.#past;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const input = new TsInput(sink, { ...this.#options, sender: 'sender' }, this.#clock, this.#log);
    const failure = new Failure();
    const connection = await this.#open(input, failure);
    this.#input = input;
    input.onUrgentReader = () => connection.readInRounds?.(undefined);
    const startedMs = this.#clock.monoMs();
    const check = () => {
      input.check();
      const playingMs = this.#clock.monoMs() - startedMs;
      connection.readInRounds?.(ReadRounds.within(input.toleratedDelayMs, playingMs, this.#clock));
    };
    const close = () => {
      connection.readInRounds?.(undefined);
      connection.close();
      this.#past = { ...this.statistics, transport: undefined };
      this.#input = undefined;
    };
    await runInput({ check, close }, failure, this.#clock, signal);
  }

  async #open(input: TsInput, failure: Failure): Promise<Connection> {
    const { url, readBufferBytes } = this.#options;
    if (url.toLowerCase().startsWith('unix')) {
      this.#transport = 'TCP';
      return acceptUnix(url, { onData: failure.guard((chunk: Uint8Array) => input.push(chunk)), onEnd: failure.fail });
    }
    const address = parseUdpUrl(url);
    const socket = await listenUdp(address, readBufferBytes, this.#clock);
    this.#transport = isGroup(address.host) ? 'UDP-multicast' : 'UDP';
    socket.sink = {
      onDatagram: (bytes, start, end) => {
        try {
          input.push(bytes, start, end);
        } catch (cause) {
          failure.fail(cause);
        }
      },
    };
    return socket;
  }
}
