import { PerchError } from '../../base/errors.ts';
import { isRedacted } from '../../base/log.ts';
import { withoutZone } from '../../base/network/ip-address.ts';
import { splitUrl } from '../../base/network/url-parts.ts';
import type { SchemaNode } from '../schema/node.ts';
import { isBlock } from '../yaml/edit.ts';
import { HIDDEN, mayHoldSecrets, shownText } from './json.ts';

type Block = Readonly<Record<string, unknown>>;

/**
 * A value of a request in which the secrets that responses hide are restored: a client that sends settings back changes no
 * password.
 * @param before the value in force
 * @param hasLogin the request has a login of the camera: an address that it changes keeps none
 * @throws PerchError badInput for a hidden secret where there is none, or with the address of another host
 */
export function withKeptSecrets(
  schema: SchemaNode,
  value: unknown,
  before: unknown,
  key: string,
  hasLogin = false,
): unknown {
  const texts = new ShownTexts(schema, before);
  walk(schema, value, before, key, (node, text, former) => {
    texts.keepsPlace(node, text, former);
    return text;
  });
  return walk(schema, value, before, key, (node, text, former, at) => {
    const restored = texts.restored(node, text, former, at);
    return restored === text && !hasLogin ? withKeptLogin(node, restored, former) : restored;
  });
}

type Visit = (schema: SchemaNode, value: unknown, before: unknown, key: string) => unknown;

/** A copy with what `visit` makes of each value that is neither list, block nor hidden secret. */
function walk(schema: SchemaNode, value: unknown, before: unknown, key: string, visit: Visit): unknown {
  const { items = {} } = schema;
  if (Array.isArray(value)) {
    const former = counterparts(items, value, Array.isArray(before) ? before : []);
    return value.map((item, i) => walk(items, item, former[i], `${key}[${i}]`, visit));
  }
  if (isBlock(value)) {
    return walkBlock(schema, value, isBlock(before) ? before : {}, key, visit);
  }
  if (schema.secret && value === HIDDEN) {
    if (typeof before !== 'string' || before === '') {
      throw new PerchError('badInput', `${key}: '${HIDDEN}' stands for a secret that is not set: send the secret`);
    }
    return before;
  }
  return visit(schema, value, before, key);
}

function walkBlock({ properties = {} }: SchemaNode, value: Block, before: Block, key: string, visit: Visit): Block {
  const host = hostOf(properties, value);
  const isElsewhere = host !== undefined && host !== hostOf(properties, before);
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const property = properties[name] ?? {};
      if (isElsewhere && property.secret && one === HIDDEN) {
        const message = `${key}.${name}: '${HIDDEN}' stands for a secret of another host: send the secret`;
        throw new PerchError('badInput', message);
      }
      return [name, walk(property, one, before[name], `${key}.${name}`, visit)];
    }),
  );
}

/** Texts of a setting in force that are shown without the secrets in them: a renamed or moved item finds its own. */
class ShownTexts {
  /** By what is shown, in their order. */
  readonly #all = new Map<string, string[]>();
  /** Those that no value of the request at the same place stands for. */
  readonly #free = new Map<string, string[]>();

  constructor(schema: SchemaNode, before: unknown) {
    this.#collect(schema, before);
    for (const [shown, texts] of this.#all) {
      this.#free.set(shown, [...texts]);
    }
  }

  keepsPlace(schema: SchemaNode, value: unknown, before: unknown): void {
    if (typeof before === 'string' && value === shownText(schema, before)) {
      const free = this.#free.get(value) ?? [];
      const at = free.indexOf(before);
      free.splice(at, at === -1 ? 0 : 1);
    }
  }

  restored(schema: SchemaNode, value: unknown, before: unknown, key: string): unknown {
    if (typeof before === 'string' && value === shownText(schema, before)) {
      return before;
    }
    if (typeof value !== 'string' || !mayHoldSecrets(schema)) {
      return value;
    }
    const text = this.#free.get(value)?.shift() ?? this.#all.get(value)?.[0] ?? value;
    if (text === value && isRedacted(value)) {
      throw new PerchError('badInput', `${key}: '***' stands for a secret that is not known here: send the whole text`);
    }
    return text;
  }

