import type { DtlsServer } from 'werift';
import { RECORD_HEADER_BYTES } from './dtls-record.ts';
import type { HandshakeMessage } from './handshake-messages.ts';
import {
  type EngineEvents,
  EngineTransport,
  engineOptions,
  type Werift,
  WeriftEngine,
  type WeriftIdentity,
} from './werift-engine.ts';

/** Version and random stand before the session ID in a hello, RFC 6347 §4.2.1. */
const SESSION_ID_AT = 34;
const MESSAGE_NUMBER_AT = RECORD_HEADER_BYTES + 4;
/** From the hello up to ServerHelloDone. */
const FLIGHT = 4;

/**
 * werift as the server. It insists on asking for the hello a second time, with a cookie (RFC 6347 §4.2.1). The cookie proves
 * that the browser gets what is sent to its address, which ICE has proved already: a round trip for nothing. So werift gets
 * the second hello from us, and what it counts one too high because of it is set right.
 */
export class WeriftServer extends WeriftEngine {
  readonly #server: DtlsServer;
  readonly #transport: EngineTransport;
  readonly #send: (record: Buffer) => void;
  #secondHello: HandshakeMessage | undefined;

  constructor(werift: Werift, identity: WeriftIdentity, events: EngineEvents) {
    const transport = new EngineTransport(events.send);
    const server = new werift.DtlsServer({ ...engineOptions(identity, transport), certificateRequest: true });
    super(server, transport, events);
    this.#server = server;
    this.#transport = transport;
    this.#send = events.send;
  }

  /** The browser's hello; again when our answer was lost. */
  deliverHello(hello: HandshakeMessage): void {
    if (this.#secondHello) {
      this.deliver(this.#secondHello);
      return;
    }
    const { dtls } = this.#server;
    this.#transport.onSend = () => {};
    this.deliver(hello);
    const body = dtls.cookie && insertCookie(hello.body, dtls.cookie);
    if (body) {
      this.#secondHello = { ...hello, number: 1, body };
      this.#transport.onSend = (record) => {
        record.writeUInt16BE(record.readUInt16BE(MESSAGE_NUMBER_AT) - 1, MESSAGE_NUMBER_AT);
        this.#send(record);
      };
      this.deliver(this.#secondHello);
      this.#correctTranscript(hello);
    }
    this.#transport.onSend = this.#send;
  }

  #correctTranscript(hello: HandshakeMessage): void {
    const { dtls } = this.#server;
    const [first, ...answers] = dtls.handshakeCache[FLIGHT]?.data ?? [];
    if (!first || answers.length === 0) {
      return;
    }
    first.message_seq = hello.number;
    first.length = hello.body.length;
    first.fragment_length = hello.body.length;
    first.fragment = hello.body;
    for (const answer of answers) {
      answer.message_seq -= 1;
    }
    dtls.sequenceNumber -= 1;
  }
}

/** Undefined for a hello that is too short, or has a cookie already. */
function insertCookie(hello: Buffer, cookie: Buffer): Buffer | undefined {
  const at = SESSION_ID_AT + 1 + (hello[SESSION_ID_AT] ?? 0);
  if (hello[at] !== 0) {
    return undefined;
  }
  return Buffer.concat([hello.subarray(0, at), Buffer.from([cookie.length]), cookie, hello.subarray(at + 1)]);
}
