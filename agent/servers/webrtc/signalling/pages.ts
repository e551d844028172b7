import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebRtcServer } from '../server/server.ts';
import { PUBLISHER_PAGE } from './publisher-page.ts';
import { PUBLISHER_SCRIPT } from './publisher-script.ts';
import { READER_PAGE } from './reader-page.ts';
import { READER_SCRIPT } from './reader-script.ts';
import type { HttpAccess } from './requests.ts';
import type { PageTarget, ScriptName } from './signalling-url.ts';

export interface PageOptions {
  readonly server: WebRtcServer;
  readonly access: HttpAccess;
  /** Whether a page can be shown for this path; without it every path has one. */
  readonly isConfigured?: (path: string) => boolean;
}

/** The page asks for the password that its scripts need: browsers repeat it for them. */
export async function sendPage(
  { action, path }: PageTarget,
  options: PageOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  await options.access.require(request, action, path);
  if (options.isConfigured?.(path) === false) {
    return reply.code(500).send({ status: 'error', error: `path '${path}' is not configured` });
  }
  options.server.prepare();
  return reply
    .header('Cache-Control', 'no-cache')
    .type('text/html; charset=utf-8')
    .send(action === 'read' ? READER_PAGE : PUBLISHER_PAGE);
}

const SCRIPTS: Record<ScriptName, string> = { 'reader.js': READER_SCRIPT, 'publisher.js': PUBLISHER_SCRIPT };

export function sendScript(name: ScriptName, reply: FastifyReply): FastifyReply {
  return reply
    .header('Cache-Control', 'max-age=3600')
    .type('application/javascript; charset=utf-8')
    .send(SCRIPTS[name]);
}
