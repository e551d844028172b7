import type { Preset, WebHookSettings } from './channel-fields.ts';

const webHook = (
  name: string,
  { headers = '', ...more }: Pick<WebHookSettings, 'url' | 'type' | 'body'> & { readonly headers?: string },
): Preset => ({ name, settings: { kind: 'webHook', method: 'POST', headers, secret: '', ...more } });

const json = (body: object): string => JSON.stringify(body, undefined, 2);

/** Presets that the page offers. The first token of a service is `{secret}`; texts in capitals are to be replaced. */
export const PRESETS: readonly Preset[] = [
  {
    name: 'E-mail',
    settings: { kind: 'email', host: '', port: 587, security: 'starttls', user: '', password: '', from: '', to: [] },
  },
  { name: 'ntfy', settings: { kind: 'ntfy', url: 'https://ntfy.sh/', token: '' } },
  webHook('Telegram', {
    url: 'https://api.telegram.org/bot{secret}/{picture?sendPhoto|sendMessage}',
    type: 'multipart',
    body: [
      'chat_id=CHAT_ID',
      'photo={picture}',
      'caption={camera}: {text}\\n{localTime}\\n{link}',
      'text={camera}: {text}\\n{localTime}\\n{link}',
    ].join('\n'),
  }),
  webHook('Gotify', {
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
  webHook('Discord', {
    url: 'https://discord.com/api/webhooks/ID/TOKEN',
    type: 'multipart',
    body: ['content={camera}: {text}, {localTime}\\n{link}', 'file={picture}'].join('\n'),
  }),
  webHook('Slack', {
    url: 'https://hooks.slack.com/services/T/B/TOKEN',
    type: 'json',
    body: json({ text: '{camera}: {text}, {localTime}\n{link}' }),
  }),
  webHook('Pushover', {
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
  webHook('Web hook', {
    url: 'https://',
    type: 'json',
    body: json({ camera: '{camera}', kind: '{kind}', time: '{time}', text: '{text}', link: '{link}' }),
  }),
];
