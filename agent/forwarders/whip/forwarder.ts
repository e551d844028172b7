import type { Forwarder, ForwardRequest } from '../../protocols/contract.ts';
import type { Stream } from '../../stream/stream.ts';
import { WhipSender } from '../../transports/webrtc/client/whip-sender.ts';

/** Publishes to a WHIP server. What WebRTC does not carry is left out, AAC-LC and PCM become Opus. */
export class WhipForwarder implements Forwarder {
  readonly #request: ForwardRequest;
  #sender: WhipSender | undefined;

  constructor(request: ForwardRequest) {
    this.#request = request;
  }

  get outboundBytes(): number {
    return this.#sender?.outboundBytes ?? 0;
  }

  async run(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    const { name, destination, config, sound, clock, log } = this.#request;
    const options = {
      url: destination.dest,
      bearerToken: destination.whipBearerToken,
      server: { noun: 'destination', path: name } as const,
      fingerprint: destination.destFingerprint,
      timeoutMs: config.readTimeoutMs,
      stunGatherTimeoutMs: config.webrtcSTUNGatherTimeoutMs,
      handshakeTimeoutMs: config.webrtcHandshakeTimeoutMs,
      onConnected: () => {
        onForwarding();
        this.#reportLeftOut();
      },
    };
    this.#sender = new WhipSender(options, stream, sound, clock, log);
    await this.#sender.run(signal);
  }

  #reportLeftOut(): void {
    const { leftOut = [] } = this.#sender ?? {};
    if (leftOut.length > 0) {
      this.#request.log.warn({ leftOut }, 'destination does not get all tracks');
    }
  }
}
