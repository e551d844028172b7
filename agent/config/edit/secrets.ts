import { percentDecode, splitUrl } from '../../base/network/url-parts.ts';
import { type Environment, overlayEnvironment } from '../load/environment.ts';
import { type Config, pathWithUsers } from '../load/load.ts';
import type { ConfigKeys } from '../schema/config-keys.ts';
import { asNode, resolvedName, type SchemaNode } from '../schema/node.ts';
import { keyRangeOf } from '../values/destination.ts';
import { Report } from '../yaml/problem.ts';
import { type MapNode, parseTree, type ScalarNode, type Tree } from '../yaml/tree.ts';

/** `user:password@`; an unencoded password may hold almost any character. */
export const IN_ADDRESS = /:\/\/[^\s/@:]*:([^\s/@]+(?:@[^\s/@]+)*)@/g;
/** Values of a query; a shorter one is a word such as `unicast`. */
export const IN_QUERY = /[?&;][^=&;\s]*=((?:[^&;\s"']|["'](?![\s,}\]:]|$)){8,})/g;

const SECRET: SchemaNode = asNode({ type: 'string', secret: true });

/** Where a configuration file may have secrets. */
export class SecretKeys {
  readonly #global: SchemaNode;
  readonly #path: SchemaNode;
  /** They count wherever they are in the file. */
  readonly #names: ReadonlySet<string>;
  /** The rest of a line after such a key. */
  readonly line: RegExp;

  constructor(keys: ConfigKeys) {
    this.#global = keys.global.schema;
    this.#path = pathWithUsers(keys);
    this.#names = new Set([...secretKeys(this.#global), ...secretKeys(this.#path)]);
    this.line = new RegExp(`(?:^|[\\s{,])["']?(?:${[...this.#names].join('|')})["']?[ \\t]*:[ \\t]*(.+)$`, 'gm');
  }

  /** The values of a file, each with its schema. */
  *scalars(root: MapNode): Generator<readonly [SchemaNode, ScalarNode]> {
    for (const [name, { tree }] of root.entries) {
      if (name === 'paths' && tree.kind === 'map') {
        for (const path of tree.entries.values()) {
          yield* this.#scalarsOf(this.#path, path.tree);
        }
      } else {
        yield* this.#scalarsOf(name === 'pathDefaults' ? this.#path : this.#nodeOf(this.#global, name), tree);
      }
    }
  }

  /** Valid or not. Everything below a secret's key counts as a secret. */
  *#scalarsOf(schema: SchemaNode, tree: Tree): Generator<readonly [SchemaNode, ScalarNode]> {
    if (tree.kind === 'scalar') {
      yield [schema, tree];
    } else if (tree.kind === 'sequence') {
      for (const item of tree.items) {
        yield* this.#scalarsOf(schema.secret ? schema : (schema.items ?? {}), item);
      }
    } else {
      for (const [name, { tree: inner }] of tree.entries) {
        yield* this.#scalarsOf(schema.secret ? schema : this.#nodeOf(schema, name), inner);
      }
    }
  }

  #nodeOf(schema: SchemaNode, name: string): SchemaNode {
    const known = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    return known ?? (this.#names.has(name) ? SECRET : {});
  }
}

/**
 * All passwords, tokens and keys of a configuration, in the forms that a text may have them in, the longest first.
 *
 * @param texts of the file, rejected ones included: a wrong path is not in `config`
 */
export function secretsIn(config: Config, texts: readonly string[], env: Environment): readonly string[] {
  const found = new Set<string>();
  const keys = new SecretKeys(config.keys);
  const [global, path] = [config.keys.global.schema, pathWithUsers(config.keys)];
  collect(global, config, found);
  const paths = [...config.paths.values()].flatMap(({ settings }) => (settings ? [settings] : []));
  for (const settings of [config.pathDefaults, ...paths]) {
    collect(path, settings, found);
  }
  for (const text of new Set(texts)) {
    const file = parseTree(text, new Report(''));
    if (file) {
      for (const [schema, scalar] of keys.scalars(overlayEnvironment(file, global, path, env))) {
        collectText(schema, scalar.text, found);
      }
    } else {
      collectLines(text, keys.line, found);
    }
  }
  found.delete('');
  return [...found].sort((a, b) => b.length - a.length);
}

function collect(schema: SchemaNode, value: unknown, found: Set<string>): void {
  if (typeof value === 'string') {
    collectText(schema, value, found);
  } else if (Array.isArray(value)) {
    for (const item of value) {
      collect(schema.items ?? {}, item, found);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      collect(property, (value as Readonly<Record<string, unknown>>)[resolvedName(name, property)], found);
    }
  }
}

function collectText(schema: SchemaNode, text: string, found: Set<string>): void {
  const [start, end] = (schema.syntax === 'destination' && keyRangeOf(text)) || [0, 0];
  const login = splitUrl(text)?.login ?? '';
  const inText = [
    login.replace(/^[^:]*:?/, ''),
    ...partsOf(text, IN_ADDRESS),
    ...partsOf(text, IN_QUERY),
    text.slice(start, end),
  ];
  const parts = schema.secret ? [text] : inText;
  for (const part of parts) {
    // Plain, percent-encoded, decoded, and in a JSON string.
    found.add(part).add(encodeURIComponent(part)).add(percentDecode(part)).add(JSON.stringify(part).slice(1, -1));
  }
}

/** Collects the secrets of a text that is not YAML: error messages may quote a part of it. */
function collectLines(text: string, line: RegExp, found: Set<string>): void {
  for (const value of partsOf(text, line)) {
    const [uncommented = ''] = value.split(/\s#/);
    for (const one of [value, uncommented, uncommented.split(/[,}\]]/)[0] ?? '']) {
      collectText(SECRET, one.trim(), found);
      collectText(SECRET, one.trim().replace(/^["'*&!]|["']$/g, ''), found);
    }
  }
  collectText({}, text, found);
}

function secretKeys(schema: SchemaNode): string[] {
  const own = Object.entries(schema.properties ?? {});
  const inner = own.flatMap(([, property]) => [...secretKeys(property), ...secretKeys(property.items ?? {})]);
  return [...own.flatMap(([name, property]) => (property.secret ? [name] : [])), ...inner];
}

const partsOf = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, part = '']) => part);
