import { PerchError } from '../../../base/errors.ts';
import { isSame } from '../../payload/nal.ts';
import { crc32 } from '../crc32.ts';

/*
 * A section (ISO/IEC 13818-1 §2.4.4):
 *   table id 8 | flags 4, length 12 | extension 16 | 2, version 5, current 1 | number 8 | last number 8 | … | CRC 32
 * PAT: [program number 16 | 3, PID 13] …
 * PMT: 3, PCR PID 13 | 4, length 12 | descriptors | [stream type 8 | 3, PID 13 | 4, length 12 | descriptors] …
 */
const HEAD_BYTES = 3;
const CRC_BYTES = 4;
const PAT_TABLE = 0x00;
const PMT_TABLE = 0x02;
/** §2.4.4.3, §2.4.4.9: section_length is at most 1021. */
const MAX_SECTION_BYTES = HEAD_BYTES + 1021;
const STUFFING = 0xff;

export interface ProgramStream {
  readonly pid: number;
  readonly streamType: number;
  readonly descriptors: Uint8Array;
}

export interface ProgramMap {
  /** 0x1fff: none. */
  readonly pcrPid: number;
  readonly streams: readonly ProgramStream[];
}

interface SectionSink {
  /** A section with a correct CRC, valid during the call. */
  onSection(section: Uint8Array): void;
  onDamage(reason: string): void;
}

/** Assembles the sections of one PID. The same section again is reported once. */
export class SectionReader {
  readonly #sink: SectionSink;
  readonly #buffer = new Uint8Array(MAX_SECTION_BYTES);
  #bytes = 0;
  /** Waits for the start of a section. */
  #isIdle = true;
  #counter = -1;
  #known = new Uint8Array(0);

  constructor(sink: SectionSink) {
    this.#sink = sink;
  }

  /** The payload of one packet: `chunk[start, end)`. */
  push(chunk: Uint8Array, start: number, end: number, isStart: boolean, counter: number): void {
    if (counter === this.#counter) {
      return; // A packet may be sent twice, §2.4.3.3.
    }
    const isNext = counter === ((this.#counter + 1) & 0x0f);
    this.#counter = counter;
    this.#isIdle ||= !isNext;
    let at = start;
    if (isStart && at < end) {
      const pointed = at + 1 + (chunk[at] as number);
      this.#append(chunk, at + 1, Math.min(pointed, end));
      this.#bytes = 0;
      this.#isIdle = pointed >= end;
      at = pointed;
    }
    while (at < end && !this.#isIdle) {
      at = this.#append(chunk, at, end);
    }
  }

  /** @returns the offset after what was taken */
  #append(chunk: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#isIdle) {
      if (this.#bytes === 0 && chunk[at] === STUFFING) {
        this.#isIdle = true;
        return end;
      }
      const neededBytes = this.#bytes < HEAD_BYTES ? HEAD_BYTES : this.#sectionBytes;
      if (neededBytes > MAX_SECTION_BYTES || neededBytes < HEAD_BYTES) {
        this.#isIdle = true;
        this.#sink.onDamage(`MPEG-TS section of ${neededBytes} bytes, at most ${MAX_SECTION_BYTES}`);
        return end;
      }
      const to = Math.min(end, at + neededBytes - this.#bytes);
      this.#buffer.set(chunk.subarray(at, to), this.#bytes);
      this.#bytes += to - at;
      at = to;
      if (this.#bytes >= HEAD_BYTES && this.#bytes === this.#sectionBytes) {
        this.#end();
      }
    }
    return at;
  }

  get #sectionBytes(): number {
    return HEAD_BYTES + ((((this.#buffer[1] as number) & 0x0f) << 8) | (this.#buffer[2] as number));
  }

  #end(): void {
    const section = this.#buffer.subarray(0, this.#bytes);
    this.#bytes = 0;
    if (section.length < HEAD_BYTES + 5 + CRC_BYTES || isSame(this.#known, section, 0, section.length)) {
      return;
    }
    if (crc32(section, 0, section.length) !== 0) {
      this.#sink.onDamage('MPEG-TS section with a wrong CRC');
      return;
    }
    this.#known = section.slice();
    this.#sink.onSection(section);
  }
}

/** The PID of the map of the first programme, or undefined for another table, one that is not yet valid, or one without a programme. */
export function parsePat(section: Uint8Array): number | undefined {
  if (!isCurrent(section, PAT_TABLE)) {
    return undefined;
  }
  const end = section.length - CRC_BYTES;
  for (let at = 8; at + 4 <= end; at += 4) {
    // Programme 0 is the network information.
    if (u16(section, at) !== 0) {
      return pidAt(section, at + 2);
    }
  }
  return undefined;
}

/** Undefined: another table, or one that is not valid yet. @throws PerchError if its lengths are wrong */
export function parsePmt(section: Uint8Array): ProgramMap | undefined {
  if (!isCurrent(section, PMT_TABLE)) {
    return undefined;
  }
  const end = section.length - CRC_BYTES;
  const pcrPid = end >= 12 ? pidAt(section, 8) : 0;
  let at = 12 + (end >= 12 ? lengthAt(section, 10) : 0);
  const streams: ProgramStream[] = [];
  while (at + 5 <= end) {
    const next = at + 5 + lengthAt(section, at + 3);
    if (next > end) {
      break;
    }
    const descriptors = section.slice(at + 5, next);
    streams.push({ pid: pidAt(section, at + 1), streamType: section[at] as number, descriptors });
    at = next;
  }
  if (at !== end) {
    throw new PerchError('badInput', `MPEG-TS programme map of ${section.length} bytes ends within an entry`);
  }
  return { pcrPid, streams };
}

/** The body of the first descriptor with a tag (§2.6). A view. */
export function findDescriptor(descriptors: Uint8Array, tag: number): Uint8Array | undefined {
  for (let at = 0; at + 2 <= descriptors.length; at += 2 + (descriptors[at + 1] as number)) {
    if (descriptors[at] === tag) {
      return descriptors.subarray(at + 2, at + 2 + (descriptors[at + 1] as number));
    }
  }
  return undefined;
}

const isCurrent = (section: Uint8Array, table: number): boolean =>
  section[0] === table && ((section[5] as number) & 1) === 1;
const u16 = (data: Uint8Array, at: number): number => ((data[at] as number) << 8) | (data[at + 1] as number);
const pidAt = (data: Uint8Array, at: number): number => u16(data, at) & 0x1fff;
const lengthAt = (data: Uint8Array, at: number): number => u16(data, at) & 0x0fff;
