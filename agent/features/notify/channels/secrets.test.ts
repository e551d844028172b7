import Type from 'typebox';
import { expect, test } from 'vitest';
import type { ChannelFields, ChannelSettings } from './kinds/kind.ts';
import { CHANNEL_KINDS } from './kinds/kinds.ts';
import { secretsOf, shownSettings, withKeptSecrets } from './secrets.ts';

const hook = (headers: string) => ({ kind: 'webHook', url: 'https://hook.example/', headers, secret: '' });
const ntfy = { kind: 'ntfy', url: 'https://ntfy.example/door-4711', token: 'tom:blue heron"7' };
const email = { kind: 'email', host: 'mail.example', port: 587, user: 'tom', password: 'blue heron"7' };

test.for<[what: string, settings: object, text: string]>([
  ['the token of a header', hook('Authorization: Bearer abc-4711'), 'abc-4711'],
  ['the password of a Basic header', hook(`Authorization: Basic ${btoa('tom:heron7')}`), 'heron7'],
  ['the password of a login', ntfy, 'blue heron"7'],
  ['a login in base64', ntfy, btoa('tom:blue heron"7').replace(/=+$/, '')],
  ['the login of an address', { ...hook(''), url: 'https://tom:heron%207@hook.example/' }, 'heron 7'],
  ['a topic', ntfy, 'door-4711'],
  ['a percent-encoded password', email, 'blue%20heron%227'],
  ['a password of a form', email, 'blue+heron%227'],
  ['a password in JSON', email, 'blue heron\\"7'],
  ['the response of AUTH PLAIN', email, btoa('\0tom\0blue heron"7').replace(/=+$/, '')],
])('a message may not repeat %s', ([, settings, text]) => {
  expect(secretsOf(settings as ChannelSettings)).toContain(text);
});

test.for([
  ['https://tom:heron7@hook.example/a', 'https://hook.example/<redacted>'],
  ['https://:heron7@hook.example', 'https://hook.example/<redacted>'],
  ['https://tom:heron7@hook.example/{secret}', 'https://hook.example/<redacted>'],
  ['https://hook.example/a@b', 'https://hook.example/<redacted>'],
  ['https://hook.example/{secret}', 'https://hook.example/{secret}'],
] as const)('of %s the owner sees %s', ([url, shown]) => {
  expect(shownSettings({ ...hook(''), url } as ChannelSettings)).toMatchObject({ url: shown });
});

test.for(
  CHANNEL_KINDS.flatMap(({ kind, fields }) =>
    Object.keys(fields).map((name) => [kind, name, fields[name]?.secret] as const),
  ),
)('%s: a secret in %s is masked, kept and in no message', ([kind, name, part]) => {
  const texts = {
    all: 'tk_47110815',
    afterHost: 'https://box.example/tk_47110815',
    headerValues: 'X-Key: tk_47110815',
  };
  if (part && part !== 'none') {
    const blank = Object.fromEntries(
      Object.keys(CHANNEL_KINDS.find((one) => one.kind === kind)?.fields ?? {}).map((one) => [one, '']),
    );
    const settings = { ...blank, kind, [name]: texts[part] } as ChannelSettings;
    const shown = shownSettings(settings);
    expect(JSON.stringify(shown)).not.toContain('tk_47110815');
    expect(withKeptSecrets(shown, settings)).toEqual(settings);
    expect(() => withKeptSecrets(shown, undefined)).toThrow('stands for a secret that is not set');
    expect(secretsOf(settings)).toContain('tk_47110815');
  } else {
    expect(name).not.toMatch(/password|secret|token/);
  }
});

test('the compiler misses what a field does not say of its secret', () => {
  const fields: ChannelFields = {
    // @ts-expect-error nothing is said
    token: { schema: Type.String(), label: 'Token' },
    // @ts-expect-error only texts are masked
    tokens: { schema: Type.Array(Type.String()), label: 'Tokens', secret: 'all' },
  };
  expect(Object.keys(fields)).toHaveLength(2);
});
