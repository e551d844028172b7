import { MEDIAMTX_USERS } from '../schema/common/general.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { type GlobalSettings, OWN_DEFAULTS } from '../schema/global.ts';
import { defaultsOf, type SchemaNode } from '../schema/node.ts';
import type { PathSettings } from '../schema/path.ts';
import { portClashes } from '../schema/ports.ts';
import { globalFaults } from '../schema/rules.ts';
import { ownTlsAddress } from '../values/address.ts';
import { comparePatterns } from '../values/path-name.ts';
import { type Problem, Report, type TextPosition } from '../yaml/problem.ts';
import { type MapNode, parseTree } from '../yaml/tree.ts';
import { formerNames, renameGlobal } from './deprecated.ts';
import { type Environment, overlayEnvironment, reportUnsupportedVariables, treeOf } from './environment.ts';
import { hasLegacyUsers, PATH_USERS, withLegacyUsers } from './legacy-users.ts';
import { type PathDefaults, type PathEntry, readPath, readPathDefaults } from './path-entry.ts';
import { readObject } from './read.ts';
import { reportUnsupported } from './unsupported.ts';

/** All settings. Keys are those of the file; durations end with `Ms` and sizes with `Bytes`. */
export interface Config extends GlobalSettings {
  /** Perch's own setup (no file, or a file that begins with `perch: own`): access needs an account. */
  readonly isOwn: boolean;
  /** The keys that it was read with. */
  readonly keys: ConfigKeys;
  readonly pathDefaults: PathSettings;
  /** All entries of `paths` by name, in the order of the file. */
  readonly paths: ReadonlyMap<string, PathEntry>;
  /** The entries with a pattern, in the order in which they are tried. */
  readonly patterns: readonly PathEntry[];
}

export interface ParsedConfig {
  /** Absent after an error outside of a single path. */
  readonly config?: Config;
  /** In the order of the lines. */
  readonly problems: readonly Problem[];
}

export interface ConfigDefaults {
  /** Default of `recordPath`, absolute. */
  readonly recordPath: string;
  /** A relative `recordPath` starts here. */
  readonly cwd: string;
  readonly keys: ConfigKeys;
}

const BLOCKS = ['perch', 'pathDefaults', 'paths'];

/** Keys of a path's block, former ones included. */
export const pathWithUsers = ({ path }: ConfigKeys): SchemaNode => ({
  ...path.schema,
  properties: { ...path.schema.properties, ...PATH_USERS },
});

/** The text of Perch's own setup while there is no file. */
export const NO_FILE = 'perch: own\n';

/** A configuration from the text of its file. Never throws on a wrong file: `problems` has all errors. */
export function parseConfig(text: string, fileName: string, env: Environment, defaults: ConfigDefaults): ParsedConfig {
  const { keys } = defaults;
  const report = new Report(fileName);
  const file = parseTree(text, report);
  if (!file) {
    return { problems: report.all() };
  }
  const isOwn = readOwn(file, report);
  const written = withUsers(renameGlobal(file, report, keys), isOwn);
  const root = overlayEnvironment(written, keys.global.schema, pathWithUsers(keys), env);
  const hasOwnUsers = root.entries.get('authInternalUsers')?.tree !== DEFAULT_USERS;
  const isInternal = isDefaultMethod(root);
  if (!isOwn && !hasOwnUsers && isInternal && !hasLegacyUsers(root)) {
    report.add('warn', {}, 'authInternalUsers', 'anyone on this network can watch: set users with this key');
  }
  reportUnsupportedVariables(keys.global.inert, env, report);

  const settings = readGlobal(root, keys, isOwn, report);
  const pathDefaults = readPathDefaults(root, { isOwn, hasPlayback: settings.playback }, defaults, report);
  const paths = readPaths(root, pathDefaults, settings.playback, report);
  if (report.fatalCount > 0) {
    return { problems: report.all() };
  }
  const patterns = patternsOf(paths);
  const config = { ...settings, isOwn, keys, pathDefaults: pathDefaults.settings, paths, patterns };
  return { config, problems: report.all() };
}

/** The entries of `paths` with a pattern, in the order in which they are tried. */
export function patternsOf(paths: ReadonlyMap<string, PathEntry>): readonly PathEntry[] {
  const patterns = [...paths.values()].filter((entry) => entry.pattern);
  return patterns.sort((a, b) => comparePatterns(a.name, b.name));
}

/** The entry for a path of this name: its own, else the first matching pattern. Disabled entries count. */
export function resolvePath(config: Config, name: string): PathEntry | undefined {
  const exact = config.paths.get(name);
  if (exact && !exact.pattern) {
    return exact;
  }
  return config.patterns.find((entry) => entry.pattern?.test(name));
}

