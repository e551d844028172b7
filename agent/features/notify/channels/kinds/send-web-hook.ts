import { PerchError } from '../../../../base/errors.ts';
import type { ChannelMessage, SendOptions } from '../sending/channel-message.ts';
import { checkAnswer, sendHttp } from '../sending/http-message.ts';
import {
  asIs,
  type Body,
  checkPlaceholders,
  fill,
  forHeader,
  forJson,
  formBody,
  forUrl,
  linesOf,
  multipartBody,
  type TemplateValues,
} from '../sending/template.ts';
import type { WebHookSettings } from './web-hook.ts';

/** Scheme and authority of a URL, without login and placeholders. */
const ORIGIN = /^https?:\/\/[^/?#@{}\s]+(?=[/?#]|$)/;
const HEADER = /^([\w!#$%&'*+.^`|~-]+):\s*(.*)$/;
/** Headers of the HTTP connection, which only Perch sets. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const SAMPLE: ChannelMessage = {
  id: 'sample',
  path: 'door',
  kind: 'person',
  startMs: 0,
  title: 'A "door" \\ {}',
  text: 'one\ntwo',
  link: 'http://localhost/#/live',
  localTime: '2026-01-01 00:00:00',
  picture: undefined,
};

/** @throws PerchError badInput that names the wrong setting */
export function check(settings: WebHookSettings): void {
  const { url, headers, body } = settings;
  const [origin] = ORIGIN.exec(url) ?? [];
  if (origin === undefined || !URL.canParse(origin)) {
    throw new PerchError(
      'badInput',
      'url: it begins with http:// or https:// and a host, without login or placeholder',
    );
  }
  for (const template of [url, headers, body]) {
    checkPlaceholders(template);
  }
  for (const picture of [undefined, Uint8Array.of(0xff, 0xd8)]) {
    requestOf(settings, { ...SAMPLE, picture });
  }
}

export async function send(settings: WebHookSettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  const request = requestOf(settings, message);
  checkAnswer(request.url, await sendHttp(request, options));
}

/** @throws PerchError badInput */
function requestOf(settings: WebHookSettings, message: ChannelMessage) {
  const { method } = settings;
  const values = valuesOf(settings, message);
  const text = fill(settings.url, values, forUrl);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.origin !== new URL(ORIGIN.exec(settings.url)?.[0] ?? '').origin) {
    throw new PerchError('badInput', 'url: it is not an address');
  }
  const body = method === 'GET' ? undefined : bodyOf(settings, values, message.picture);
  const headers = { ...(body && { 'Content-Type': body.type }), ...headersOf(settings.headers, values) };
  return { method, url, headers, body: body?.bytes };
}

function valuesOf({ url, headers, type, body, secret }: WebHookSettings, message: ChannelMessage): TemplateValues {
  const { id, path, kind, startMs, title, text, link, localTime, picture } = message;
  const isText = [url, headers, type === 'multipart' ? '' : body].some((template) => template.includes('{picture}'));
  const encoded = picture && (isText ? Buffer.from(picture).toString('base64') : 'yes');
  return {
    camera: title,
    path,
    kind,
    text,
    localTime,
    link,
    id,
    secret,
    time: new Date(startMs).toISOString(),
    unix: String(Math.floor(startMs / 1000)),
    picture: encoded ?? '',
  };
}

function headersOf(headers: string, values: TemplateValues): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of linesOf(headers)) {
    const [, name = '', value = ''] = HEADER.exec(line) ?? [];
    if (name === '' || OWN_HEADERS.has(name.toLowerCase())) {
      throw new PerchError(
        'badInput',
        `headers: '${(name || line).slice(0, 64)}' is not Name: value of a header to set`,
      );
    }
    found[name.toLowerCase() === 'content-type' ? 'Content-Type' : name] = forHeader(fill(value, values, asIs));
  }
  return found;
}

function bodyOf({ type, body }: WebHookSettings, values: TemplateValues, picture: Uint8Array | undefined): Body {
  switch (type) {
    case 'form':
      return formBody(body, values);
    case 'multipart':
      return multipartBody(body, values, picture);
    case 'text':
      return { type: 'text/plain; charset=utf-8', bytes: Buffer.from(fill(body, values, asIs)) };
    case 'json':
      return { type: 'application/json', bytes: jsonOf(fill(body, values, forJson)) };
  }
}

function jsonOf(text: string): Buffer {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new PerchError('badInput', 'body: it is not JSON; placeholders of texts stand within quotes', {}, cause);
  }
  return Buffer.from(text);
}
