import { openHttpSink } from '../../../support/servers/http-sink.ts';

interface NtfyMessage {
  readonly topic: string;
  readonly title: string | undefined;
  readonly message: string;
  readonly priority: number;
  readonly tags: readonly string[];
  readonly click: string | undefined;
  /** Bytes of the attachment. */
  readonly attachment: Buffer | undefined;
}

const MAX_MESSAGE_BYTES = 4_096;
const error = (status: number, code: number, text: string) => ({
  status,
  text: JSON.stringify({ code, http: status, error: text }),
});

/**
 * The publishing API of ntfy as https://docs.ntfy.sh/publish describes it: parameters in the query or in `X-` headers, an attachment if there is
 * a file name or no short text, access by `Authorization`.
 */
export async function openNtfyServer({ token, attachments = true }: { token?: string; attachments?: boolean } = {}) {
  const messages: NtfyMessage[] = [];
  const sink = await openHttpSink(({ method, target, headers, body }) => {
    const { pathname, searchParams } = new URL(target, 'http://ntfy');
    const param = (name: string) => searchParams.get(name) ?? headers[`x-${name}`] ?? headers[name];
    const text = (name: string) => (typeof param(name) === 'string' ? String(param(name)) : undefined);
    const [, topic = ''] = /^\/([-_A-Za-z0-9]{1,64})$/.exec(pathname) ?? [];
    if (topic === '' || (method !== 'PUT' && method !== 'POST')) {
      return error(404, 40401, 'page not found');
    }
    const basic = Buffer.from(`phil:${token}`).toString('base64');
    if (token !== undefined && ![`Bearer ${token}`, `Basic ${basic}`].includes(headers.authorization ?? '')) {
      return error(headers.authorization === undefined ? 403 : 401, 40101, 'unauthorized');
    }
    const priority = Number(text('priority') ?? 3);
    if (!Number.isInteger(priority) || priority < 1 || priority > 5) {
      return error(400, 40007, 'invalid request: priority invalid');
    }
    const isFile = text('filename') !== undefined || body.length > MAX_MESSAGE_BYTES;
    if (isFile && !attachments) {
      return error(400, 40014, 'invalid request: attachments not allowed');
    }
    const message = text('message') ?? (isFile ? `You received a file: ${text('filename')}` : body.toString());
    const tags = (text('tags') ?? '').split(',').filter((tag) => tag !== '');
    const rest = { title: text('title'), click: text('click'), attachment: isFile ? body : undefined };
    messages.push({ topic, message: message || 'triggered', priority, tags, ...rest });
    return { status: 200, text: JSON.stringify({ id: 'x', event: 'message', topic, message }) };
  });
  return { ...sink, messages };
}
