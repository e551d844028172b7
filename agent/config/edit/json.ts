import { redact } from '../../base/log.ts';
import type { Config } from '../load/load.ts';
import type { PathEntry } from '../load/path-entry.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { type Destination, Forward } from '../schema/forward.ts';
import { asNode, resolvedName, type SchemaNode } from '../schema/node.ts';
import type { PathSettings } from '../schema/path.ts';
import { shownDestination } from '../values/destination.ts';
import { formatDuration } from '../values/duration.ts';
import { formatSize } from '../values/size.ts';

/** A response of the control API: the file's keys, quantities as texts, no secrets. */
type ConfigJson = Record<string, unknown>;
type PathJson = ConfigJson & { readonly name: string };

/** `/v3/config/global/get`. */
export const globalJson = (config: Config): ConfigJson => renderObject(config.keys.global.schema, { ...config });

/** `/v3/config/pathdefaults/get`. */
export const pathDefaultsJson = (config: Config): ConfigJson => renderSettings(config.pathDefaults, config.keys);

/** An item of `/v3/config/paths/list`. A disabled path has its error in place of settings. */
export function pathJson({ name, settings, error }: PathEntry, keys: ConfigKeys): PathJson {
  return settings ? { name, ...renderSettings(settings, keys) } : { name, error };
}

/** `/v3/config/paths/list` before pagination: sorted by name. */
export function pathListJson(config: Config): readonly PathJson[] {
  const entries = [...config.paths.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.map((entry) => pathJson(entry, config.keys));
}

/** Shown in place of a secret. */
export const HIDDEN = '<redacted>';

/** Kinds of text that may hold a password. */
const URLS = new Set(['source', 'redirect', 'command']);

/** Whether `shownText` redacts secrets within such a text. */
export const mayHoldSecrets = ({ syntax = '' }: SchemaNode): boolean => URLS.has(syntax);

/** A text without the secrets in it. */
export function shownText(schema: SchemaNode, text: string): string {
  return schema.syntax === 'destination' ? shownDestination(text) : mayHoldSecrets(schema) ? redact(text) : text;
}

export interface DestinationJson {
  readonly dest: string;
  readonly destFingerprint: string;
  readonly whipBearerToken: string;
}

/** An item of a path's `forward` list. */
export const destinationJson = (destination: Destination): DestinationJson =>
  renderObject(asNode(Forward).items ?? {}, { ...destination }) as ConfigJson & DestinationJson;

const renderSettings = (settings: PathSettings, { path }: ConfigKeys): ConfigJson =>
  renderObject(path.schema, { ...settings });

function renderObject(schema: SchemaNode, values: Readonly<Record<string, unknown>>): ConfigJson {
  const json: ConfigJson = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = values[resolvedName(name, property)];
    if (value !== undefined) {
      json[name] = render(property, value);
    }
  }
  return json;
}

function render(schema: SchemaNode, value: unknown): unknown {
  if (typeof value === 'number') {
    return schema.unit === 'Ms' ? formatDuration(value) : schema.unit === 'Bytes' ? formatSize(value) : value;
  }
  if (Array.isArray(value)) {
    return value.map((item: unknown) => render(schema.items ?? {}, item));
  }
  if (typeof value === 'object' && value !== null) {
    return renderObject(schema, value as Readonly<Record<string, unknown>>);
  }
  if (schema.isSwitch && schema.words && (value === schema.words.yes || value === schema.words.no)) {
    return value === schema.words.yes;
  }
  if (schema.secret) {
    return value === '' ? '' : HIDDEN;
  }
  return typeof value === 'string' ? shownText(schema, value) : value;
}
