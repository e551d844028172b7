import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { answersAt } from '../../base/network/answers-at.ts';
import { rangeStartOf } from '../../config/values/range-start.ts';
import type { HeaderField } from '../../media/rtsp/message.ts';
import type { Source, SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { NO_STATISTICS, plus } from '../../stream/ingest/source-statistics.ts';
import { openChannel } from '../../transports/rtsp/channel/open-channel.ts';
import { type Address, parseAddress } from '../../transports/rtsp/request/address.ts';
import type { Authenticator } from '../../transports/rtsp/request/authenticator.ts';
import { RtspConnection } from '../../transports/rtsp/request/connection.ts';
import { KeepAlive } from '../../transports/rtsp/request/keep-alive.ts';
import { type Description, MethodClient, Redirect } from '../../transports/rtsp/request/method-client.ts';
import { cameraOf } from '../../transports/tls/peer.ts';
import { followRedirects } from './request/redirects.ts';
import type { RtspSourceOptions } from './request/settings.ts';
import { RtspSession } from './session.ts';
import { RtspLoudspeaker } from './talk/loudspeaker.ts';
import {
  TRANSPORT_NAME,
  type Transport,
  TransportAttempts,
  TransportChoice,
  TransportRefused,
} from './transport/transport-choice.ts';

/** UDP without a packet for this long is blocked on the way; TCP is tried next, if it is left. */
const SILENT_UDP_MS = 3_000;
/** Some cameras need keep-alives this often, whatever timeout they announce. */
const FREQUENT_KEEP_ALIVE_MS = 5_000;

/** A camera or another RTSP server: RFC 2326. */
export class RtspSource implements Source {
  readonly type: string;
  readonly loudspeaker: RtspLoudspeaker;
  readonly #options: RtspSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #choice: TransportChoice;
  /** What has been logged, once each: changes of the transport, and 'unknown' for a track of unknown format. */
  readonly #logged = new Set<string>();
  #past = NO_STATISTICS;
  readonly #keepAlive = new KeepAlive();
  /** The camera has ended a playing session. */
  #needsFrequentKeepAlive = false;
  /** The last session failed between SETUP of an unknown format, such as metadata, and PLAY: some cameras offer what they do not have. */
  #leavesUnknown = false;
  #session: RtspSession | undefined;
  /** Address of the last connection, after redirects. */
  #lastAddress: Address | undefined;

  constructor(options: RtspSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#choice = new TransportChoice(options.rtspTransport ?? 'automatic', clock);
    this.type = options.box ? 'perchSource' : 'rtspSource';
    this.loudspeaker = new RtspLoudspeaker(options, this.#choice, clock, log);
  }

  get statistics(): SourceStatistics {
    return plus(this.#past, this.#session?.statistics ?? NO_STATISTICS);
  }

  get heldMs(): number {
    return this.#options.loginWatch?.heldMs ?? 0;
  }

  async answers(signal: AbortSignal): Promise<boolean> {
    if (this.#options.box) {
      return this.#options.box.isConnected();
    }
    const { host, port } = this.#lastAddress ?? parseAddress(this.#options.url, this.#options.name);
    return answersAt(host, port, this.#clock, signal);
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    await followRedirects(this.#options, this.#log, signal, (address, newAuthenticator) =>
      this.#connect(address, newAuthenticator, sink, signal),
    ).catch((error: unknown) => {
      if (!signal.aborted) {
        throw error;
      }
    });
  }

  /** Tries the transports in turn until media arrives. */
  async #connect(
    address: Address,
    newAuthenticator: () => Authenticator,
    sink: StreamSink,
    signal: AbortSignal,
  ): Promise<Redirect | undefined> {
    const { isSecure, tunnel } = address;
    const isTunnelled = isSecure || tunnel !== 'none';
    const attempts = new TransportAttempts(this.#choice.transports(isTunnelled, isSecure && tunnel === 'none'));
    while (!signal.aborted) {
      const { transport } = attempts;
      if (transport === undefined) {
        throw attempts.failure(this.#options.name);
      }
      const packetsBefore = this.#past.packets;
      try {
        return await this.#attempt(address, newAuthenticator, sink, attempts, signal);
      } catch (error) {
        if (error instanceof TransportRefused) {
          this.#refuse(attempts, error);
        } else if (attempts.transport === transport || this.#past.packets > packetsBefore || isLoginFailure(error)) {
          throw error;
        }
        // Otherwise the camera cannot change the transport within a connection: the next transport gets its own connection.
      }
    }
    return undefined;
  }

  async #attempt(
    address: Address,
    newAuthenticator: () => Authenticator,
    sink: StreamSink,
    attempts: TransportAttempts,
    signal: AbortSignal,
  ): Promise<Redirect | undefined> {
    const { name, readTimeoutMs, sourceFingerprint: fingerprint = '', box } = this.#options;
    this.#lastAddress = address;
    const peer = cameraOf(name);
    const channel = box
      ? await box.open(signal)
      : openChannel(address, { peer, fingerprint, authenticator: newAuthenticator() });
    const connection = new RtspConnection(channel, address, peer, this.#clock);
    const options = { peer, timeoutMs: readTimeoutMs, keepAlive: this.#keepAlive };
    const client = new MethodClient(connection, address, newAuthenticator(), options, signal);
    const keepAlive = this.#needsFrequentKeepAlive ? { keepAliveMs: FREQUENT_KEEP_ALIVE_MS } : {};
    const sessionOptions = {
      ...this.#options,
      ...keepAlive,
      leavesUnknown: this.#leavesUnknown,
      playFields: playHeaders(this.#options),
    };
    const session = new RtspSession(connection, client, address, sink, sessionOptions, this.#clock, this.#log);
    this.#session = session;
    let isPlaying = false;
    try {
      const methods = client.queryMethods();
      // A paired box takes requests before it has answered earlier ones; not every camera does.
      const [description] = await Promise.all(
        box ? [client.describe(), methods] : [methods.then(() => client.describe())],
      );
      if (description instanceof Redirect) {
        return description;
      }
      const transport = await this.#setup(session, description, attempts);
      const patienceMs = attempts.isLeft('tcp') ? SILENT_UDP_MS : readTimeoutMs;
      const silenceMs = attempts.isOnlyOne || transport === 'tcp' ? undefined : patienceMs;
      const onMedia = () => {
        isPlaying = true;
        this.#options.loginWatch?.plays(true);
        this.#choice.worked(transport);
      };
      await session.play({ transport, silenceMs, isTcpLeft: attempts.isLeft('tcp'), onMedia }, signal);
      return undefined;
    } catch (error) {
      if (signal.aborted) {
        return undefined;
      }
      this.#needsFrequentKeepAlive ||= isPlaying;
      this.#noteUnknown(session, isPlaying, error);
      throw error;
    } finally {
      // Closed before TEARDOWN, so that packets that arrive before its reply are dropped.
      session.close();
      if (isPlaying) {
        this.#options.loginWatch?.plays(false);
      }
      await client.teardown();
      connection.fail(new PerchError('unavailable', 'connection is over'));
      this.#past = { ...this.statistics, transport: undefined };
      this.#session = undefined;
    }
  }

  #noteUnknown({ asksForUnknown }: RtspSession, isPlaying: boolean, error: unknown): void {
    if (error instanceof TransportRefused) {
      return;
    }
    if (asksForUnknown && !this.#logged.has('unknown')) {
      this.#logged.add('unknown');
      this.#log.warn({ reason: explain(error) }, 'camera fails with a track of unknown format, trying without it');
    }
    // If the session fails without the unknown format as well, that format is not the reason.
    this.#leavesUnknown = asksForUnknown || (this.#leavesUnknown && isPlaying);
  }

  /** @returns the transport that the camera accepts @throws the rejection of the last one */
  async #setup(session: RtspSession, description: Description, attempts: TransportAttempts): Promise<Transport> {
    for (;;) {
      const { transport } = attempts;
      if (transport === undefined) {
        throw attempts.failure(this.#options.name);
      }
      try {
        await session.setup(description, transport);
        return transport;
      } catch (error) {
        if (!(error instanceof TransportRefused) || error.hasBegun) {
          throw error;
        }
        this.#refuse(attempts, error);
      }
    }
  }

  #refuse(attempts: TransportAttempts, { cause }: TransportRefused): void {
    const { transport } = attempts;
    attempts.refuse(cause);
    const next = attempts.transport;
    if (transport === undefined) {
      return;
    }
    this.#choice.failed(transport);
    const what = `${transport} ${next}`;
    if (next !== undefined && !this.#logged.has(what)) {
      this.#logged.add(what);
      const facts = { transport: TRANSPORT_NAME[transport], reason: explain(cause), next: TRANSPORT_NAME[next] };
      // Not a warning: automatic selection works like this. When no transport is left, the error has all reasons.
      this.#log.info(facts, 'trying another transport');
    }
  }
}

/** A retry would send the rejected password again. */
const isLoginFailure = (error: unknown): boolean => error instanceof PerchError && error.code === 'unauthorized';

/** Range and Scale of PLAY, RFC 2326 §12.29 and §12.34. */
function playHeaders({ rtspRangeType = '', rtspRangeStart = '', rtspScale = '' }: RtspSourceOptions): HeaderField[] {
  const start = rangeStartOf(rtspRangeType, rtspRangeStart);
  // Some cameras require a Range.
  const headers: HeaderField[] = [['Range', rtspRangeType === '' ? 'npt=0.000-' : `${rtspRangeType}=${start}-`]];
  if (rtspScale !== '') {
    headers.push(['Scale', rtspScale]);
  }
  return headers;
}
