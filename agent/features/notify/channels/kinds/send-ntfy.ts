import { PerchError } from '../../../../base/errors.ts';
import { NOTICE_KINDS } from '../../rules/notice.ts';
import type { ChannelMessage, SendOptions } from '../sending/channel-message.ts';
import { checkAnswer, sendHttp } from '../sending/http-message.ts';
import type { NtfySettings } from './ntfy.ts';

const [HIGH, DEFAULT] = ['4', '3'];
/** Status codes of servers that take no attachments, or no picture of this size. */
const NO_PICTURE = new Set([400, 413, 507]);

/** @throws PerchError badInput */
export function check({ url }: NtfySettings): void {
  if (!URL.canParse(url)) {
    throw new PerchError('badInput', 'url: it is not an address');
  }
  const { pathname, search, hash, username, password } = new URL(url);
  if (username !== '' || password !== '') {
    throw new PerchError('badInput', 'url: it has no login; the token may be user:password');
  }
  if (!/^\/[\w-]{1,64}$/.test(pathname) || search !== '' || hash !== '') {
    throw new PerchError('badInput', 'url: it ends with the topic, as in https://ntfy.sh/my-topic');
  }
}

/** Publishes by ntfy's HTTP API: https://docs.ntfy.sh/publish */
export async function send(settings: NtfySettings, message: ChannelMessage, options: SendOptions): Promise<void> {
  const { kind, title, text, link, localTime, picture } = message;
  const url = new URL(settings.url);
  const body = `${text}\n${localTime}`;
  const { emoji, isUrgent } = NOTICE_KINDS.get(kind) ?? {};
  const shown = {
    title,
    click: link,
    priority: isUrgent ? HIGH : DEFAULT,
    tags: [emoji, kind].filter((tag) => tag !== undefined).join(','),
  };
  const headers: Record<string, string> = settings.token === '' ? {} : { Authorization: authorization(settings.token) };
  const put = (query: Record<string, string>, bytes: Uint8Array) => {
    // UTF-8 is safe in a query, but not in a header.
    url.search = new URLSearchParams(query).toString();
    return sendHttp({ method: 'PUT', url, headers, body: bytes }, options);
  };
  if (picture) {
    const answer = await put({ ...shown, message: body, filename: 'picture.jpg' }, picture);
    if (!NO_PICTURE.has(answer.status)) {
      checkAnswer(url, answer);
      return;
    }
  }
  checkAnswer(url, await put(shown, Buffer.from(body)));
}

const authorization = (token: string): string =>
  token.includes(':') ? `Basic ${Buffer.from(token).toString('base64')}` : `Bearer ${token}`;
