import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { StreamSink } from '../../stream/ingest/stream-sink.ts';
import type { Source } from '../source.ts';
import { type Address, parseAddress, redirectedTo } from './address.ts';
import { Authenticator } from './authenticator.ts';
import { openChannel } from './channel/open-channel.ts';
import { RtspConnection } from './connection.ts';
import { Dialogue, Redirect } from './dialogue.ts';
import { RtspSession } from './session.ts';

const MAX_REDIRECTS = 5;

export interface RtspSourceOptions {
  /** Of the path, for messages. */
  readonly name: string;
  /** Credentials in it are percent-decoded. */
  readonly url: string;
  /** Takes precedence over the URL's. */
  readonly user?: string;
  readonly password?: string;
  /** For the connection and each reply, and the longest time without media. */
  readonly readTimeoutMs: number;
  /** How RTP is to come. `automatic`: over the RTSP connection, over UDP where the camera refuses that, by multicast last. */
  readonly rtspTransport?: 'automatic' | 'udp' | 'multicast' | 'tcp';
  /** Take RTP over UDP from whichever port of the camera it comes. */
  readonly rtspAnyPort?: boolean;
  /** Kind of the Range header of PLAY; empty: from now on. */
  readonly rtspRangeType?: '' | 'clock' | 'npt' | 'smpte';
  /** Where the range starts, in words of its kind. */
  readonly rtspRangeStart?: string;
  /** Scale header of PLAY; empty: none. */
  readonly rtspScale?: string;
  /** First and last local UDP port that may be used. */
  readonly rtspUDPSourcePortRange?: readonly [first: number, last: number];
  /** Of UDP sockets; 0: as the system has it. */
  readonly udpReadBufferBytes?: number;
  /** SHA-256 of the camera's TLS certificate in hex, which is then believed whoever signed it. */
  readonly sourceFingerprint?: string;
  /** Samples are labelled with the camera's clock as its sender reports tell it. */
  readonly useAbsoluteTimestamp?: boolean;
}

/** A camera or another RTSP server, read over TCP: RFC 2326 with RTP in the same connection (§10.12). */
export class RtspSource implements Source {
  readonly type = 'rtspSource';
  readonly #options: RtspSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(options: RtspSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const { name, url, user, password = '' } = this.#options;
    const first = parseAddress(url, name);
    const credentials = user === undefined ? first.credentials : { user, password };
    let address = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS && !signal.aborted; redirects += 1) {
      // Only the host that the owner named gets the password as it is, and in the clear only when he did so; others get a digest of it at most.
      const isFirst = address.host === first.host && (address.isSecure || !first.isSecure);
      const mayTellPassword = isFirst || address.credentials !== undefined;
      const own = redirects > 0 ? (address.credentials ?? credentials) : credentials;
      const newAuthenticator = () => new Authenticator(own, mayTellPassword);
      const redirect = await this.#connect(address, newAuthenticator, sink, signal);
      if (!redirect) {
        return;
      }
      address = redirectedTo(address, redirect.location, name);
      this.#log.debug({ host: address.host, port: address.port }, 'camera redirects');
    }
    if (!signal.aborted) {
      throw new PerchError('unavailable', `camera of path '${name}' redirects more than ${MAX_REDIRECTS} times`);
    }
  }

  async #connect(
    address: Address,
    newAuthenticator: () => Authenticator,
    sink: StreamSink,
    signal: AbortSignal,
  ): Promise<Redirect | undefined> {
    const { name, readTimeoutMs, sourceFingerprint: fingerprint = '' } = this.#options;
    const channel = openChannel(address, { name, fingerprint, authenticator: newAuthenticator() });
    const connection = new RtspConnection(channel, address, name, this.#clock);
    const options = { name, timeoutMs: readTimeoutMs };
    const dialogue = new Dialogue(connection, address, newAuthenticator(), options, signal);
    const session = new RtspSession(connection, dialogue, sink, this.#options, this.#clock, this.#log);
    try {
      await dialogue.greet();
      const description = await dialogue.describe();
      if (description instanceof Redirect) {
        return description;
      }
      await session.setup(address, description);
      await session.play(signal);
      return undefined;
    } catch (error) {
      if (signal.aborted) {
        return undefined;
      }
      throw error;
    } finally {
      await dialogue.teardown();
      connection.fail(new PerchError('unavailable', 'connection is over'));
    }
  }
}
