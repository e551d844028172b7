import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { httpsOrigin, namedHost } from './https-origin.ts';

interface StaticUiOptions {
  /** Absolute path of the folder with the built page. */
  readonly folder: string;
  /** The https port, which the page may probe for trust. */
  readonly httpsPort: () => number | undefined;
}

/** Hashed file names of the build: `app-3F2A9C1B.js`, also `.gz`. */
const HASHED = /[-.][0-9A-Za-z_]{8,}\.[0-9a-z]+(?:\.gz)?$/;
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Perch</title>
<p>The page is not built yet. Run <code>npm start</code>, which builds it, and open this address again.</p></html>`;

/** The web page on the main port. Public, because its data requires a login. */
export const staticUi: FastifyPluginAsync<StaticUiOptions> = async (app, { folder, httpsPort }) => {
  app.addHook('onSend', async (request, reply) => {
    // The page itself is revalidated: there may be a new build.
    const isPage = /^\/(?:index\.html)?(?:\?|$)/.test(request.url);
    const inline = isPage ? await inlineOf(join(folder, 'index.html')) : NOTHING_INLINE;
    setSecurityHeaders(request, reply, inline, httpsPort());
  });
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT));
    return;
  }
  await app.register(fastifyStatic, {
    root: folder,
    cacheControl: false,
    dotfiles: 'ignore',
    // Compressed by the build, because small devices should not compress for each browser.
    preCompressed: true,
    setHeaders: (reply, path) => {
      reply.header('Cache-Control', HASHED.test(path) ? FOR_EVER : ASK_AGAIN);
    },
  });
};

/** Policy hashes of a page's inline styles and scripts, each with a leading space. */
interface Inline {
  readonly styles: string;
  readonly scripts: string;
}

const NOTHING_INLINE: Inline = { styles: '', scripts: '' };

async function inlineOf(file: string): Promise<Inline> {
  const page = await readFile(file, 'utf8').catch(() => '');
  const hashes = (tag: RegExp) =>
    Array.from(
      page.matchAll(tag),
      ([, text = '']) => ` 'sha256-${createHash('sha256').update(text).digest('base64')}'`,
    );
  return {
    styles: hashes(/<style>(.*?)<\/style>/gs).join(''),
    scripts: hashes(/<script>(.*?)<\/script>/gs).join(''),
  };
}

function setSecurityHeaders(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  inline: Inline,
  httpsPort: number | undefined,
): void {
  // Older Safari excludes WebSockets from 'self', so the host is named, if it is a plain host name.
  const host = namedHost(headers);
  const sockets = host === undefined ? '' : ` ws://${host} wss://${host}`;
  const https = httpsOrigin(headers, httpsPort);
  const secure = https === undefined ? '' : ` ${https}`;
  const own = `script-src 'self'${inline.scripts}; style-src 'self'${inline.styles}`;
  reply.header(
    'Content-Security-Policy',
    `default-src 'none'; ${own}; ${POLICY}; connect-src 'self'${sockets}${secure}`,
  );
  reply.header('X-Content-Type-Options', 'nosniff');
  reply.header('Referrer-Policy', 'no-referrer');
}

/** Nothing from other origins, and inline code only from the build; blob: for Media Source and workers. */
const POLICY = [
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');
