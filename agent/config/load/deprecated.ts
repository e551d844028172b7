import { asList, inverted, type Renames, scalarAt } from '../schema/common/key-rules.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import type { Report } from '../yaml/problem.ts';
import type { Entry, MapNode } from '../yaml/tree.ts';

/** Former top-level keys that are in `pathDefaults` now. */
const NOW_PATH_DEFAULTS = [
  'record',
  'recordPath',
  'recordFormat',
  'recordPartDuration',
  'recordSegmentDuration',
  'recordDeleteAfter',
];
/** Now `authMethod: http` and `authHTTPAddress`. */
const ASKED_SERVER = 'externalAuthenticationURL';

/** In older guides, one key for all servers. */
const ALL_ORIGINS = 'allowOrigin';
/** Former names at the top level. */
export const formerNames = ({ global }: ConfigKeys): readonly string[] => [
  ...Object.keys(global.renamed),
  ...NOW_PATH_DEFAULTS,
  ASKED_SERVER,
  ALL_ORIGINS,
];

/** Replaces former names by present ones, each with a warning. With both in the block the present one counts. */
export function renameGlobal(root: MapNode, report: Report, { global }: ConfigKeys): MapNode {
  const present = rename(root, global.renamed, '', report);
  const renamed = withAllOrigins(withAskedServer(present, report), global.names, report);
  const moved = NOW_PATH_DEFAULTS.filter((name) => renamed.entries.has(name));
  if (moved.length === 0) {
    return renamed;
  }
  const entries = new Map(renamed.entries);
  const before = entries.get('pathDefaults')?.tree;
  const defaults = new Map(before?.kind === 'map' ? before.entries : []);
  for (const name of moved) {
    const entry = entries.get(name);
    entries.delete(name);
    if (entry) {
      report.add('warn', entry, name, `this key is called pathDefaults.${name} now`);
      defaults.set(name, defaults.get(name) ?? entry);
    }
  }
  const formerEntry = entries.get('pathDefaults') ?? {};
  entries.set('pathDefaults', { ...formerEntry, tree: { kind: 'map', entries: defaults } });
  return { ...renamed, entries };
}

/** A server's own key, present or former, takes precedence. */
function withAllOrigins(root: MapNode, names: ReadonlySet<string>, report: Report): MapNode {
  const entry = root.entries.get(ALL_ORIGINS);
  if (!entry) {
    return root;
  }
  const all = [...names].filter((name) => name.endsWith('AllowOrigins'));
  report.add('warn', entry, ALL_ORIGINS, `this key stands for ${all.join(', ')} now`);
  const entries = new Map(root.entries);
  entries.delete(ALL_ORIGINS);
  for (const name of all) {
    entries.set(name, entries.get(name) ?? { ...entry, tree: asList(entry.tree) });
  }
  return { ...root, entries };
}

function withAskedServer(root: MapNode, report: Report): MapNode {
  const entry = root.entries.get(ASKED_SERVER);
  if (!entry) {
    return root;
  }
  const entries = new Map(root.entries);
  entries.delete(ASKED_SERVER);
  if (!(entry.tree.kind === 'scalar' && entry.tree.text === '')) {
    report.add('warn', entry, ASKED_SERVER, 'this key is called authHTTPAddress now, with authMethod: http');
    entries.set('authMethod', { ...entry, tree: scalarAt(entry.tree, 'http') });
    entries.set('authHTTPAddress', entries.get('authHTTPAddress') ?? entry);
  }
  return { ...root, entries };
}

/** @param prefix of the keys in the report, such as `paths.cam.` */
export function rename(block: MapNode, table: Renames, prefix: string, report: Report, path?: string): MapNode {
  const entries = new Map<string, Entry>();
  for (const [name, entry] of block.entries) {
    const now = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!now) {
      entries.set(name, entry);
      continue;
    }
    const value = now.convert === inverted ? ', with the opposite value' : '';
    report.add('warn', entry, `${prefix}${name}`, `this key is called ${now.to} now${value}`, path);
    if (!block.entries.has(now.to)) {
      entries.set(now.to, { ...entry, tree: now.convert?.(entry.tree) ?? entry.tree });
    }
  }
  return { ...block, entries };
}
