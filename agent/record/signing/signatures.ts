import { PerchError } from '../../base/errors.ts';
import { box, fourcc, join, text, u8, u32 } from '../../media/mp4/box/boxes.ts';
import { viewOf } from '../../media/mp4/box/walk.ts';
import {
  DIGEST_BYTES,
  type GroupStatement,
  MAX_SIGNED_TRACKS,
  parseRecording,
  parseStatement,
  SIGNATURE_BYTES,
  type SignedRecording,
  statementBytes,
} from './signed-group.ts';

/*
 * Signatures of the samples of a file, in the order of the file: docs/design/signatures.md.
 * `PRSG`, version (8 bits, 1), zeros (24), then sections of two kinds:
 *   1, size of the recording (32), the recording, groups (32), then for each group its statement, its signature, and for each track
 *      the first sample that is in the file (32), how many are (32), and if it is a part of them the SHA-256 of all samples of the group;
 *   2, tracks (8), then for each its id (32) and the number of samples without signature (32).
 * Next to a recording it is the file `NAME.sig`; in a download it is a `uuid` box at the end, after whose content the size of the
 * whole box (32 bits) follows, as after `mfra`, so that ffmpeg takes the index of fragments for complete.
 */
const MAGIC = text('PRSG');
const VERSION_1 = [1, 0, 0, 0];
const SIGNED = 1;
const UNSIGNED = 2;
const UUID = fourcc('uuid');
const TYPE = [0x9e71_2d51, 0x6572_6368, 0x8a4b_7369, 0x676e_6564].flatMap(u32);
/** Size of the header of the `uuid` box, before its content. */
export const BOX_HEAD_BYTES = 8 + 16;
const BOX_SIZE_BYTES = 4;
/** Enough for a day of eight tracks, cut anywhere. */
export const MAX_SIGNATURES_BYTES = 128 << 20;

/** Which samples of a group's track are in the file: those from `first` on. */
export interface Presence {
  readonly first: number;
  readonly count: number;
  /** SHA-256 of each sample of the group, or undefined if all of the samples are in the file, or none is. */
  readonly digests?: Uint8Array | undefined;
}

export interface SignedGroup {
  /** As signed. */
  readonly bytes: Uint8Array;
  readonly statement: GroupStatement;
  readonly signature: Uint8Array;
  /** By track of the recording. */
  readonly presence: readonly Presence[];
}

export interface SignedSection {
  readonly kind: 'signed';
  /** As signed. */
  readonly bytes: Uint8Array;
  readonly recording: SignedRecording;
  readonly groups: readonly SignedGroup[];
}

interface UnsignedSection {
  readonly kind: 'unsigned';
  readonly tracks: readonly { readonly id: number; readonly count: number }[];
}

export type Section = SignedSection | UnsignedSection;

export interface Signatures {
  readonly sections: readonly Section[];
  /** False: the end is missing. */
  readonly isWhole: boolean;
}

export function writeSignatures(sections: readonly Section[]): Uint8Array {
  const parts: (Uint8Array | number[])[] = [[...MAGIC, ...VERSION_1]];
  for (const section of sections) {
    if (section.kind === 'unsigned') {
      parts.push(u8(UNSIGNED), u8(section.tracks.length));
      parts.push(...section.tracks.flatMap(({ id, count }) => [u32(id), u32(count)]));
      continue;
    }
    parts.push(u8(SIGNED), u32(section.bytes.length), section.bytes, u32(section.groups.length));
    for (const { bytes, signature, presence } of section.groups) {
      parts.push(bytes, signature);
      for (const { first, count, digests } of presence) {
        parts.push(u32(first), u32(count));
        if (digests) {
          parts.push(digests);
        }
      }
    }
  }
  return join(parts);
}

/** @throws PerchError badInput: these are no signatures; unsupported: another version */
export function parseSignatures(bytes: Uint8Array): Signatures {
  if (bytes.length < 8 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw new PerchError('badInput', 'these are no signatures of recordings');
  }
  if (bytes[4] !== 1) {
    throw new PerchError('unsupported', `signatures have version ${bytes[4]}, this Perch knows 1: take a newer one`);
  }
  const reader = new SectionReader(bytes, 8);
  const sections: Section[] = [];
  for (let section = reader.next(); section; section = reader.next()) {
    sections.push(section);
  }
  return { sections, isWhole: reader.isWhole };
}

