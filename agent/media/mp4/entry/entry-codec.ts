import { fourccText } from '../box/boxes.ts';
import { type BoxLocation, boxAt, viewOf } from '../box/walk.ts';

/** Up to the boxes of the codec: ISO/IEC 14496-12 §12.1.3 and §12.2.3, box header included. */
const VISUAL_ENTRY_BYTES = 86;
const AUDIO_ENTRY_BYTES = 36;

const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');
const decimal = (value: number): string => String(value).padStart(2, '0');

/**
 * The `codecs` value of a sample entry: RFC 6381 and the bindings of later codecs.
 * HEVC is always `hvc1`, as `playerInit` writes it.
 * @param entry the whole entry of `stsd`
 * @returns undefined without such a value, or if the entry is incomplete
 */
export function entryCodec(entry: Uint8Array): string | undefined {
  if (entry.length < 8) {
    return undefined;
  }
  const type = fourccText(viewOf(entry).getUint32(4));
  switch (type) {
    case 'avc1':
    case 'avc3':
      // RFC 6381 §3.3: profile_idc, constraint flags and level_idc.
      return bodyOf(
        entry,
        VISUAL_ENTRY_BYTES,
        'avcC',
        4,
        (avcC) => `${type}.${Array.from(avcC.subarray(1, 4), hex).join('')}`,
      );
    case 'hvc1':
    case 'hev1':
      return bodyOf(entry, VISUAL_ENTRY_BYTES, 'hvcC', 13, (hvcC) => hevcCodecString(hvcC.subarray(1, 13)));
    case 'av01':
      return bodyOf(entry, VISUAL_ENTRY_BYTES, 'av1C', 3, av01);
    case 'vp08':
    case 'vp09':
      return bodyOf(entry, VISUAL_ENTRY_BYTES, 'vpcC', 7, (vpcC) => vpx(type, vpcC));
    case 'mp4a':
      return bodyOf(entry, AUDIO_ENTRY_BYTES, 'esds', 5, mp4a);
    case 'Opus':
      return 'opus';
    // Apple's validator rejects `flac`.
    case 'fLaC':
    case 'ac-3':
    case 'ec-3':
      return type;
    default:
      return undefined;
  }
}

/** Calls `read` with the body of one of the entry's boxes, if it has at least this many bytes. */
function bodyOf(
  entry: Uint8Array,
  at: number,
  name: string,
  minBytes: number,
  read: (body: Uint8Array) => string | undefined,
): string | undefined {
  const view = viewOf(entry);
  let child: BoxLocation | undefined;
  for (let start = at; start < entry.length; start = child.end) {
    child = boxAt(view, start, entry.length);
    if (!child || child.end > entry.length) {
      return undefined;
    }
    if (fourccText(child.type) === name) {
      return child.end - child.bodyStart < minBytes ? undefined : read(entry.subarray(child.bodyStart, child.end));
    }
  }
  return undefined;
}

/**
 * ISO/IEC 14496-15 annex E.3.
 * @param ptl general_profile_space to general_level_idc: 12 bytes
 */
function hevcCodecString(ptl: Uint8Array): string {
  const first = ptl[0] ?? 0;
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  const profile = first & 0x1f;
  const tier = first & 0x20 ? 'H' : 'L';
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    const byte = ptl[1 + (bit >> 3)] ?? 0;
    compatibility += (byte >> (7 - (bit & 7))) & 1 ? 2 ** bit : 0;
  }
  const constraints = [...ptl.subarray(5, 11)];
  while (constraints.at(-1) === 0) {
    constraints.pop();
  }
  const level = `${tier}${ptl[11] ?? 0}`;
  const parts = [`${space}${profile}`, compatibility.toString(16).toUpperCase(), level];
  return ['hvc1', ...parts, ...constraints.map((byte) => byte.toString(16).toUpperCase())].join('.');
}

/** "AV1 Codec ISO Media File Format Binding" §2.3.3: profile, level and tier, bit depth. */
function av01(av1C: Uint8Array): string {
  const [profileLevel, flags] = [av1C[1] ?? 0, av1C[2] ?? 0];
  const depthBits = flags & 0x40 ? (flags & 0x20 ? 12 : 10) : 8;
  return `av01.${profileLevel >> 5}.${decimal(profileLevel & 0x1f)}${flags & 0x80 ? 'H' : 'M'}.${decimal(depthBits)}`;
}

/** "VP Codec ISO Media File Format Binding": profile, ten times the level, bit depth; after version and flags. */
function vpx(type: string, vpcC: Uint8Array): string {
  return `${type}.${[vpcC[4] ?? 0, vpcC[5] ?? 0, (vpcC[6] ?? 0) >> 4].map(decimal).join('.')}`;
}

const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
const MPEG4_AUDIO = 0x40;
/** ES_ID and flags; objectTypeIndication to avgBitrate (ISO/IEC 14496-1 §7.2.6.5, §7.2.6.6). */
const ES_FIELDS_BYTES = 3;
const DECODER_FIELDS_BYTES = 13;

function mp4a(esds: Uint8Array): string | undefined {
  const stream = descriptorIn(esds, 4, ES_DESCRIPTOR);
  // Each of these flags adds fields before the decoder's; no writer sets them in files.
  const isPlain = stream && ((stream[2] ?? 0) & 0xe0) === 0;
  const decoder = isPlain ? descriptorIn(stream, ES_FIELDS_BYTES, DECODER_CONFIG) : undefined;
  const objectType = decoder?.[0];
  if (!decoder || objectType === undefined || objectType !== MPEG4_AUDIO) {
    return objectType === undefined ? undefined : `mp4a.${hex(objectType)}`;
  }
  const [first, second = 0] = descriptorIn(decoder, DECODER_FIELDS_BYTES, DECODER_SPECIFIC) ?? [];
  if (first === undefined) {
    return undefined;
  }
  // ISO/IEC 14496-3 §1.6.2.1: five bits, or 32 plus six more.
  const type = first >> 3;
  return `mp4a.40.${type === 31 ? 32 + (((first & 7) << 3) | (second >> 5)) : type}`;
}

/** The body of the descriptor at `at`, if it has this tag; its length has 7 bits in each of up to four bytes. */
function descriptorIn(bytes: Uint8Array, at: number, tag: number): Uint8Array | undefined {
  if (bytes[at] !== tag) {
    return undefined;
  }
  let length = 0;
  for (let i = at + 1; i <= at + 4; i += 1) {
    const byte = bytes[i];
    if (byte === undefined) {
      return undefined;
    }
    length = (length << 7) | (byte & 0x7f);
    if (byte < 0x80) {
      return bytes.subarray(i + 1, i + 1 + length);
    }
  }
  return undefined;
}
