import { PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import { controlOf, hasRtp, writeSdp } from '../../media/sdp/write.ts';
import type { Forwarder, ForwardRequest } from '../../protocols/contract.ts';
import { maxPayloadBytesOf } from '../../stream/interleaved-packets.ts';
import type { Stream } from '../../stream/stream.ts';
import { openChannel } from '../../transports/rtsp/channel/open-channel.ts';
import { type Address, joinControl, parseAddress } from '../../transports/rtsp/request/address.ts';
import { Authenticator } from '../../transports/rtsp/request/authenticator.ts';
import { RtspConnection } from '../../transports/rtsp/request/connection.ts';
import { MethodClient } from '../../transports/rtsp/request/method-client.ts';
import type { Peer } from '../../transports/tls/peer.ts';
import { FrameSender } from './frame-sender.ts';

/** Size of a packet in `writeQueueSize`, which counts packets: the UDP payload of one Ethernet frame. */
const PACKET_BYTES = 1_472;

/** Publishes to an RTSP server by ANNOUNCE and RECORD over TCP (RFC 2326 §10.3 and §10.11). */
export class RtspForwarder implements Forwarder {
  readonly #request: ForwardRequest;
  readonly #peer: Peer;
  #sender: FrameSender | undefined;

  constructor(request: ForwardRequest) {
    this.#request = request;
    this.#peer = { noun: 'destination', path: request.name };
  }

  get outboundBytes(): number {
    return this.#sender?.sentBytes ?? 0;
  }

  async run(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    const { name, destination, config, clock } = this.#request;
    const address = parseAddress(destination.dest, name);
    const newAuthenticator = () => new Authenticator(address.credentials, true);
    const peer = this.#peer;
    const fingerprint = destination.destFingerprint;
    const channel = openChannel(address, { peer, fingerprint, authenticator: newAuthenticator() });
    const connection = new RtspConnection(channel, address, peer, clock);
    const options = { peer, timeoutMs: config.readTimeoutMs };
    const client = new MethodClient(connection, address, newAuthenticator(), options, signal);
    const sender = this.#senderOf(stream, connection);
    try {
      await this.#publish(stream, client, address, sender);
      sender.start();
      onForwarding();
      await this.#keep(client, [connection.ended, sender.failed], signal);
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      sender.close();
      await client.teardown();
      connection.fail(new PerchError('unavailable', 'connection is over'));
    }
  }

  #senderOf(stream: Stream, connection: RtspConnection): FrameSender {
    const { config } = this.#request;
    const limits = {
      maxPayloadBytes: maxPayloadBytesOf(config),
      limitBytes: config.writeQueueSize * PACKET_BYTES,
      writeTimeoutMs: config.writeTimeoutMs,
    };
    this.#sender = new FrameSender(stream, connection, limits, this.#request.clock);
    return this.#sender;
  }

  async #publish(stream: Stream, client: MethodClient, address: Address, sender: FrameSender): Promise<void> {
    const { name, clock } = this.#request;
    await client.queryMethods();
    await client.announce(writeSdp(stream.tracks, { name, host: '127.0.0.1', sessionId: clock.wallMs() }));
    for (const [track, description] of stream.tracks.entries()) {
      if (!hasRtp(description)) {
        continue;
      }
      const { interleaved } = await client.setup(joinControl(address, address.uri, controlOf(track)), {
        protocol: 'tcp',
        isSecure: false,
        isMulticast: false,
        interleaved: [2 * track, 2 * track + 1],
        mode: 'record',
      });
      sender.setChannel(track, interleaved?.[0] ?? 2 * track);
    }
    await client.record();
  }

  /** Keeps the connection until `signal` aborts. @throws the reason when the connection ends earlier */
  async #keep(client: MethodClient, ends: readonly Promise<unknown>[], signal: AbortSignal): Promise<void> {
    const stop = this.#request.clock.every(Math.min(30_000, client.sessionMs / 2), () => client.keepAlive());
    const failure = new Failure();
    for (const end of ends) {
      void end.then(failure.fail);
    }
    try {
      await failure.wait(signal);
    } finally {
      stop();
    }
  }
}
