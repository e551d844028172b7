import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { PerchError } from '../../base/errors.ts';
import { openApiDocument } from './document.ts';

export interface OpenApiOptions {
  readonly version: string;
  /** The built page: `api.html` and what it names lie there. */
  readonly pageFolder: string;
  /** Where the client reaches this server, without a slash at the end. */
  baseUrl(request: FastifyRequest): string;
}

const Document = Type.Object({ openapi: Type.String() }, { additionalProperties: true });

/** Nothing from elsewhere and nothing inline; what the page tries out goes to this server alone. */
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

/** By the end of their address below `/v3/docs`. */
const PAGE = { file: 'api.html', type: 'text/html; charset=utf-8' };
const FILES = {
  'api.js': 'text/javascript; charset=utf-8',
  'api.css': 'text/css; charset=utf-8',
} as const;

/** `GET /openapi.json`, and `GET /docs` to browse it and try it out. */
export const openApiRoutes: FastifyPluginAsync<OpenApiOptions> = async (app, options) => {
  const { version, pageFolder, baseUrl } = options;
  let written = { baseUrl: '', text: '' };
  const schema = {
    summary: 'This document',
    ...{ tags: ['box'], response: { 200: Document } },
  };
  app.get('/openapi.json', { schema }, (request, reply) => {
    const base = baseUrl(request);
    if (written.baseUrl !== base || written.text === '') {
      const text = JSON.stringify(openApiDocument(app.routeCatalog.routes, version, base));
      written = { baseUrl: base, text };
    }
    return reply.type('application/json; charset=utf-8').send(written.text);
  });

  const pieces = [
    { url: '/docs', ...PAGE },
    ...Object.entries(FILES).map(([file, type]) => ({ url: `/docs/${file}`, file, type })),
  ];
  for (const { url, file, type } of pieces) {
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
