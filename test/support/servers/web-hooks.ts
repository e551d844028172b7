import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One call of a web hook. */
export interface HookCall {
  /** Last part of the address. */
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface HookServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  readonly calls: HookCall[];
  of(name: string): HookCall[];
}

/** The response to a hook: a status other than 200, or any text; undefined: `{"code":0}`. */
export type HookReply = { readonly status?: number; readonly text?: string; readonly json?: object } | undefined;

/** A server for web hooks on loopback. */
export async function openHookServer(
  answer: (call: HookCall) => Promise<HookReply> | HookReply = () => undefined,
): Promise<HookServer> {
  const calls: HookCall[] = [];
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const name = (request.url ?? '').split('/').at(-1) ?? '';
      const call: HookCall = { name, body: JSON.parse(body), headers: request.headers };
      calls.push(call);
      const reply = await answer(call);
      response.writeHead(reply?.status ?? 200, { 'Content-Type': 'application/json' });
      response.end(reply?.text ?? JSON.stringify(reply?.json ?? { code: 0, msg: 'success' }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    calls,
    of: (name) => calls.filter((call) => call.name === name),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
