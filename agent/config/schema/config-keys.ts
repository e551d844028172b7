import { GENERAL_RENAMED } from './common/general.ts';
import type { Renames, SourceKeys, UnsupportedGroup } from './common/key-rules.ts';
import type { ServerKeys } from './common/server-keys.ts';
import { FORWARD_KEYS, type ForwardKeys } from './forward.ts';
import { GlobalSchema, SERVER_KEYS } from './global.ts';
import { INERT_GLOBAL, INERT_PATH } from './inert.ts';
import { asNode, type SchemaNode } from './node.ts';
import { PATH_RENAMED, PathSchema, SOURCE_KEYS } from './path.ts';

/** The keys of one block of the file. */
interface BlockKeys {
  readonly schema: SchemaNode;
  readonly names: ReadonlySet<string>;
  readonly inert: readonly UnsupportedGroup[];
  readonly inertNames: readonly string[];
  readonly renamed: Renames;
}

/** All keys of the configuration. */
export interface ConfigKeys {
  readonly servers: readonly ServerKeys[];
  readonly sources: readonly SourceKeys[];
  readonly forwards: readonly ForwardKeys[];
  /** At the top level. */
  readonly global: BlockKeys;
  readonly path: BlockKeys;
}

/** The general keys with those of the given protocols. */
export const configKeysOf = (
  servers: readonly ServerKeys[],
  sources: readonly SourceKeys[],
  forwards: readonly ForwardKeys[] = FORWARD_KEYS,
): ConfigKeys => ({
  servers,
  sources,
  forwards,
  global: blockKeysOf(asNode(GlobalSchema), INERT_GLOBAL, GENERAL_RENAMED, servers),
  path: blockKeysOf(asNode(PathSchema), INERT_PATH, PATH_RENAMED, sources),
});

/** The keys of Perch's own protocols. */
export const CONFIG_KEYS = configKeysOf(SERVER_KEYS, SOURCE_KEYS);

function blockKeysOf(
  general: SchemaNode,
  inertKeys: readonly UnsupportedGroup[],
  renames: Renames,
  protocols: readonly Pick<ServerKeys, 'schema' | 'inert' | 'renamed'>[],
): BlockKeys {
  const properties = Object.assign({}, general.properties, ...protocols.map(({ schema }) => schema));
  const inert = [...inertKeys, ...protocols.flatMap((keys) => keys.inert)];
  return {
    schema: { ...general, properties },
    names: new Set(Object.keys(properties)),
    inert,
    inertNames: inert.flatMap(({ keys }) => Object.keys(keys)),
    renamed: Object.assign({}, renames, ...protocols.map(({ renamed }) => renamed)),
  };
}
