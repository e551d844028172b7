import { GlobalSchema, SERVER_KEYS } from '../schema/global.ts';
import { asList, inverted, leafAt, type Renames } from '../schema/key-rules.ts';
import { SOURCE_KEYS } from '../schema/path.ts';
import type { Report } from '../yaml/problem.ts';
import type { Branch, Entry } from '../yaml/tree.ts';

/** Former names of keys, as MediaMTX still takes them; those of a protocol stand with its keys. */
const GLOBAL: Renames = {
  readBufferCount: { to: 'writeQueueSize' },
  rtspUDPReadBufferSize: { to: 'udpReadBufferSize' },
  apiAllowOrigin: { to: 'apiAllowOrigins', convert: asList },
  playbackAllowOrigin: { to: 'playbackAllowOrigins', convert: asList },
  metricsAllowOrigin: { to: 'metricsAllowOrigins', convert: asList },
  pprofAllowOrigin: { to: 'pprofAllowOrigins', convert: asList },
  ...merged(SERVER_KEYS),
};
/** Former top-level keys that are in `pathDefaults` now. */
const NOW_PATH_DEFAULTS = [
  'record',
  'recordPath',
  'recordFormat',
  'recordPartDuration',
  'recordSegmentDuration',
  'recordDeleteAfter',
];
const PATH: Renames = {
  ...merged(SOURCE_KEYS),
  disablePublisherOverride: { to: 'overridePublisher', convert: inverted },
  runOnReady: { to: 'runOnAvailable' },
  runOnReadyRestart: { to: 'runOnAvailableRestart' },
  runOnNotReady: { to: 'runOnUnavailable' },
};

/** Now `authMethod: http` and `authHTTPAddress`. */
const ASKED_SERVER = 'externalAuthenticationURL';

/** In older guides, one key for all servers. */
const ALL_ORIGINS = 'allowOrigin';
const SERVER_ORIGINS = Object.keys(GlobalSchema.properties).filter((name) => name.endsWith('AllowOrigins'));

export const DEPRECATED_GLOBAL = [...Object.keys(GLOBAL), ...NOW_PATH_DEFAULTS, ASKED_SERVER, ALL_ORIGINS];
export const DEPRECATED_PATH = Object.keys(PATH);

/** Replaces former names by present ones, each with a warning. With both in the block the present one counts. */
export function renameGlobal(root: Branch, report: Report): Branch {
  const renamed = withAllOrigins(withAskedServer(rename(root, GLOBAL, '', report), report), report);
  const moved = NOW_PATH_DEFAULTS.filter((name) => renamed.entries.has(name));
  if (moved.length === 0) {
    return renamed;
  }
  const entries = new Map(renamed.entries);
  const before = entries.get('pathDefaults')?.tree;
  const defaults = new Map(before?.kind === 'branch' ? before.entries : []);
  for (const name of moved) {
    const entry = entries.get(name);
    entries.delete(name);
    if (entry) {
      report.add('warn', entry, name, `this key is called pathDefaults.${name} now`);
      defaults.set(name, defaults.get(name) ?? entry);
    }
  }
  const place = entries.get('pathDefaults') ?? {};
  entries.set('pathDefaults', { ...place, tree: { kind: 'branch', entries: defaults } });
  return { ...renamed, entries };
}

/** A server's own key, present or former, takes precedence. */
function withAllOrigins(root: Branch, report: Report): Branch {
  const entry = root.entries.get(ALL_ORIGINS);
  if (!entry) {
    return root;
  }
  report.add('warn', entry, ALL_ORIGINS, `this key stands for ${SERVER_ORIGINS.join(', ')} now`);
  const entries = new Map(root.entries);
  entries.delete(ALL_ORIGINS);
  for (const name of SERVER_ORIGINS) {
    entries.set(name, entries.get(name) ?? { ...entry, tree: asList(entry.tree) });
  }
  return { ...root, entries };
}

function withAskedServer(root: Branch, report: Report): Branch {
  const entry = root.entries.get(ASKED_SERVER);
  if (!entry) {
    return root;
  }
  const entries = new Map(root.entries);
  entries.delete(ASKED_SERVER);
  if (!(entry.tree.kind === 'leaf' && entry.tree.text === '')) {
    report.add('warn', entry, ASKED_SERVER, 'this key is called authHTTPAddress now, with authMethod: http');
    entries.set('authMethod', { ...entry, tree: leafAt(entry.tree, 'http') });
    entries.set('authHTTPAddress', entries.get('authHTTPAddress') ?? entry);
  }
  return { ...root, entries };
}

export const renamePath = (block: Branch, prefix: string, report: Report, path?: string): Branch =>
  rename(block, PATH, prefix, report, path);

function rename(block: Branch, table: Renames, prefix: string, report: Report, path?: string): Branch {
  const entries = new Map<string, Entry>();
  for (const [name, entry] of block.entries) {
    const now = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!now) {
      entries.set(name, entry);
      continue;
    }
    report.add('warn', entry, `${prefix}${name}`, `this key is called ${now.to} now`, path);
    if (!block.entries.has(now.to)) {
      entries.set(now.to, { ...entry, tree: now.convert?.(entry.tree) ?? entry.tree });
    }
  }
  return { ...block, entries };
}

function merged(keys: readonly { readonly renamed: Renames }[]): Renames {
  return Object.assign({}, ...keys.map(({ renamed }) => renamed));
}
