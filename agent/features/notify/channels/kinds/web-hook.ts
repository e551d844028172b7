import Type from 'typebox';
import { type ChannelFields, type ChannelKind, originOf, type SettingsOf, Url } from './kind.ts';

/** Limit of the headers and of the body, each: a request with both also has room for the rules. */
const MAX_TEMPLATE_CHARS = 8_000;

const fields = {
  url: { schema: Url, label: 'URL', secret: 'afterHost' },
  secret: {
    schema: Type.String({
      maxLength: 512,
      description: 'Replaces `{secret}` in address, headers and body. Never shown.',
    }),
    label: '{secret}',
    secret: 'all',
  },
  method: { schema: Type.Enum(['POST', 'PUT', 'GET']), label: 'HTTP', secret: 'none' },
  type: {
    schema: Type.Enum(['json', 'form', 'multipart', 'text'], { description: 'Encoding of the body.' }),
    label: 'Content-Type',
    secret: 'none',
  },
  headers: {
    schema: Type.String({
      maxLength: MAX_TEMPLATE_CHARS,
      description: 'Headers as `Name: value`, one per line. A value is shown only if it has a placeholder.',
    }),
    label: { en: 'Headers', 'zh-cn': '请求头' },
    secret: 'headerValues',
    isTemplate: true,
  },
  body: {
    schema: Type.String({
      maxLength: MAX_TEMPLATE_CHARS,
      description: 'Body with placeholders; for `form` and `multipart`, `name=value` pairs, one per line.',
    }),
    label: { en: 'Text', 'zh-cn': '内容' },
    secret: 'none',
    isTemplate: true,
  },
} satisfies ChannelFields;

export type WebHookSettings = SettingsOf<typeof fields>;

const preset = (
  name: string,
  { headers = '', ...more }: Pick<WebHookSettings, 'url' | 'type' | 'body'> & { readonly headers?: string },
) => ({ name, settings: { method: 'POST' as const, headers, secret: '', ...more } });

const json = (body: object): string => JSON.stringify(body, undefined, 2);

export const webHook: ChannelKind<typeof fields> = {
  kind: 'webHook',
  fields,
  presets: [
    preset('Telegram', {
      url: 'https://api.telegram.org/bot{secret}/{picture?sendPhoto|sendMessage}',
      type: 'multipart',
      body: [
        'chat_id=CHAT_ID',
        'photo={picture}',
        'caption={camera}: {text}\\n{localTime}\\n{link}',
        'text={camera}: {text}\\n{localTime}\\n{link}',
      ].join('\n'),
    }),
    preset('Gotify', {
      url: 'https://GOTIFY/message',
      headers: 'X-Gotify-Key: {secret}',
      type: 'json',
      body: json({
        title: '{camera}',
        message: '{text}, {localTime}',
        priority: 5,
        extras: { 'client::notification': { click: { url: '{link}' } } },
      }),
    }),
    preset('Discord', {
      url: 'https://discord.com/api/webhooks/ID/TOKEN',
      type: 'multipart',
      body: ['content={camera}: {text}, {localTime}\\n{link}', 'file={picture}'].join('\n'),
    }),
    preset('Slack', {
      url: 'https://hooks.slack.com/services/T/B/TOKEN',
      type: 'json',
      body: json({ text: '{camera}: {text}, {localTime}\n{link}' }),
    }),
    preset('Pushover', {
      url: 'https://api.pushover.net/1/messages.json',
      type: 'multipart',
      body: [
        'token={secret}',
        'user=USER_KEY',
        'title={camera}',
        'message={text}',
        'timestamp={unix}',
        'url={link}',
        'attachment={picture}',
      ].join('\n'),
    }),
    preset('Web hook', {
      url: 'https://',
      type: 'json',
      body: json({ camera: '{camera}', kind: '{kind}', time: '{time}', text: '{text}', link: '{link}' }),
    }),
  ],
  server: ({ url }) => originOf(url),
};
