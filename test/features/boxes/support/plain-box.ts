import { createServer, type RequestListener, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PerchError } from '../../../../agent/base/errors.ts';
import type { BoxAnswer, BoxClient } from '../../../../agent/features/boxes/requests/box-requests.ts';

/** Requests fail at once for this long after one that had no answer. */
const RETRY_MS = 2_000;

/** A client of boxes over plain HTTP: a box is away until it answers. @param portOf by box; undefined: the box is not known */
export function plainBoxes(portOf: (box: string) => number | undefined, wallMs = () => Date.now()): BoxClient {
  const away = new Map<string, { readonly sinceMs: number; readonly missedMs: number }>();
  const noteSilence = (box: string) =>
    void away.set(box, { sinceMs: away.get(box)?.sinceMs ?? wallMs(), missedMs: wallMs() });
  return {
    item: (name) => {
      const { sinceMs } = away.get(name) ?? {};
      return sinceMs === undefined ? { name, state: 'connected', sinceMs: 0 } : { name, state: 'away', sinceMs };
    },
    noteSilence,
    request: (box, method, path, { query, body, headers, signal, isBackground }) =>
      new Promise<BoxAnswer>((resolve, reject) => {
        const { missedMs } = away.get(box) ?? {};
        if (missedMs !== undefined && !isBackground && wallMs() - missedMs < RETRY_MS) {
          throw new PerchError('unavailable', 'it was away a moment ago', { why: 'away' });
        }
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
          away.delete(box);
          resolve({ status: body.statusCode ?? 0, headers: body.headers, body });
        });
        outgoing.once('error', (error) => {
          if (!signal.aborted) {
            noteSilence(box);
          }
          reject(error);
        });
        outgoing.end(body);
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
