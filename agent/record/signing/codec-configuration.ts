import { PerchError } from '../../base/errors.ts';
import { fourcc, fourccText, text, u8 } from '../../media/mp4/box/boxes.ts';
import { childAt, viewOf } from '../../media/mp4/box/walk.ts';
import type { Mp4Track } from '../../media/mp4/read/read-track.ts';
import { sha256 } from './signed-group.ts';

const VISUAL_ENTRY_BYTES = 86;
const AUDIO_ENTRY_BYTES = 36;
const CONFIGURATIONS = new Set(
  ['avcC', 'hvcC', 'av1C', 'vpcC', 'dOps', 'dfLa', 'dac3', 'dec3', 'pcmC', 'esds'].map(fourcc),
);
const ES_DESCRIPTOR = 3;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;

type Entry = Pick<Mp4Track, 'sampleEntry' | 'kind'>;

/**
 * SHA-256 of the data that configures a decoder: type and body of the codec's own box in the sample entry, so that other programs may
 * rewrite the rest of the entry. For `esds` only object type and decoder specific information; without such a box the type of the entry.
 */
export function configurationDigest({ sampleEntry, kind }: Entry): Uint8Array {
  const view = viewOf(sampleEntry);
  try {
    for (let at = kind === 'video' ? VISUAL_ENTRY_BYTES : AUDIO_ENTRY_BYTES; at < sampleEntry.length; ) {
      const child = childAt(view, at, sampleEntry.length);
      if (!child) {
        break;
      }
      if (CONFIGURATIONS.has(child.type)) {
        const body = sampleEntry.subarray(child.bodyStart, child.end);
        const name = fourccText(child.type);
        return sha256(Uint8Array.from(text(name)), name === 'esds' ? decoderPart(body) : body);
      }
      at = child.end;
    }
  } catch (error) {
    if (!(error instanceof PerchError)) {
      throw error;
    }
  }
  return sha256(sampleEntry.subarray(4, 8));
}

/** Object type and decoder specific information, ISO/IEC 14496-1 §7.2.6; all of it if it has another form. */
function decoderPart(esds: Uint8Array): Uint8Array {
  const stream = descriptorAt(esds, 4);
  const decoder = stream?.tag === ES_DESCRIPTOR ? descriptorAt(esds, stream.start + 3) : undefined;
  if (decoder?.tag !== DECODER_CONFIG || decoder.start + 13 > esds.length) {
    return esds;
  }
  const specific = descriptorAt(esds, decoder.start + 13);
  const info = specific?.tag === DECODER_SPECIFIC ? esds.subarray(specific.start, specific.end) : new Uint8Array(0);
  return Uint8Array.from([...u8(esds[decoder.start] ?? 0), ...info]);
}

function descriptorAt(bytes: Uint8Array, at: number) {
  let size = 0;
  for (let i = 1; i <= 4 && at + i < bytes.length; i += 1) {
    const byte = bytes[at + i] as number;
    size = size * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      const start = at + i + 1;
      return { tag: bytes[at], start, end: Math.min(start + size, bytes.length) };
    }
  }
  return undefined;
}
