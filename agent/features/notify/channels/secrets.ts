import { PerchError } from '../../../base/errors.ts';
import { HIDDEN } from '../../../config/edit/json.ts';
import type { ChannelSettings, SecretPart } from './kinds/kind.ts';
import { kindOf } from './kinds/kinds.ts';
import { linesOf } from './sending/template.ts';

/** Whether the text has a placeholder such as `{secret}`: the secret itself is stored separately. */
const hasPlaceholder = (text: string): boolean => /\{\w+[?}]/.test(text);

interface SecretText {
  /** The text with masked secrets. */
  shown(text: string): string;
  /** @param text with masked secrets @param before with the stored ones */
  restored(text: string, before: string): string;
  /** Secrets in the text. */
  secrets(text: string): readonly string[];
}

const PARTS: Readonly<Record<SecretPart, SecretText>> = {
  all: {
    shown: masked,
    restored: (text, before) => (text === masked(before) ? before : text),
    secrets: (text) => [text, passwordOf(text)],
  },
  afterHost: {
    shown: shownUrl,
    restored: (text, before) => (text === shownUrl(before) ? before : text),
    secrets: urlSecrets,
  },
  headerValues: {
    shown: (text) => linesOf(text).map(shownHeader).join('\n'),
    restored: (text, before) => {
      const former = linesOf(before);
      return linesOf(text)
        .map((line) => former.find((one) => shownHeader(one) === line) ?? line)
        .join('\n');
    },
    secrets: (text) =>
      linesOf(text)
        .map((line) => line.slice(line.indexOf(':') + 1).trim())
        .filter((value) => !hasPlaceholder(value))
        .flatMap(headerSecrets),
  },
};

/** Fields with secrets, as names and what is masked in them. */
const secretFields = (settings: ChannelSettings): (readonly [name: string, SecretText])[] =>
  Object.entries(kindOf(settings).fields).flatMap(([name, { secret }]) =>
    secret === 'none' ? [] : [[name, PARTS[secret]] as const],
  );

/** The settings with masked secrets, for the API. */
export const shownSettings = (settings: ChannelSettings): ChannelSettings => ({
  ...settings,
  ...Object.fromEntries(secretFields(settings).map(([name, { shown }]) => [name, shown(`${settings[name]}`)])),
});

/**
 * Settings of a request, in which masked secrets are replaced by the stored ones.
 * @param before stored settings, or undefined for a new channel
 * @throws PerchError badInput for a masked secret that is not set, or that would go to another server
 */
export function withKeptSecrets(settings: ChannelSettings, before: ChannelSettings | undefined): ChannelSettings {
  const restored = before?.kind === settings.kind ? restoredFrom(settings, before) : settings;
  if (isMasked(restored)) {
    throw new PerchError('badInput', `'${HIDDEN}' stands for a secret that is not set: send the secret`);
  }
  const { server } = kindOf(settings);
  if (before && isMasked(settings) && server(restored) !== server(before)) {
    const message = `'${HIDDEN}' stands for a secret of another server: send the secret`;
    throw new PerchError('badInput', message, { why: 'password' });
  }
  return restored;
}

const restoredFrom = (settings: ChannelSettings, before: ChannelSettings): ChannelSettings => ({
  ...settings,
  ...Object.fromEntries(
    secretFields(settings).map(([name, { restored }]) => [name, restored(`${settings[name]}`, `${before[name]}`)]),
  ),
});

const isMasked = (settings: ChannelSettings): boolean =>
  secretFields(settings).some(([name]) => `${settings[name]}`.includes(HIDDEN));

/** Texts that no error message may contain, in all the encodings in which a server may repeat them, longest first. */
export function secretsOf(settings: ChannelSettings): readonly string[] {
  const found = secretFields(settings).flatMap(([name, { secrets }]) => secrets(`${settings[name]}`));
  const forms = [...found, ...(kindOf(settings).secrets?.(settings) ?? [])]
    .filter((secret) => secret.length >= 4)
    .flatMap(formsOf);
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

function masked(secret: string): string {
  return secret === '' ? '' : HIDDEN;
}

/** The URL without its secrets: tokens in path and query, a login, or the topic of ntfy, which is like a password. */
function shownUrl(url: string): string {
  const [, scheme = '', login, host = '', rest = ''] = /^([a-z]+:\/\/)([^/?#]*@)?([^/?#]*)(.*)$/i.exec(url) ?? [];
  const isShown = login === undefined && (url.includes('{secret}') || rest.length < 2);
  return isShown ? url : `${scheme}${host}/${HIDDEN}`;
}

function shownHeader(line: string): string {
  const [name = '', ...value] = line.split(':');
  return hasPlaceholder(value.join(':')) ? line : `${name}: ${HIDDEN}`;
}

/** The password in `user:password`; empty: none. */
function passwordOf(login: string): string {
  return login.includes(':') ? login.slice(login.indexOf(':') + 1) : '';
}

/** Secrets in a header's value: the value itself, the token of `Bearer abc`, the login of `Basic`. */
function headerSecrets(value: string): string[] {
  const words = value.split(/\s+/);
  const login = /^basic$/i.test(words[0] ?? '') ? Buffer.from(words[1] ?? '', 'base64').toString() : '';
  return [value, ...words.slice(words.length > 1 ? 1 : 0), login, passwordOf(login)];
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const query = new URLSearchParams({ a: secret }).toString().slice(2);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  const json = JSON.stringify(secret).slice(1, -1);
  return [secret, encodeURIComponent(secret), query, json, base64, bytes.toString('base64url')];
}

/** Secrets in a URL: password, path and query, unless `shownUrl` shows them. */
function urlSecrets(url: string): string[] {
  if (shownUrl(url) === url || !URL.canParse(url)) {
    return [];
  }
  const { pathname, search, password } = new URL(url);
  const steps = pathname.split('/');
  const decoded = steps.map(decodedText);
  const values = new URL(url).searchParams.values();
  return [pathname + search, pathname.slice(1), password, decodedText(password), ...steps, ...decoded, ...values];
}

/** Decodes percent-encoding; malformed sequences stay as they are. */
const decodedText = (text: string): string => new URLSearchParams(`a=${text}`).get('a') ?? '';
