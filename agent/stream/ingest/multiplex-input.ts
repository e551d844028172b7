import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { release } from '../../media/sample/slab.ts';
import type { SdpMedia } from '../../media/sdp/parse.ts';
import type { StreamSink } from '../contracts.ts';
import type { InboundTrack, UnitOutput } from './inbound-track.ts';
import { TsInput, type TsInputOptions } from './ts-input.ts';

const MPEGTS = 'MP2T';

/** Whether the only track is a transport stream. */
export const isMpegts = (medias: readonly Pick<SdpMedia, 'formats'>[]): boolean =>
  medias.length === 1 && medias[0]?.formats.some(({ encoding }) => encoding === MPEGTS) === true;

/** A transport stream in RTP, demuxed: each of its streams is a track. */
export class MultiplexInput implements UnitOutput {
  readonly #input: TsInput;
  readonly #log: Logger;
  #fault: unknown;

  constructor(sink: StreamSink, options: TsInputOptions, clock: Clock, log: Logger) {
    this.#input = new TsInput(sink, options, clock, log);
    this.#log = log;
  }

  onUnit(_inbound: InboundTrack, _ptsTicks: number, _dtsTicks: number, _key: boolean, data: Uint8Array): void {
    if (this.#fault === undefined) {
      try {
        this.#input.push(data);
      } catch (error) {
        if (!(error instanceof PerchError)) {
          throw error;
        }
        this.#fault = error;
      }
    }
    release(data);
  }

  onTrack(): void {}

  onDamage({ encoding }: InboundTrack, reason: string): void {
    this.#log.debug({ codec: encoding, reason }, 'frame in error');
  }

  onStray({ encoding }: InboundTrack, reason: string): void {
    this.#log.warn({ codec: encoding, reason }, 'packets are left out');
  }

  /** Called at intervals. @throws PerchError when the stream cannot be demuxed, or its media has ended */
  check(): void {
    if (this.#fault !== undefined) {
      throw this.#fault;
    }
    this.#input.check();
  }
}
