import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Source, SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { NO_STATISTICS, plus } from '../../stream/ingest/source-statistics.ts';
import { type WhepOptions, WhepReceiver } from '../../transports/webrtc/client/whep-receiver.ts';

interface WhepSourceOptions extends WhepOptions {
  /** Wall time of samples is the server's, from its reports. */
  readonly usesSenderClock: boolean;
}

/** Pulls a stream from a WHEP server. */
export class WhepSource implements Source {
  readonly type = 'webRTCSource';
  readonly #options: WhepSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #past = NO_STATISTICS;
  #receiver: WhepReceiver | undefined;

  constructor(options: WhepSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): SourceStatistics {
    const { inboundPackets = 0, inboundLost = 0 } = this.#receiver?.statistics ?? {};
    return plus(this.#past, { ...NO_STATISTICS, transport: 'UDP', packets: inboundPackets, lost: inboundLost });
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    this.#receiver = new WhepReceiver(this.#options, this.#clock, this.#log);
    const { usesSenderClock } = this.#options;
    try {
      await this.#receiver.run({ usesSenderClock, publish: (tracks) => sink.publish(tracks) }, signal);
    } finally {
      this.#past = { ...this.statistics, transport: undefined };
      this.#receiver = undefined;
    }
  }
}
