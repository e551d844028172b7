import { PerchError } from '../../base/errors.ts';
import { formerNames as formerGlobalNames, rename, renameGlobal } from '../load/deprecated.ts';
import { treeOf } from '../load/environment.ts';
import { PATH_USER_KEYS } from '../load/legacy-users.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import type { SchemaNode } from '../schema/node.ts';
import { parseWord } from '../values/word.ts';
import { isBlock } from '../yaml/edit.ts';
import { Report } from '../yaml/problem.ts';
import type { Entry, MapNode, Tree } from '../yaml/tree.ts';

/** Settings of a request under their present names, with the types of the file. */
export type Posted = Readonly<Record<string, unknown>>;

/** Which keys a request may name. */
interface Vocabulary {
  readonly schema: SchemaNode;
  /** Keys of MediaMTX that do nothing here, or that the loader reads separately. */
  readonly others: ReadonlySet<string>;
  readonly former: ReadonlySet<string>;
  /** Ignored, so that a response can be sent back. */
  readonly ignored: ReadonlySet<string>;
}

export type SettingsKind = 'global' | 'path';

const vocabularyOf = (kind: SettingsKind, keys: ConfigKeys): Vocabulary =>
  kind === 'global'
    ? {
        schema: keys.global.schema,
        others: new Set(keys.global.inertNames),
        former: new Set(formerGlobalNames(keys)),
        ignored: new Set(),
      }
    : {
        schema: keys.path.schema,
        others: new Set([...keys.path.inertNames, ...PATH_USER_KEYS]),
        former: new Set(Object.keys(keys.path.renamed)),
        ignored: new Set(['name']),
      };
/** Deeper than any value of the file. */
const MAX_LEVELS = 8;
const MAX_ITEMS = 10_000;

/** Top-level settings; former ones that belong to paths now are separate. @throws PerchError badInput */
export function postedGlobal(
  body: unknown,
  keys: ConfigKeys,
): { readonly global: Posted; readonly pathDefaults: Posted } {
  const vocabulary = vocabularyOf('global', keys);
  const block = blockOf(body, vocabulary);
  const renamed = renamedBlock(block, vocabulary, (map) => renameGlobal(map, new Report(''), keys));
  const { pathDefaults, ...global } = renamed;
  return {
    global: readBlock(global, keys.global.schema),
    pathDefaults: readBlock((pathDefaults ?? {}) as Posted, keys.path.schema),
  };
}

/** Settings of a path, or of all paths. @throws PerchError badInput */
export function postedPath(body: unknown, keys: ConfigKeys): Posted {
  const vocabulary = vocabularyOf('path', keys);
  const block = blockOf(body, vocabulary);
  return readBlock(
    renamedBlock(block, vocabulary, (map) => rename(map, keys.path.renamed, '', new Report(''))),
    keys.path.schema,
  );
}

/** Names that are accepted in addition to those of the schema. */
export const formerNames = (kind: SettingsKind, keys: ConfigKeys): readonly string[] => {
  const { former, others, ignored } = vocabularyOf(kind, keys);
  return [...ignored, ...former, ...others];
};

/** The body has no known key: a form, or another program's JSON. */
export function isForeign(body: unknown, kind: SettingsKind, keys: ConfigKeys): boolean {
  const vocabulary = vocabularyOf(kind, keys);
  return !isBlock(body) || !Object.keys(body).some((name) => isKnown(name, vocabulary));
}

/** Checks that a body has known keys only. Keys without a value are ignored, as in Go. */
function blockOf(body: unknown, vocabulary: Vocabulary): Posted {
  if (body === undefined) {
    throw new PerchError('badInput', 'the body is empty: send a JSON object with the settings');
  }
  if (!isBlock(body)) {
    throw new PerchError('badInput', `the body is ${jsonType(body)}: send a JSON object with the settings`);
  }
  const entries = Object.entries(body).filter(([name]) => !vocabulary.ignored.has(name));
  for (const [name, value] of entries) {
    if (!isKnown(name, vocabulary)) {
      throw unknownField(name);
    }
    checkDepth(value, name, 0);
  }
  return Object.fromEntries(entries.filter(([name, value]) => value !== null || isList(name, vocabulary)));
}

const isKnown = (name: string, { schema, others, former }: Vocabulary): boolean =>
  Object.hasOwn(schema.properties ?? {}, name) || others.has(name) || former.has(name);

