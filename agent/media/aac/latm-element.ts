const ALL_ONES = 255;

/** One frame as AudioMuxElement without configuration, ISO/IEC 14496-3 tables 1.44 and 1.45: its size as a sum of bytes, then itself. */
export function latmElement(frame: Uint8Array): Uint8Array {
  const full = Math.floor(frame.length / ALL_ONES);
  const element = new Uint8Array(full + 1 + frame.length);
  element.fill(ALL_ONES, 0, full);
  element[full] = frame.length % ALL_ONES;
  element.set(frame, full + 1);
  return element;
}
