import type { RtpFormat } from '../payload/depacketizer.ts';

/** Lengths of the fields of an AU header in bits, RFC 3640 §3.2.1.1 and §4.1. */
export interface AuHeaderFormat {
  readonly sizeBits: number;
  readonly indexBits: number;
  readonly indexDeltaBits: number;
}

/** Parameters that change AU headers; no known camera uses them. */
const UNSUPPORTED = [
  'ctsdeltalength',
  'dtsdeltalength',
  'randomaccessindication',
  'streamstateindication',
  'auxiliarydatasizelength',
  'constantsize',
];
const MAX_INDEX_BITS = 8;

/** From the fmtp; missing lengths are those of the mode: AAC-lbr (§3.3.5), else AAC-hbr (§3.3.6). Undefined: not supported. */
export function auHeaderFormat(format: RtpFormat): AuHeaderFormat | undefined {
  const isLowRate = format.fmtp.get('mode')?.trim().toLowerCase() === 'aac-lbr';
  const numberOf = (key: string, missing: number): number => {
    const text = format.fmtp.get(key)?.trim();
    return text === undefined || text === '' ? missing : Number(text);
  };
  const sizeBits = numberOf('sizelength', isLowRate ? 6 : 13);
  const indexBits = numberOf('indexlength', isLowRate ? 2 : 3);
  const indexDeltaBits = numberOf('indexdeltalength', isLowRate ? 2 : 3);
  const isUsable =
    isIn(sizeBits, 1, 16) && isIn(indexBits, 0, MAX_INDEX_BITS) && isIn(indexDeltaBits, 0, MAX_INDEX_BITS);
  const isPlain = UNSUPPORTED.every((key) => numberOf(key, 0) === 0);
  return isUsable && isPlain ? { sizeBits, indexBits, indexDeltaBits } : undefined;
}

const isIn = (value: number, from: number, to: number): boolean =>
  Number.isInteger(value) && value >= from && value <= to;

/** The `config` of the fmtp, or undefined if missing, or not hexadecimal. */
export function configBytes(format: RtpFormat): Uint8Array | undefined {
  const text = format.fmtp.get('config')?.trim() ?? '';
  if (text.length < 4 || text.length > 128 || text.length % 2 === 1 || !/^[0-9a-f]+$/i.test(text)) {
    return undefined;
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}
