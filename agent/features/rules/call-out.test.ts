import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { post } from './call-out.ts';

interface Answer {
  readonly status: number;
  readonly location?: string;
}

/** A server that answers by the address; one without an answer stays silent. */
async function serverOf(answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['content-type']}`);
    const answer = answers[request.url ?? ''];
    if (answer) {
      response.writeHead(answer.status, answer.location === undefined ? {} : { Location: answer.location });
      // An endless answer is not read.
      response.write('x'.repeat(100_000));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const stop = new AbortController();
  return {
    asked,
    host: `127.0.0.1:${port}`,
    post: (path: string, timeoutMs = 5_000) =>
      post(`http://127.0.0.1:${port}${path}`, { a: 1 }, stop.signal, timeoutMs),
    stop,
  };
}

test('the event is posted as JSON, and an answer of any length is not read', async () => {
  const server = await serverOf({ '/hook': { status: 200 } });
  await server.post('/hook');
  expect(server.asked).toEqual(['POST /hook application/json']);
});

test('a redirect is followed on the same server, as the same request', async () => {
  const server = await serverOf({
    '/old': { status: 308, location: '/new?b=2' },
    '/new?b=2': { status: 201 },
  });
  await server.post('/old');
  expect(server.asked.map((line) => line.split(' ')[1])).toEqual(['/old', '/new?b=2']);
});

test.for([
  ['another host', { status: 307, location: 'http://127.0.0.2/secret' }, 'redirects to another server'],
  ['another port', { status: 307, location: 'http://127.0.0.1:9/secret' }, 'redirects to another server'],
  ['another scheme', { status: 307, location: 'https://127.0.0.1/secret' }, 'redirects to another server'],
  ['itself', { status: 307, location: '/secret' }, 'redirects more than 3 times'],
  ['nothing', { status: 307 }, 'answers with status 307'],
  ['no address', { status: 308, location: 'http://[' }, 'answers with status 308'],
  ['a page (as GET)', { status: 302, location: '/page' }, 'answers with status 302'],
] as const)('a redirect to %s is refused, in words without the address', async ([, answer, words]) => {
  const server = await serverOf({ '/secret': answer });
  const fault = await server.post('/secret').catch((error: unknown) => error as Error);
  expect(String(fault)).toContain(words);
  expect(String(fault)).not.toContain('secret');
  expect(String(fault)).toContain(server.host);
});

test('a server that is away, fails or is silent is named', async () => {
  const server = await serverOf({ '/broken': { status: 500 } });
  await expect(server.post('/broken')).rejects.toMatchObject({
    code: 'unavailable',
    message: `${server.host} answers with status 500`,
  });
  await expect(server.post('/silent', 50)).rejects.toMatchObject({
    code: 'timeout',
    message: `${server.host} does not answer`,
  });
  const never = new AbortController().signal;
  await expect(post('http://127.0.0.1:1/secret', {}, never)).rejects.toMatchObject({
    message: expect.stringMatching(/^127\.0\.0\.1:1 cannot be reached/),
  });
});

test('a stop of Perch ends a request', async () => {
  const server = await serverOf({});
  const sent = server.post('/silent');
  server.stop.abort();
  await expect(sent).rejects.toMatchObject({ code: 'unavailable' });
});
