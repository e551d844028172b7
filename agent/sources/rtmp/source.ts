import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/log.ts';
import { runInput } from '../../base/time/run-input.ts';
import type { Source, StreamSink } from '../../stream/contracts.ts';
import { parseRtmpUrl } from '../../transports/rtmp/address.ts';
import { RtmpClient } from '../../transports/rtmp/client.ts';
import { FlvInput } from '../../transports/rtmp/flv-input.ts';
import { cameraOf, phraseOf } from '../../transports/tls/peer.ts';

interface RtmpSourceOptions {
  /** Name of the path. */
  readonly name: string;
  readonly url: string;
  readonly sourceFingerprint?: string | undefined;
  readonly readTimeoutMs: number;
}

/** A stream of an RTMP server. */
export class RtmpSource implements Source {
  readonly type = 'rtmpSource';
  readonly #options: RtmpSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: RtmpSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { name, url, sourceFingerprint: fingerprint = '', readTimeoutMs: timeoutMs } = this.#options;
    const peer = cameraOf(name);
    const address = parseRtmpUrl(url, phraseOf(peer));
    const client = new RtmpClient({ address, peer, fingerprint, timeoutMs }, this.#clock);
    const input = new FlvInput(sink, name, 'camera', this.#clock, this.#log);
    const failure = new Failure();
    client
      .play(
        (type, timestamp, data, start, end) => input.push(type, timestamp, data, start, end),
        (reason) => input.onDamage(reason),
      )
      .then(() => {
        client.lastMediaMs ||= this.#clock.monoMs();
        return client.ended;
      })
      .then(failure.fail, failure.fail);
    const check = () => {
      input.check();
      this.#checkSilence(client);
    };
    await runInput({ check, close: () => client.close() }, failure, this.#clock, signal);
  }

  #checkSilence({ lastMediaMs }: RtmpClient): void {
    const { name: path, readTimeoutMs } = this.#options;
    if (lastMediaMs > 0 && this.#clock.monoMs() - lastMediaMs >= readTimeoutMs) {
      const message = `${phraseOf(cameraOf(path))} has sent nothing for ${readTimeoutMs / 1000} s`;
      throw new PerchError('timeout', message, { path });
    }
  }
}
