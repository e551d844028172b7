import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { codecOf } from '../../../agent/media/codecs.ts';
import type { Packetize, PayloadSink } from '../../../agent/media/payload/packetizer.ts';
import { writeBye } from '../../../agent/media/rtcp/write.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../agent/media/rtp/header.ts';
import { RtspFramer } from '../../../agent/media/rtsp/interleaved.ts';
import { type HeaderField, type RtspRequest, writeResponse } from '../../../agent/media/rtsp/message.ts';
import { parseTransports, writeTransport } from '../../../agent/media/rtsp/transport.ts';
import { payloadTypeOf, writeSdp } from '../../../agent/media/sdp/write.ts';
import type { CameraState } from '../state.ts';
import { challengeOf } from '../stream-side.ts';
import type { SdCard } from './sd-card.ts';

const MAX_PAYLOAD_BYTES = 1_400;
/** Seconds from 1900 to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;
const EXTENSION_BYTES = 16;
/** Beyond the receive window of a connection the kernel may pause for 40 ms, which are many seconds of a test whose time is fast. */
const BURST_BYTES = 16_384;

export interface ReplayServer {
  readonly port: number;
  close(): Promise<void>;
}

/** The RTSP server that replays a card, ONVIF Streaming §6. */
export async function startReplayServer(
  state: CameraState,
  card: SdCard,
  address: string,
  port: number,
): Promise<ReplayServer> {
  const sockets = new Set<Socket>();
  // Small packets do not wait for the answer to others, which would be long in a test whose time is fast.
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const session = new ReplaySession(state, card, socket);
    socket.on('close', () => {
      sockets.delete(socket);
      session.stop();
    });
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) {
        socket.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}

type Answer = readonly [status: number, fields?: readonly HeaderField[], body?: Uint8Array];

class ReplaySession {
  readonly #state: CameraState;
  readonly #card: SdCard;
  readonly #socket: Socket;
  readonly #id = randomBytes(6).toString('hex');
  readonly #nonce = randomBytes(16).toString('hex');
  readonly #senders: (Sender | undefined)[] = [];
  #playing = new AbortController();

  constructor(state: CameraState, card: SdCard, socket: Socket) {
    this.#state = state;
    this.#card = card;
    this.#socket = socket;
    const framer = new RtspFramer({
      onFrame: () => {},
      onMessage: (message) => {
        if (message.kind === 'request') {
          this.#respond(message);
        }
      },
    });
    socket.on('error', () => {});
    socket.on('data', (chunk: Uint8Array) => framer.push(chunk, chunk.length));
  }

  stop(): void {
    this.#playing.abort();
  }

