import type { DtlsClient } from 'werift';
import {
  type EngineEvents,
  EngineTransport,
  engineOptions,
  type Werift,
  WeriftEngine,
  type WeriftIdentity,
} from './werift-engine.ts';

/** werift as the client, for peers that insist on being the server. */
export class WeriftClient extends WeriftEngine {
  readonly #client: DtlsClient;
  readonly #onError: (why: string) => void;

  constructor(werift: Werift, identity: WeriftIdentity, events: EngineEvents) {
    const transport = new EngineTransport(events.send);
    const client = new werift.DtlsClient(engineOptions(identity, transport));
    super(client, transport, events);
    this.#client = client;
    this.#onError = events.onError;
  }

  /** Sends the first hello, and again while nothing comes. */
  start(): void {
    this.#client.connect().catch((error: Error) => this.#onError(error.message));
  }
}
