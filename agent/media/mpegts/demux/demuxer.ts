import { PerchError, rethrowUnexpected } from '../../../base/errors.ts';
import type { SenderTraits, UnitSink } from '../../payload/depacketizer.ts';
import type { Track } from '../../sample/track.ts';
import { PACKET_BYTES } from '../packetize.ts';
import { ProgramTicks, signedStep } from './clock.ts';
import { PacketReader } from './packet-reader.ts';
import { PesReader } from './pes.ts';
import { PRIVATE_TYPE, type StreamKind, streamKindOf } from './stream-type.ts';
import { type ProgramMap, type ProgramStream, parsePat, parsePmt, SectionReader } from './tables.ts';

/** An elementary stream of the programme. */
export interface TsStream {
  readonly pid: number;
  /** Undefined: not supported. */
  readonly codec: Track['codec'] | undefined;
  /** Names the codec also where it is not supported. */
  readonly label: string;
  readonly isVideo: boolean;
}

interface TsSink {
  /**
   * The streams of the programme, first and after each change of their list; units of others follow no more.
   * @returns where the units of each go: times are 90 kHz, unwrapped, and jump with the programme's clock, or undefined to drop them
   */
  onProgram(streams: readonly TsStream[]): readonly (UnitSink | undefined)[];
  /** The programme's clock has jumped: later units have times that do not continue those before. */
  onDiscontinuity?(): void;
  /** Bytes that are not transport packets, or a wrong table. */
  onDamage?(reason: string): void;
}

const NO_PID = 0x1fff;
/** What the packets of a PID are. Numbers from `ROUTE.stream` on are streams. */
const ROUTE = { none: 0, pat: 1, pmt: 2, clock: 3, stream: 4 } as const;

// Packet header and adaptation field, ISO/IEC 13818-1 §2.4.3.2 and §2.4.3.4.
const TRANSPORT_ERROR = 0x80;
const UNIT_START = 0x40;
const SCRAMBLED = 0xc0;
const HAS_ADAPTATION = 0x20;
const HAS_PAYLOAD = 0x10;
const DISCONTINUITY = 0x80;
const HAS_PCR = 0x10;
const PCR_BYTES = 6;
/** A larger step of the PCR without discontinuity indicator is a clock that was set. 90 kHz. */
const JUMP_TICKS = 10 * 90_000;

interface StreamInput {
  readonly reader: PesReader;
  /** continuity_counter of the last packet; -1: none yet. */
  counter: number;
  scrambled: number;
}

/**
 * Reads the first programme of a transport stream (ISO/IEC 13818-1): takes bytes in pieces of any size, delivers units. Its memory is
 * bounded. Units with missing packets are dropped, counted and reported.
 */
export class TsDemuxer {
  /** Transport packets that the continuity counters say are missing, and packets marked as damaged. */
  lostPackets = 0;
  packets = 0;
  readonly #sink: TsSink;
  readonly #traits: SenderTraits;
  readonly #packets = new PacketReader(this);
  readonly #routes = new Uint8Array(NO_PID + 1);
  readonly #pat: SectionReader;
  #pmt: SectionReader;
  #pmtPid = NO_PID;
  #pcrPid = NO_PID;
  #pcr = Number.NaN;
  /** `keyOf` the streams that can be read, or undefined if no programme map has come. */
  #program: string | undefined;
  #inputs: StreamInput[] = [];
  readonly #clock = new ProgramTicks();
  readonly #place = { position: 0 };

  constructor(sink: TsSink, traits: SenderTraits = {}) {
    this.#sink = sink;
    this.#traits = traits;
    const onDamage = (reason: string) => sink.onDamage?.(reason);
    this.#pat = new SectionReader({ onSection: (section) => this.#takePat(section), onDamage });
    this.#pmt = this.#newPmtReader();
    this.#routes[0] = ROUTE.pat;
  }