function readOwn(file: MapNode, report: Report): boolean {
  const entry = file.entries.get('perch');
  if (!entry) {
    return false;
  }
  const isOwn = entry.tree.kind === 'scalar' && entry.tree.text === 'own';
  if (!isOwn) {
    report.add('error', entry, 'perch', 'expected the word own, which marks a file of Perch, or no such key');
  }
  return isOwn;
}

const DEFAULT_USERS = treeOf(MEDIAMTX_USERS);

/** Adds MediaMTX's users to a file without users: in the tree, so that variables can change single keys of them. */
function withUsers(root: MapNode, isOwn: boolean): MapNode {
  if (isOwn || root.entries.has('authInternalUsers')) {
    return root;
  }
  return { ...root, entries: new Map(root.entries).set('authInternalUsers', { tree: DEFAULT_USERS }) };
}

function isDefaultMethod(root: MapNode): boolean {
  const tree = root.entries.get('authMethod')?.tree;
  return tree?.kind !== 'scalar' || tree.isNull || tree.text === 'internal';
}

function readGlobal(root: MapNode, keys: ConfigKeys, isOwn: boolean, report: Report): GlobalSettings {
  const { schema, inert, inertNames } = keys.global;
  reportUnsupported(root, inert, '', report);
  const handled = new Set([...BLOCKS, ...inertNames]);
  const context = {
    report,
    handled,
    alsoKnown: [...handled, ...formerNames(keys)],
    elsewhere: { names: keys.path.names, where: 'into a path or into pathDefaults' },
  };
  const written = readObject(schema, root, '', context);
  const read = { ...defaultsOf(schema), ...(isOwn ? OWN_DEFAULTS : {}), ...written } as GlobalSettings;
  const all = withLegacyUsers(root, read, report);
  const settings = isOwn && report.fatalCount === 0 ? withOwnDefaults(all, keys, written) : all;
  if (report.fatalCount === 0) {
    for (const { key, message, isWarning, isPartial } of globalFaults(settings, keys, isOwn)) {
      const position = positionOfKey(root, key);
      if (isPartial) {
        report.addPartial(position, key, message);
      } else {
        report.add(isWarning ? 'warn' : 'error', position, key, message);
      }
    }
    reportClashes(root, settings, keys, isOwn, report);
  }
  return settings;
}

/** Defaults of Perch's own setup that depend on other settings. */
function withOwnDefaults(settings: GlobalSettings, keys: ConfigKeys, written: object): GlobalSettings {
  const own: object = Object.assign({}, ...keys.servers.map(({ ownDefaults }) => ownDefaults?.(settings)));
  const https = { ...settings, tlsAddress: ownTlsAddress(settings.address) };
  const isFree = !portClashes(https, keys).some(({ ports }) => ports.some(({ key }) => key === 'tlsAddress'));
  const defaults = Object.entries({ ...own, ...(isFree && { tlsAddress: https.tlsAddress }) });
  return { ...settings, ...Object.fromEntries(defaults.filter(([key]) => !(key in written))) };
}

/** Reported at a key that is in the file. */
function reportClashes(
  root: MapNode,
  settings: GlobalSettings,
  keys: ConfigKeys,
  isOwn: boolean,
  report: Report,
): void {
  const scalarAt = (key: string) => {
    const tree = root.entries.get(key)?.tree;
    return tree?.kind === 'scalar' && !tree.isNull ? tree : undefined;
  };
  for (const { ports, port } of portClashes(settings, keys)) {
    const [other, { key }] = scalarAt(ports[1].key) ? ports : ([ports[1], ports[0]] as const);
    const isForeign = !isOwn && other.isOfPerch && !scalarAt(other.key);
    const variable = scalarAt(key)?.variable;
    const from = variable === undefined ? '' : ` (from ${variable})`;
    const message = `has the TCP port ${port}, as does ${other.key}: change one of them${from}`;
    report.add(isForeign ? 'warn' : 'error', positionOfKey(root, key), key, message);
  }
}

function readPaths(
  root: MapNode,
  defaults: PathDefaults,
  hasPlayback: boolean,
  report: Report,
): ReadonlyMap<string, PathEntry> {
  const paths = new Map<string, PathEntry>();
  const entry = root.entries.get('paths');
  if (!entry || (entry.tree.kind === 'scalar' && entry.tree.isNull)) {
    return paths;
  }
  if (entry.tree.kind !== 'map') {
    report.add('error', entry, 'paths', 'expected a block with one key for each path');
    return paths;
  }
  for (const [name, block] of entry.tree.entries) {
    paths.set(name, readPath(name, block, { defaults, hasPlayback, report, before: paths }));
  }
  return paths;
}

/** Position of the top-level key: of `authInternalUsers` for `authInternalUsers[0].pass`. */
function positionOfKey(root: MapNode, key: string): TextPosition {
  return root.entries.get(key.split('[')[0] ?? '') ?? {};
}
