import { isDeepStrictEqual } from 'node:util';
import Type from 'typebox';
import { type InternalUser, MEDIAMTX_USERS } from '../schema/common/general.ts';
import { attempt } from '../schema/common/key-rules.ts';
import type { GlobalSettings } from '../schema/global.ts';
import { asNode, type SchemaNode } from '../schema/node.ts';
import { parseIpRange } from '../values/address.ts';
import { isCatchAll, patternOf } from '../values/path-name.ts';
import type { Report } from '../yaml/problem.ts';
import type { Entry, MapNode } from '../yaml/tree.ts';

/** Users of single paths, now `authInternalUsers`. They cannot be ignored: that would open a protected stream. */
export const PATH_USER_KEYS = ['publishUser', 'publishPass', 'publishIPs', 'readUser', 'readPass', 'readIPs'] as const;
type PathUserKey = (typeof PATH_USER_KEYS)[number];

/** Their schema: for the environment (`MTX_PATHDEFAULTS_READUSER`) and for secrets. */
export const PATH_USERS: Readonly<Record<PathUserKey, SchemaNode>> = {
  publishUser: asNode(Type.String()),
  publishPass: asNode(Type.String({ secret: true })),
  publishIPs: asNode(Type.Array(Type.String())),
  readUser: asNode(Type.String()),
  readPass: asNode(Type.String({ secret: true })),
  readIPs: asNode(Type.Array(Type.String())),
};

const [, LOCAL_PROGRAMS] = MEDIAMTX_USERS;
/** Permissions of every client in such a file, as in MediaMTX before it had users. */
const FOR_ALL: readonly InternalUser[] = [
  { user: 'any', pass: '', ips: [], permissions: [{ action: 'playback', path: '' }] },
  ...(LOCAL_PROGRAMS ? [LOCAL_PROGRAMS] : []),
];

/** `pathDefaults` or one path of the file. */
interface PathBlock {
  readonly block: MapNode;
  /** `pathDefaults` or `paths.<name>`. */
  readonly key: string;
  readonly path?: string;
}

const EMPTY: MapNode = { kind: 'map', entries: new Map() };

export const hasLegacyUsers = (root: MapNode): boolean =>
  [defaultsOf(root), ...pathsOf(root)].some(({ block }) => firstKeyOf(block) !== undefined);

/** Converts users of single paths (`publishUser` …) to `authInternalUsers`. */
export function withLegacyUsers(root: MapNode, settings: GlobalSettings, report: Report): GlobalSettings {
  const defaults = defaultsOf(root);
  const paths = pathsOf(root);
  const first = [defaults, ...paths].find(({ block }) => firstKeyOf(block) !== undefined);
  const name = first && firstKeyOf(first.block);
  const entry = name && first.block.entries.get(name);
  if (!entry) {
    return settings;
  }
  const key = `${first.key}.${name}`;
  const users = settings.authInternalUsers;
  if (users.length > 0 && !isDeepStrictEqual(users, MEDIAMTX_USERS)) {
    const message = 'cannot be combined with authInternalUsers: give this permission to a user there';
    report.add('error', entry, key, message);
    return settings;
  }
  report.add('warn', entry, key, 'users of single paths are called authInternalUsers now', first.path);
  // A path with an invalid name is disabled, and reported where the name is read.
  const named = paths.filter(({ path = '' }) => 'value' in attempt(() => patternOf(path)));
  const ofPaths = named.flatMap((pathBlock) => [
    ...userOf('publish', pathBlock, defaults, report),
    ...userOf('read', pathBlock, defaults, report),
  ]);
  return { ...settings, authInternalUsers: [...FOR_ALL, ...ofPaths] };
}

function userOf(
  action: 'publish' | 'read',
  pathBlock: PathBlock,
  defaults: PathBlock,
  report: Report,
): readonly InternalUser[] {
  const written = (suffix: 'User' | 'Pass' | 'IPs') => {
    const own = writtenIn(pathBlock, `${action}${suffix}`);
    return own ?? writtenIn(defaults, `${action}${suffix}`);
  };
  const [user, pass, ips] = [written('User'), written('Pass'), written('IPs')];
  if (pass && !user) {
    const message = `has no effect without ${action}User: anyone could do this without a password`;
    report.add('error', pass.entry, pass.key, message, pass.path);
    return [];
  }
  const wrong = [user, pass].find((one) => one && one.entry.tree.kind !== 'scalar');
  if (wrong) {
    report.add('error', wrong.entry, wrong.key, 'expected a single value here', wrong.path);
    return [];
  }
  const addresses = ips ? addressesOf(ips, report) : [];
  const path = pathBlock.path ?? '';
  const permissions = [{ action, path: isCatchAll(path) ? '~^.*$' : path }];
  return addresses
    ? [
        {
          user: user ? scalarText(user.entry) : 'any',
          pass: pass ? scalarText(pass.entry) : '',
          ips: addresses,
          permissions,
        },
      ]
    : [];
}

interface LegacyKey {
  readonly entry: Entry;
  readonly key: string;
  /** Absent in `pathDefaults`: an error there concerns all paths. */
  readonly path?: string;
}

/** A key of the block, or undefined if it is missing, or has an empty text or list. */
function writtenIn({ block, key, path }: PathBlock, name: PathUserKey): LegacyKey | undefined {
  const entry = block.entries.get(name);
  const whose = path === undefined ? {} : { path };
  return entry && !isEmpty(entry) ? { entry, key: `${key}.${name}`, ...whose } : undefined;
}

function addressesOf({ entry, key, path }: LegacyKey, report: Report): string[] | undefined {
  const { tree } = entry;
  if (tree.kind !== 'sequence') {
    report.add('error', entry, key, 'expected a list here: write [] for none', path);
    return undefined;
  }
  const addresses: string[] = [];
  for (const [i, item] of tree.items.entries()) {
    const result = attempt(() => parseIpRange(item.kind === 'scalar' ? item.text : ''));
    if ('fault' in result) {
      report.add('error', item, `${key}[${i}]`, result.fault, path);
      return undefined;
    }
    addresses.push(result.value);
  }
  return addresses;
}

const isEmpty = ({ tree }: Entry): boolean =>
  (tree.kind === 'scalar' && (tree.isNull || tree.text === '')) ||
  (tree.kind === 'sequence' && tree.items.length === 0);

const scalarText = ({ tree }: Entry): string => (tree.kind === 'scalar' ? tree.text : '');

const firstKeyOf = (block: MapNode): PathUserKey | undefined =>
  PATH_USER_KEYS.find((name) => {
    const entry = block.entries.get(name);
    return entry !== undefined && !isEmpty(entry);
  });

const defaultsOf = (root: MapNode): PathBlock => ({
  block: blockOf(root.entries.get('pathDefaults')),
  key: 'pathDefaults',
});

function pathsOf(root: MapNode): readonly PathBlock[] {
  const paths = blockOf(root.entries.get('paths'));
  return [...paths.entries].map(([path, entry]) => ({ block: blockOf(entry), key: `paths.${path}`, path }));
}

const blockOf = (entry: Entry | undefined): MapNode => (entry?.tree.kind === 'map' ? entry.tree : EMPTY);
