import Type, { type Static } from 'typebox';
import { LANGUAGES } from '../rules/notice.ts';
import { Rules } from '../rules/rules.ts';

export const CHANNELS_FILE = 'notify-channels.json';
export const MAX_CHANNELS = 10;
/** Limit of the headers and of the body, each: a request with both also has room for the rules. */
const MAX_TEMPLATE_CHARS = 8_000;
const NO_MORE = { additionalProperties: false };

const secretText = (description: string) => Type.String({ maxLength: 512, description: `${description} Never shown.` });
const Mailbox = Type.String({
  pattern: '^[^\\s@<>,;:"()]{1,64}@[^\\s@<>,;:"()]{1,253}$',
  description: 'An e-mail address.',
});
const Url = Type.String({
  maxLength: 2_048,
  pattern: '^https?://',
  description: 'Address with http or https. Shown without what follows the host, unless it has `{secret}`.',
});

export const SETTINGS = {
  email: Type.Object(
    {
      kind: Type.Literal('email'),
      host: Type.String({ pattern: '^[\\w.:-]{1,253}$', description: 'Host name or address of the SMTP server.' }),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      security: Type.Enum(['starttls', 'tls', 'none'], {
        description: '`none` is for servers in your own network: text and password can be read on the way.',
      }),
      user: Type.String({ maxLength: 256, description: 'User name for the login. Empty: no login.' }),
      password: secretText('Password of the user.'),
      from: Mailbox,
      to: Type.Array(Mailbox, { minItems: 1, maxItems: 20 }),
    },
    NO_MORE,
  ),
  ntfy: Type.Object(
    {
      kind: Type.Literal('ntfy'),
      url: Url,
      token: Type.String({
        maxLength: 512,
        pattern: '^[!-~]*$',
        description: 'An access token, `tk_…`, or `user:password`; empty: none. Never shown.',
      }),
    },
    NO_MORE,
  ),
  webHook: Type.Object(
    {
      kind: Type.Literal('webHook'),
      method: Type.Enum(['POST', 'PUT', 'GET']),
      url: Url,
      headers: Type.String({
        maxLength: MAX_TEMPLATE_CHARS,
        description: 'Headers as `Name: value`, one per line. A value is shown only if it has a placeholder.',
      }),
      type: Type.Enum(['json', 'form', 'multipart', 'text'], { description: 'Encoding of the body.' }),
      body: Type.String({
        maxLength: MAX_TEMPLATE_CHARS,
        description: 'Body with placeholders; for `form` and `multipart`, `name=value` pairs, one per line.',
      }),
      secret: secretText('Replaces `{secret}` in address, headers and body.'),
    },
    NO_MORE,
  ),
} as const;

export type EmailSettings = Static<typeof SETTINGS.email>;
export type NtfySettings = Static<typeof SETTINGS.ntfy>;
export type WebHookSettings = Static<typeof SETTINGS.webHook>;
export const ChannelSettings = Type.Union([SETTINGS.email, SETTINGS.ntfy, SETTINGS.webHook]);
export type ChannelSettings = Static<typeof ChannelSettings>;

export const CHANNEL_FIELDS = {
  name: Type.String({ minLength: 1, maxLength: 64 }),
  language: Type.Enum([...LANGUAGES]),
  page: Type.String({
    maxLength: 512,
    pattern: '^https?://[^\\s#?]+/$',
    description: 'Address of the page that links lead to, with a slash at its end.',
  }),
  rules: Rules,
};
const NewFields = Type.Object({ ...CHANNEL_FIELDS, settings: ChannelSettings });
const Stored = Type.Object({
  ...CHANNEL_FIELDS,
  settings: ChannelSettings,
  id: Type.String({ maxLength: 64 }),
  snoozedUntil: Type.Number(),
});
export type StoredChannel = Static<typeof Stored>;
export const ChannelsFile = Type.Object({ channels: Type.Array(Stored, { maxItems: MAX_CHANNELS }) });
export type NewChannel = Static<typeof NewFields>;
export type ChannelChange = Partial<NewChannel> & { readonly snoozedUntil?: number };

/** A channel as the API shows it, with masked secrets. */
export interface ShownChannel extends NewChannel {
  readonly id: string;
  /** End of the snooze, in Unix milliseconds; 0: not snoozed. */
  readonly snoozedUntil: number;
  /** Why the last message was not sent. */
  readonly problem: string | undefined;
  /** Messages that wait for another attempt. */
  readonly waiting: number;
}

export interface Preset {
  readonly name: string;
  readonly settings: ChannelSettings;
}
