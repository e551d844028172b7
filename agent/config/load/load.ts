import { GlobalSchema, type GlobalSettings, MEDIAMTX_USERS, OWN_DEFAULTS } from '../schema/global.ts';
import { PathSchema, type PathSettings } from '../schema/path.ts';
import { PORTS_OF_PERCH, portClashes } from '../schema/ports.ts';
import { globalFaults, MIN_LOW_LATENCY_SEGMENTS } from '../schema/rules.ts';
import { ownTlsAddress } from '../values/address.ts';
import { comparePatterns } from '../values/path-name.ts';
import { type Place, type Problem, Report } from '../yaml/problem.ts';
import { type Branch, parseTree } from '../yaml/tree.ts';
import { DEPRECATED_GLOBAL, renameGlobal } from './deprecated.ts';
import { type Environment, overlayEnvironment, reportUnsupportedVariables, treeOf } from './environment.ts';
import { hasLegacyUsers, PATH_USERS, withLegacyUsers } from './legacy-users.ts';
import { type PathDefaults, type PathEntry, readPath, readPathDefaults } from './path-entry.ts';
import { asNode, defaultsOf, readObject } from './read.ts';
import { namesOf, reportUnsupported, UNSUPPORTED_GLOBAL } from './unsupported.ts';

/** All settings. Keys are those of the file, with the unit behind durations (`Ms`) and sizes (`Bytes`). */
export interface Config extends GlobalSettings {
  /** Perch's own set-up (no file, or a file that begins with `perch: own`): nobody gets in without an account. */
  readonly isOwn: boolean;
  readonly pathDefaults: PathSettings;
  /** Every entry of `paths` by its name, in the order of the file. */
  readonly paths: ReadonlyMap<string, PathEntry>;
  /** The entries that stand for many paths, in the order in which they are tried. */
  readonly patterns: readonly PathEntry[];
}

export interface ParsedConfig {
  /** Absent when something is wrong outside of a single path. */
  readonly config?: Config;
  /** In the order of the lines. */
  readonly problems: readonly Problem[];
}

export interface ConfigDefaults {
  /** Where recordings go when nothing is written, absolute. */
  readonly recordPath: string;
  /** What a relative `recordPath` of the file is relative to. */
  readonly cwd: string;
}

const GLOBAL = asNode(GlobalSchema);
const BLOCKS = ['perch', 'pathDefaults', 'paths'];
const HANDLED_GLOBAL = new Set([...BLOCKS, ...namesOf(UNSUPPORTED_GLOBAL)]);
const OF_PATHS = {
  names: new Set(Object.keys(asNode(PathSchema).properties ?? {})),
  where: 'into a path or into pathDefaults',
};
const ALSO_KNOWN_GLOBAL = [...HANDLED_GLOBAL, ...DEPRECATED_GLOBAL];

/** What may stand in a path's block, with the keys of former days. */
export const PATH_WITH_USERS = {
  ...asNode(PathSchema),
  properties: { ...asNode(PathSchema).properties, ...PATH_USERS },
};

/** The text of Perch's own set-up while there is no file. */
export const NO_FILE = 'perch: own\n';

/** A configuration from the text of its file. Never throws on a wrong file: all that is wrong stands in `problems`. */
export function parseConfig(text: string, fileName: string, env: Environment, defaults: ConfigDefaults): ParsedConfig {
  const report = new Report(fileName);
  const file = parseTree(text, report);
  if (!file) {
    return { problems: report.all() };
  }
  const isOwn = readOwn(file, report);
  const written = withUsers(renameGlobal(file, report), isOwn);
  const root = overlayEnvironment(written, GLOBAL, PATH_WITH_USERS, env);
  const hasOwnUsers = root.entries.get('authInternalUsers')?.tree !== DEFAULT_USERS;
  const isInternal = isDefaultMethod(root);
  if (!isOwn && !hasOwnUsers && isInternal && !hasLegacyUsers(root)) {
    report.add('warn', {}, 'authInternalUsers', 'anyone on this network can watch: set users with this key');
  }
  reportUnsupportedVariables(namesOf(UNSUPPORTED_GLOBAL), env, report);

  const settings = readGlobal(root, isOwn, report);
  const pathDefaults = readPathDefaults(root, { isOwn, hasPlayback: settings.playback }, defaults, report);
  const paths = readPaths(root, pathDefaults, settings.playback, report);
  if (report.fatalCount > 0) {
    return { problems: report.all() };
  }
  const patterns = patternsOf(paths);
  const config = { ...settings, isOwn, pathDefaults: pathDefaults.settings, paths, patterns };
  return { config, problems: report.all() };
}

/** The entries of `paths` that stand for many paths, in the order in which they are tried. */
export function patternsOf(paths: ReadonlyMap<string, PathEntry>): readonly PathEntry[] {
  const patterns = [...paths.values()].filter((entry) => entry.pattern);
  return patterns.sort((a, b) => comparePatterns(a.name, b.name));
}

/** The entry that a path of this name follows: its own, else the first pattern that fits. Disabled ones count: they are closed, not absent. */
export function resolvePath(config: Config, name: string): PathEntry | undefined {
  const exact = config.paths.get(name);
  if (exact && !exact.pattern) {
    return exact;
  }
  return config.patterns.find((entry) => entry.pattern?.test(name));
}

