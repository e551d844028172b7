import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEYS } from '../support/harness/loaded-config.ts';

const REFERENCE = join(import.meta.dirname, '../../docs/reference/configuration.md');

interface Key {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly words?: Readonly<Record<string, string>>;
  readonly properties?: Keys;
  readonly items?: Key;
}
type Keys = Readonly<Record<string, Key>>;
const keysOf = (schema: object) => (schema as { readonly properties: Keys }).properties;

/** Titles of the features' lists, by key. */
const FEATURE_TITLES = new Map(
  KEYS.features.flatMap(({ title, schema }) => Object.keys(schema).map((name) => [name, title] as const)),
);

/** Title and keys of each list. A key of no feature belongs to the first that fits. */
const GLOBAL_LISTS: readonly (readonly [string, RegExp])[] = [
  ['Access', /^auth/],
  ['TLS, CORS and proxies of the servers', /^[a-z]+(ServerKey|ServerCert|AllowOrigins|TrustedProxies)$/],
  ['RTSP server', /^(rtsp|rtp|rtcp|srtp|srtcp|multicast)/],
  ['RTMP server', /^rtmp/],
  ['SRT server', /^srt/],
  ['HLS server', /^hls/],
  ['WebRTC server', /^webrtc/],
  ['Control API', /^api/],
  ['Playback server', /^playback/],
  ['Metrics and profiles', /^(metrics|pprof)/],
  ['Recordings and archive', /^record/],
  ...KEYS.features.map(({ title }) => [title, /^$/] as const),
  ['Log', /^(log|sysLog)/],
  ['General', /./],
];
const PATH_LISTS: readonly (readonly [string, RegExp])[] = [
  ['Recording', /^record/],
  ['Commands', /^runOn/],
  ['Source and readers', /./],
];

function inCode(value: unknown): string {
  if (value === undefined || value === '') {
    return '';
  }
  if (typeof value === 'boolean') {
    return value ? '`yes`' : '`no`';
  }
  return `\`${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}\``;
}

function meaningOf({ description = '', enum: choices, words, items }: Key): string {
  const others = Object.keys(words ?? {}).filter((word) => choices?.includes(word) === false);
  const values = [...(choices ?? items?.enum ?? []), ...others].filter((value) => value !== '').map(inCode);
  return values.length === 0 ? description : `${description} Values: ${values.join(', ')}.`;
}

/** `- `key` (default): meaning`; an empty default is left out. Keys with the same default and meaning share a line. */
function list(keys: readonly (readonly [string, Key])[]): string {
  const names = new Map<string, string[]>();
  for (const [name, key] of keys) {
    const preset = inCode(key.default);
    const rest = `${preset === '' ? '' : ` (${preset})`}: ${meaningOf(key)}`;
    names.set(rest, [...(names.get(rest) ?? []), inCode(name)]);
  }
  return [...names].map(([rest, same]) => `- ${same.join(', ')}${rest}`).join('\n');
}

function lists(all: Keys, titles: readonly (readonly [string, RegExp])[]): string[] {
  const titleOf = (name: string) => FEATURE_TITLES.get(name) ?? titles.find(([, pattern]) => pattern.test(name))?.[0];
  return [...new Set(titles.map(([title]) => title))].flatMap((title) => {
    const keys = Object.entries(all).filter(([name, key]) => titleOf(name) === title && key.properties === undefined);
    return keys.length === 0 ? [] : `#### ${title}\n\n${list(keys)}`;
  });
}

/** The block of a list or an object, whose members have keys. */
const block = (title: string, { properties, items }: Key) =>
  `#### ${title}\n\n${list(Object.entries(properties ?? items?.properties ?? {}))}`;

/** Of a feature's lists of objects, and of its objects that are all the same. */
function blocks(all: Keys): string[] {
  return Object.entries(all).flatMap(([name, { properties, items }]) => {
    const [first] = Object.values(properties ?? {});
    return first?.properties
      ? [
          block(
            `${Object.keys(properties ?? {})
              .map((one) => `\`${one}\``)
              .join(', ')} of \`${name}\``,
            first,
          ),
        ]
      : items?.properties
        ? [block(`Entries of \`${name}\``, { items })]
        : [];
  });
}

function keys(): string {
  const global = keysOf(KEYS.global.schema);
  const path = keysOf(KEYS.path.schema);
  const users = global['authInternalUsers'] ?? {};
  return [
    '### Top level',
    ...lists(global, GLOBAL_LISTS),
    block('Entries of `authInternalUsers`', users),
    block('Entries of `permissions` and `…Exclude`', users.items?.properties?.['permissions'] ?? {}),
    block('Entries of `webrtcICEServers2`', global['webrtcICEServers2'] ?? {}),
    ...KEYS.features.flatMap(({ schema }) => blocks(schema as Keys)),
    '### Paths\n\nIn `pathDefaults` and in each entry of `paths`.',
    ...lists(path, PATH_LISTS),
    block('Entries of `forward`', path['forward'] ?? {}),
    block('Entries of `alwaysAvailableTracks`', path['alwaysAvailableTracks'] ?? {}),
    block('`camera`', path['camera'] ?? {}),
    ...KEYS.features.flatMap(({ pathSchema = {} }) => blocks(pathSchema as Keys)),
  ].join('\n\n');
}

const START = '<!-- keys: generated from the schema -->';
const END = '<!-- end of keys -->';

test('docs/reference/configuration.md has the keys of the schema (npm run check -- -u writes them)', async () => {
  const text = readFileSync(REFERENCE, 'utf8');
  const [before = '', rest = ''] = text.split(START);
  const [, after = ''] = rest.split(END);
  await expect(`${before}${START}\n\n${keys()}\n\n${END}${after}`).toMatchFileSnapshot(REFERENCE);
});
