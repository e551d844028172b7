import type { Static, TObject, TProperties } from 'typebox';
import type { Resolved } from '../values/quantity.ts';
import type { Fault } from './common/key-rules.ts';
import type { PortUse } from './common/server-keys.ts';
import type { GlobalSettings } from './global.ts';
import type { PathSettings } from './path.ts';

/** General settings and those of a feature. */
type FeatureSettings<Keys extends TProperties> = GlobalSettings & Resolved<Static<TObject<Keys>>>;

/** The keys of a feature. */
export interface FeatureKeys<Keys extends TProperties = TProperties, PathKeys extends TProperties = TProperties> {
  /** Title of their list in the reference. */
  readonly title: string;
  readonly schema: Keys;
  readonly pathSchema?: PathKeys;
  /** All its keys set access rights: only the owner changes them. */
  readonly isRight?: true;
  faults?(settings: FeatureSettings<Keys>): readonly Fault[];
  /** TCP ports that it opens; none while it is off. */
  listeners?(settings: FeatureSettings<Keys>): readonly PortUse[];
}

/** The feature's settings in a configuration that was read with its keys. */
export const settingsIn = <Keys extends TProperties>(
  settings: GlobalSettings,
  _keys: FeatureKeys<Keys>,
): FeatureSettings<Keys> => settings as FeatureSettings<Keys>;

/** Like `settingsIn`, for the settings of a path. */
export const pathSettingsIn = <PathKeys extends TProperties>(
  settings: PathSettings,
  _keys: FeatureKeys<TProperties, PathKeys>,
) => settings as PathSettings & Resolved<Static<TObject<PathKeys>>>;
