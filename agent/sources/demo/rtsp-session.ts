import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { packetizeH264 } from '../../media/h264/packetize.ts';
import { RtspFramer } from '../../media/rtsp/interleaved.ts';
import { type HeaderField, type RtspMessage, type RtspRequest, writeResponse } from '../../media/rtsp/message.ts';
import { parseTransports, writeTransport } from '../../media/rtsp/transport.ts';
import { payloadTypeOf, writeSdp } from '../../media/sdp/write.ts';
import type { FeedListener, PlayedFeed } from './feed.ts';
import { packetizeSound, RtpSender } from './rtp-sender.ts';

/** What a client has not taken yet; beyond it the client is too slow and is let go. About 30 s of the main stream. */
const MAX_UNSENT_BYTES = 2 << 20;
const IDLE_MS = 60_000;
const METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN';
const LAST_CHANNEL = 254;

/** What a camera of the same make may do differently; tests play real ones with it. */
export interface RtspManners {
  /** The headers of a 401, when the request may not pass. */
  challenge?(request: RtspRequest): readonly HeaderField[] | undefined;
  /** What a request is answered in place of its own answer, once the login is right: a status, or nothing at all. */
  refuses?(request: RtspRequest): number | 'never' | undefined;
  /** The stream behind an address that is not called as the stream is. */
  streamOf?(uri: string): string | undefined;
  /** Lines of SDP for more media than there are. */
  moreMedia?(request: RtspRequest): string;
}

type Answer = readonly [status: number, headers?: readonly HeaderField[], body?: Uint8Array];

/** One RTSP connection to the demo camera, which is also its session; media go through the connection (RFC 2326 §10.12). */
export class RtspSession implements FeedListener {
  readonly #socket: Socket;
  readonly #feed: PlayedFeed;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #manners: RtspManners;
  readonly #id = randomBytes(8).toString('hex');
  /** One for each track that was set up, at the track's place. */
  readonly #senders: (RtpSender | undefined)[] = [];
  #stream: string | undefined;
  #leave: (() => void) | undefined;

  constructor(socket: Socket, feed: PlayedFeed, clock: Clock, log: Logger, manners: RtspManners = {}) {
    this.#socket = socket;
    this.#feed = feed;
    this.#clock = clock;
    this.#log = log;
    this.#manners = manners;
    const framer = new RtspFramer({ onFrame: () => {}, onMessage: (message) => this.#receive(message) });
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', (error) => log.debug({ error: error.message }, 'a client of the demo camera is gone'));
    socket.on('close', () => this.#stopPlaying());
    socket.on('data', (chunk: Uint8Array) => this.#read(framer, chunk));
  }

  onVideo(unit: Uint8Array, ticks: number, unixMs: number): void {
    const sender = this.#senders[0];
    if (sender) {
      this.#write(sender.send(unit, packetizeH264, ticks, unixMs, this.#clock.monoMs()));
    }
  }

  onSound(packet: Uint8Array, ticks: number, unixMs: number): void {
    const sender = this.#senders[1];
    if (sender) {
      this.#write(sender.send(packet, packetizeSound, ticks, unixMs, this.#clock.monoMs()));
    }
  }

  #read(framer: RtspFramer, chunk: Uint8Array): void {
    try {
      framer.push(chunk, chunk.length);
    } catch (error) {
      if (!(error instanceof PerchError)) {
        throw error;
      }
      this.#log.debug({ error: explain(error) }, 'a client of the demo camera does not speak RTSP');
      this.#socket.destroy();
    }
  }

  /** What is written in one turn goes out in one system call. */
  #write(bytes: Uint8Array): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(this.#flush);
    }
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.#log.debug({ limitBytes: MAX_UNSENT_BYTES }, 'a client of the demo camera is too slow');
      this.#socket.destroy();
    }
  }

  #flush = (): void => this.#socket.uncork();

