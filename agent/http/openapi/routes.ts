import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { openApiDocument } from './document.ts';

export interface OpenApiOptions {
  readonly version: string;
  /** Folder of the built page, with `api.html` and its files. */
  readonly pageFolder: string;
  /** URL at which the client reaches this server, without a trailing slash. */
  baseUrl(request: FastifyRequest): string;
}

const Document = Type.Object({ openapi: Type.String() }, { additionalProperties: true });

/** Security policy of the pages: only own files, and requests only to this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

/** By name below `/docs`. */
const PAGES = [
  { url: '/docs', file: 'api.html', type: 'text/html; charset=utf-8' },
  { url: '/docs/api.js', file: 'api.js', type: 'text/javascript; charset=utf-8' },
  { url: '/docs/api.css', file: 'api.css', type: 'text/css; charset=utf-8' },
];

/** `GET /openapi.json`, and `GET /docs` to browse it and try it out. */
export const openApiRoutes: FastifyPluginAsync<OpenApiOptions> = async (app, options) => {
  const { version, pageFolder, baseUrl } = options;
  let written = { baseUrl: '', text: '' };
  const schema = { summary: 'This document', tags: ['box'], response: { 200: Document } };
  app.get('/openapi.json', { schema }, (request, reply) => {
    const base = baseUrl(request);
    if (written.baseUrl !== base || written.text === '') {
      const text = JSON.stringify(openApiDocument(app.routeCatalog.routes, version, base));
      written = { baseUrl: base, text };
    }
    return reply.type('application/json; charset=utf-8').send(written.text);
  });

  for (const { url, file, type } of PAGES) {
    app.get(url, { schema: { hide: true } }, async (_request, reply) => {
      const text = await readFile(join(pageFolder, file)).catch((cause: unknown) => {
        throw new PerchError('unavailable', 'the page is not built yet: npm start builds it', {}, cause);
      });
      reply.header('Content-Security-Policy', POLICY);
      reply.header('X-Content-Type-Options', 'nosniff');
      reply.header('Referrer-Policy', 'no-referrer');
      return reply.type(type).send(text);
    });
  }
};