  #respond(request: RtspRequest): void {
    const [status, fields = [], body] = this.#answer(request);
    this.#state.replayRequests.push({ method: request.method, fields: request.headers.fields, status });
    const cseq = request.headers.get('CSeq') ?? '0';
    const { replayHastens = 0 } = this.#state.quirks;
    if (request.method === 'PLAY' && replayHastens > 0) {
      // RTP of a version that no receiver takes.
      this.#socket.write(frame(0, new Uint8Array(replayHastens)));
    }
    this.#socket.write(writeResponse(status, [['CSeq', cseq], ['Session', `${this.#id};timeout=60`], ...fields], body));
    if (request.method === 'PLAY' && status === 200) {
      if (this.#state.quirks.oneSession === 'endsLive') {
        void this.#state.endStreams();
      }
      this.#state.replayed += 1;
      void this.#play(request).finally(() => {
        this.#state.replayed -= 1;
      });
    }
    if (request.method === 'TEARDOWN') {
      this.stop();
      this.#socket.end();
    }
  }

  #answer(request: RtspRequest): Answer {
    const { quirks } = this.#state;
    const challenge = challengeOf(this.#state, request, this.#nonce);
    if (challenge) {
      return [401, challenge];
    }
    if (request.method === quirks.replayRedirects?.method) {
      return [302, [['Location', quirks.replayRedirects.location]]];
    }
    switch (request.method) {
      case 'OPTIONS':
        return [200, [['Public', 'OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN']]];
      case 'DESCRIBE': {
        const { tracks: all } = this.#card.partOf(tokenOf(request));
        const tracks = quirks.cardHasNoSound ? all.slice(0, 1) : all;
        const sdp = writeSdp(tracks, { name: 'card', host: '127.0.0.1', sessionId: 1 });
        const base = request.uri.replace(/\?.*$/, '');
        return [
          200,
          [
            ['Content-Type', 'application/sdp'],
            ['Content-Base', `${base}/`],
          ],
          Buffer.from(sdp),
        ];
      }
      case 'SETUP':
        return this.#setUp(request);
      case 'PLAY': {
        const isLacking = quirks.replayLacks?.some((name) => request.headers.get(name) !== undefined);
        return isLacking ? [551] : [quirks.replayAnswers ?? 200, [['Range', request.headers.get('Range') ?? 'npt=0-']]];
      }
      default:
        return [200];
    }
  }

  #setUp(request: RtspRequest): Answer {
    const { uri, headers } = request;
    const { quirks } = this.#state;
    if ((quirks.replaysRefused ?? 0) > 0) {
      quirks.replaysRefused = (quirks.replaysRefused ?? 0) - 1;
      return [453];
    }
    if (quirks.oneSession === 'refuses' && this.#state.livePlayed > 0) {
      return [453];
    }
    const index = Number(/trackID=([01])$/.exec(uri)?.[1]);
    const track = this.#card.partOf(tokenOf(request)).tracks[index];
    const wanted = parseTransports(headers.get('Transport') ?? '').find(({ protocol }) => protocol === 'tcp');
    const { packetize } = track ? codecOf(track) : {};
    if (!track || !wanted || !packetize) {
      return [track ? 461 : 404];
    }
    const channel = wanted.interleaved?.[0] ?? 2 * index;
    this.#senders[index] = new Sender(channel, payloadTypeOf(track, index), packetize);
    return [200, [['Transport', writeTransport({ ...wanted, interleaved: [channel, channel + 1] })]]];
  }

  async #play(request: RtspRequest): Promise<void> {
    const { quirks, clock, clockOffsetMs } = this.#state;
    this.#playing.abort();
    this.#playing = new AbortController();
    const { signal } = this.#playing;
    const token = tokenOf(request);
    const recording = this.#card.recordings(quirks, clockOffsetMs).find((one) => one.token === token);
    const [fromMs, untilMs] = rangeOf(request.headers.get('Range'));
    const units =
      recording && !quirks.replaySendsNothing
        ? this.#card.replayed(recording, fromMs, untilMs, quirks, clockOffsetMs)
        : [];
    const cseq = Number(request.headers.get('CSeq')) & 0xff;
    const sent = units.filter(({ track }) => this.#senders[track]);
    const lastOf = [0, 1].map((track) => sent.findLast((unit) => unit.track === track));
    const startMs = clock.monoMs();
    const lost = quirks.replayLoses?.shift();
    const { replayTimes, replaySparesExtension: isSparing } = quirks;
    const isRequired = (request.headers.get('Require') ?? '').includes('onvif-replay');
    const hasTimes = replayTimes === undefined ? isRequired : replayTimes === 'always';
    let [pictures, burstBytes] = [0, 0];
    for (const unit of sent) {
      if (quirks.replayPace !== undefined) {
        const leftMs = startMs + (unit.cardMs - (sent[0]?.cardMs ?? 0)) / quirks.replayPace - clock.monoMs();
        // A timer takes a millisecond at least: one for each picture that is late would make it later.
        if (leftMs > 0) {
          await clock.sleep(leftMs, signal);
        }
      }
      if (signal.aborted) {
        return;
      }
      pictures += unit.track === 0 ? 1 : 0;
      const { replayBreaks, replayStalls } = quirks;
      if (pictures > (replayStalls?.[0] ?? Number.POSITIVE_INFINITY)) {
        replayStalls?.shift();
        return;
      }
      if (replayBreaks && replayBreaks.times > 0 && pictures > replayBreaks.afterPictures) {
        replayBreaks.times -= 1;
        this.#socket.destroy();
        return;
      }
      const isLast = unit === lastOf[unit.track] && !quirks.replayEndsSilently;
      const bytes = this.#senders[unit.track]?.send(unit, { cseq, isLast, hasTimes, isSparing });
      if (!bytes || (pictures === lost && unit.track === 0)) {
        continue;
      }
      if (!this.#socket.write(bytes)) {
        await once(this.#socket, 'drain', { signal }).catch(() => {});
      }
      burstBytes += bytes.length;
      if (burstBytes > BURST_BYTES) {
        burstBytes = 0;
        await nextTurn();
      }
    }
    if (!quirks.replayEndsSilently && !quirks.replaySendsNothing && !signal.aborted) {
      for (const sender of this.#senders) {
        if (sender) {
          this.#socket.write(frame(sender.channel + 1, writeBye(sender.ssrc)));
        }
      }
    }
  }
}

