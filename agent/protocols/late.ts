import { PerchError } from '../base/errors.ts';
import type { Source, SourceStatistics, StreamSink } from '../stream/contracts.ts';
import type { Stream } from '../stream/stream.ts';
import type { Forwarder, ForwarderProtocol, ForwardRequest } from './contract.ts';

/**
 * Loads a part of the program that is not used by every box.
 * @param part for people: `HLS source`
 * @throws PerchError unavailable: the files of this version are gone
 */
export async function loadLate<Part>(part: string, load: () => Promise<Part>): Promise<Part> {
  try {
    return await load();
  } catch (cause) {
    const text = `the program's files for the ${part} cannot be loaded: restart Perch after an update, else install it again`;
    throw new PerchError('unavailable', text, {}, cause);
  }
}

/** A source whose code is loaded with its first connection: it has neither a loudspeaker nor a probe. */
export class LateSource implements Source {
  readonly type: string;
  readonly #load: () => Promise<Source>;
  #source: Source | undefined;

  constructor(type: string, load: () => Promise<Source>) {
    this.type = type;
    this.#load = load;
  }

  get statistics(): SourceStatistics | undefined {
    return this.#source?.statistics;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    this.#source ??= await loadLate(this.type, this.#load);
    if (!signal.aborted) {
      await this.#source.run(sink, signal);
    }
  }
}

/** A forwarder whose code is loaded with its first connection. */
export const lateForwarder = (
  name: string,
  keys: ForwarderProtocol['keys'],
  load: () => Promise<new (request: ForwardRequest) => Forwarder>,
): ForwarderProtocol => ({
  keys,
  create: (request) => new LateForwarder(`${name} forwarder`, async () => new (await load())(request)),
});

class LateForwarder implements Forwarder {
  readonly #part: string;
  readonly #load: () => Promise<Forwarder>;
  #forwarder: Forwarder | undefined;

  constructor(part: string, load: () => Promise<Forwarder>) {
    this.#part = part;
    this.#load = load;
  }

  get outboundBytes(): number {
    return this.#forwarder?.outboundBytes ?? 0;
  }

  async run(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    this.#forwarder ??= await loadLate(this.#part, this.#load);
    if (!signal.aborted) {
      await this.#forwarder.run(stream, onForwarding, signal);
    }
  }
}
