import type { Fingerprint } from '../../sdp/offer.ts';
import { Handshake, type HandshakeEvents, START } from './handshake.ts';
import {
  CERTIFICATE,
  CERTIFICATE_VERIFY,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  FINISHED,
  type HandshakeMessage,
} from './handshake-messages.ts';
import { isSigned } from './handshake-proof.ts';
import type { Werift, WeriftIdentity } from './werift-engine.ts';
import { WeriftServer } from './werift-server.ts';

/** For browsers, which start the handshake. */
export class ServerHandshake extends Handshake {
  protected readonly peer = 'client';
  protected readonly follows = {
    [START]: [CLIENT_HELLO],
    [CLIENT_HELLO]: [CERTIFICATE],
    [CERTIFICATE]: [CLIENT_KEY_EXCHANGE],
    [CLIENT_KEY_EXCHANGE]: [CERTIFICATE_VERIFY],
    [CERTIFICATE_VERIFY]: [FINISHED],
  };
  protected readonly engine: WeriftServer;

  constructor(werift: Werift, identity: WeriftIdentity, expected: readonly Fingerprint[], events: HandshakeEvents) {
    super(expected, events);
    this.engine = new WeriftServer(werift, identity, this.engineEvents);
  }

  protected take(message: HandshakeMessage): void {
    if (message.type === CLIENT_HELLO) {
      this.engine.deliverHello(message);
      return;
    }
    // RFC 5246 §7.4.8: the client signs all messages so far with the certificate's key.
    if (message.type === CERTIFICATE_VERIFY && !isSigned(this.certificate, this.engine.transcript, message.body)) {
      this.fail('the peer has not proved that it owns the certificate');
      return;
    }
    this.engine.deliver(message);
  }
}
