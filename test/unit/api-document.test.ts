import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as ask, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Check, Errors } from 'typebox/schema';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { App } from '../../agent/app/app.ts';
import { createLogger } from '../../agent/base/log.ts';
import { LENGTH } from '../peers/programs/peers.ts';
import { FakeClock } from '../support/base/fake-clock.ts';
import { freeUdpPair } from '../support/base/free-port.ts';
import { random } from '../support/base/random.ts';
import {
  type JsonSchema,
  type MadeRequest,
  type Operation,
  operationsOf,
  RequestMaker,
  undeclaredIn,
} from '../support/clients/api-requests.ts';

const SEED = 20_261_120;
const ROUNDS = LENGTH === 'short' ? 3 : 200;
const PASSWORD = 'correct horse battery';
/** The delay after wrong credentials is on the fake clock. */
const PATIENCE_MS = 40;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

const folder = mkdtempSync(join(tmpdir(), 'perch-document-'));
const clock = new FakeClock();
const agent = new Agent({ keepAlive: true });
let app: App;
const cookies = new Map<string, string>();
let document: { openapi: string; servers: { url: string }[]; paths: Record<string, Record<string, unknown>> };
let operations: Operation[] = [];

async function call({ method, path, headers, body }: Omit<MadeRequest, 'isWrong'>): Promise<Answer> {
  const request = ask({
    ...{ agent, method, path, host: '127.0.0.1', port: app.mainPort },
    headers: {
      ...headers,
      cookie: [...cookies.values()].join('; '),
      'sec-fetch-site': 'same-origin',
      host: `127.0.0.1:${app.mainPort}`,
      ...(body && { 'content-length': body.length }),
    },
  });
  // Too large a body is answered before it is read completely.
  request.on('error', () => {});
  request.end(body);
  const pause = setInterval(() => void clock.advance(5_000), PATIENCE_MS);
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const { statusCode: status = 0 } = response;
    takeCookies(response);
    if (response.headers['content-type']?.startsWith('text/event-stream')) {
      response.destroy();
      return { status, headers: response.headers, text: '' };
    }
    const chunks: Buffer[] = [];
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
    }
    return { status, headers: response.headers, text: Buffer.concat(chunks).toString() };
  } finally {
    clearInterval(pause);
  }
}

const plain = (method: string, path: string, value?: unknown): Promise<Answer> =>
  call({
    ...{ method, path, headers: { 'content-type': 'application/json' } },
    body: value === undefined ? undefined : Buffer.from(JSON.stringify(value)),
  });

/** As browsers do: in the long form more than a day goes by, after which a session has another one. */
function takeCookies({ headers }: IncomingMessage): void {
  for (const one of headers['set-cookie'] ?? []) {
    const [pair = ''] = one.split(';');
    const [name = ''] = pair.split('=');
    cookies.set(name, pair);
  }
}

beforeAll(async () => {
  const [port] = await freeUdpPair();
  const paths = 'paths:\n  cam: # the door\n    source: publisher\n  garden/gate:\n';
  const http = ['address', 'hlsAddress', 'webrtcAddress', 'apiAddress', 'playbackAddress', 'metricsAddress'];
  const ports = [...http, 'rtspAddress'].map((key) => `${key}: 127.0.0.1:0\n`).join('');
  const media = `rtspTransports: [tcp]\nwebrtcLocalUDPAddress: 127.0.0.1:${port}\nwebrtcLocalTCPAddress: ""\n`;
  writeFileSync(join(folder, 'perch.yml'), `perch: own\n${ports}${media}${paths}`);
  app = await App.start({
    version: 'v0.0.0',
    dataDir: join(folder, 'data'),
    cwd: folder,
    env: {},
    pageFolder: folder,
    clock,
    log: createLogger('silent', () => {}),
    discovery: { only: [] },
  });
  await plain('POST', '/v3/claim', { password: PASSWORD, setupCode: app.accounts.setup?.code });
  document = JSON.parse((await plain('GET', '/v3/openapi.json')).text);
  operations = operationsOf(document);
});

