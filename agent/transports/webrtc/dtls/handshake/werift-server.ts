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

/** Offset of the session ID in a hello, after version and random, RFC 6347 §4.2.1. */
const SESSION_ID_AT = 34;
const MESSAGE_NUMBER_AT = RECORD_HEADER_BYTES + 4;
/** werift's number of the flight from the hello to ServerHelloDone. */
const FLIGHT = 4;

/**
 * werift in the server role. It always requests a second hello with a cookie (RFC 6347 §4.2.1), which proves the
 * browser's address. ICE has proved that already, so the second hello is generated here to save the round trip, and
 * werift's message counter is corrected.
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

  /** Also called for a repeated hello: our answer was lost. */
  deliverHello(hello: HandshakeMessage): void {
    if (this.#secondHello) {
      this.deliver(this.#secondHello);
      return;
    }
    const { dtls } = this.#server;
    this.#transport.divert(
      () => {},
      () => this.deliver(hello),
    );
    const body = dtls.cookie && insertCookie(hello.body, dtls.cookie);
    if (body) {
      const second = { ...hello, number: 1, body };
      this.#secondHello = second;
      const sendCorrected = (record: Buffer): void => {
        record.writeUInt16BE(record.readUInt16BE(MESSAGE_NUMBER_AT) - 1, MESSAGE_NUMBER_AT);
        this.#send(record);
      };
      this.#transport.divert(sendCorrected, () => this.deliver(second));
      this.#correctTranscript(hello);
    }
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

/** @returns undefined if the hello is too short or has a cookie */
function insertCookie(hello: Buffer, cookie: Buffer): Buffer | undefined {
  const at = SESSION_ID_AT + 1 + (hello[SESSION_ID_AT] ?? 0);
  if (hello[at] !== 0) {
    return undefined;
  }
  return Buffer.concat([hello.subarray(0, at), Buffer.from([cookie.length]), cookie, hello.subarray(at + 1)]);
}