/** The recording that a request is for. */
const tokenOf = ({ uri }: RtspRequest): string => /\/replay\/([^/?]*)/.exec(uri)?.[1] ?? '';

/** `clock=20260101T120000.5Z-20260101T121000Z`, RFC 2326 §3.7. */
function rangeOf(text = ''): readonly [number, number] {
  const times = /^clock=([^-]*)-(.*)$/.exec(text)?.slice(1) ?? [];
  const [from = 0, until = Number.POSITIVE_INFINITY] = times.map((time) => {
    const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d(?:\.\d+)?)Z$/.exec(time);
    return parts ? Date.parse(`${parts.slice(1, 4).join('-')}T${parts.slice(4).join(':')}Z`) : undefined;
  });
  return [from, until];
}

const frame = (channel: number, payload: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(0x24, channel, payload.length >> 8, payload.length & 0xff), payload]);

interface SentUnit {
  readonly track: 0 | 1;
  readonly cardMs: number;
  readonly ticks: number;
  readonly isKey: boolean;
  readonly data: Uint8Array;
}

class Sender implements PayloadSink {
  readonly channel: number;
  readonly ssrc = randomBytes(4).readUInt32BE();
  readonly #payloadType: number;
  readonly #packetize: Packetize;
  #sequence = randomBytes(2).readUInt16BE();
  #ticks = 0;
  #extension: Buffer | undefined;
  #isSparing = false;
  #frames: Buffer[] = [];

  constructor(channel: number, payloadType: number, packetize: Packetize) {
    this.channel = channel;
    this.#payloadType = payloadType;
    this.#packetize = packetize;
  }

  send(
    unit: SentUnit,
    {
      cseq,
      isLast,
      hasTimes,
      isSparing = false,
    }: { cseq: number; isLast: boolean; hasTimes: boolean; isSparing?: boolean | undefined },
  ): Buffer {
    this.#frames = [];
    this.#ticks = unit.ticks;
    this.#isSparing = isSparing;
    const flags = { isClean: unit.isKey, isLast, cseq };
    this.#extension = hasTimes ? writeReplayExtension(unit.cardMs, flags) : undefined;
    this.#packetize(unit.data, MAX_PAYLOAD_BYTES, true, this);
    return Buffer.concat(this.#frames);
  }

  onPayload(prefix: number, prefixBytes: number, data: Uint8Array, start: number, end: number, marker: boolean): void {
    const head = Buffer.alloc(RTP_HEADER_BYTES);
    writeRtpHeader(head, 0, marker, this.#payloadType, this.#sequence, this.#ticks, this.ssrc);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    const first = Buffer.alloc(prefixBytes);
    if (prefixBytes > 0) {
      first.writeUIntBE(prefix, 0, prefixBytes);
    }
    const extension = this.#extension;
    if (extension) {
      head[0] = 0x90;
    }
    const parts = [head, ...(extension ? [extension] : []), first, data.subarray(start, end)];
    this.#frames.push(frame(this.channel, Buffer.concat(parts)));
    if (this.#isSparing) {
      this.#extension = undefined;
    }
  }
}

/** ONVIF Streaming §6.2: 0xABAC, three words: NTP time, flags C E D T, low byte of CSeq. */
export function writeReplayExtension(
  unixMs: number,
  { isClean, isLast, cseq }: { isClean: boolean; isLast: boolean; cseq: number },
): Buffer {
  const bytes = Buffer.alloc(EXTENSION_BYTES);
  bytes.writeUInt16BE(0xabac, 0);
  bytes.writeUInt16BE(3, 2);
  const seconds = Math.floor(unixMs / 1000);
  bytes.writeUInt32BE((seconds + NTP_EPOCH_SECONDS) >>> 0, 4);
  bytes.writeUInt32BE(Math.floor(((unixMs - seconds * 1000) / 1000) * 2 ** 32) >>> 0, 8);
  bytes[12] = (isClean ? 0x80 : 0) | (isLast ? 0x50 : 0);
  bytes[13] = cseq;
  return bytes;
}
