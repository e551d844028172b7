import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface AnswerFrom {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** An HTTP request from one of this machine's addresses, such as 127.0.0.9: limits count each address separately. */
export function askFrom(
  localAddress: string,
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<AnswerFrom> {
  const { promise, resolve, reject } = Promise.withResolvers<AnswerFrom>();
  const length = body === '' ? {} : { 'Content-Length': `${Buffer.byteLength(body)}` };
  const asked = request(url, {
    method,
    localAddress,
    agent: false,
    headers: { 'User-Agent': 'node', ...headers, ...length },
  });
  asked.on('error', reject);
  asked.on('response', (answer: IncomingMessage) => {
    answer.resume();
    answer.on('error', reject);
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers }));
  });
  asked.end(body);
  return promise;
}
