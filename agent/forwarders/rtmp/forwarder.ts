import { PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import { watchWrites } from '../../base/time/stall-watch.ts';
import type { Forwarder, ForwardRequest } from '../../protocols/contract.ts';
import type { Stream } from '../../stream/stream.ts';
import { parseRtmpUrl } from '../../transports/rtmp/address.ts';
import { RtmpClient } from '../../transports/rtmp/client.ts';
import { RtmpSender } from '../../transports/rtmp/sender.ts';
import { type Peer, phraseOf } from '../../transports/tls/peer.ts';

/** Size of a packet in `writeQueueSize`, which counts packets: the UDP payload of one Ethernet frame. */
const PACKET_BYTES = 1_472;

/** Publishes to an RTMP server. Tracks that the server does not take are left out. */
export class RtmpForwarder implements Forwarder {
  readonly #request: ForwardRequest;
  #client: RtmpClient | undefined;

  constructor(request: ForwardRequest) {
    this.#request = request;
  }

  get outboundBytes(): number {
    return this.#client?.sentBytes ?? 0;
  }

  async run(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    const { name, destination, config, clock } = this.#request;
    const peer: Peer = { noun: 'destination', path: name };
    const address = parseRtmpUrl(destination.dest, phraseOf(peer));
    const options = { address, peer, fingerprint: destination.destFingerprint, timeoutMs: config.readTimeoutMs };
    const client = new RtmpClient(options, clock);
    this.#client = client;
    const abort = () => client.close();
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      const messageStream = await client.publish();
      await this.#send(stream, client, messageStream, onForwarding, signal);
    } catch (cause) {
      if (!signal.aborted) {
        throw cause;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      client.close();
    }
  }

  /** Sends until `signal` aborts. @throws the reason when the connection ends earlier */
  async #send(
    stream: Stream,
    client: RtmpClient,
    messageStream: number,
    onForwarding: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { writeQueueSize, writeTimeoutMs } = this.#request.config;
    const failure = new Failure();
    void client.ended.then(failure.fail);
    const sender = new RtmpSender(client, stream, {
      abilities: client.abilities,
      messageStream,
      limitBytes: writeQueueSize * PACKET_BYTES,
      // The end of the stream itself ends the run by its signal.
      onEnd: (cause) => cause !== undefined && failure.fail(cause),
    });
    const writes = {
      get writtenBytes() {
        return client.sentBytes;
      },
      get queuedBytes() {
        return client.queuedBytes;
      },
    };
    const stop = watchWrites(this.#request.clock, writeTimeoutMs, writes, () =>
      failure.fail(new PerchError('timeout', `destination has read nothing for ${writeTimeoutMs / 1000} s`)),
    );
    try {
      sender.start();
      onForwarding();
      this.#reportRejected(sender);
      await failure.wait(signal);
    } finally {
      stop();
      sender.close();
    }
  }

  #reportRejected({ rejected }: RtmpSender): void {
    if (rejected.length > 0) {
      const leftOut = rejected.map(({ codec, reason }) => `${codec} (${reason})`);
      this.#request.log.warn({ leftOut }, 'destination does not get all tracks');
    }
  }
}