  #receive(message: RtspMessage): void {
    if (message.kind === 'response') {
      return;
    }
    const cseq = message.headers.get('CSeq') ?? '0';
    const answer = this.#answer(message);
    if (answer === 'never') {
      return;
    }
    const [status, headers = [], body] = answer;
    this.#write(writeResponse(status, [['CSeq', cseq], ['Server', 'Perch demo camera'], ...headers], body));
    if (message.method === 'PLAY' && status === 200) {
      // After the reply, so that no picture comes before it.
      this.#startPlaying();
    } else if (message.method === 'TEARDOWN') {
      this.#socket.end();
    }
  }

  #answer(request: RtspRequest): Answer | 'never' {
    const session = request.headers.get('Session')?.split(';')[0]?.trim();
    if (session !== undefined && session !== this.#id) {
      return [454];
    }
    const challenge = this.#manners.challenge?.(request);
    if (challenge) {
      return [401, challenge];
    }
    const refusal = this.#manners.refuses?.(request);
    if (refusal !== undefined) {
      return refusal === 'never' ? refusal : [refusal];
    }
    switch (request.method) {
      case 'OPTIONS':
        return [200, [['Public', METHODS]]];
      case 'DESCRIBE':
        return this.#describe(request);
      case 'SETUP':
        return this.#setUp(request);
      case 'PLAY':
        return this.#play(request.uri);
      case 'PAUSE':
      case 'TEARDOWN':
        this.#stopPlaying();
        return [200, this.#sessionHeader()];
      case 'GET_PARAMETER':
      case 'SET_PARAMETER':
        return [200, this.#sessionHeader()];
      default:
        return [501];
    }
  }

  #describe(request: RtspRequest): Answer {
    const { uri } = request;
    const alias = this.#manners.streamOf?.(uri);
    const tracks = this.#feed.tracksOf(alias ?? pathOf(uri)[0] ?? '');
    if (!tracks) {
      return [404];
    }
    const sessionId = Math.floor(this.#clock.wallMs());
    const sdp = writeSdp(tracks, { name: 'Perch demo camera', host: '127.0.0.1', sessionId });
    const own = alias === undefined ? uri : uri.replace(/^(rtsp:\/\/[^/]*).*/i, `$1/${alias}`);
    const base = own.endsWith('/') ? own : `${own}/`;
    const headers: HeaderField[] = [
      ['Content-Type', 'application/sdp'],
      ['Content-Base', base],
    ];
    return [200, headers, Buffer.from(sdp + (this.#manners.moreMedia?.(request) ?? ''))];
  }

  #setUp(request: RtspRequest): Answer {
    const [stream = '', control = ''] = pathOf(request.uri);
    const tracks = this.#feed.tracksOf(stream);
    const index = Number(/^trackID=([01])$/.exec(control)?.[1]);
    const track = tracks?.[index];
    if (!track) {
      return [404];
    }
    if (this.#leave || (this.#stream !== undefined && this.#stream !== stream)) {
      return [455];
    }
    const wanted = parseTransports(request.headers.get('Transport') ?? '').find(
      ({ protocol, isSecure, isMulticast }) => protocol === 'tcp' && !isSecure && !isMulticast,
    );
    const channel = wanted?.interleaved?.[0] ?? 2 * index;
    const isTaken = this.#senders.some(
      (other, place) => place !== index && Math.abs((other?.channel ?? -9) - channel) < 2,
    );
    if (!wanted || isTaken || channel > LAST_CHANNEL) {
      return [461];
    }
    const sender = new RtpSender(channel, payloadTypeOf(track, index));
    this.#stream = stream;
    this.#senders[index] = sender;
    const transport = writeTransport({
      protocol: 'tcp',
      isSecure: false,
      isMulticast: false,
      interleaved: [channel, channel + 1],
      ssrc: sender.ssrc,
    });
    return [200, [...this.#sessionHeader(), ['Transport', transport]]];
  }

  #play(uri: string): Answer {
    if (this.#stream === undefined) {
      return [455];
    }
    const base = uri.replace(/\/+$/, '');
    const info = this.#senders.flatMap((sender, i) =>
      sender ? [`url=${base}/trackID=${i};seq=${sender.sequence}`] : [],
    );
    return [200, [...this.#sessionHeader(), ['Range', 'npt=now-'], ['RTP-Info', info.join(',')]]];
  }

  #sessionHeader(): HeaderField[] {
    return [['Session', `${this.#id};timeout=60`]];
  }

  #startPlaying(): void {
    if (this.#stream !== undefined && !this.#leave) {
      this.#leave = this.#feed.listen(this.#stream, this);
    }
  }

  #stopPlaying(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

/** The words of a URL's path, without a query. */
function pathOf(uri: string): string[] {
  const path = /^rtsp:\/\/[^/]*\/([^?]*)/i.exec(uri)?.[1] ?? '';
  return path.split('/').filter((word) => word !== '');
}
