import { parseWord } from '../values/word.ts';
import type { Report } from '../yaml/problem.ts';
import type { Branch, Entry, Tree } from '../yaml/tree.ts';

/** Former names of keys that Perch has, as MediaMTX still takes them. */
interface Rename {
  readonly to: string;
  readonly convert?: (old: Tree) => Tree;
}

/** A single text became a list. */
const asList = (old: Tree): Tree => (old.kind === 'leaf' ? { ...placeOf(old), kind: 'row', items: [old] } : old);
/** `xDisable: yes` became `x: no`. */
const inverted = (old: Tree): Tree => {
  const word = old.kind === 'leaf' ? parseWord(old.text) : undefined;
  return word === undefined ? old : { ...placeOf(old), kind: 'leaf', text: word ? 'no' : 'yes', isNull: false };
};

const GLOBAL: Readonly<Record<string, Rename>> = {
  readBufferCount: { to: 'writeQueueSize' },
  rtspUDPReadBufferSize: { to: 'udpReadBufferSize' },
  rtspDisable: { to: 'rtsp', convert: inverted },
  protocols: { to: 'rtspTransports' },
  encryption: { to: 'rtspEncryption' },
  serverKey: { to: 'rtspServerKey' },
  serverCert: { to: 'rtspServerCert' },
  authMethods: { to: 'rtspAuthMethods' },
  apiAllowOrigin: { to: 'apiAllowOrigins', convert: asList },
  playbackAllowOrigin: { to: 'playbackAllowOrigins', convert: asList },
  metricsAllowOrigin: { to: 'metricsAllowOrigins', convert: asList },
  pprofAllowOrigin: { to: 'pprofAllowOrigins', convert: asList },
  hlsAllowOrigin: { to: 'hlsAllowOrigins', convert: asList },
  webrtcAllowOrigin: { to: 'webrtcAllowOrigins', convert: asList },
  hlsDisable: { to: 'hls', convert: inverted },
  webrtcDisable: { to: 'webrtc', convert: inverted },
  webrtcICEUDPMuxAddress: { to: 'webrtcLocalUDPAddress' },
  webrtcICETCPMuxAddress: { to: 'webrtcLocalTCPAddress' },
  webrtcICEHostNAT1To1IPs: { to: 'webrtcAdditionalHosts' },
  webrtcICEServers: { to: 'webrtcICEServers2', convert: asIceServers },
};
/** These stood at the top once and hold for every path. */
const NOW_PATH_DEFAULTS = [
  ...['record', 'recordPath', 'recordFormat', 'recordPartDuration', 'recordSegmentDuration', 'recordDeleteAfter'],
];
const PATH: Readonly<Record<string, Rename>> = {
  sourceProtocol: { to: 'rtspTransport' },
  sourceAnyPortEnable: { to: 'rtspAnyPort' },
  disablePublisherOverride: { to: 'overridePublisher', convert: inverted },
  runOnReady: { to: 'runOnAvailable' },
  runOnReadyRestart: { to: 'runOnAvailableRestart' },
  runOnNotReady: { to: 'runOnUnavailable' },
};

/** Became `authMethod: http` and `authHTTPAddress`. */
const ASKED_SERVER = 'externalAuthenticationURL';

/** Older guides name the web sites once, for all servers. */
const ALL_ORIGINS = 'allowOrigin';
const SERVER_ORIGINS = ['api', 'metrics', 'pprof', 'playback', 'hls', 'webrtc'].map((name) => `${name}AllowOrigins`);

export const DEPRECATED_GLOBAL = [...Object.keys(GLOBAL), ...NOW_PATH_DEFAULTS, ASKED_SERVER, ALL_ORIGINS];
export const DEPRECATED_PATH = Object.keys(PATH);

/** The block with former names replaced by today's, each with a warning. A key that stands under both names keeps the new one. */
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

/** A server's own key, under whichever name, holds before it. */
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
    const method: Tree = { ...placeOf(entry.tree), kind: 'leaf', text: 'http', isNull: false };
    entries.set('authMethod', { ...entry, tree: method });
    entries.set('authHTTPAddress', entries.get('authHTTPAddress') ?? entry);
  }
  return { ...root, entries };
}

export const renamePath = (block: Branch, prefix: string, report: Report, path?: string): Branch =>
  rename(block, PATH, prefix, report, path);

function rename(
  block: Branch,
  table: Readonly<Record<string, Rename>>,
  prefix: string,
  report: Report,
  path?: string,
): Branch {
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

/** `stun:host:port` and `turn:user:password:host:port` became blocks. */
function asIceServers(old: Tree): Tree {
  if (old.kind !== 'row') {
    return old;
  }
  return { ...old, items: old.items.map((item) => (item.kind === 'leaf' ? asIceServer(item.text, item) : item)) };
}

function asIceServer(text: string, item: Tree): Tree {
  const place = placeOf(item);
  const [scheme = '', username = '', password = '', ...address] = text.split(':');
  const isWithUser = scheme.startsWith('turn') && address.length === 2;
  const keys: readonly (readonly [string, string])[] = isWithUser
    ? [
        ['url', `${scheme}:${address.join(':')}`],
        ['username', username],
        ['password', password],
      ]
    : [['url', text]];
  const entries = keys.map(([name, value]): [string, Entry] => {
    return [name, { ...place, tree: { ...place, kind: 'leaf', text: value, isNull: false } }];
  });
  return { ...place, kind: 'branch', entries: new Map(entries) };
}

const placeOf = ({ line, column }: Tree) => (line === undefined || column === undefined ? {} : { line, column });
