import { usePolled } from '../../api-client/use-polled.ts';
import { eventKindOf } from '../../cameras/event-kinds.ts';
import { zoneNames } from './rules-data.ts';

/** What rules need to know of the configuration of a path. */
export interface PathSettings {
  readonly name: string;
  readonly record?: string | boolean;
  readonly motionSource?: string;
  readonly motionZones?: readonly string[];
  /** Labels that are looked for in its pictures. */
  readonly objects?: readonly string[];
}

/** Undefined until they are known. */
export const usePathSettings = (): readonly PathSettings[] | undefined =>
  usePolled<{ readonly items: readonly PathSettings[] }>('v3/config/paths/list?itemsPerPage=1000', 'slow', {
    news: ['config'],
  }).value?.items;

/** The others come from the camera, which knows nothing of the zones. */
const KINDS_WITH_ZONES: readonly string[] = ['motion', 'person', 'vehicle', 'animal'];

/** Names of the zones that an event of a kind can be in: it is found in the pictures, as motion or as an object. */
export function zonesFor(kind: string | undefined, path: PathSettings | undefined): readonly string[] {
  const { motionSource = 'camera', objects = [], motionZones } = path ?? {};
  const isFound = motionSource !== 'camera' || objects.length > 0;
  return isFound && KINDS_WITH_ZONES.includes(eventKindOf(kind ?? '') ?? '') ? zoneNames(motionZones) : [];
}

export const recordsAlways = ({ record }: PathSettings): boolean => record === true || record === 'always';
