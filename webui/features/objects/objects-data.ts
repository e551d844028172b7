import type { ObjectsStatus } from '../../../agent/features/objects/routes.ts';
import { listed, number, percent } from '../../words/format.ts';
import type { ObjectsWords } from './words/en.ts';

export const OBJECT_KINDS = ['person', 'vehicle', 'animal'] as const;
type ObjectKind = (typeof OBJECT_KINDS)[number];

/** Its keys of a path. */
export interface ObjectsConfig {
  readonly objects?: readonly ObjectKind[];
  readonly objectsMinHeight?: number;
  readonly motionSource?: 'camera' | 'stream' | 'both';
}

export interface ObjectsSettings extends Readonly<Record<ObjectKind, boolean>> {
  /** Share of the picture's height. */
  readonly minHeight: number;
}

export const HEIGHT_STEPS = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];

export const settingsOf = ({ objects = [], objectsMinHeight = 0 }: ObjectsConfig): ObjectsSettings => ({
  person: objects.includes('person'),
  vehicle: objects.includes('vehicle'),
  animal: objects.includes('animal'),
  minHeight: objectsMinHeight,
});

/** Nothing tells Perch of motion at the camera, so it never looks. @param reports whether the camera reports motion itself */
export const isBlind = ({ motionSource = 'camera' }: ObjectsConfig, reports: boolean | undefined): boolean =>
  motionSource === 'camera' && reports === false;

/** The keys of the configuration that choose what is looked for. Perch finds the motion itself where the camera reports none. */
export const choiceOf = (
  objects: readonly ObjectKind[],
  config: ObjectsConfig,
  reports: boolean | undefined,
): ObjectsConfig => ({
  objects,
  ...(objects.length > 0 && isBlind(config, reports) && { motionSource: 'stream' }),
});

/** The keys of the configuration. */
export function keysOf(
  changed: Partial<ObjectsSettings>,
  config: ObjectsConfig,
  reports: boolean | undefined,
): ObjectsConfig {
  const wanted = { ...settingsOf(config), ...changed };
  return {
    ...(OBJECT_KINDS.some((kind) => changed[kind] !== undefined) &&
      choiceOf(
        OBJECT_KINDS.filter((kind) => wanted[kind]),
        config,
        reports,
      )),
    ...(changed.minHeight !== undefined && { objectsMinHeight: changed.minHeight }),
  };
}

export const kindNames = (t: ObjectsWords): Readonly<Record<ObjectKind, string>> => ({
  person: t.person,
  vehicle: t.vehicle,
  animal: t.animal,
});

/** `People, Animals`, or `Off`. */
export const kindsText = ({ objects = [] }: ObjectsConfig, t: ObjectsWords, language: string): string =>
  objects.length === 0
    ? t.off
    : listed(
        OBJECT_KINDS.filter((kind) => objects.includes(kind)).map((kind) => kindNames(t)[kind]),
        language,
      );

export const heightText = (share: number, t: ObjectsWords, language: string): string =>
  share === 0 ? t.anyHeight : t.height(percent(share, language));

/** Below a second with hundredths. */
export const secondsText = (ms: number, language: string): string => number(ms / 1000, ms < 1000 ? 2 : 1, language);

/** What a picture costs, or undefined if it has not been measured. */
export function costText(
  { pictureMs, memoryMb }: Pick<ObjectsStatus, 'pictureMs' | 'memoryMb'>,
  t: ObjectsWords,
  language: string,
): string | undefined {
  if (pictureMs === null) {
    return undefined;
  }
  const seconds = secondsText(pictureMs, language);
  return memoryMb === null ? t.costsTime(seconds) : t.costs(seconds, `${number(memoryMb, 0, language)} MB`);
}

/** Address of the server that looks at the pictures, or undefined: this box does. */
export const serverOf = ({ model }: Pick<ObjectsStatus, 'model'>): string | undefined =>
  /^https?:/.test(model) ? model : undefined;
