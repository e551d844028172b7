import { PerchError } from '../../base/errors.ts';
import { codecOf } from '../../media/codecs.ts';
import { TAG } from '../../media/flv/codes.ts';
import { writeMetadata } from '../../media/flv/track-tags.ts';
import type { Sample } from '../../media/sample/sample.ts';
import { SampleBuffer, VIDEO_SAMPLES } from '../../media/sample/sample-buffer.ts';
import { release } from '../../media/sample/slab.ts';
import type { Track } from '../../media/sample/track.ts';
import { InterleavedGroup } from '../../stream/interleaved-group.ts';
import type { Reader, Stream } from '../../stream/stream.ts';
import { type FlvAbilities, type FlvSelection, selectTracks } from './selection.ts';

const HEAD_BYTES = 1_024;
const NO_BYTES = new Uint8Array(0);

/** How tags are written: as messages of RTMP, or as in a file. */
export interface FlvFraming {
  readonly name: string;
  append(out: SampleBuffer, type: number, timestamp: number, head: Uint8Array, data: Uint8Array): boolean;
}

/** One receiver of a stream's tags. Called synchronously; it never blocks. */
export interface FlvViewer {
  /** Metadata and configurations: before the first tag, and when they change. */
  onHeaders(bytes: Buffer): void;
  /** @param key a viewer that has dropped tags can continue here @returns whether the chunk is used after the call */
  onChunk(chunk: Buffer, track: number, packets: number, key: boolean): boolean;
  /** The last call. */
  onEnd(cause?: unknown): void;
}

const packetsOf = new WeakMap<Stream, Map<string, FlvPackets>>();

/** A stream as FLV, written once for all viewers with the same abilities, and only while there are any. */
export class FlvPackets implements Reader {
  readonly id = 'flv-packets';
  readonly countsHolds = true;
  readonly mayLosePictures = true;
  readonly stream: Stream;
  readonly #framing: FlvFraming;
  readonly #abilities: FlvAbilities;
  readonly #buffer: SampleBuffer;
  readonly #group: InterleavedGroup;
  #selection: FlvSelection;
  /** The video track at whose key frames viewers begin; -1: none. */
  #leadingTrack: number;
  // Copied on change, so that delivery walks a plain array while viewers come and go.
  #viewers: readonly FlvViewer[] = [];
  /** Viewers that wait for a key frame. */
  #waiting: readonly FlvViewer[] = [];
  #isAttached = false;
  /** Timestamp of the newest tag, in ms. */
  #timestamp = 0;

  static of(stream: Stream, framing: FlvFraming, abilities: FlvAbilities): FlvPackets {
    const kind = `${framing.name} ${abilities.hasMultitrack} ${[...abilities.fourCcs].sort().join(' ')}`;
    const all = packetsOf.get(stream) ?? new Map<string, FlvPackets>();
    packetsOf.set(stream, all);
    const packets = all.get(kind) ?? new FlvPackets(stream, framing, abilities);
    all.set(kind, packets);
    return packets;
  }

  private constructor(stream: Stream, framing: FlvFraming, abilities: FlvAbilities) {
    this.stream = stream;
    this.#framing = framing;
    this.#abilities = abilities;
    this.#buffer = new SampleBuffer({ ...VIDEO_SAMPLES, maxSampleBytes: VIDEO_SAMPLES.maxSampleBytes + HEAD_BYTES });
    this.#group = new InterleavedGroup(stream.tracks.length);
    this.#selection = selectTracks(stream.tracks, abilities);
    this.#leadingTrack = this.#findLeading();
  }

  get selection(): FlvSelection {
    return this.#selection;
  }

  /** @throws PerchError if no track of the stream can be sent */
  checkAny(): void {
    const { tags, rejected } = this.#selection;
    if (tags.every((one) => one === undefined)) {
      const codecs = rejected.map(({ codec, reason }) => `${codec} (${reason})`).join(', ');
      throw new PerchError('unsupported', `no track can be sent: ${codecs}`);
    }
  }