  /** During `onUnit`: offset of the transport packet with which the unit's PES packet begins. */
  get unitPosition(): number {
    return this.#place.position;
  }

  /** Bytes of the stream: `chunk[start, end)`. @throws PerchError 'unsupported' for a scrambled programme */
  push(chunk: Uint8Array, start = 0, end = chunk.length): void {
    this.#packets.push(chunk, start, end);
  }

  /** The stream ends: delivers the units that wait for the next ones. */
  end(): void {
    for (const { reader } of this.#inputs) {
      reader.end();
    }
  }

  /** The next bytes are from another place of the file. The programme stays known; units begin with key samples. */
  seek(position: number): void {
    this.#packets.seek(position);
    this.#clock.restart();
    this.#pcr = Number.NaN;
    for (const input of this.#inputs) {
      input.counter = -1;
      input.reader.restart();
    }
  }

  onJunk(bytes: number): void {
    this.#sink.onDamage?.(`${bytes} bytes between MPEG-TS packets`);
  }

  onPacket(chunk: Uint8Array, at: number, position: number): void {
    this.packets += 1;
    const second = chunk[at + 1] as number;
    const pid = ((second & 0x1f) << 8) | (chunk[at + 2] as number);
    const route = this.#routes[pid] as number;
    if (route === ROUTE.none) {
      return;
    }
    const flags = chunk[at + 3] as number;
    const end = at + PACKET_BYTES;
    let body = at + 4;
    let adaptation = 0;
    if (flags & HAS_ADAPTATION) {
      const adaptationBytes = chunk[body] as number;
      body += 1 + adaptationBytes;
      adaptation = adaptationBytes > 0 ? (chunk[at + 5] as number) : 0;
    }
    if (second & TRANSPORT_ERROR || body > end) {
      this.lostPackets += 1;
      return;
    }
    if (pid === this.#pcrPid && adaptation & HAS_PCR && body - at >= 6 + PCR_BYTES) {
      this.#takePcr(chunk, at + 6, (adaptation & DISCONTINUITY) !== 0);
    }
    if ((flags & HAS_PAYLOAD) === 0 || route === ROUTE.clock) {
      return;
    }
    const isStart = (second & UNIT_START) !== 0;
    if (route >= ROUTE.stream) {
      const input = this.#inputs[route - ROUTE.stream] as StreamInput;
      if (this.#isNext(input, flags, isStart, (adaptation & DISCONTINUITY) !== 0)) {
        input.reader.push(chunk, body, end, isStart, position);
      }
    } else {
      (route === ROUTE.pat ? this.#pat : this.#pmt).push(chunk, body, end, isStart, flags & 0x0f);
    }
  }

  /** False: the packet is a copy of the last one (§2.4.3.3), or scrambled. */
  #isNext(input: StreamInput, flags: number, isStart: boolean, isDiscontinuous: boolean): boolean {
    const counter = flags & 0x0f;
    const expected = (input.counter + 1) & 0x0f;
    const before = input.counter;
    input.counter = counter;
    if (before >= 0 && counter !== expected) {
      if (counter === before && !isDiscontinuous) {
        return false;
      }
      this.lostPackets += isDiscontinuous ? 0 : (counter - expected) & 0x0f;
      if (!(isDiscontinuous && isStart)) {
        input.reader.lose('packets are missing');
      }
    }
    input.scrambled = flags & SCRAMBLED ? input.scrambled + 1 : 0;
    // Most packets in a row with scrambled payload.
    if (input.scrambled + input.reader.scrambled > 64) {
      throw scrambled();
    }
    return input.scrambled === 0;
  }

