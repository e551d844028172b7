import { SUB_SUFFIX } from '../../cameras/adoption/plan.ts';
import { isReady, isSubStream } from '../../cameras/path-entries.ts';
import { type Config, patternsOf } from '../../config/load/load.ts';
import type { PathEntry, ReadyPath } from '../../config/load/path-entry.ts';
import { pathSettingsIn } from '../../config/schema/feature-keys.ts';
import type { PathSettings } from '../../config/schema/path.ts';
import type { Mode } from '../../config/values/modes.ts';
import { MODE_KEYS, type ModeRule } from './keys.ts';

/** The configuration as the mode changes it. */
export function inMode(config: Config, mode: Mode): Config {
  const entries = [...config.paths.values()];
  if (!entries.some(({ settings }) => rulesOf(settings)?.[mode])) {
    return config;
  }
  const paths = new Map(entries.map((entry): [string, PathEntry] => [entry.name, entryIn(entry, mode, config)]));
  return { ...config, paths, patterns: patternsOf(paths) };
}

function entryIn(entry: PathEntry, mode: Mode, config: Config): PathEntry {
  const rule = isReady(entry) ? ruleOf(entry, mode, config) : undefined;
  return isReady(entry) && rule ? { ...entry, settings: settingsIn(entry.settings, rule) } : entry;
}

/** A sub stream has no more audio and no less privacy than its camera. */
function ruleOf({ name, settings }: ReadyPath, mode: Mode, config: Config): ModeRule | undefined {
  const own = rulesOf(settings)?.[mode];
  if (!isSubStream(name, config)) {
    return own;
  }
  const camera = config.paths.get(name.slice(0, -SUB_SUFFIX.length))?.settings;
  const { audio, notify, privacy } = rulesOf(camera)?.[mode] ?? {};
  return {
    ...own,
    ...(audio !== undefined && { audio: audio && own?.audio !== false }),
    ...(notify !== undefined && { notify }),
    ...(privacy && { privacy }),
  };
}

function settingsIn(settings: PathSettings, { record, audio, notify, privacy }: ModeRule): PathSettings {
  return {
    ...settings,
    ...(record !== undefined && { record }),
    ...(audio !== undefined && { audio }),
    ...(notify === false && { isSilent: true }),
    // Commands that publish to the path would take pictures.
    ...(privacy && { isPrivate: true, runOnInit: '', runOnDemand: '' }),
  };
}

export const rulesOf = (settings: PathSettings | undefined) => settings && pathSettingsIn(settings, MODE_KEYS).modes;
