import type { Clock } from '../../base/clock.ts';
import { PerchError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { subscriberOf } from '../../base/network/ip-address.ts';
import type { SampleBuffer } from '../../media/sample/sample-buffer.ts';
import type { Paths } from '../../stream/contracts.ts';
import type { PeerKind, Reader, Stream, Watcher } from '../../stream/stream.ts';
import { FlvPackets } from '../../transports/flv/packets.ts';
import type { FlvAbilities } from '../../transports/flv/selection.ts';
import { type FlvLink, FlvSender } from '../../transports/flv/sender.ts';
import type { RtmpConnItem } from './session-kinds.ts';

/** FLV specification §E.2: signature, version 1, flags (audio 4, video 1), size of the header; then PreviousTagSize0. */
export const flvHeader = (hasVideo: boolean, hasAudio: boolean): Buffer =>
  Buffer.of(0x46, 0x4c, 0x56, 1, (hasAudio ? 4 : 0) | (hasVideo ? 1 : 0), 0, 0, 0, 9, 0, 0, 0, 0);

const TAG_HEADER_BYTES = 11;
const header = new Uint8Array(TAG_HEADER_BYTES);
const tail = new Uint8Array(4);

/** One tag, §E.4.1. */
function appendTag(out: SampleBuffer, type: number, timestamp: number, head: Uint8Array, data: Uint8Array): boolean {
  const bodyBytes = head.length + data.length;
  header[0] = type;
  header[1] = bodyBytes >> 16;
  header[2] = bodyBytes >> 8;
  header[3] = bodyBytes;
  header[4] = timestamp >> 16;
  header[5] = timestamp >> 8;
  header[6] = timestamp;
  header[7] = timestamp >>> 24;
  const bytes = TAG_HEADER_BYTES + bodyBytes;
  tail[0] = bytes >>> 24;
  tail[1] = bytes >> 16;
  tail[2] = bytes >> 8;
  tail[3] = bytes;
  return (
    out.append(header, 0, header.length) &&
    out.append(head, 0, head.length) &&
    out.append(data, 0, data.length) &&
    out.append(tail, 0, tail.length)
  );
}

/** Tags as in an FLV file, for `FlvPackets`. */
export const FILE_FRAMING = { name: 'flv', append: appendTag };

const RETRY_AFTER_S = 5;
/** A viewer that has been behind for this long does not catch up. The samples that wait for it hold memory. */
const HOPELESS_MS = 30_000;
/** Bytes that one packet of `writeQueueSize` stands for: the UDP payload of an Ethernet frame. */
const PACKET_BYTES = 1_472;

/** What current FLV players take of Enhanced RTMP. Older players get it, too, as from ZLMediaKit. */
const ABILITIES: FlvAbilities = { fourCcs: ['hvc1', 'av01', 'Opus', 'fLaC'], hasMultitrack: false };

export interface FlvRequest {
  /** UUID. */
  readonly id: string;
  readonly path: string;
  /** Query without `?`, and without parameters that log in. */
  readonly query: string;
  readonly ip: string;
  readonly watcher: Watcher;
  readonly userAgent: string;
}

/** An HTTP response or a WebSocket. */
export interface FlvOutput extends FlvLink {
  /** Ends the output: nothing follows. */
  end(): void;
}

/** Viewers of FLV over HTTP and WebSockets, listed among the connections of RTMP. */
export class FlvServer {
  readonly #kind: PeerKind;
  readonly #paths: Paths;
  readonly #limitBytes: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #viewers = new Map<string, FlvViewing>();

  constructor(kind: PeerKind, writeQueueSize: number, paths: Paths, clock: Clock, log: Logger) {
    this.#kind = kind;
    this.#limitBytes = writeQueueSize * PACKET_BYTES;
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
  }

  /** @throws PerchError of the path, exhausted, and unsupported if no track can be sent */
  async open({ path, query, ip }: FlvRequest): Promise<Stream> {
    const subscriber = subscriberOf(ip);
    const fromThere = [...this.#viewers.values()].filter(({ request }) => subscriberOf(request.ip) === subscriber);
    // Enough for a household, or a proxy that hides its clients.
    if (this.#viewers.size >= 500 || fromThere.length >= 250) {
      throw new PerchError('exhausted', 'too many viewers of FLV', { retryAfterS: RETRY_AFTER_S });
    }
    const stream = await this.#paths.open(path, query);
    FlvPackets.of(stream, FILE_FRAMING, ABILITIES).checkAny();
    return stream;
  }

  /** Writes the stream to the output. @returns call when the viewer has left */
  watch(request: FlvRequest, stream: Stream, output: FlvOutput): () => void {
    const close = () => {
      if (this.#viewers.delete(viewing.id)) {
        viewing.close();
        this.#log.debug({ path: request.path }, 'viewer of FLV has left');
      }
    };
    const onEnd = () => {
      close();
      output.end();
    };
    const viewing = new FlvViewing(this.#kind, request, stream, output, this.#limitBytes, onEnd, this.#clock.wallMs());
    this.#viewers.set(viewing.id, viewing);
    this.#log.info({ path: request.path, remote: request.watcher.remoteAddr }, 'is watching FLV of path');
    viewing.start();
    return close;
  }

  /** Called once a second. */
  tick(nowMs: number): void {
    for (const viewing of [...this.#viewers.values()]) {
      if (viewing.isHopeless(nowMs)) {
        const { path, watcher } = viewing.request;
        this.#log.info({ path, remote: watcher.remoteAddr }, 'viewer of FLV is too slow');
        viewing.onEnd();
      }
    }
  }

  list(): RtmpConnItem[] {
    return [...this.#viewers.values()].map((viewing) => viewing.describe());
  }

  /** @returns whether the viewer existed */
  kick(id: string): boolean {
    const viewing = this.#viewers.get(id);
    viewing?.onEnd();
    return viewing !== undefined;
  }

  close(): void {
    for (const viewing of [...this.#viewers.values()]) {
      viewing.onEnd();
    }
  }
}

class FlvViewing implements Reader {
  readonly id: string;
  readonly kind: PeerKind;
  readonly countsHolds = true;
  readonly request: FlvRequest;
  readonly watcher: Watcher;
  readonly #stream: Stream;
  readonly #sender: FlvSender;
  readonly #output: FlvOutput;
  readonly #limitBytes: number;
  readonly #createdWallMs: number;
  #sentBytes = 0;
  #behindSinceMs: number | undefined;
  readonly onEnd: () => void;

  constructor(
    kind: PeerKind,
    request: FlvRequest,
    stream: Stream,
    output: FlvOutput,
    limitBytes: number,
    onEnd: () => void,
    createdWallMs: number,
  ) {
    this.kind = kind;
    this.id = request.id;
    this.request = request;
    this.watcher = request.watcher;
    this.#stream = stream;
    this.#output = output;
    this.#limitBytes = limitBytes;
    this.#createdWallMs = createdWallMs;
    this.onEnd = onEnd;
    const link = {
      get queuedBytes() {
        return output.queuedBytes;
      },
      write: (bytes: Uint8Array) => this.#write(bytes),
    };
    const options = { framing: FILE_FRAMING, abilities: ABILITIES, limitBytes, onEnd };
    this.#sender = new FlvSender(link, stream, options);
    stream.addReader(this, false);
  }

  start(): void {
    const { hasVideo, hasAudio } = this.#sender;
    this.#write(flvHeader(hasVideo, hasAudio));
    this.#stream.recipients.begin(this, this.request.query);
    this.#sender.start();
  }

  isHopeless(nowMs: number): boolean {
    if (this.#output.queuedBytes <= this.#limitBytes) {
      this.#behindSinceMs = undefined;
      return false;
    }
    this.#behindSinceMs ??= nowMs;
    return nowMs - this.#behindSinceMs >= HOPELESS_MS;
  }

  describe(): RtmpConnItem {
    const { path, query, watcher, userAgent } = this.request;
    return {
      id: this.id,
      created: new Date(this.#createdWallMs).toISOString(),
      remoteAddr: watcher.remoteAddr,
      state: 'read',
      path,
      query,
      user: watcher.user,
      userAgent,
      inboundBytes: 0,
      outboundBytes: this.#sentBytes,
      outboundFramesDiscarded: this.#sender.discardedFrames,
      bytesReceived: 0,
      bytesSent: this.#sentBytes,
    };
  }

  close(): void {
    this.#sender.close();
    this.#stream.recipients.end(this);
    this.#stream.removeReader(this);
  }

  /** Does nothing: the sender receives the samples itself. */
  onSample(): void {}

  onTrack(): void {}

  #write(bytes: Uint8Array): void {
    this.#sentBytes += bytes.length;
    this.#output.write(bytes);
  }
}
