import { Check, Errors } from 'typebox/value';
import type { SourceKeys } from '../schema/common/key-rules.ts';
import { attempt } from '../schema/common/key-rules.ts';
import { defaultsOf, QUANTITIES, resolvedName, type SchemaNode } from '../schema/node.ts';
import { checkSource } from '../schema/source.ts';
import { checkSyntax } from '../schema/syntax.ts';
import { nearestName, parseWord } from '../values/word.ts';
import type { Report, TextPosition } from '../yaml/problem.ts';
import type { MapNode, ScalarNode, Tree } from '../yaml/tree.ts';

interface ReadContext {
  readonly report: Report;
  /** The path whose block is read: problems concern it alone. */
  readonly path?: string;
  /** Names outside of the schema that are handled elsewhere. */
  readonly handled?: ReadonlySet<string>;
  /** More candidates for the suggestion at an unknown key. */
  readonly alsoKnown?: readonly string[];
  /** Kinds of sources that `source` may name. */
  readonly sources?: readonly SourceKeys[];
  /** Keys that belong to another part of the file. */
  readonly elsewhere?: { readonly names: ReadonlySet<string>; readonly where: string };
}

type Values = Record<string, unknown>;

/** Suggestions cost time: a file with more unknown keys than this is no configuration. */
const MAX_GUESSES = 50;

/** A file without this key has MediaMTX's defaults, which let every client watch. */
const OWN_FILE = 'perch';

/**
 * The valid values of `map`, resolved. Wrong values are reported as errors, and so are keys that are misspelt or in the wrong place.
 * Other unknown keys may be those of another version, and are warnings.
 */
export function readObject(schema: SchemaNode, map: MapNode, key: string, context: ReadContext): Values {
  const values: Values = {};
  for (const [name, entry] of map.entries) {
    const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined;
    const dotted = key === '' ? name : `${key}.${name}`;
    if (property) {
      const value = readValue(property, entry.tree, dotted, context);
      if (value !== undefined) {
        values[resolvedName(name, property)] = value;
      }
    } else if (!context.handled?.has(name)) {
      reportUnknown(schema, name, dotted, entry, context);
    }
  }
  return values;
}

function reportUnknown(
  schema: SchemaNode,
  name: string,
  key: string,
  position: TextPosition,
  context: ReadContext,
): void {
  const { report, path, elsewhere } = context;
  const shown = key.slice(0, 200);
  if (elsewhere?.names.has(name)) {
    report.addPartial(position, shown, `unknown key here, it belongs ${elsewhere.where}`);
    return;
  }
  const known = [...Object.keys(schema.properties ?? {}), ...(context.alsoKnown ?? [])];
  const found = report.count('error') + report.count('warn');
  const near = found < MAX_GUESSES ? nearestName(name, known) : undefined;
  if (near === undefined) {
    report.add('warn', position, shown, 'unknown key', path);
  } else if (near === OWN_FILE) {
    report.add('error', position, shown, `unknown key, did you mean ${near}? Without it anyone may watch`);
  } else {
    report.addPartial(position, shown, `unknown key, did you mean ${near}?`);
  }
}

/** The value of a key; undefined for an empty scalar, which keeps the default, and for a wrong value, which is reported. */
function readValue(schema: SchemaNode, tree: Tree, key: string, context: ReadContext): unknown {
  if (schema.type === 'array') {
    return readList(schema, tree, key, context);
  }
  if (tree.kind === 'scalar' && tree.isNull) {
    return undefined;
  }
  if (schema.type === 'object') {
    return readNested(schema, tree, key, context);
  }
  if (tree.kind !== 'scalar') {
    context.report.add('error', tree, key, 'expected a single value here', context.path);
    return undefined;
  }
  const result = readLeaf(schema, tree, context);
  if ('value' in result) {
    return result.value;
  }
  const origin = tree.variable === undefined ? '' : ` (from ${tree.variable})`;
  context.report.add('error', tree, key, `${result.fault}${origin}`, context.path);
  return undefined;
}

function readList(schema: SchemaNode, tree: Tree, key: string, context: ReadContext): unknown {
  if (tree.kind !== 'sequence') {
    context.report.add('error', tree, key, 'expected a list here: write [] for none', context.path);
    return undefined;
  }
  const { maxItems = Number.POSITIVE_INFINITY } = schema;
  if (tree.items.length > maxItems) {
    const message = `has ${tree.items.length} items, the limit is ${maxItems}`;
    context.report.add('error', tree, key, message, context.path);
    return undefined;
  }
  const items: unknown[] = [];
  for (const [i, item] of tree.items.entries()) {
    const value = readValue(schema.items ?? {}, item, `${key}[${i}]`, context);
    if (value === undefined && item.kind === 'scalar' && item.isNull) {
      context.report.add('error', item, `${key}[${i}]`, 'an item of the list is empty', context.path);
    }
    items.push(value);
  }
  return items;
}

/** An object below the top level, with its defaults. */
function readNested(schema: SchemaNode, tree: Tree, key: string, context: ReadContext): unknown {
  if (tree.kind !== 'map') {
    const names = Object.keys(schema.properties ?? {}).join(', ');
    context.report.add('error', tree, key, `expected a block with the keys ${names}`, context.path);
    return undefined;
  }
  const { report, path } = context;
  const before = report.count('error');
  const values = {
    ...defaultsOf(schema),
    ...readObject(schema, tree, key, path === undefined ? { report } : { report, path }),
  };
  const givenOf = (name: string) => values[resolvedName(name, schema.properties?.[name] ?? {})];
  const missing = (schema.required ?? []).find((name) => givenOf(name) === undefined);
  if (missing !== undefined && report.count('error') === before) {
    report.add('error', tree, key, `the key ${missing} is missing`, path);
  }
  return values;
}

function readLeaf(
  schema: SchemaNode,
  scalar: ScalarNode,
  { sources = [] }: ReadContext,
): { readonly value: unknown } | { readonly fault: string } {
  const { unit, syntax, words } = schema;
  if (unit) {
    return attempt(() => QUANTITIES[unit](scalar.text));
  }
  const shown = schema.secret || syntax === 'destination' ? 'the value' : `'${scalar.text.slice(0, 64)}'`;
  if (schema.type === 'boolean') {
    const value = parseWord(scalar.text);
    return value === undefined ? { fault: `${shown} is not yes or no` } : { value };
  }
  const word = words && parseWord(scalar.text);
  if (words && word !== undefined) {
    return { value: words[word ? 'yes' : 'no'] };
  }
  if (schema.enum && !schema.enum.includes(scalar.text)) {
    return { fault: `${shown} is not one of ${schema.enum.join(', ')}` };
  }
  if (schema.type === 'integer' && !/^-?\d{1,15}$/.test(scalar.text)) {
    return { fault: `${shown} is not a whole number` };
  }
  if (schema.type === 'number' && !/^\d{1,15}(\.\d{1,15})?$/.test(scalar.text)) {
    return { fault: `${shown} is not a number such as 0.05` };
  }
  const isNumber = schema.type === 'integer' || schema.type === 'number';
  const value = isNumber ? Number(scalar.text) : scalar.text;
  if (!Check(schema, value)) {
    return { fault: `${shown} ${Errors(schema, value)[0]?.message ?? 'is not valid'}` };
  }
  if (syntax === undefined) {
    return { value };
  }
  return attempt(() => (syntax === 'source' ? checkSource(scalar.text, sources) : checkSyntax(syntax, scalar.text)));
}
