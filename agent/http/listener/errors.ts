import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, explain, PerchError } from '../../base/errors.ts';
import { redact } from '../../base/log.ts';
import { discardBody, isPreLogin } from './pre-login.ts';
import { refusal } from './unread-body.ts';

const HTTP_STATUS: Record<ErrorCode, number> = {
  badInput: 400,
  unauthorized: 401,
  notFound: 404,
  timeout: 504,
  unavailable: 503,
  unsupported: 501,
  exhausted: 507,
  conflict: 412,
};

const JSON_TYPE = 'application/json; charset=utf-8';
const CONTENT_TOO_LARGE = 413;
const UNSUPPORTED_MEDIA_TYPE = 415;

let skippingNewcomers = 0;

/** Failures of absent cameras, which are logged elsewhere. */
const AWAY: readonly unknown[] = ['unreachable', 'timeout'];

/** Sent by the own page, to suppress the browser's password dialog. */
const UI_HEADER = 'x-perch-ui';

/** Sends every failure in the API's form: `{status: "error", error}`. */
export function installErrorHandler(app: FastifyInstance): void {
  app.setErrorHandler(async (error: FastifyError, request, reply) =>
    error.statusCode === CONTENT_TOO_LARGE || leavesLargeBody(request)
      ? refuseBody(error, request, reply)
      : answerError(error, request, reply),
  );
}

/** An unauthenticated client is rejected before its body was read: Node would read and drop all of it. */
function leavesLargeBody(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  // Size of one read in Node.
  const isLarge = coding !== undefined || Number(length ?? 0) > 64 << 10;
  return isLarge && !request.raw.complete && isPreLogin(request);
}

function refuseBody(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { raw } = request;
  if (raw.httpVersionMajor > 1 || raw.complete) {
    return answerError(error, request, reply);
  }
  reply.header('Connection', 'close');
  const isUnknown = isPreLogin(request);
  // Each of them holds a connection, request and reply. Others are closed with the reply.
  if (isUnknown && skippingNewcomers >= 32) {
    return answerError(error, request, reply);
  }
  if (isUnknown) {
    skippingNewcomers += 1;
    reply.raw.once('close', () => {
      skippingNewcomers -= 1;
    });
  }
  const text = JSON.stringify(describe(error, request, reply));
  const onSkipped = () => discardBody(request);
  // Each byte read costs memory until V8 frees it.
  const limits = isUnknown ? { maxBytes: 2 << 20, onSkipped } : {};
  return reply.header('Content-Length', Buffer.byteLength(text)).send(refusal(text, raw, limits));
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.send(describe(error, request, reply));
}

/** Sets status and headers. @returns the body */
function describe(error: unknown, request: FastifyRequest, reply: FastifyReply): object {
  const status = statusOf(error);
  if (error instanceof PerchError) {
    setHeaders(error, request, reply);
  }
  if (status >= 500) {
    logFailure(error, status, request);
  }
  reply.code(status).type(JSON_TYPE);
  return errorBody(error, status, request);
}

const errorBody = (error: unknown, status: number, request: FastifyRequest): object => ({
  status: 'error',
  error: errorText(error, status, request),
  ...detailsOf(error),
});

/** Fields of an error response besides the message. For a conflict they describe the other change. */
function detailsOf(error: unknown): object {
  if (!(error instanceof PerchError)) {
    return {};
  }
  const why = whyOf(error.context);
  const { since } = error.context;
  return {
    ...(why === undefined ? {} : { why }),
    ...(typeof since === 'string' && { since }),
    ...(error.code === 'conflict' ? error.context : {}),
  };
}

/** One word, for translation. */
function whyOf({ why, absence, isPaused, isBusy, isTaken }: PerchError['context']): string | undefined {
  const state = isPaused === true ? 'paused' : isBusy === true ? 'busy' : isTaken === true ? 'taken' : undefined;
  // A box that answers, and refuses, is not away.
  const word = why === 'away' && typeof absence === 'string' ? absence : why;
  return typeof word === 'string' ? word : state;
}

function errorText(error: unknown, status: number, { routeOptions }: FastifyRequest): string {
  if (status === 500) {
    return 'internal error';
  }
  if (status !== UNSUPPORTED_MEDIA_TYPE) {
    return redact((error as Error).message);
  }
  // Fastify's message lacks what is expected.
  const type = routeOptions?.schema?.consumes;
  return type === undefined
    ? 'the body has to be JSON, with Content-Type: application/json'
    : `the body has to be a file, with Content-Type: ${type}`;
}

/**
 * Rejections with a retry time are 429 (RFC 6585 §4), not 507. Those by a paused camera, a running operation, a name in use or a clock that
 * is set are 409 (RFC 9110 §15.5.10), not 501, 507 or 400.
 */
function statusOf(error: unknown): number {
  if (error instanceof PerchError) {
    if (isInTheWay(error)) {
      return 409;
    }
    const isForNow = error.code === 'exhausted' && error.context['retryAfterS'] !== undefined;
    return isForNow ? 429 : HTTP_STATUS[error.code];
  }
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

const isInTheWay = ({ code, context: { isPaused, isBusy, isTaken, isKnown } }: PerchError): boolean =>
  (code === 'unsupported' && isPaused === true) ||
  (code === 'exhausted' && isBusy === true) ||
  (code === 'badInput' && (isTaken === true || isKnown === true));

function setHeaders({ code, context }: PerchError, request: FastifyRequest, reply: FastifyReply): void {
  const retryAfterS = context['retryAfterS'];
  if (typeof retryAfterS === 'number') {
    reply.header('Retry-After', String(Math.ceil(retryAfterS)));
  }
  if (code === 'unauthorized' && context['challenge'] === true && request.headers[UI_HEADER] === undefined) {
    reply.header('WWW-Authenticate', 'Basic realm="mediamtx"');
  }
}

function logFailure(error: unknown, status: number, request: FastifyRequest): void {
  const facts = { method: request.method, url: redact(request.url), status };
  if (error instanceof PerchError) {
    const level = AWAY.includes(error.context['camera']) ? 'debug' : 'warn';
    request.log[level]({ ...facts, ...error.context, status, cause: redact(explain(error)) }, 'request failed');
  } else {
    request.log.error({ ...facts, err: error }, 'request failed');
  }
}