/** Ends at the first section that is cut short, or not understood. */
class SectionReader {
  isWhole = true;
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  next(): Section | undefined {
    if (this.#at === this.#bytes.length || !this.isWhole) {
      return undefined;
    }
    const kind = this.#number(1);
    const section = kind === SIGNED ? this.#signed() : kind === UNSIGNED ? this.#unsigned() : undefined;
    this.isWhole &&= section !== undefined;
    return section;
  }

  /** The whole groups of a section that is cut short still count. */
  #signed(): SignedSection | undefined {
    const bytes = this.#take(this.#number(4));
    const recording = bytes && parseRecording(bytes);
    const count = this.#number(4);
    if (!recording || count === undefined) {
      return undefined;
    }
    const groups: SignedGroup[] = [];
    while (groups.length < count) {
      const group = this.#group(recording.tracks.length);
      if (!group) {
        this.isWhole = false;
        break;
      }
      groups.push(group);
    }
    return { kind: 'signed', bytes, recording, groups };
  }

  #group(tracks: number): SignedGroup | undefined {
    const bytes = this.#take(statementBytes(tracks));
    const signature = this.#take(SIGNATURE_BYTES);
    if (!bytes || !signature) {
      return undefined;
    }
    const statement = parseStatement(bytes);
    const presence: Presence[] = [];
    for (const { count: whole } of statement.tracks) {
      const first = this.#number(4);
      const count = this.#number(4);
      if (first === undefined || count === undefined || first + count > whole) {
        return undefined;
      }
      const digests = count > 0 && count < whole ? this.#take(whole * DIGEST_BYTES) : undefined;
      if (count > 0 && count < whole && !digests) {
        return undefined;
      }
      presence.push({ first, count, digests });
    }
    return { bytes, statement, signature, presence };
  }

  #unsigned(): UnsignedSection | undefined {
    const count = this.#number(1) ?? 0;
    const tracks: { id: number; count: number }[] = [];
    for (let i = 0; i < count && count <= MAX_SIGNED_TRACKS; i += 1) {
      const id = this.#number(4);
      const samples = this.#number(4);
      if (id === undefined || samples === undefined) {
        return undefined;
      }
      tracks.push({ id, count: samples });
    }
    return count > 0 && tracks.length === count ? { kind: 'unsigned', tracks } : undefined;
  }

  #number(sizeBytes: 1 | 4): number | undefined {
    const at = this.#take(sizeBytes);
    return at && (sizeBytes === 1 ? at[0] : viewOf(at).getUint32(0));
  }

  #take(sizeBytes: number | undefined): Uint8Array | undefined {
    if (sizeBytes === undefined || sizeBytes > this.#bytes.length - this.#at) {
      return undefined;
    }
    const taken = this.#bytes.subarray(this.#at, this.#at + sizeBytes);
    this.#at += sizeBytes;
    return taken;
  }
}

export function writeSignatureBox(sections: readonly Section[]): Uint8Array {
  const content = writeSignatures(sections);
  return box('uuid', TYPE, content, u32(BOX_HEAD_BYTES + content.length + BOX_SIZE_BYTES));
}

/** @param head the first `BOX_HEAD_BYTES` of a box */
export const isSignatureBox = (head: Uint8Array): boolean =>
  head.length >= BOX_HEAD_BYTES && viewOf(head).getUint32(4) === UUID && TYPE.every((byte, i) => head[8 + i] === byte);

/** @param bytes the whole box @throws PerchError as `parseSignatures` */
export const parseSignatureBox = (bytes: Uint8Array): Signatures =>
  parseSignatures(bytes.subarray(BOX_HEAD_BYTES, Math.max(BOX_HEAD_BYTES, bytes.length - BOX_SIZE_BYTES)));