  /** Sends the headers and the tags since the last key frame, then each new one. */
  join(viewer: FlvViewer): void {
    this.#attach();
    viewer.onHeaders(this.#headers(0));
    if (this.#leadingTrack >= 0 && !this.#group.isOpen) {
      this.#waiting = [...this.#waiting, viewer];
      return;
    }
    this.#viewers = [...this.#viewers, viewer];
    this.#group.replay(viewer);
  }

  leave(viewer: FlvViewer): void {
    this.#viewers = this.#viewers.filter((other) => other !== viewer);
    this.#waiting = this.#waiting.filter((other) => other !== viewer);
    if (this.#isAttached && this.#viewers.length + this.#waiting.length === 0) {
      this.#isAttached = false;
      this.#group.clear();
      this.stream.removeReader(this);
    }
  }

  onSample(track: number, sample: Sample): void {
    const tags = this.#selection.tags[track];
    if (!tags) {
      return;
    }
    const isLeading = track === this.#leadingTrack;
    const key = sample.key && (isLeading || this.#leadingTrack < 0);
    const timestamp = tags.timestampOf(sample);
    this.#timestamp = timestamp;
    const chunk = this.#write(tags.type, timestamp, tags.head(sample, timestamp), sample.data);
    if (!chunk) {
      return;
    }
    if (key && isLeading) {
      this.#group.open();
    }
    this.#group.add(chunk, track, 1, 0, sample.pts, sample.wall);
    if (key && this.#waiting.length > 0) {
      this.#viewers = [...this.#viewers, ...this.#waiting];
      this.#waiting = [];
    }
    if (!this.#deliver(chunk, track, key)) {
      release(chunk);
    }
  }

  onTrack(track: number, description: Track): void {
    const format = this.#selection.tags[track] && codecOf(description).flv?.(description);
    // Cached tags have the old description.
    this.#group.clear();
    if (format) {
      this.#selection = selectTracks(this.stream.tracks, this.#abilities);
      const headers = this.#headers(this.#timestamp);
      for (const viewer of [...this.#viewers, ...this.#waiting]) {
        viewer.onHeaders(headers);
      }
    }
  }

  onEnd(cause?: unknown): void {
    this.#isAttached = false;
    this.#group.clear();
    const viewers = [...this.#viewers, ...this.#waiting];
    this.#viewers = [];
    this.#waiting = [];
    for (const viewer of viewers) {
      viewer.onEnd(cause);
    }
  }

  #attach(): void {
    if (!this.#isAttached) {
      this.#isAttached = true;
      // Descriptions may have changed while there was no viewer.
      this.#selection = selectTracks(this.stream.tracks, this.#abilities);
      this.stream.addReader(this, true);
    }
  }

  #findLeading(): number {
    return this.#selection.tags.findIndex((tags) => tags?.type === TAG.video);
  }

  #headers(timestamp: number): Buffer {
    const tags = this.#selection.tags.filter((one) => one !== undefined);
    const bodies = [
      [TAG.script, writeMetadata(tags)] as const,
      ...tags.flatMap(({ type, header }) => (header ? [[type, header] as const] : [])),
    ];
    const parts = bodies.map(([type, body]) => this.#write(type, timestamp, NO_BYTES, body) ?? NO_BYTES);
    const headers = Buffer.concat(parts);
    for (const part of parts) {
      release(part);
    }
    return headers;
  }

  #write(type: number, timestamp: number, head: Uint8Array, data: Uint8Array): Buffer | undefined {
    const buffer = this.#buffer;
    if (!this.#framing.append(buffer, type, timestamp % 2 ** 32, head, data)) {
      buffer.drop();
      return undefined;
    }
    const bytes = buffer.take();
    // A Buffer, because sockets would make one for each write.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** @returns whether a viewer uses the chunk after the call */
  #deliver(chunk: Buffer, track: number, key: boolean): boolean {
    const viewers = this.#viewers;
    let isKept = false;
    for (let i = 0; i < viewers.length; i += 1) {
      isKept = (viewers[i] as FlvViewer).onChunk(chunk, track, 1, key) || isKept;
    }
    return isKept;
  }
}