const isList = (name: string, { schema }: Vocabulary): boolean =>
  Object.hasOwn(schema.properties ?? {}, name) && schema.properties?.[name]?.type === 'array';

const unknownField = (name: string): PerchError =>
  new PerchError('badInput', `json: unknown field ${JSON.stringify(name.slice(0, 64))}`);

/** The functions below recurse into the value. */
function checkDepth(value: unknown, name: string, level: number): void {
  if (level > MAX_LEVELS) {
    throw new PerchError('badInput', `${name} is nested more than ${MAX_LEVELS} levels deep`);
  }
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) {
      checkDepth(inner, name, level + 1);
    }
  }
}

/** The values under their present names. Values that the loader does not rename keep their JSON types. */
function renamedBlock(block: Posted, { former }: Vocabulary, toPresent: (map: MapNode) => MapNode): Posted {
  if (!Object.keys(block).some((name) => former.has(name))) {
    return block;
  }
  const trees = Object.entries(block).map(([name, value]): [string, Entry] => [name, { tree: treeOf(value) }]);
  const given = new Map(trees);
  const { entries } = toPresent({ kind: 'map', entries: given });
  return Object.fromEntries(
    [...entries].map(([name, { tree }]) => [name, given.get(name)?.tree === tree ? block[name] : plainOf(tree)]),
  );
}

function plainOf(tree: Tree): unknown {
  if (tree.kind === 'scalar') {
    return tree.text;
  }
  return tree.kind === 'sequence'
    ? tree.items.map(plainOf)
    : Object.fromEntries([...tree.entries].map(([name, entry]) => [name, plainOf(entry.tree)]));
}

function readBlock(block: Posted, schema: SchemaNode): Posted {
  return Object.fromEntries(
    Object.entries(block).map(([name, value]) => {
      const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
      return [name, property ? readValue(property, value, name) : value];
    }),
  );
}

/** Checks the type only; the loader checks the value when it reads the file. */
function readValue(schema: SchemaNode, value: unknown, key: string): unknown {
  if (schema.type === 'array') {
    if (!Array.isArray(value)) {
      throw wrongKind(key, 'a list', value);
    }
    if (value.length > MAX_ITEMS) {
      throw new PerchError('badInput', `${key} has ${value.length} items, the limit is ${MAX_ITEMS}`);
    }
    return value.map((item, i) => readValue(schema.items ?? {}, item, `${key}[${i}]`));
  }
  if (schema.type === 'object') {
    return readNested(schema, value, key);
  }
  if (schema.type === 'boolean') {
    return readSwitch(value, key);
  }
  if (schema.words) {
    const word = typeof value === 'boolean' ? value : typeof value === 'string' ? parseWord(value) : undefined;
    return word === undefined ? readText(value, key) : schema.words[word ? 'yes' : 'no'];
  }
  if (schema.type === 'integer') {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      throw wrongKind(key, 'a whole number', value);
    }
    return value;
  }
  if (schema.type === 'number' && typeof value !== 'number') {
    throw wrongKind(key, 'a number', value);
  }
  return schema.type === 'string' || schema.enum ? readText(value, key) : value;
}

function readNested(schema: SchemaNode, value: unknown, key: string): Posted {
  if (!isBlock(value)) {
    throw wrongKind(key, 'an object', value);
  }
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    if (!property) {
      throw unknownField(name);
    }
    return inner === null && property.type !== 'array' ? [] : [[name, readValue(property, inner, `${key}.${name}`)]];
  });
  return Object.fromEntries(entries);
}

/** Reads a switch. Some guides have "yes" and "no" in JSON. */
function readSwitch(value: unknown, key: string): boolean {
  const word = typeof value === 'string' ? parseWord(value) : value;
  if (typeof word !== 'boolean') {
    throw wrongKind(key, 'true or false', value);
  }
  return word;
}

function readText(value: unknown, key: string): string {
  if (typeof value !== 'string') {
    throw wrongKind(key, 'a text', value);
  }
  return value;
}

const wrongKind = (key: string, expected: string, value: unknown): PerchError =>
  new PerchError('badInput', `${key}: expected ${expected}, got ${jsonType(value)}`);

/** The kind of a value, for messages. They do not show the value, which may be a misplaced password. */
function jsonType(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
