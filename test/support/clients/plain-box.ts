import { createServer, type RequestListener, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BoxAnswer, BoxClient } from '../../../agent/app/boxes/box-requests.ts';

/** A client of boxes over plain HTTP. @param portOf by box; undefined: the box is not known */
export function plainBoxes(portOf: (box: string) => number | undefined): BoxClient {
  return {
    item: (name) => ({ name, state: 'connected', sinceMs: 0 }),
    request: (box, method, path, { query, headers, signal }) =>
      new Promise<BoxAnswer>((resolve, reject) => {
        const target = query === undefined ? path : `${path}?${query}`;
        const options = {
          host: '127.0.0.1',
          port: portOf(box) ?? 1,
          method,
          path: target,
          headers: { ...headers },
          signal,
        };
        const outgoing = send(options, (body) => {
          resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
        });
        outgoing.once('error', reject);
        outgoing.end();
      }),
  };
}

export interface ScriptedBox extends AsyncDisposable {
  readonly port: number;
  /** Targets of all requests. */
  readonly asked: string[];
}

/** A box that answers as the listener says. */
export async function scriptedBox(answer: RequestListener): Promise<ScriptedBox> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
