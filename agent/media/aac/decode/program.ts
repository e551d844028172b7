/** Bits of a config or of a frame. */
interface ElementBits {
  readonly positionBits: number;
  bits(count: number): number;
  skip(count: number): void;
}

/**
 * program_config_element, ISO/IEC 14496-3 table 4.2: the elements and their channels. Part of an AudioSpecificConfig with
 * channelConfiguration 0, and optional in frames.
 * @returns the number of channels, including low-frequency ones
 */
export function readChannelLayout(bits: ElementBits): number {
  bits.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const front = bits.bits(4);
  const side = bits.bits(4);
  const back = bits.bits(4);
  const lowFrequency = bits.bits(2);
  const data = bits.bits(3);
  const coupling = bits.bits(4);
  skipIf(bits, 4); // mono_mixdown_element_number
  skipIf(bits, 4); // stereo_mixdown_element_number
  skipIf(bits, 3); // matrix_mixdown_idx, pseudo_surround_enable
  let channels = lowFrequency;
  for (let i = front + side + back; i > 0; i -= 1) {
    channels += 1 + bits.bits(1); // is_cpe: a pair
    bits.skip(4);
  }
  bits.skip(4 * (lowFrequency + data) + 5 * coupling);
  bits.skip(-bits.positionBits & 7); // byte_alignment
  bits.skip(8 * bits.bits(8)); // comment
  return channels;
}

function skipIf(bits: ElementBits, count: number): void {
  bits.skip(bits.bits(1) * count);
}
