import { randomBytes, randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { explain, rethrowUnexpected } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { packetizeH264 } from '../media/h264/packetize.ts';
import type { Packetize, PayloadSink } from '../media/payload/packetizer.ts';
import { writeSenderReport } from '../media/rtcp/write.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../media/rtp/header.ts';
import { RtspFramer } from '../media/rtsp/interleaved.ts';
import { type HeaderField, type RtspMessage, type RtspRequest, writeResponse } from '../media/rtsp/message.ts';
import { parseTransports, writeTransport } from '../media/rtsp/transport.ts';
import { payloadTypeOf, writeSdp } from '../media/sdp/write.ts';
import type { PlayedStreams, StreamListener } from './demo-streams.ts';

/** Bytes that wait for a client; a slower client is disconnected. About 30 s of the main stream. */
const MAX_UNSENT_BYTES = 2 << 20;
const IDLE_MS = 60_000;
const METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN';
const LAST_CHANNEL = 254;

/** Behaviour of simulated cameras in tests that differs from the demo camera's. */
export interface RtspQuirks {
  /** The headers of a 401, or undefined if the request passes. */
  challenge?(request: RtspRequest): readonly HeaderField[] | undefined;
  /** Replaces the response after a valid login: a status, or no response. */
  refuses?(request: RtspRequest): number | 'never' | undefined;
  /** The response waits for this. */
  delay?(request: RtspRequest): Promise<void> | undefined;
  /** Name of the stream for a URI that names none. */
  streamOf?(uri: string): string | undefined;
  /** Additional lines of SDP. */
  moreMedia?(request: RtspRequest): string;
}

type Answer = readonly [status: number, headers?: readonly HeaderField[], body?: Uint8Array];

/** An RTSP connection to the demo camera, with one session; media is interleaved (RFC 2326 §10.12). */
export class RtspSession implements StreamListener {
  readonly #socket: Socket;
  readonly #streams: PlayedStreams;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #quirks: RtspQuirks;
  readonly #id = randomBytes(8).toString('hex');
  /** Senders by the index of the track. */
  readonly #senders: (RtpSender | undefined)[] = [];
  #stream: string | undefined;
  #leave: (() => void) | undefined;

  constructor(socket: Socket, streams: PlayedStreams, clock: Clock, log: Logger, quirks: RtspQuirks = {}) {
    this.#socket = socket;
    this.#streams = streams;
    this.#clock = clock;
    this.#log = log;
    this.#quirks = quirks;
    const framer = new RtspFramer({ onFrame: () => {}, onMessage: (message) => this.#receive(message) });
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', (error) => log.debug({ error: error.message }, 'client of the demo camera has disconnected'));
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
      rethrowUnexpected(error);
      this.#log.debug({ error: explain(error) }, 'client of the demo camera does not speak RTSP');
      this.#socket.destroy();
    }
  }

  /** All writes of a turn of the event loop go out in one system call. */
  #write(bytes: Uint8Array): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(this.#flush);
    }
    this.#socket.write(bytes);
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.#log.debug({ limitBytes: MAX_UNSENT_BYTES }, 'client of the demo camera is too slow');
      this.#socket.destroy();
    }
  }

  #flush = (): void => this.#socket.uncork();

  #receive(message: RtspMessage): void {
    if (message.kind === 'response') {
      return;
    }
    const delay = this.#quirks.delay?.(message);
    if (delay) {
      void delay.then(() => this.#respond(message));
    } else {
      this.#respond(message);
    }
  }

  #respond(message: RtspRequest): void {
    const cseq = message.headers.get('CSeq') ?? '0';
    const answer = this.#answer(message);
    if (answer === 'never') {
      return;
    }
    const [status, headers = [], body] = answer;
    this.#write(writeResponse(status, [['CSeq', cseq], ['Server', 'Perch demo camera'], ...headers], body));
    if (message.method === 'PLAY' && status === 200) {
      // The response precedes the first picture.
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
    const challenge = this.#quirks.challenge?.(request);
    if (challenge) {
      return [401, challenge];
    }
    const refusal = this.#quirks.refuses?.(request);
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
    const alias = this.#quirks.streamOf?.(uri);
    const tracks = this.#streams.tracksOf(alias ?? pathOf(uri)[0] ?? '');
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
    return [200, headers, Buffer.from(sdp + (this.#quirks.moreMedia?.(request) ?? ''))];
  }

  #setUp(request: RtspRequest): Answer {
    const [stream = '', control = ''] = pathOf(request.uri);
    const tracks = this.#streams.tracksOf(stream);
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
      this.#leave = this.#streams.listen(this.#stream, this);
    }
  }

  #stopPlaying(): void {
    this.#leave?.();
    this.#leave = undefined;
  }
}

