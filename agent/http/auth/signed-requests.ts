import { createHash } from 'node:crypto';
import { Socket } from 'node:net';
import { pipeline, Transform } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ACCEPTED, RUN_HEADER, TIME_HEADER } from '../../auth/pairing/message-signature.ts';
import type { PairedServers } from '../../auth/pairing/paired-servers.ts';
import type { SignedRequests } from '../../auth/pairing/signed-requests.ts';
import type { Action } from '../../auth/permissions/identity.ts';
import { PerchError } from '../../base/errors.ts';
import { letIn } from '../listener/pre-login.ts';

const servers = new WeakMap<FastifyRequest, string>();
const permitted = new WeakMap<FastifyRequest, { readonly action: Action; readonly path: string }>();

/** Id of the paired server that has signed the request. */
export const serverOf = (request: FastifyRequest): string | undefined => servers.get(request);

/** What a request of a paired server reads while it runs. */
export const notePermitted = (request: FastifyRequest, action: Action, path: string): void =>
  void permitted.set(request, { action, path });

interface SignedRequestsOptions {
  readonly signatures: SignedRequests;
  readonly paired: PairedServers;
}

/** The connections on which paired servers have requests, which end with the pairing. */
export class ServerConnections {
  /** By server and connection: the requests that are being answered. */
  readonly #open = new Map<string, Map<Socket, Set<FastifyRequest>>>();

  add(server: string, request: FastifyRequest, reply: FastifyReply): void {
    const { socket } = request.raw;
    const open = this.#open.get(server) ?? new Map<Socket, Set<FastifyRequest>>();
    this.#open.set(server, open);
    const running = open.get(socket) ?? new Set<FastifyRequest>();
    if (!open.has(socket)) {
      open.set(socket, running);
      socket.once('close', () => {
        open.delete(socket);
        if (open.size === 0 && this.#open.get(server) === open) {
          this.#open.delete(server);
        }
      });
    }
    running.add(request);
    reply.raw.once('close', () => running.delete(request));
  }

  /** @param but stays for its response */
  end(server: string, but?: Socket): void {
    for (const socket of this.#open.get(server)?.keys() ?? []) {
      if (socket !== but) {
        resetSocket(socket);
      }
    }
  }

  /** Ends responses that the server may not get any more. Sessions within WebSockets end by themselves. */
  endReduced(server: string, may: (action: Action, path: string) => boolean): void {
    for (const [socket, running] of this.#open.get(server) ?? []) {
      const isOver = (request: FastifyRequest): boolean => {
        const { action, path } = permitted.get(request) ?? {};
        return action !== undefined && path !== undefined && !may(action, path);
      };
      if ([...running].some(isOver)) {
        resetSocket(socket);
      }
    }
  }
}

/** Verifies the requests of paired servers, before other hooks of the routes registered later. A wrong signature counts as no request at all. */
export function verifySignatures(
  app: FastifyInstance,
  { signatures, paired }: SignedRequestsOptions,
  connections: ServerConnections,
): void {
  const digests = new WeakMap<FastifyRequest, string>();
  app.addHook('onRequest', async (request, reply) => {
    const { method, headers, raw } = request;
    if (headers['signature-input'] === undefined) {
      return;
    }
    try {
      const { 'content-length': length, 'transfer-encoding': coding } = headers;
      const hasBody = coding !== undefined || Number(length ?? 0) > 0;
      const received = { method, target: raw.url ?? '', headers, hasBody, connection: raw.socket };
      const { server, digest } = signatures.verify(received);
      servers.set(request, server);
      paired.noteSeen(server);
      connections.add(server, request, reply);
      letIn(request, true);
      if (digest !== undefined) {
        digests.set(request, digest);
      }
    } catch (error) {
      reply.headers({ [RUN_HEADER]: signatures.run, [TIME_HEADER]: String(signatures.timeS), ...ACCEPTED });
      throw error;
    }
  });
  app.addHook('preParsing', async (request, _reply, payload) => {
    const digest = digests.get(request);
    if (digest === undefined) {
      return payload;
    }
    const checked = new CheckedBody(digest);
    // The parser sees the error.
    pipeline(payload, checked, () => {});
    return checked;
  });
}

/** Fails at the end of a body that is not the signed one. */
class CheckedBody extends Transform {
  /** Fastify compares it with Content-Length. */
  receivedEncodedLength = 0;
  readonly #hash = createHash('sha256');
  readonly #digest: string;

  constructor(digest: string) {
    super();
    this.#digest = digest;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk: Buffer) => void): void {
    this.#hash.update(chunk);
    this.receivedEncodedLength += chunk.length;
    done(null, chunk);
  }

  override _flush(done: (error?: Error) => void): void {
    const isSame = this.#hash.digest('base64') === this.#digest;
    done(isSame ? undefined : new PerchError('unauthorized', 'the body is not the signed one', { why: 'digest' }));
  }
}

/**
 * Ends a connection at once, without what the kernel has yet to send: a slow receiver would get megabytes of it for
 * half a minute.
 */
export function resetSocket(socket: Socket): void {
  // Node resets TCP sockets only; a TLS socket of a server has the TCP socket below it as `_parent`.
  const { _parent: below } = socket as Socket & { readonly _parent?: unknown };
  const tcp = below instanceof Socket ? below : socket;
  try {
    tcp.resetAndDestroy();
  } catch {
    // Another kind of socket, such as a pipe.
  }
  socket.destroy();
}
