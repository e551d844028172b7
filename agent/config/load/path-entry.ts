import { resolve } from 'node:path';
import { attempt, type Fault } from '../schema/common/key-rules.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { withPublisher } from '../schema/ffmpeg-source.ts';
import { forwardFaults } from '../schema/forward.ts';
import { defaultsOf } from '../schema/node.ts';
import { OWN_PATH_DEFAULTS, type PathSettings } from '../schema/path.ts';
import { commandFaults, recordFaults } from '../schema/rules.ts';
import { sourceFaults } from '../schema/source.ts';
import { alwaysAvailableFaults } from '../schema/sources/always-available.ts';
import { isCatchAll, patternOf } from '../values/path-name.ts';
import type { Pattern } from '../values/pattern.ts';
import type { Report, TextPosition } from '../yaml/problem.ts';
import type { Entry, MapNode } from '../yaml/tree.ts';
import { rename } from './deprecated.ts';
import { PATH_USER_KEYS } from './legacy-users.ts';
import { readObject } from './read.ts';
import { reportUnsupported } from './unsupported.ts';

/** An entry of `paths`: its settings, `pathDefaults` included, or the error that disables it. */
export type PathEntry = ReadyPath | DisabledPath;

interface NamedPath {
  readonly name: string;
  /** Matches the names of its paths; absent for the single path of its name. */
  readonly pattern?: Pattern;
}
export interface ReadyPath extends NamedPath {
  readonly settings: PathSettings;
  readonly error?: never;
}
interface DisabledPath extends NamedPath {
  /** One line: the first wrong key and its error. */
  readonly error: string;
  readonly settings?: never;
}

/** `pathDefaults`, parsed. */
export interface PathDefaults {
  readonly settings: PathSettings;
  readonly block: MapNode;
  readonly cwd: string;
  readonly keys: ConfigKeys;
}

interface PathContext {
  readonly defaults: PathDefaults;
  readonly hasPlayback: boolean;
  readonly report: Report;
  /** The entries above it in the file. */
  readonly before: ReadonlyMap<string, PathEntry>;
}

const EMPTY: MapNode = { kind: 'map', entries: new Map() };

export function readPathDefaults(
  root: MapNode,
  { isOwn, hasPlayback }: { readonly isOwn: boolean; readonly hasPlayback: boolean },
  { recordPath, cwd, keys }: { readonly recordPath: string; readonly cwd: string; readonly keys: ConfigKeys },
  report: Report,
): PathDefaults {
  const entry = root.entries.get('pathDefaults');
  const block = entry ? blockOf(entry, 'pathDefaults', report) : EMPTY;
  const { written, renamed } = readBlock(block, keys, 'pathDefaults', report);
  const own = isOwn ? OWN_PATH_DEFAULTS : {};
  const settings = { ...defaultsOf(keys.path.schema), ...own, recordPath, ...written } as PathSettings;
  // A source that is not supported is reported at the paths that use it.
  reportFaults(recordFaults(settings, hasPlayback), renamed, EMPTY, entry ?? {}, 'pathDefaults', report);
  return { settings: resolved(settings, cwd), block: renamed, cwd, keys };
}

export function readPath(name: string, entry: Entry, context: PathContext): PathEntry {
  const { defaults, hasPlayback, report } = context;
  const key = `paths.${name}`;
  const named = readName(name, entry, context);
  const { written, renamed } = readBlock(blockOf(entry, key, report, name), defaults.keys, key, report, name);
  const settings = { ...defaults.settings, ...written } as PathSettings;

  if (report.firstErrorOf(name) === undefined) {
    const isPattern = named.pattern !== undefined;
    const faults = [
      ...sourceFaults(settings, defaults.keys.sources, isPattern),
      ...commandFaults(settings, isPattern),
      ...forwardFaults(settings.forward, defaults.keys.forwards),
      ...recordFaults(settings, hasPlayback),
      ...alwaysAvailableFaults(settings, isPattern),
    ];
    reportFaults(faults, renamed, defaults.block, entry, key, report, name);
  }
  const error = report.firstErrorOf(name);
  if (error) {
    const shortKey = error.key.startsWith(`${key}.`) ? `${error.key.slice(key.length + 1)}: ` : '';
    return { ...named, error: `${shortKey}${error.message}` };
  }
  return { ...named, settings: resolved(withPublisher(settings), defaults.cwd) };
}

function readName(name: string, entry: Entry, { report, before }: PathContext): NamedPath {
  const result = attempt(() => patternOf(name));
  if ('fault' in result) {
    report.add('error', entry, `paths.${name}`, result.fault, name);
    return { name };
  }
  const other = isCatchAll(name) ? [...before.keys()].find(isCatchAll) : undefined;
  if (other !== undefined) {
    report.add('error', entry, `paths.${name}`, `has the same meaning as ${other} above: keep only one of them`, name);
    return { name };
  }
  return result.value ? { name, pattern: result.value } : { name };
}

function readBlock(
  block: MapNode,
  { global, path: keys, sources }: ConfigKeys,
  key: string,
  report: Report,
  path?: string,
) {
  const renamed = rename(block, keys.renamed, `${key}.`, report, path);
  reportUnsupported(renamed, keys.inert, `${key}.`, report, path);
  const handled = new Set<string>([...PATH_USER_KEYS, ...keys.inertNames]);
  const written = readObject(keys.schema, renamed, key, {
    report,
    ...(path === undefined ? {} : { path }),
    handled,
    alsoKnown: [...handled, ...Object.keys(keys.renamed)],
    sources,
    elsewhere: { names: global.names, where: 'to the top level of the file' },
  });
  return { written, renamed };
}

/** The keys under `entry`; none for an empty entry. */
function blockOf(entry: Entry, key: string, report: Report, path?: string): MapNode {
  const { tree } = entry;
  if (tree.kind !== 'map' && !(tree.kind === 'scalar' && tree.isNull)) {
    report.add('error', entry, key, 'expected a block of keys, or nothing', path);
  }
  return tree.kind === 'map' ? tree : EMPTY;
}

function reportFaults(
  faults: readonly Fault[],
  block: MapNode,
  defaults: MapNode,
  entry: TextPosition,
  key: string,
  report: Report,
  path?: string,
): void {
  for (const fault of faults) {
    report.add('error', positionOf(fault.key, block, defaults, entry), `${key}.${fault.key}`, fault.message, path);
  }
}

/** Where the value of a key comes from: the path itself, `pathDefaults`, else the path as a whole. */
const positionOf = (key: string, block: MapNode, defaults: MapNode, entry: TextPosition): TextPosition =>
  block.entries.get(key) ?? defaults.entries.get(key) ?? entry;

const resolved = (settings: PathSettings, cwd: string): PathSettings => ({
  ...settings,
  recordPath: resolve(cwd, settings.recordPath),
});
