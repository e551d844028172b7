import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';

export interface StaticUiOptions {
  /** Absolute path of the folder with the built page. */
  readonly folder: string;
}

/** The build puts a hash of the content into the names of all files but the page's own: `app-3F2A9C1B.js`, `.gz` behind it where it is packed. */
const HASHED = /[-.][0-9A-Za-z_]{8,}\.[0-9a-z]+(?:\.gz)?$/;
const FOR_EVER = 'public, max-age=31536000, immutable';
const ASK_AGAIN = 'no-cache';

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Perch</title>
<p>The page is not built yet. Run <code>npm start</code>, which builds it, and open this address again.</p></html>`;

/** The web page on the main port. It needs no log-in: what it shows, it asks for, and that does. */
export const staticUi: FastifyPluginAsync<StaticUiOptions> = async (app, { folder }) => {
  app.addHook('onSend', async (request, reply) => {
    setSecurityHeaders(request, reply);
  });
  if (!existsSync(join(folder, 'index.html'))) {
    app.get('/', (_request, reply) => reply.code(503).type('text/html; charset=utf-8').send(NOT_BUILT));
    return;
  }
  await app.register(fastifyStatic, {
    root: folder,
    cacheControl: false,
    dotfiles: 'ignore',
    // The build leaves them beside the files; to compress anew for each browser is not for a small box.
    preCompressed: true,
    setHeaders: (reply, path) => {
      reply.header('Cache-Control', HASHED.test(path) ? FOR_EVER : ASK_AGAIN);
    },
  });
};

function setSecurityHeaders({ headers }: FastifyRequest, reply: FastifyReply): void {
  // Older Safari does not count WebSockets as 'self', so the host is named; what is no plain host name is left out.
  const host = headers.host !== undefined && /^[\w.[\]:-]{1,255}$/.test(headers.host) ? headers.host : undefined;
  const sockets = host === undefined ? '' : ` ws://${host} wss://${host}`;
  reply.header('Content-Security-Policy', `${POLICY}; connect-src 'self'${sockets}`);
  reply.header('X-Content-Type-Options', 'nosniff');
  reply.header('Referrer-Policy', 'no-referrer');
}

/** Nothing from elsewhere and nothing inline; blob: is where Media Source and workers come from. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "worker-src 'self' blob:",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ');
