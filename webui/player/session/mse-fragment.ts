/*
 * One MP4 fragment, as far as a player has to look into it (ISO/IEC 14496-12):
 *
 *     moof
 *       traf            one for each track (§8.8.6)
 *         tfhd          track_ID, then what its flags say is there (§8.8.7)
 *         trun          sample_count, data_offset, first_sample_flags, then for each sample … (§8.8.8)
 *     mdat
 */
const MOOF = 0x6d6f6f66;
const TRAF = 0x74726166;
const TFHD = 0x74666864;
const TRUN = 0x7472756e;
const BOX_HEADER_BYTES = 8;
/** `sample_is_non_sync_sample` of a sample's flags (§8.8.3.1). */
const NON_SYNC = 0x1_0000;

/** Whether the track's first sample in the fragment is a sync sample. False without samples. */
export function startsWithKeyFrame(fragment: ArrayBuffer, trackId: number): boolean {
  const view = new DataView(fragment);
  const moof = find(view, 0, view.byteLength, MOOF);
  for (let at = moof?.start ?? 0; moof && at < moof.end; ) {
    const traf = find(view, at, moof.end, TRAF);
    if (!traf) {
      return false;
    }
    const tfhd = find(view, traf.start, traf.end, TFHD);
    const trun = find(view, traf.start, traf.end, TRUN);
    if (tfhd && trun && view.getUint32(tfhd.start + 4) === trackId) {
      const flags = firstFlags(view, trun.start) ?? defaultFlags(view, tfhd.start);
      return flags !== undefined && (flags & NON_SYNC) === 0;
    }
    at = traf.end;
  }
  return false;
}

/** Content of the first box of that type; undefined if boxes are inconsistent. */
function find(view: DataView, from: number, to: number, kind: number): { start: number; end: number } | undefined {
  for (let at = from; at + BOX_HEADER_BYTES <= to; ) {
    const end = at + view.getUint32(at);
    if (end < at + BOX_HEADER_BYTES || end > to) {
      return undefined;
    }
    if (view.getUint32(at + 4) === kind) {
      // Flags and one field.
      return end - at >= BOX_HEADER_BYTES + 8 ? { start: at + BOX_HEADER_BYTES, end } : undefined;
    }
    at = end;
  }
  return undefined;
}

const FIRST_FLAGS = 0x4;
const DATA_OFFSET = 0x1;
const SAMPLE_FLAGS = 0x400;

function firstFlags(view: DataView, trun: number): number | undefined {
  const has = view.getUint32(trun);
  let at = trun + 8 + ((has & DATA_OFFSET) === 0 ? 0 : 4);
  if ((has & FIRST_FLAGS) !== 0) {
    return read(view, at);
  }
  // Duration (0x100) and size (0x200) precede the flags.
  at += ((has & 0x100) === 0 ? 0 : 4) + ((has & 0x200) === 0 ? 0 : 4);
  return (has & SAMPLE_FLAGS) === 0 ? undefined : read(view, at);
}

function defaultFlags(view: DataView, tfhd: number): number | undefined {
  const has = view.getUint32(tfhd);
  // base_data_offset, sample_description_index, default duration and size precede it.
  let at = tfhd + 8 + ((has & 0x1) === 0 ? 0 : 8);
  for (const field of [0x2, 0x8, 0x10]) {
    at += (has & field) === 0 ? 0 : 4;
  }
  return (has & 0x20) === 0 ? undefined : read(view, at);
}

const read = (view: DataView, at: number): number | undefined =>
  at + 4 <= view.byteLength ? view.getUint32(at) : undefined;
