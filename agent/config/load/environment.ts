import type { UnsupportedGroup } from '../schema/common/key-rules.ts';
import type { SchemaNode } from '../schema/node.ts';
import type { Report } from '../yaml/problem.ts';
import type { Entry, MapNode, Tree } from '../yaml/tree.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Later ones win. The first is MediaMTX's: its container setups work unchanged. */
const PREFIXES = ['MTX', 'PERCH'] as const;

/** Puts the values of variables into the file's tree: `MTX_HLSADDRESS`, `PERCH_PATHS_CAM1_SOURCE`, `MTX_LIST_0_KEY`. */
export function overlayEnvironment(file: MapNode, global: SchemaNode, path: SchemaNode, env: Environment): MapNode {
  let map = file;
  for (const prefix of PREFIXES) {
    const variables = variablesOf(env, `${prefix}_`);
    if (variables.size > 0) {
      map = overlayObject(global, map, prefix, variables);
      map = overlayBlock(path, map, 'pathDefaults', `${prefix}_PATHDEFAULTS`, variables);
      map = overlayPaths(path, map, `${prefix}_PATHS`, variables);
    }
  }
  return map;
}

/** Reports variables of keys that do nothing here. */
export function reportUnsupportedVariables(
  groups: readonly UnsupportedGroup[],
  env: Environment,
  report: Report,
): void {
  for (const { feature, reason, keys } of groups) {
    for (const name of Object.keys(keys)) {
      for (const prefix of PREFIXES) {
        const variable = `${prefix}_${name.toUpperCase()}`;
        if (env[variable] !== undefined) {
          report.add('warn', {}, variable, `${feature} is not supported: ${reason}`);
        }
      }
    }
  }
}

/** The variable that overrides this key of the file; undefined when there is none. Does not look into lists of blocks. */
export function variableOf(keyPath: readonly (string | number)[], env: Environment): string | undefined {
  const [first, name] = keyPath;
  // A path's name in a variable is lower case, and ends at the next underscore.
  if (first === 'paths' && String(name) !== String(name).toLowerCase()) {
    return undefined;
  }
  const rest = keyPath.join('_').toUpperCase();
  return PREFIXES.map((prefix) => `${prefix}_${rest}`).find((variable) => env[variable] !== undefined);
}

type Variables = ReadonlyMap<string, string>;

function variablesOf(env: Environment, prefix: string): Variables {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(prefix) && value !== undefined) {
      found.set(name, value);
    }
  }
  return found;
}

const startsAny = (variables: Variables, prefix: string): boolean =>
  [...variables.keys()].some((name) => name.startsWith(prefix));

function overlayObject(schema: SchemaNode, base: MapNode, prefix: string, variables: Variables): MapNode {
  const entries = new Map<string, Entry>(base.entries);
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const before = entries.get(name)?.tree;
    const tree = overlayValue(property, before, `${prefix}_${name.toUpperCase()}`, variables);
    if (tree && tree !== before) {
      entries.set(name, { tree });
    }
  }
  return { ...base, entries };
}

function overlayValue(
  schema: SchemaNode,
  base: Tree | undefined,
  name: string,
  variables: Variables,
): Tree | undefined {
  if (schema.type === 'array') {
    return overlayList(schema.items ?? {}, base, name, variables);
  }
  if (schema.type === 'object') {
    return startsAny(variables, `${name}_`) ? overlayObject(schema, blockOf(base), name, variables) : base;
  }
  const value = variables.get(name);
  return value === undefined ? base : scalarOf(value, name);
}

/** A list of texts is one variable with commas; a list of objects has a variable for each index and key. */
function overlayList(items: SchemaNode, base: Tree | undefined, name: string, variables: Variables): Tree | undefined {
  const whole = variables.get(name);
  if (whole !== undefined) {
    const texts = whole === '' ? [] : whole.split(',');
    return { kind: 'sequence', items: texts.map((text) => scalarOf(text, name)) };
  }
  if (items.type !== 'object' || !startsAny(variables, `${name}_`)) {
    return base;
  }
  const trees = base?.kind === 'sequence' ? [...base.items] : [];
  for (let i = 0; i < 1_000 && (i < trees.length || startsAny(variables, `${name}_${i}_`)); i += 1) {
    trees[i] = overlayObject(items, blockOf(trees[i]), `${name}_${i}`, variables);
  }
  return { kind: 'sequence', items: trees };
}

function overlayBlock(schema: SchemaNode, root: MapNode, key: string, prefix: string, variables: Variables): MapNode {
  if (!startsAny(variables, `${prefix}_`)) {
    return root;
  }
  const block = overlayObject(schema, blockOf(root.entries.get(key)?.tree), prefix, variables);
  return block.entries.size === 0 ? root : withEntry(root, key, block);
}

/** A path's name is the upper-case text up to the next underscore: variables cannot set names with an underscore. */
function overlayPaths(schema: SchemaNode, root: MapNode, prefix: string, variables: Variables): MapNode {
  let paths = blockOf(root.entries.get('paths')?.tree);
  for (const variable of variables.keys()) {
    const upper = variable.startsWith(`${prefix}_`) ? variable.slice(prefix.length + 1).split('_', 1)[0] : undefined;
    if (upper && upper === upper.toUpperCase()) {
      paths = overlayBlock(schema, paths, upper.toLowerCase(), `${prefix}_${upper}`, variables);
    }
  }
  return paths.entries.size === 0 ? root : withEntry(root, 'paths', paths);
}

function withEntry(map: MapNode, key: string, tree: Tree): MapNode {
  const entry = map.entries.get(key) ?? {};
  return { ...map, entries: new Map(map.entries).set(key, { ...entry, tree }) };
}

const blockOf = (tree: Tree | undefined): MapNode =>
  tree?.kind === 'map' ? tree : { kind: 'map', entries: new Map() };
const scalarOf = (text: string, variable: string): Tree => ({ kind: 'scalar', text, isNull: false, variable });

/** A default value as a tree, so that variables can change single keys of it. */
export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) {
    return { kind: 'sequence', items: value.map(treeOf) };
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, item]): [string, Entry] => [name, { tree: treeOf(item) }]);
    return { kind: 'map', entries: new Map(entries) };
  }
  return { kind: 'scalar', text: String(value), isNull: false };
}
