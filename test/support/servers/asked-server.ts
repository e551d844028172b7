import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { certificate } from '../cameras/channel-front.ts';

export interface Reply {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface AskedServerHarness extends AsyncDisposable {
  readonly url: string;
  /** The received requests: bodies of POST as JSON, else the method. */
  readonly asked: unknown[];
  /** `undefined`: it never answers. */
  reply: Reply | undefined;
}

/**
 * Another server that Perch calls, on loopback.
 * @param judge replaces `reply` if it returns one
 */
export async function openAskedServer(
  reply: Reply | undefined,
  isTls = false,
  judge: (body: unknown) => Reply | undefined = () => undefined,
): Promise<AskedServerHarness> {
  const asked: unknown[] = [];
  const listener: RequestListener = (request: IncomingMessage, response) => {
    void text(request).then((body) => {
      const question: unknown = body === '' ? request.method : JSON.parse(body);
      asked.push(question);
      const answer = judge(question) ?? box.reply;
      if (answer) {
        response.writeHead(answer.status, { ...answer.headers });
        response.end(answer.body ?? '');
      }
    });
  };
  const server = isTls ? createTlsServer(certificate('camera'), listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const box: AskedServerHarness = {
    url: `${isTls ? 'https' : 'http'}://127.0.0.1:${port}/ask`,
    asked,
    reply,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return box;
}
