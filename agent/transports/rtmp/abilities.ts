import type { AmfObject, AmfValue } from '../../media/amf/amf0.ts';
import type { FlvAbilities } from '../flv/selection.ts';

/** Multitrack flag of capsEx, "Enhanced RTMP" v2. */
const MULTITRACK = 2;
/** Flags CanDecode and CanForward of FourCcInfoMask. */
const CAN_DECODE_OR_FORWARD = 1 | 4;

/** What Perch itself accepts. Its readers may not support all of it. */
export const OUR_ABILITIES = {
  fourCcList: ['avc1', 'hvc1', 'av01', 'vp08', 'vp09', 'mp4a', '.mp3', 'Opus', 'ac-3', 'ec-3', 'fLaC'],
  capsEx: MULTITRACK,
} as const;

/** Abilities from a client's connect or a server's result: fourCcList, or the maps of v2; capsEx. */
export function abilitiesOf(said: AmfObject): FlvAbilities {
  const fourCcs = new Set<string>();
  const list = said.get('fourCcList');
  if (Array.isArray(list)) {
    for (const value of list as readonly AmfValue[]) {
      add(fourCcs, value);
    }
  }
  for (const name of ['videoFourCcInfoMap', 'audioFourCcInfoMap']) {
    const map = said.get(name);
    if (map instanceof Map) {
      for (const [fourCc, mask] of map as AmfObject) {
        if (typeof mask === 'number' && (mask & CAN_DECODE_OR_FORWARD) !== 0) {
          add(fourCcs, fourCc);
        }
      }
    }
  }
  const caps = said.get('capsEx');
  return { fourCcs: [...fourCcs], hasMultitrack: typeof caps === 'number' && (caps & MULTITRACK) !== 0 };
}

function add(fourCcs: Set<string>, value: AmfValue): void {
  if (typeof value === 'string' && (value === '*' || value.length === 4) && fourCcs.size < 64) {
    fourCcs.add(value);
  }
}
