import { PerchError } from '../base/errors.ts';
import { redact } from '../base/log.ts';
import { HIDDEN, holdsSecret } from './json.ts';
import type { SchemaNode } from './read.ts';

/**
 * A value that somebody sends, with the secrets in it that our answers hide: who reads the settings and sends them
 * back changes no password.
 * @param before the value in force
 * @throws PerchError badInput where a hidden secret stands for none that there is
 */
export function withKeptSecrets(schema: SchemaNode, value: unknown, before: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const items = Array.isArray(before) ? before : [];
    return value.map((item, i) => {
      return withKeptSecrets(schema.items ?? {}, item, counterpart(schema.items, value, i, items), `${key}[${i}]`);
    });
  }
  if (isBlock(value)) {
    const inner = isBlock(before) ? before : {};
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => {
        return [name, withKeptSecrets(schema.properties?.[name] ?? {}, one, inner[name], `${key}.${name}`)];
      }),
    );
  }
  if (schema.secret && value === HIDDEN) {
    if (typeof before !== 'string' || before === '') {
      throw new PerchError('badInput', `${key}: '${HIDDEN}' stands for a secret that is not there: send the secret`);
    }
    return before;
  }
  return holdsSecret(schema) && typeof before === 'string' && value === redact(before) ? before : value;
}

/** The item that the `i`-th one was: the one in its place if it is called the same, else the first of that name that no other is. */
function counterpart(
  schema: SchemaNode | undefined,
  values: readonly unknown[],
  i: number,
  before: readonly unknown[],
): unknown {
  const name = nameOf(schema, values[i]);
  const isSame = (item: unknown): boolean => nameOf(schema, item) === name;
  if (isSame(before[i])) {
    return before[i];
  }
  const earlier = values.slice(0, i).filter(isSame).length;
  return before.filter(isSame)[earlier];
}

/** What tells one item from the next: the first of its texts that is no secret, such as `user` or `url`. */
function nameOf(schema: SchemaNode | undefined, item: unknown): unknown {
  const texts = Object.entries(schema?.properties ?? {}).filter(([, { type, secret }]) => type === 'string' && !secret);
  return isBlock(item) ? item[texts[0]?.[0] ?? ''] : undefined;
}

const isBlock = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