  /** The 33 bits of the PCR's base; 27 MHz is finer than any use here. */
  #takePcr(chunk: Uint8Array, at: number, isDiscontinuous: boolean): void {
    const high = ((chunk[at] as number) << 24) | ((chunk[at + 1] as number) << 16);
    const low = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number);
    const pcr = ((high | low) >>> 0) * 2 + ((chunk[at + 4] as number) >> 7);
    const isJump = Math.abs(signedStep(this.#pcr, pcr)) > JUMP_TICKS;
    if (!Number.isNaN(this.#pcr) && (isDiscontinuous || isJump)) {
      this.#sink.onDiscontinuity?.();
    }
    this.#pcr = pcr;
  }

  #takePat(section: Uint8Array): void {
    const pid = parsePat(section);
    if (pid === undefined || pid === this.#pmtPid || pid === 0 || pid === NO_PID) {
      return;
    }
    this.#routes[this.#pmtPid] = ROUTE.none;
    this.#pmtPid = pid;
    this.#routes[pid] = ROUTE.pmt;
    this.#pmt = this.#newPmtReader();
  }

  #newPmtReader(): SectionReader {
    return new SectionReader({
      onSection: (section) => this.#takePmt(section),
      onDamage: (reason) => this.#sink.onDamage?.(reason),
    });
  }

  #takePmt(section: Uint8Array): void {
    let map: ProgramMap | undefined;
    try {
      map = parsePmt(section);
    } catch (error) {
      rethrowUnexpected(error);
      this.#sink.onDamage?.(error.message);
    }
    if (!map) {
      return;
    }
    // A programme of more streams is not from an encoder.
    const streams = map.streams.slice(0, 32).filter(({ pid }) => this.#isFree(pid));
    const program = streams.map((stream) => programStreamKey(stream, this.#kindOf(stream))).join('');
    const isNew = this.#program === undefined ? streams.length > 0 : program !== this.#program;
    if (isNew) {
      this.#program = program;
      this.#useStreams(streams);
    }
    this.#routeClock(map.pcrPid);
  }

  #kindOf({ streamType, descriptors }: ProgramStream): StreamKind {
    return streamKindOf(streamType, descriptors, this.#traits);
  }

  /** Whether a PID belongs to neither a table nor the null packets. */
  #isFree(pid: number): boolean {
    return pid !== 0 && pid !== this.#pmtPid && pid !== NO_PID;
  }

  #useStreams(streams: readonly ProgramStream[]): void {
    this.end();
    this.#routes.fill(ROUTE.none);
    this.#routes[0] = ROUTE.pat;
    this.#routes[this.#pmtPid] = ROUTE.pmt;
    const kinds = streams.map((stream) => this.#kindOf(stream));
    const sinks = this.#sink.onProgram(
      kinds.map(({ codec, label, isVideo = false }, i) => ({ pid: streams[i]?.pid ?? NO_PID, codec, label, isVideo })),
    );
    this.#inputs = [];
    for (const [i, { create, isVideo = false }] of kinds.entries()) {
      const sink = sinks[i];
      if (sink && create) {
        this.#routes[streams[i]?.pid ?? NO_PID] = ROUTE.stream + this.#inputs.length;
        const reader = new PesReader(create(sink, this.#clock, this.#place, this.#traits), isVideo);
        this.#inputs.push({ reader, counter: -1, scrambled: 0 });
      }
    }
  }

  #routeClock(pid: number): void {
    if (pid !== this.#pcrPid) {
      this.#pcr = Number.NaN;
      this.#pcrPid = pid;
    }
    if (this.#routes[pid] === ROUTE.none && pid !== NO_PID) {
      this.#routes[pid] = ROUTE.clock;
    }
  }
}

/** Empty: the stream cannot be read. Encoders change descriptors, such as those of advertisements, while the streams stay what they are. */
const programStreamKey = ({ pid, streamType, descriptors }: ProgramStream, { codec, create }: StreamKind): string =>
  create ? `${pid},${streamType},${codec},${streamType === PRIVATE_TYPE ? descriptors : ''};` : '';

const scrambled = () =>
  new PerchError('unsupported', 'MPEG-TS is scrambled (conditional access): an encrypted programme cannot be read');
