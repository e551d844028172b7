import { PerchError } from '../../base/errors.ts';
import { type Ac3Frame, type Ac3Variant, CHANNELS, FRAME_SAMPLES, SAMPLE_RATES_HZ } from '../ac3/params.ts';

/*
 * The start of a syncframe, ETSI TS 102 366 annex E.1.2:
 *   sync word 0x0B77 | strmtyp 2 | substreamid 3 | frmsiz 11 | fscod 2 | numblkscod 2 | acmod 3 | lfeon 1 | bsid 5 | …
 */
const HEADER_BYTES = 6;
const DEPENDENT = 1;
const RESERVED = 3;
const SIX_BLOCKS = 3;

export const EAC3: Ac3Variant = {
  name: 'E-AC-3',
  parse: parseEac3Frame,
  track: (frame) => ({
    kind: 'audio',
    codec: 'eac3',
    clockRate: frame.sampleRate,
    channels: frame.channels,
    config: specificBox(frame),
  }),
};

/** EC3SpecificBox, annex F.6, with one substream: data_rate 13 (kbit/s), num_ind_sub 3, then 24 bits of the substream. */
function specificBox({ sizeBytes, sampleRate, config }: Ac3Frame): Uint8Array {
  const kbits = Math.round((sizeBytes * 8 * sampleRate) / FRAME_SAMPLES / 1000);
  return Uint8Array.of(kbits >> 5, kbits << 3, config >> 16, config >> 8, config);
}

function parseEac3Frame(data: Uint8Array, start: number, end: number): Ac3Frame {
  if (end - start < HEADER_BYTES) {
    throw new PerchError('badInput', `E-AC-3 header in ${end - start} bytes, ${HEADER_BYTES} needed`);
  }
  const at = (offset: number): number => data[start + offset] as number;
  if (at(0) !== 0x0b || at(1) !== 0x77) {
    throw new PerchError('badInput', `E-AC-3 frame begins with byte ${at(0)}, ${at(1)}: no sync word`);
  }
  const strmtyp = at(2) >> 6;
  const bsid = at(5) >> 3;
  if (bsid < 11 || bsid > 16 || strmtyp === RESERVED) {
    throw new PerchError('badInput', `E-AC-3 with bsid ${bsid} and strmtyp ${strmtyp}, 11 to 16 and 0 to 2 allowed`);
  }
  const fscod = at(4) >> 6;
  const numblkscod = (at(4) >> 4) & 3;
  const sampleRate = SAMPLE_RATES_HZ[fscod];
  if (sampleRate === undefined || numblkscod !== SIX_BLOCKS) {
    const message = `E-AC-3 with fscod ${fscod} and numblkscod ${numblkscod}, 0 to 2 and ${SIX_BLOCKS} supported`;
    throw new PerchError('unsupported', message);
  }
  const acmod = (at(4) >> 1) & 7;
  const lfeon = at(4) & 1;
  // reserved 1, asvc 1, bsmod 3 (main audio service: 0), reserved 3, num_dep_sub 4 and a reserved bit are 0.
  const fields = (fscod << 22) | (bsid << 17) | (acmod << 9) | (lfeon << 8);
  return {
    sampleRate,
    channels: (CHANNELS[acmod] as number) + lfeon,
    sizeBytes: 2 * ((((at(2) & 7) << 8) | at(3)) + 1),
    fields,
    config: fields,
    isFurther: strmtyp === DEPENDENT || ((at(2) >> 3) & 7) > 0,
  };
}
