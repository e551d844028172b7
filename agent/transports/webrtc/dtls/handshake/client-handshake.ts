import type { DtlsClient } from 'werift';
import type { Fingerprint } from '../../sdp/offer.ts';
import { Handshake, type HandshakeEvents, START } from './handshake.ts';
import {
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  FINISHED,
  type HandshakeMessage,
  HELLO_VERIFY_REQUEST,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
} from './handshake-messages.ts';
import { isSigned } from './handshake-proof.ts';
import {
  type EngineEvents,
  EngineTransport,
  engineOptions,
  type Werift,
  WeriftEngine,
  type WeriftIdentity,
} from './werift-engine.ts';

/** Curve type, curve and length precede the public key, RFC 8422 §5.4. */
const KEY_LENGTH_AT = 3;

/** For peers whose offer says `a=setup:passive` (ffmpeg's WHIP publisher). */
export class ClientHandshake extends Handshake {
  protected readonly peer = 'server';
  protected readonly follows = {
    [START]: [HELLO_VERIFY_REQUEST, SERVER_HELLO],
    [HELLO_VERIFY_REQUEST]: [SERVER_HELLO],
    [SERVER_HELLO]: [CERTIFICATE],
    [CERTIFICATE]: [SERVER_KEY_EXCHANGE],
    [SERVER_KEY_EXCHANGE]: [CERTIFICATE_REQUEST, SERVER_HELLO_DONE],
    [CERTIFICATE_REQUEST]: [SERVER_HELLO_DONE],
    [SERVER_HELLO_DONE]: [FINISHED],
  };
  protected readonly engine: WeriftClient;

  constructor(werift: Werift, identity: WeriftIdentity, expected: readonly Fingerprint[], events: HandshakeEvents) {
    super(expected, events);
    this.engine = new WeriftClient(werift, identity, this.engineEvents);
  }

  start(): void {
    this.engine.start();
  }

  protected take(message: HandshakeMessage): void {
    if (message.type === SERVER_KEY_EXCHANGE && !this.#isItsOwn(message.body)) {
      this.fail('the peer has not proved that it owns the certificate');
      return;
    }
    this.engine.deliver(message);
  }

  /** RFC 8422 §5.4: the server signs its key share and both randoms with the certificate's key. */
  #isItsOwn(body: Buffer): boolean {
    const end = KEY_LENGTH_AT + 1 + (body[KEY_LENGTH_AT] ?? 0);
    const signed = Buffer.concat([...this.engine.randoms, body.subarray(0, end)]);
    return isSigned(this.certificate, signed, body.subarray(end));
  }
}

/** werift in the client role. */
class WeriftClient extends WeriftEngine {
  readonly #client: DtlsClient;
  readonly #onError: (why: string) => void;

  constructor(werift: Werift, identity: WeriftIdentity, events: EngineEvents) {
    const transport = new EngineTransport(events.send);
    const client = new werift.DtlsClient(engineOptions(identity, transport));
    super(client, transport, events);
    this.#client = client;
    this.#onError = events.onError;
  }

  /** Sends the first hello and repeats it until an answer arrives. */
  start(): void {
    this.#client.connect().catch((error: Error) => this.#onError(error.message));
  }
}