function readOwn(file: Branch, report: Report): boolean {
  const entry = file.entries.get('perch');
  if (!entry) {
    return false;
  }
  const isOwn = entry.tree.kind === 'leaf' && entry.tree.text === 'own';
  if (!isOwn) {
    report.add('error', entry, 'perch', 'expected the word own, which marks a file that Perch keeps, or no such key');
  }
  return isOwn;
}

const DEFAULT_USERS = treeOf(MEDIAMTX_USERS);

/** MediaMTX's users where the author of a file relies on them: in the tree, so that variables can change one of their keys. */
function withUsers(root: Branch, isOwn: boolean): Branch {
  if (isOwn || root.entries.has('authInternalUsers')) {
    return root;
  }
  return { ...root, entries: new Map(root.entries).set('authInternalUsers', { tree: DEFAULT_USERS }) };
}

function isDefaultMethod(root: Branch): boolean {
  const tree = root.entries.get('authMethod')?.tree;
  return tree?.kind !== 'leaf' || tree.isNull || tree.text === 'internal';
}

function readGlobal(root: Branch, isOwn: boolean, report: Report): GlobalSettings {
  reportUnsupported(root, UNSUPPORTED_GLOBAL, '', report);
  const context = { report, handled: HANDLED_GLOBAL, alsoKnown: ALSO_KNOWN_GLOBAL, elsewhere: OF_PATHS };
  const written = readObject(GLOBAL, root, '', context);
  const read = { ...defaultsOf(GLOBAL), ...(isOwn ? OWN_DEFAULTS : {}), ...written } as GlobalSettings;
  const all = withLegacyUsers(root, read, report);
  const settings = isOwn && report.fatalCount === 0 ? withOwnDefaults(all, written) : all;
  if (report.fatalCount === 0) {
    for (const { key, message } of globalFaults(settings)) {
      report.add('error', placeOfKey(root, key), key, message);
    }
    reportClashes(root, settings, isOwn, report);
  }
  if (isOwn && settings.rtsp && !settings.rtspAuthMethods.includes('basic')) {
    const message =
      'page passwords do not work with digest, because only their hashes are known: add basic, or use device passwords';
    report.add('warn', placeOfKey(root, 'rtspAuthMethods'), 'rtspAuthMethods', message);
  }
  const { hlsVariant, hlsSegmentCount: count } = settings;
  if (hlsVariant === 'lowLatency' && count < MIN_LOW_LATENCY_SEGMENTS) {
    const message = `'${count}' is too few for hlsVariant lowLatency: a playlist has ${MIN_LOW_LATENCY_SEGMENTS}`;
    report.add('warn', placeOfKey(root, 'hlsSegmentCount'), 'hlsSegmentCount', message);
  }
  return settings;
}

/** Of Perch's own set-up: defaults that depend on what else is written. */
function withOwnDefaults(settings: GlobalSettings, written: object): GlobalSettings {
  const { authMethod, authInternalUsers } = settings;
  // Device passwords can answer Digest; what the users of the file or another server decide on may not.
  const hasDevicesOnly = authMethod === 'internal' && authInternalUsers.length === 0;
  const login =
    'rtspAuthMethods' in written || !hasDevicesOnly ? {} : { rtspAuthMethods: ['basic', 'digest'] as const };
  const https = { ...settings, tlsAddress: ownTlsAddress(settings.address) };
  const isFree = !portClashes(https).some(({ keys }) => keys.includes('tlsAddress'));
  const tls = 'tlsAddress' in written || !isFree ? {} : { tlsAddress: https.tlsAddress };
  return { ...settings, ...login, ...tls } as GlobalSettings;
}

/** Told at a key that was written. */
function reportClashes(root: Branch, settings: GlobalSettings, isOwn: boolean, report: Report): void {
  const leafAt = (key: string) => {
    const tree = root.entries.get(key)?.tree;
    return tree?.kind === 'leaf' && !tree.isNull ? tree : undefined;
  };
  for (const { keys, port } of portClashes(settings)) {
    const [other, key] = leafAt(keys[1]) ? keys : ([keys[1], keys[0]] as const);
    const isForeign = !isOwn && PORTS_OF_PERCH.has(other) && !leafAt(other);
    const variable = leafAt(key)?.variable;
    const from = variable === undefined ? '' : ` (from ${variable})`;
    const message = `has the TCP port ${port}, which is that of ${other}: give one of them another${from}`;
    report.add(isForeign ? 'warn' : 'error', placeOfKey(root, key), key, message);
  }
}

function readPaths(
  root: Branch,
  defaults: PathDefaults,
  hasPlayback: boolean,
  report: Report,
): ReadonlyMap<string, PathEntry> {
  const paths = new Map<string, PathEntry>();
  const entry = root.entries.get('paths');
  if (!entry || (entry.tree.kind === 'leaf' && entry.tree.isNull)) {
    return paths;
  }
  if (entry.tree.kind !== 'branch') {
    report.add('error', entry, 'paths', 'expected a block with one key for each path');
    return paths;
  }
  for (const [name, block] of entry.tree.entries) {
    paths.set(name, readPath(name, block, { defaults, hasPlayback, report, before: paths }));
  }
  return paths;
}

/** The place of the key, of which `authInternalUsers[0].pass` is a part. */
function placeOfKey(root: Branch, key: string): Place {
  return root.entries.get(key.split('[')[0] ?? '') ?? {};
}
