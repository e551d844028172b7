import { PerchError } from '../../base/errors.ts';
import type { SchemaNode } from '../schema/node.ts';
import { isBlock } from '../yaml/edit.ts';
import { HIDDEN, shownText } from './json.ts';

/**
 * A value of a request in which the secrets that responses hide are restored: a client that sends settings back changes no
 * password.
 * @param before the value in force
 * @throws PerchError badInput for a hidden secret where there is none
 */
export function withKeptSecrets(schema: SchemaNode, value: unknown, before: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    const former = counterparts(schema.items ?? {}, value, Array.isArray(before) ? before : []);
    return value.map((item, i) => withKeptSecrets(schema.items ?? {}, item, former[i], `${key}[${i}]`));
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
      throw new PerchError('badInput', `${key}: '${HIDDEN}' stands for a secret that is not set: send the secret`);
    }
    return before;
  }
  return typeof before === 'string' && value === shownText(schema, before) ? before : value;
}

/** The former item of each item: the one at its index if it has the same name, else the next one of that name. */
function counterparts(schema: SchemaNode, values: readonly unknown[], before: readonly unknown[]): readonly unknown[] {
  // An item's name is its first text that is no secret, such as `user` or `url`.
  const texts = Object.entries(schema.properties ?? {}).filter(([, { type, secret }]) => type === 'string' && !secret);
  const [key, property] = texts[0] ?? ['', {}];
  const nameOf = (item: unknown): unknown => {
    const name = isBlock(item) ? item[key] : undefined;
    return typeof name === 'string' ? shownText(property, name) : name;
  };
  const called = new Map<unknown, unknown[]>();
  for (const item of before) {
    const name = nameOf(item);
    const others = called.get(name);
    if (others) {
      others.push(item);
    } else {
      called.set(name, [item]);
    }
  }
  const turns = new Map<unknown, number>();
  return values.map((item, i) => {
    const name = nameOf(item);
    const turn = turns.get(name) ?? 0;
    turns.set(name, turn + 1);
    return nameOf(before[i]) === name ? before[i] : called.get(name)?.[turn];
  });
}