  #collect(schema: SchemaNode, before: unknown): void {
    if (Array.isArray(before)) {
      for (const item of before) {
        this.#collect(schema.items ?? {}, item);
      }
    } else if (isBlock(before)) {
      for (const [name, one] of Object.entries(before)) {
        this.#collect(schema.properties?.[name] ?? {}, one);
      }
    } else if (typeof before === 'string' && mayHoldSecrets(schema)) {
      const shown = shownText(schema, before);
      this.#all.set(shown, [...(this.#all.get(shown) ?? []), before]);
    }
  }
}

/**
 * An address without a login gets that of the address in force if scheme, host and port are the same: clients change the path of
 * the address that they have read, which has no login. An address with `@` before the host replaces the whole address.
 */
function withKeptLogin({ syntax = '' }: SchemaNode, value: unknown, before: unknown): unknown {
  if (!['source', 'redirect'].includes(syntax) || typeof value !== 'string' || typeof before !== 'string') {
    return value;
  }
  const former = splitUrl(before);
  const next = splitUrl(value);
  if (!former?.login || !next || next.login !== undefined) {
    return value;
  }
  const kept = `${next.scheme}://${former.login}@${value.trim().slice(next.scheme.length + 3)}`;
  const then = splitUrl(kept);
  // Without a slash after the host, an @ in the rest would end the login and name another host.
  const isSame = /^(?:\/|$)/.test(next.rest) && then?.login === former.login && then.rest === next.rest;
  return isSame && serverOf(kept) === serverOf(before) ? kept : value;
}

/**
 * @param properties schemas of the settings
 * @param sent some or all of them
 * @param before those in force
 * @throws PerchError badInput if a kept secret would go to another server than its own (`keptFor`)
 */
export function checkKept(
  properties: Readonly<Record<string, SchemaNode>>,
  sent: Block,
  before: (key: string) => unknown,
): void {
  for (const [key, { keptFor }] of Object.entries(properties)) {
    if (keptFor === undefined || (sent[key] ?? HIDDEN) !== HIDDEN || (before(key) ?? '') === '') {
      continue;
    }
    const { [keptFor]: address = before(keptFor) } = sent;
    if (address !== '' && serverOf(address) !== serverOf(before(keptFor))) {
      throw new PerchError('badInput', `the kept password is that of another server: send ${key}`, { why: 'password' });
    }
  }
}

/**
 * @param sent settings of a path, some or all
 * @param before those in force
 * @throws PerchError badInput if the kept token of a WHEP server would go to another one
 */
export function checkKeptToken(sent: Block, before: (key: string) => unknown): void {
  const { source = before('source'), whepBearerToken = HIDDEN } = sent;
  const isKept = whepBearerToken === HIDDEN && (before('whepBearerToken') ?? '') !== '';
  const isRead = /^\s*wheps?:/i.test(String(source));
  if (isKept && isRead && serverOf(source) !== serverOf(before('source'))) {
    throw new PerchError('badInput', 'the kept token is that of another server: send whepBearerToken', {
      why: 'password',
    });
  }
}

/** The server of an address. Includes the scheme, so that a password for TLS is not sent without TLS. */
function serverOf(address: unknown): string {
  const text = String(address);
  const parts = splitUrl(text);
  return parts ? `${parts.scheme}://${parts.host.toLowerCase()}:${parts.port}` : text;
}

/** Host and port that the secrets of a block are sent to; undefined without an address. */
function hostOf(properties: Readonly<Record<string, SchemaNode>>, block: Block): string | undefined {
  const key = Object.keys(properties).find((name) => properties[name]?.syntax === 'httpUrl') ?? '';
  const url = withoutZone(String(block[key] ?? ''));
  return URL.canParse(url) ? new URL(url).host : undefined;
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
