import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { Failure } from '../../base/failure.ts';
import type { Logger } from '../../base/log.ts';
import { ReadRounds } from '../../base/time/read-rounds.ts';
import { runInput } from '../../base/time/run-input.ts';
import { describeFormat } from '../../media/sdp/describe-format.ts';
import { parseSdp } from '../../media/sdp/parse.ts';
import type { Source, SourceStatistics, StreamSink } from '../../stream/contracts.ts';
import { ReceivedTracks } from '../../stream/ingest/received-tracks.ts';
import { NO_STATISTICS, plus } from '../../stream/ingest/source-statistics.ts';
import { listenUdp, parseUdpUrl } from '../../transports/udp/listen.ts';
import { isGroup } from '../../transports/udp/multicast.ts';
import type { UdpSocket } from '../../transports/udp/udp-socket.ts';
import { acceptUnix } from '../../transports/unix/accept.ts';
import { RtpDemultiplexer } from './demultiplexer.ts';
import { PacketSplitter } from './packet-splitter.ts';

const LOG_EVERY_MS = 5_000;

export interface RtpSourceOptions {
  /** Name of the path. */
  readonly name: string;
  readonly url: string;
  readonly rtpSDP: string;
  readonly readTimeoutMs: number;
  /** Size of the socket's receive buffer; 0: chosen by Perch. */
  readonly readBufferBytes: number;
  readonly audio?: boolean;
  readonly continueAfterLoss?: boolean;
  readonly useAbsoluteTimestamp?: boolean;
}

type Connection = Pick<UdpSocket, 'close'> & Partial<Pick<UdpSocket, 'readInRounds'>>;

/** RTP packets that arrive at a UDP port, a multicast group or a local socket; the configuration has their SDP. */
export class RtpSource implements Source {
  readonly type = 'rtpSource';
  readonly #options: RtpSourceOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  #past = NO_STATISTICS;
  #demultiplexer: RtpDemultiplexer | undefined;

  constructor(options: RtpSourceOptions, clock: Clock, log: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
  }

  get statistics(): SourceStatistics {
    return plus(this.#past, this.#demultiplexer?.statistics ?? NO_STATISTICS);
  }

  async run(sink: StreamSink, signal: AbortSignal): Promise<void> {
    const tracks = this.#tracksOf(sink);
    const failure = new Failure();
    const input = await this.#open(tracks, failure.fail);
    tracks.writer.onUrgentReader = () => input.readInRounds?.(undefined);
    const startedMs = this.#clock.monoMs();
    let logAtMs = startedMs + LOG_EVERY_MS;
    const check = () => {
      const nowMs = this.#clock.monoMs();
      this.#demultiplexer?.flush(nowMs);
      if (nowMs >= logAtMs) {
        logAtMs = nowMs + LOG_EVERY_MS;
        tracks.logFaults();
      }
      tracks.check(nowMs, startedMs);
      input.readInRounds?.(ReadRounds.within(tracks.toleratedDelayMs, nowMs - startedMs, this.#clock));
    };
    const close = () => {
      input.readInRounds?.(undefined);
      input.close();
      this.#past = { ...this.statistics, transport: undefined };
      this.#demultiplexer = undefined;
    };
    await runInput({ check, close }, failure, this.#clock, signal);
  }

  /** @throws PerchError if the SDP has no supported track */
  #tracksOf(sink: StreamSink): ReceivedTracks {
    const { audio = true, continueAfterLoss = false, rtpSDP, name } = this.#options;
    const sdp = parseSdp(rtpSDP);
    const tracks = new ReceivedTracks('sender', sink, this.#options, this.#clock, this.#log);
    const traits = { hasDoubtfulMarkers: true, continuesAfterLoss: continueAfterLoss };
    for (const media of sdp.medias.slice(0, 8)) {
      const isWanted = audio || media.kind !== 'audio';
      const receiver = isWanted ? tracks.choose(media, traits) : undefined;
      if (receiver) {
        const { payloadType } = receiver.format;
        if (tracks.receivers.some(({ format }) => format.payloadType === payloadType)) {
          const message = `rtpSDP of path '${name}' has two tracks with payload type ${payloadType}`;
          throw new PerchError('badInput', message, { path: name });
        }
        tracks.receivers.push(receiver);
      } else if (isWanted) {
        const { kind, formats } = media;
        this.#log.warn({ kind, formats: formats.map(describeFormat) }, 'rtpSDP has an unsupported track');
      }
    }
    if (tracks.receivers.length === 0) {
      throw tracks.offersNothing(sdp, audio);
    }
    return tracks;
  }

  async #open(tracks: ReceivedTracks, fail: (cause: unknown) => void): Promise<Connection> {
    const { url, readBufferBytes } = this.#options;
    if (url.toLowerCase().startsWith('unix')) {
      const demultiplexer = new RtpDemultiplexer(tracks, 'TCP', fail);
      const splitter = new PacketSplitter(tracks.receivers, (chunk, start, end) =>
        demultiplexer.push(chunk, start, end, this.#clock.monoMs()),
      );
      this.#demultiplexer = demultiplexer;
      return acceptUnix(url, { onData: (chunk) => splitter.push(chunk), onEnd: fail });
    }
    const address = parseUdpUrl(url);
    const socket = await listenUdp(address, readBufferBytes, this.#clock);
    const demultiplexer = new RtpDemultiplexer(tracks, isGroup(address.host) ? 'UDP-multicast' : 'UDP', fail);
    socket.sink = { onDatagram: (bytes, start, end, atMs) => demultiplexer.push(bytes, start, end, atMs) };
    const reports = await this.#openReports(tracks);
    if (reports) {
      reports.sink = {
        onDatagram: (bytes, start, end, atMs) => {
          // A BYE ends the tracks, so the RTP packets before it are read first.
          socket.read();
          demultiplexer.push(bytes, start, end, atMs);
        },
      };
    }
    this.#demultiplexer = demultiplexer;
    return {
      readInRounds: (rounds) => socket.readInRounds(rounds),
      close: () => {
        socket.close();
        reports?.close();
      },
    };
  }

  /**
   * The port of RTCP (RFC 3550 §11), for sender reports. They serve the sync of several tracks and the sender's clock only:
   * otherwise the port is left free for another path.
   */
  async #openReports({ receivers }: ReceivedTracks): Promise<UdpSocket | undefined> {
    const { url, useAbsoluteTimestamp = false } = this.#options;
    const address = parseUdpUrl(url);
    if (address.port % 2 === 1 || (receivers.length === 1 && !useAbsoluteTimestamp)) {
      return undefined;
    }
    return listenUdp({ ...address, port: address.port + 1 }, 0, this.#clock).catch((error: unknown) => {
      this.#log.warn({ reason: explain(error) }, 'no RTCP, tracks are aligned by arrival');
      return undefined;
    });
  }
}
