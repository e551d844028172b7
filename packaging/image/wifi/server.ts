import { readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { COUNTRY_CODES } from './countries.ts';
import { isNetworkName, isWifiPassword, networkWords } from './networks.ts';
import { choicePage, HIDDEN, joiningPage, type Typed } from './page.ts';
import { type FoundNetwork, networkName, parseFound, parseState } from './state.ts';
import { type Fault, type Words, wordsFor } from './words.ts';

interface PageOptions {
  /** Folder with `state` and `found` of root's service. */
  readonly stateFolder: string;
  /** Folder of requests to that service. */
  readonly requestFolder: string;
  /** Origin of the page, such as http://10.83.84.1 */
  readonly origin: string;
}

const MAX_REQUEST_MS = 10_000;

/**
 * The page of the access point, and nothing else of the box: every other address leads to it. That is what phones and
 * computers look for when they join a Wi-Fi.
 */
export function pageServer(options: PageOptions): Server {
  const server = createServer(
    {
      requestTimeout: MAX_REQUEST_MS,
      headersTimeout: MAX_REQUEST_MS,
      keepAliveTimeout: 2_000,
      maxHeaderSize: 8_192,
    },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
        end(response, 500, 'internal error\n');
      });
    },
  );
  server.maxConnections = 64;
  return server;
}

async function answer(options: PageOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = '', url = '/', headers } = request;
  if (`http://${headers.host}` !== options.origin || (isRead(method) && !/^\/(?:\?searching)?$/.test(url))) {
    request.resume();
    response.setHeader('Location', `${options.origin}/`);
    end(response, 302, '');
    return;
  }
  await touch(join(options.requestFolder, 'used'));
  const words = wordsFor(headers['accept-language']);
  if (isRead(method)) {
    await sendChoice(options, response, words, { isSearching: url !== '/' });
    return;
  }
  const form = FORMS[url];
  // A page of another origin must not post here: a phone may have some open.
  if (method !== 'POST' || !form || (headers.origin !== undefined && headers.origin !== options.origin)) {
    request.resume();
    end(response, method === 'POST' && form ? 403 : 405, 'not here\n');
    return;
  }
  const body = await bodyOf(request);
  if (body === undefined) {
    response.setHeader('Connection', 'close');
    end(response, 413, 'too long\n');
    return;
  }
  await form(options, new URLSearchParams(body), response, words);
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

type Form = (options: PageOptions, form: URLSearchParams, response: ServerResponse, words: Words) => Promise<void>;

const FORMS: Readonly<Record<string, Form>> = Object.assign(Object.create(null), {
  '/search': async (options, _form, response) => {
    await ask(options, 'search');
    response.setHeader('Location', '/?searching');
    end(response, 303, '');
  },
  '/forget': async (options, form, response) => {
    const id = form.get('network') ?? '';
    const { known } = await stateOf(options);
    if (known.some((network) => network.id === id)) {
      await ask(options, `forget ${id}`);
    }
    response.setHeader('Location', '/');
    end(response, 303, '');
  },
  '/join': async (options, form, response, words) => {
    const field = (name: string): string => form.get(name) ?? '';
    const typed = { country: field('country'), network: field('network'), name: field('name') };
    const wanted = wantedOf(typed, field('password'), await foundBy(options));
    if ('fault' in wanted) {
      await sendChoice(options, response, words, { ...wanted, typed });
      return;
    }
    const { id, password } = wanted;
    await ask(options, `join ${typed.country} ${networkWords({ name: networkName(id), password }, id)}`);
    sendPage(response, 200, joiningPage(await stateOf(options), id, words));
  },
} satisfies Record<string, Form>);

type Wanted = { readonly id: string; readonly password: string | undefined } | { readonly fault: Fault };

function wantedOf(
  { country, network, name }: Required<Typed>,
  password: string,
  found: readonly FoundNetwork[],
): Wanted {
  if (!COUNTRY_CODES.has(country)) {
    return { fault: 'country' };
  }
  const listed = found.find(({ id }) => id === network);
  if (!listed && network !== HIDDEN) {
    return { fault: 'network' };
  }
  if (!listed && !isNetworkName(name)) {
    return { fault: 'name' };
  }
  if (listed?.kind === 'other') {
    return { fault: 'needsMore' };
  }
  const id = listed?.id ?? Buffer.from(name).toString('hex');
  if (listed?.kind === 'open' || (!listed && password === '')) {
    return { id, password: undefined };
  }
  if (password === '') {
    return { fault: 'needsPassword' };
  }
  return isWifiPassword(password) ? { id, password } : { fault: 'password' };
}

interface Choice {
  readonly isSearching?: boolean;
  readonly typed?: Typed;
  readonly fault?: Fault;
}

async function sendChoice(
  options: PageOptions,
  response: ServerResponse,
  words: Words,
  { isSearching = false, typed = {}, fault }: Choice,
): Promise<void> {
  const [state, found] = [await stateOf(options), await foundBy(options)];
  sendPage(response, fault === undefined ? 200 : 400, choicePage({ state, found, words, typed, fault, isSearching }));
}

const fileText = (folder: string, name: string): Promise<string> =>
  readFile(join(folder, name), 'utf8').catch(() => '');
const stateOf = async ({ stateFolder }: PageOptions) => parseState(await fileText(stateFolder, 'state'));
const foundBy = async ({ stateFolder }: PageOptions) => parseFound(await fileText(stateFolder, 'found'));

/** The request that root's service reads next replaces one that it has not read. */
async function ask({ requestFolder }: PageOptions, line: string): Promise<void> {
  const file = join(requestFolder, 'request');
  await writeFile(`${file}.new`, `${line}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** The access point stays while the page is used. */
async function touch(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => writeFile(file, ''));
}

/** @returns undefined if it is too long */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > 2_048) {
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sendPage(response: ServerResponse, status: number, html: string): void {
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.setHeader(
    'Content-Security-Policy',
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  );
  end(response, status, html);
}

function end(response: ServerResponse, status: number, body: string): void {
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.writeHead(status).end(body);
}