afterAll(async () => {
  agent.destroy();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the document has each route of the API, with summary, group and responses', () => {
  expect(document.openapi).toBe('3.1.1');
  expect(document.servers).toEqual([{ url: `http://127.0.0.1:${app.mainPort}` }]);
  expect(operations.length).toBeGreaterThan(60);
  const lacking = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const { summary, tags, responses } = operation as { summary?: string; tags?: string[]; responses: object };
      return summary && tags?.length && '200' in responses ? [] : [`${method} ${path}`];
    }),
  );
  expect(lacking).toEqual([]);
});

test('routes without login are included: health and the certificate', () => {
  const addresses = ['/health', '/trust', '/trust/perch.crt', '/trust/perch.pem', '/trust/perch.mobileconfig'];
  expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(addresses));
  expect(operations.find(({ path }) => path === '/trust')?.answers[200]?.type).toBe('text/html');
});

test('names of operations are unique', () => {
  const ids = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((operation) => (operation as { operationId: string }).operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

/** A key of the configuration whose value is null counts as one that was left out, as with MediaMTX. */
function withoutNulls(value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null)) : value;
}

/** The fault of an answer; undefined: none. */
function faultOf(
  { answers, body, path }: Operation,
  { isWrong, value }: MadeRequest,
  answer: Answer,
): string | undefined {
  const { status, text, headers } = answer;
  const type = headers['content-type'] ?? '';
  // 501 is no failure where the document has it: this machine or camera lacks the function.
  const isLacking = status === 501 && answers[501] !== undefined;
  // Other programs may hold up this one for seconds, which `/health` says.
  const isHeldUp = path === '/health' && status === 503 && JSON.parse(text).status === 'stuck';
  if (status >= 500 && !isLacking && !isHeldUp) {
    return 'a failure of the server';
  }
  const isRefused = status >= 400;
  if (isWrong && !isRefused) {
    return 'wrong, and not refused';
  }
  const meant = path.startsWith('/v3/config/') ? withoutNulls(value) : value;
  if (body && value !== undefined && !isRefused && !Check(body as object, meant)) {
    return 'does not fit the schema, and was not refused';
  }
  // A server that is switched off, or no route at all for this name.
  if (status === 404 && text === '404 page not found') {
    return undefined;
  }
  if (status === 301 || status === 307) {
    return undefined;
  }
  const declared = answers[status] ?? (isRefused ? answers['default'] : undefined);
  if (!declared) {
    return 'a status that the document does not know';
  }
  if (!type.startsWith(declared.type)) {
    return `a ${type}`;
  }
  return declared.type === 'application/json' ? faultOfJson(declared.schema, text) : undefined;
}

function faultOfJson(schema: JsonSchema, text: string): string | undefined {
  const value: unknown = JSON.parse(text);
  if (!Check(schema as object, value)) {
    const [, errors] = Errors(schema as object, value);
    return `answer does not fit: ${JSON.stringify(errors[0])}`;
  }
  const unknown = undeclaredIn(schema, value);
  return unknown === undefined ? undefined : `the document does not know ${unknown} of the answer`;
}

test('every operation answers requests right and wrong as the document says, and never with a failure of the server', async () => {
  const maker = new RequestMaker(random(SEED));
  const faults: string[] = [];
  const statuses = new Map<number, number>();
  let unfit = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const operation of operations) {
      const made = maker.make(operation, round);
      const answer = await call(made);
      const fault = faultOf(operation, made, answer);
      unfit += made.value !== undefined && !Check((operation.body ?? {}) as object, made.value) ? 1 : 0;
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (fault !== undefined) {
        const sent = made.body?.subarray(0, 200).toString() ?? '';
        faults.push(
          `${made.method} ${made.path.slice(0, 200)} ${sent}: ${answer.status} ${answer.text.slice(0, 300)}: ${fault}`,
        );
      }
      if (operation.path.startsWith('/v3/session') && answer.status === 200 && made.method !== 'GET') {
        await plain('POST', '/v3/session', { password: PASSWORD });
      }
    }
  }
  expect(faults).toEqual([]);
  expect(statuses.get(200)).toBeGreaterThan(ROUNDS * 15);
  expect(statuses.get(400)).toBeGreaterThan(ROUNDS * 10);
  expect(unfit).toBeGreaterThan(ROUNDS);
  // Some thousand requests: a busy machine may take its time.
}, 300_000);
