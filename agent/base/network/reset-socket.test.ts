import { readFileSync } from 'node:fs';
import { createServer as createPlainServer, get as getPlain, type RequestListener } from 'node:http';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resetSocket } from '../../http/auth/signed-requests.ts';

const BODY_BYTES = 8 << 20;
const tls = (name: string) => readFileSync(join(import.meta.dirname, '../../../test/fixtures/tls', name));

test.for(['http', 'https'] as const)('a slow receiver over %s gets a reset, and not the rest', async (kind) => {
  const begun = Promise.withResolvers<() => void>();
  const answer: RequestListener = (request, response) => {
    response.on('error', () => {});
    response.write(Buffer.alloc(BODY_BYTES));
    begun.resolve(() => resetSocket(request.socket));
  };
  const server =
    kind === 'http'
      ? createPlainServer(answer)
      : createServer({ key: tls('server.key'), cert: tls('server.crt') }, answer);
  onTestFinished(() => {
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ended = Promise.withResolvers<readonly [code: string | undefined, isShort: boolean]>();
  let bytes = 0;
  const ask = kind === 'http' ? getPlain : get;
  const asked = ask({ host: '127.0.0.1', port, rejectUnauthorized: false }, (response) => {
    response.pause();
    void begun.promise.then((reset) => {
      reset();
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', (error: NodeJS.ErrnoException) => ended.resolve([error.code, bytes < BODY_BYTES]));
      response.resume();
    });
  });
  asked.on('error', () => {});
  expect(await ended.promise).toEqual(['ECONNRESET', true]);
});
