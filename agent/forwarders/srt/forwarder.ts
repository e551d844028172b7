import { explain, PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import type { Forwarder, ForwardRequest } from '../../protocols/contract.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import type { SrtConnection } from '../../transports/srt/connection.ts';
import { addressOf, parseSrtUrl } from '../../transports/srt/endpoint/address.ts';
import { callSrt } from '../../transports/srt/endpoint/caller.ts';
import type { SrtEndpoint } from '../../transports/srt/endpoint/endpoint.ts';
import { HEADER_BYTES } from '../../transports/srt/packet.ts';
import { MAX_BUFFERED_PACKETS, TsOutput } from '../../transports/srt/ts-output.ts';

const TS_PACKET_BYTES = 188;

/** Publishes MPEG-TS to an SRT listener. */
export class SrtForwarder implements Forwarder {
  readonly #request: ForwardRequest;
  #connection: SrtConnection | undefined;

  constructor(request: ForwardRequest) {
    this.#request = request;
  }

  get outboundBytes(): number {
    return this.#connection?.values.bytesSent ?? 0;
  }

  async run(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    try {
      await this.#forward(stream, onForwarding, signal);
    } catch (cause) {
      if (!signal.aborted) {
        throw cause;
      }
    }
  }

  async #forward(stream: Stream, onForwarding: () => void, signal: AbortSignal): Promise<void> {
    const { name, destination, config, clock } = this.#request;
    const subject = `destination of path '${name}'`;
    const address = parseSrtUrl(destination.dest, name, subject);
    const ip = await addressOf(address.host);
    const { connection, endpoint } = await callSrt(
      { ...address, ip, connectTimeoutMs: config.readTimeoutMs },
      clock,
      signal,
    );
    this.#connection = connection;
    const failure = new Failure();
    connection.handlers = {
      onPayload: () => {},
      onClose: (reason) => failure.fail(new PerchError('unavailable', `${subject} ended: ${reason}`, { path: name })),
    };
    const packetBytes = Math.floor((config.udpMaxPayloadSize - HEADER_BYTES) / TS_PACKET_BYTES) * TS_PACKET_BYTES;
    const reader = new SrtReader(stream, connection, endpoint, packetBytes, failure.fail);
    try {
      signal.throwIfAborted();
      onForwarding();
      stream.addReader(reader, true);
      await failure.wait(signal);
    } finally {
      stream.removeReader(reader);
      await endpoint.close('the forward was ended');
    }
  }
}

/** Sends a stream over one connection. While more than `MAX_BUFFERED_PACKETS` wait, samples up to the next key sample are dropped. */
class SrtReader implements Reader {
  readonly id = 'srt-forward';
  /** Samples are sent within `onSample`, and none is kept. */
  readonly countsHolds = true;
  readonly #stream: Stream;
  readonly #output: TsOutput;
  readonly #onFailed: (cause: unknown) => void;

  constructor(
    stream: Stream,
    connection: SrtConnection,
    endpoint: SrtEndpoint,
    packetBytes: number,
    onFailed: (cause: unknown) => void,
  ) {
    this.#stream = stream;
    this.#onFailed = onFailed;
    this.#output = new TsOutput(
      stream.tracks,
      (bytes, start, end) => endpoint.write(connection, bytes, start, end, packetBytes),
      () => connection.buffered > MAX_BUFFERED_PACKETS,
    );
  }

  onSample(track: number, sample: Sample): void {
    this.#stream.countSent(this.#output.onSample(track, sample));
  }

  onTrack(track: number, description: Track): void {
    this.#output.onTrack(track, description);
  }

  onEnd(cause?: unknown): void {
    // The end of the stream itself ends the run by its signal.
    if (cause !== undefined) {
      this.#onFailed(new PerchError('unavailable', `the stream cannot be sent: ${explain(cause)}`));
    }
  }
}
