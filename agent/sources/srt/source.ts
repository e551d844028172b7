import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/log.ts';
import { runInput } from '../../base/time/run-input.ts';
import type { Source, SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { NO_STATISTICS, plus } from '../../stream/ingest/source-statistics.ts';
import { TsInput } from '../../stream/ingest/ts-input.ts';
import { addressOf, parseSrtUrl } from '../../transports/srt/endpoint/address.ts';
import { callSrt } from '../../transports/srt/endpoint/caller.ts';

interface SrtSourceOptions {
  /** Name of the path. */
  readonly name: string;
  readonly url: string;
  readonly readTimeoutMs: number;
  readonly audio?: boolean;
}

/** MPEG-TS of an SRT listener. */
export class SrtSource implements Source {
  readonly type = 'srtSource';
  readonly #options: SrtSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #past = NO_STATISTICS;
  #input: TsInput | undefined;

  constructor(options: SrtSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): SourceStatistics {
    return this.#input ? plus(this.#past, { ...this.#input.statistics, transport: 'UDP' }) : this.#past;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { name, url, readTimeoutMs } = this.#options;
    const address = parseSrtUrl(url, name);
    const ip = await addressOf(address.host);
    const call = await callSrt({ ...address, ip, connectTimeoutMs: readTimeoutMs }, this.#clock, signal);
    const { connection, endpoint } = call;
    const input = new TsInput(sink, { ...this.#options, sender: 'sender' }, this.#clock, this.#log);
    this.#input = input;
    const failure = new Failure();
    connection.handlers = {
      onPayload: failure.guard((payload: Uint8Array) => input.push(payload)),
      onClose: (reason) =>
        failure.fail(new PerchError('unavailable', `SRT connection ended: ${reason}`, { path: name })),
    };
    const close = () => {
      this.#past = { ...this.statistics, transport: undefined };
      this.#input = undefined;
      return endpoint.close('the source was closed');
    };
    await runInput({ check: () => input.check(), close }, failure, this.#clock, signal);
  }
}