/** The segments of a URL's path, without the query. */
function pathOf(uri: string): string[] {
  const path = /^rtsp:\/\/[^/]*\/([^?]*)/i.exec(uri)?.[1] ?? '';
  return path.split('/').filter((word) => word !== '');
}

const MAX_PAYLOAD_BYTES = 1400;
const FRAME_HEADER_BYTES = 4;
const PACKET_OVERHEAD_BYTES = FRAME_HEADER_BYTES + RTP_HEADER_BYTES + 4;
/** A sender report, which relates RTP clock and wall clock, precedes the first packet and follows at this interval. */
const REPORT_EVERY_MS = 5_000;
const DOLLAR = 0x24;
const CNAME = 'perch-demo';

/** One track of one client: units in, bytes of the RTSP connection out (RFC 2326 §10.12). */
class RtpSender implements PayloadSink {
  readonly channel: number;
  readonly payloadType: number;
  readonly ssrc = randomInt(2 ** 32);
  #sequence = randomInt(2 ** 16);
  #timestamp = 0;
  #packets = 0;
  #payloadBytes = 0;
  #nextReportMs = Number.NEGATIVE_INFINITY;
  #out = Buffer.alloc(0);
  #length = 0;

  /** @param channel of RTP; RTCP has the next */
  constructor(channel: number, payloadType: number) {
    this.channel = channel;
    this.payloadType = payloadType;
  }

  /** Sequence number of the next packet. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The interleaved frames of one unit, and a sender report before them when one is due. */
  send(unit: Uint8Array, packetize: Packetize, ticks: number, unixMs: number, monoMs: number): Buffer {
    const report = monoMs >= this.#nextReportMs ? this.#report(ticks, unixMs, monoMs) : undefined;
    const packets = Math.ceil(unit.length / (MAX_PAYLOAD_BYTES / 2)) + 2;
    this.#out = Buffer.allocUnsafe(
      (report?.length ?? 0) + FRAME_HEADER_BYTES + unit.length + packets * PACKET_OVERHEAD_BYTES,
    );
    this.#length = 0;
    this.#timestamp = ticks;
    if (report) {
      this.#frame(this.channel + 1, report.length);
      this.#out.set(report, this.#length);
      this.#length += report.length;
    }
    packetize(unit, MAX_PAYLOAD_BYTES, true, this);
    return this.#out.subarray(0, this.#length);
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    const payloadBytes = prefixBytes + end - start;
    this.#frame(this.channel, RTP_HEADER_BYTES + payloadBytes);
    const out = this.#out;
    writeRtpHeader(out, this.#length, marker, this.payloadType, this.#sequence, this.#timestamp, this.ssrc);
    this.#length += RTP_HEADER_BYTES;
    for (let i = prefixBytes - 1; i >= 0; i -= 1) {
      out[this.#length] = prefix >>> (8 * i);
      this.#length += 1;
    }
    out.set(data.subarray(start, end), this.#length);
    this.#length += end - start;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#packets += 1;
    this.#payloadBytes += payloadBytes;
  }

  #frame(channel: number, size: number): void {
    this.#out[this.#length] = DOLLAR;
    this.#out[this.#length + 1] = channel;
    this.#out.writeUInt16BE(size, this.#length + 2);
    this.#length += FRAME_HEADER_BYTES;
  }

  #report(ticks: number, unixMs: number, monoMs: number): Uint8Array {
    this.#nextReportMs = monoMs + REPORT_EVERY_MS;
    const { ssrc } = this;
    return writeSenderReport({ ssrc, unixMs, ticks, packets: this.#packets, payloadBytes: this.#payloadBytes }, CNAME);
  }
}

/** The payload is the G.711 samples themselves, RFC 3551 §4.5.14. */
const packetizeSound: Packetize = (data, _maxPayloadBytes, _isLast, sink) =>
  sink.onPayload(0, 0, data, 0, data.length, false);
