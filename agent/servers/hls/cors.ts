import type { FastifyReply, FastifyRequest } from 'fastify';

/** The value of `Access-Control-Allow-Origin`: the asking origin where an entry names it, else `*` where the list has that. */
export function allowedOrigin(asking: string | undefined, allowOrigins: readonly string[]): string | undefined {
  if (asking !== undefined && allowOrigins.some((entry) => covers(entry, asking))) {
    return asking;
  }
  return allowOrigins.includes('*') ? '*' : undefined;
}

/** Sets what lets other sites' pages read the answer; true: it was a preflight and is answered. */
export function answerCors(request: FastifyRequest, reply: FastifyReply, allowOrigins: readonly string[]): boolean {
  const origin = allowedOrigin(request.headers.origin, allowOrigins);
  if (origin !== undefined) {
    reply.header('Access-Control-Allow-Origin', origin);
    reply.header('Vary', 'Origin');
  }
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) {
    return false;
  }
  reply.header('Access-Control-Allow-Methods', 'OPTIONS, GET');
  reply.header('Access-Control-Allow-Headers', 'Authorization, Range');
  reply.code(204).send();
  return true;
}

const ORIGIN = /^(https?):\/\/(\[[0-9a-f:.]+\]|[^/:[\]]+)(?::(\d+))?\/?$/i;

/** Scheme and port must be equal; in the host `*.` at the start is any chain of subdomains or none, any other `*` is anything. */
function covers(entry: string, asking: string): boolean {
  const [wanted, given] = [ORIGIN.exec(entry), ORIGIN.exec(asking)];
  if (!wanted || !given || schemeOf(wanted) !== schemeOf(given) || portOf(wanted) !== portOf(given)) {
    return false;
  }
  const pattern = (wanted[2] ?? '')
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/^\*\\\./, '(?:.*\\.)?')
    .replace(/(?<!\.)\*/g, '.*');
  return new RegExp(`^${pattern}$`, 'i').test(given[2] ?? '');
}

const schemeOf = (parts: RegExpExecArray): string => (parts[1] ?? '').toLowerCase();
const portOf = (parts: RegExpExecArray): string => parts[3] ?? (schemeOf(parts) === 'https' ? '443' : '80');
