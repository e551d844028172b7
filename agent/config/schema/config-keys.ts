import { GENERAL_RENAMED } from './common/general.ts';
import type { Renames, SourceKeys, UnsupportedGroup } from './common/key-rules.ts';
import type { ServerKeys } from './common/server-keys.ts';
import type { FeatureKeys } from './feature-keys.ts';
import type { ForwardKeys } from './forward.ts';
import { GlobalSchema, SERVER_KEYS } from './global.ts';
import { INERT_GLOBAL, INERT_PATH } from './inert.ts';
import { asNode, resolvedName, type SchemaNode } from './node.ts';
import { PATH_RENAMED, PathSchema, SOURCE_KEYS } from './path.ts';

/** The keys of one block of the file. */
interface BlockKeys {
  readonly schema: SchemaNode;
  readonly names: ReadonlySet<string>;
  readonly inert: readonly UnsupportedGroup[];
  readonly inertNames: readonly string[];
  readonly renamed: Renames;
  /** Keys that only the owner changes. */
  readonly rights: ReadonlySet<string>;
  /** Names of settings whose change restarts nothing. */
  readonly live: ReadonlySet<string>;
}

/** All keys of the configuration. */
export interface ConfigKeys {
  readonly servers: readonly ServerKeys[];
  readonly sources: readonly SourceKeys[];
  readonly forwards: readonly ForwardKeys[];
  readonly features: readonly FeatureKeys[];
  /** At the top level. */
  readonly global: BlockKeys;
  readonly path: BlockKeys;
}

type GivenKeys = Pick<ConfigKeys, 'servers' | 'sources' | 'forwards' | 'features'>;

/** Perch's general keys and those of its own protocols, then the given ones. */
export function configKeysOf({ forwards, features, ...given }: GivenKeys): ConfigKeys {
  const servers = [...new Set([...SERVER_KEYS, ...given.servers])];
  const sources = [...new Set([...SOURCE_KEYS, ...given.sources])];
  const ofPaths = features.map(({ pathSchema = {}, isRight }) => ({ schema: pathSchema, ...(isRight && { isRight }) }));
  return {
    servers,
    sources,
    forwards,
    features,
    global: blockKeysOf(asNode(GlobalSchema), INERT_GLOBAL, GENERAL_RENAMED, servers, features),
    path: blockKeysOf(asNode(PathSchema), INERT_PATH, PATH_RENAMED, sources, ofPaths),
  };
}

function blockKeysOf(
  general: SchemaNode,
  inertKeys: readonly UnsupportedGroup[],
  renames: Renames,
  protocols: readonly Pick<ServerKeys, 'schema' | 'inert' | 'renamed'>[],
  features: readonly Pick<FeatureKeys, 'schema' | 'isRight'>[],
): BlockKeys {
  const properties: Readonly<Record<string, SchemaNode>> = Object.assign(
    {},
    general.properties,
    ...[...protocols, ...features].map(({ schema }) => schema),
  );
  const all = Object.entries(properties);
  const inert = [...inertKeys, ...protocols.flatMap((keys) => keys.inert)];
  return {
    schema: { ...general, properties },
    names: new Set(Object.keys(properties)),
    inert,
    inertNames: inert.flatMap(({ keys }) => Object.keys(keys)),
    renamed: Object.assign({}, renames, ...protocols.map(({ renamed }) => renamed)),
    rights: new Set([
      ...all.flatMap(([name, { isRight }]) => (isRight ? [name] : [])),
      ...features.flatMap(({ schema, isRight }) => (isRight ? Object.keys(schema) : [])),
      ...inert.flatMap(({ rights = [] }) => rights),
    ]),
    live: new Set(all.flatMap(([name, property]) => (property.isLive ? [resolvedName(name, property)] : []))),
  };
}
