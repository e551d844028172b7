import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { claimBox } from './claim.ts';

async function answering(status: number, body: string) {
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test.for([
  ['the password that was taken', 200, '{"status":"ok"}', 'owner-password: set; log in with it', true],
  [
    'one that Perch refuses, with its reason',
    400,
    '{"error":"choose another"}',
    'owner-password: not set: choose another',
    true,
  ],
  [
    'a box that has an owner',
    409,
    '{"error":"the box has an owner"}',
    'owner-password: not set: the box has an owner',
    true,
  ],
  ['a refusal without words', 403, 'no', 'owner-password: not set: 403', true],
  ['a fault of Perch', 503, '', 'owner-password: Perch cannot set it now; it is set at the next start', false],
] as const)('%s', async ([, status, body, told, isOver]) => {
  await using box = await answering(status, body);
  expect(await claimBox(box.url, 'some other words')).toEqual({ told, isOver });
});

test('where Perch does not run, the next start tries again', async () => {
  const box = await answering(200, '');
  await box[Symbol.asyncDispose]();
  expect((await claimBox(box.url, 'some other words')).isOver).toBe(false);
});
