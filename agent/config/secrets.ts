import { GlobalSchema } from './global.ts';
import type { Config } from './load.ts';
import { PathSchema } from './path.ts';
import { asNode, resolvedName, type SchemaNode } from './read.ts';

/** Shorter ones stand in too many words. */
const LEAST_CHARS = 4;
/** `user:password@`; a password as it was typed may hold almost anything. */
const IN_ADDRESS = /:\/\/[^\s/@:]*:([^\s/@]+(?:@[^\s/@]+)*)@/g;
/** Values of a query, whatever their names; what is shorter is a word such as `unicast`. */
const IN_QUERY = /[?&;][^=&\s]*=([^&;\s"']{8,})/g;

/** All passwords, tokens and keys of a configuration, as they may stand in some text, the longest first. */
export function secretsIn(config: Config): readonly string[] {
  const found = new Set<string>();
  collect(asNode(GlobalSchema), config, found);
  const paths = [...config.paths.values()].flatMap(({ settings }) => (settings ? [settings] : []));
  for (const settings of [config.pathDefaults, ...paths]) {
    collect(asNode(PathSchema), settings, found);
  }
  return [...found].filter((secret) => secret.length >= LEAST_CHARS).sort((a, b) => b.length - a.length);
}

function collect(schema: SchemaNode, value: unknown, found: Set<string>): void {
  if (typeof value === 'string') {
    const parts = schema.secret ? [value] : [...partsOf(value, IN_ADDRESS), ...partsOf(value, IN_QUERY)];
    for (const part of parts) {
      // As it is in an address, in one that was taken apart, and in quotes.
      found.add(part).add(encodeURIComponent(part)).add(decoded(part)).add(JSON.stringify(part).slice(1, -1));
    }
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

const partsOf = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, part = '']) => part);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
