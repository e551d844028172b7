import { randomUUID } from 'node:crypto';
import { explain, PerchError, rethrowUnexpected } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { canonicalIp, shownPeer } from '../../base/network/ip-address.ts';
import { resolvePath } from '../../config/load/load.ts';
import type { Sample } from '../../media/sample/sample.ts';
import type { Track } from '../../media/sample/track.ts';
import type { ServerDeps } from '../../protocols/contract.ts';
import type { Publication, Publisher } from '../../stream/contracts.ts';
import { TsInput } from '../../stream/ingest/ts-input.ts';
import type { Reader, Stream, Watcher } from '../../stream/stream.ts';
import type { SrtConnection } from '../../transports/srt/connection.ts';
import type { SrtEndpoint } from '../../transports/srt/endpoint/endpoint.ts';
import type { ConnectionRequest } from '../../transports/srt/endpoint/listener.ts';
import { REJECT, type RejectReason } from '../../transports/srt/endpoint/reject-reason.ts';
import { MAX_BUFFERED_PACKETS, TsOutput } from '../../transports/srt/ts-output.ts';
import { IDLE_VALUES, SRT_CONN, type SrtConnItem } from './session-kind.ts';
import { parseStreamId, type SrtTarget } from './stream-id.ts';

/** Memory that a caller without a login counts for. */
const REQUEST_BYTES = 2 << 10;

const REASON_OF: Readonly<Record<PerchError['code'], RejectReason>> = {
  badInput: REJECT.badRequest,
  notFound: REJECT.notFound,
  unauthorized: REJECT.unauthorized,
  unavailable: REJECT.unavailable,
  timeout: REJECT.unavailable,
  unsupported: REJECT.unacceptable,
  exhausted: REJECT.overload,
  conflict: REJECT.conflict,
};

interface SrtSessionOptions {
  readonly readTimeoutMs: number;
  /** Size of a packet's payload: whole transport packets. */
  readonly packetBytes: number;
  /** The local end. */
  readonly server: { readonly ip: string; readonly port: number };
}

/** One caller: authorized by its stream ID, then a publisher or a reader. */
export class SrtSession implements Publisher, Reader {
  readonly id = randomUUID();
  readonly kind = SRT_CONN;
  /** Samples are sent within `onSample`. */
  readonly countsHolds = true;
  readonly #request: ConnectionRequest;
  readonly #endpoint: SrtEndpoint;
  readonly #options: SrtSessionOptions;
  readonly #deps: ServerDeps;
  readonly #remote: string;
  readonly #created: string;
  readonly #onClosed: (session: SrtSession) => void;
  readonly #disconnected: () => void;
  #log: Logger;
  #target: SrtTarget | undefined;
  #user = '';
  #connection: SrtConnection | undefined;
  #publication: Publication | undefined;
  #input: TsInput | undefined;
  #stream: Stream | undefined;
  #output: TsOutput | undefined;
  #isClosed = false;

  constructor(
    request: ConnectionRequest,
    endpoint: SrtEndpoint,
    options: SrtSessionOptions,
    deps: ServerDeps,
    onClosed: (session: SrtSession) => void,
  ) {
    this.#request = request;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#deps = deps;
    this.#onClosed = onClosed;
    this.#remote = shownPeer(request.ip, request.port);
    this.#created = new Date(deps.clock.wallMs()).toISOString();
    this.#log = deps.log.child({ session: this.id });
    this.#disconnected = deps.connections.opened(SRT_CONN, this.id);
  }

  get item(): SrtConnItem {
    const values = this.#connection?.values ?? IDLE_VALUES;
    return {
      id: this.id,
      created: this.#created,
      remoteAddr: this.#remote,
      state: this.#publication ? 'publish' : this.#stream ? 'read' : 'idle',
      path: this.#target?.path ?? '',
      query: this.query,
      user: this.#user,
      ...values,
      inboundBytes: values.bytesReceived,
      outboundBytes: values.bytesSent,
      outboundFramesDiscarded: this.#output?.discarded ?? 0,
    };
  }

  get query(): string {
    return this.#target?.query ?? '';
  }

  get watcher(): Watcher {
    return { user: this.#user, remoteAddr: this.#remote };
  }

  /** Answers the request. Never rejects. */
  async open(): Promise<void> {
    const share = this.#deps.preLogin.open(canonicalIp(this.#request.ip) ?? '', () => this.#reject(REJECT.overload));
    share.hold(REQUEST_BYTES);
    try {
      const target = parseStreamId(this.#request.streamId);
      this.#log = this.#log.child({ path: target.path });
      const access = await this.#authorize(target);
      if (!access) {
        this.#reject(REJECT.unauthorized);
        return;
      }
      share.end();
      this.#target = target;
      this.#user = access.user;
      await (target.action === 'publish' ? this.#publish(target) : this.#read(target));
    } catch (error) {
      rethrowUnexpected(error);
      this.#log.info({ remote: this.#remote, reason: error.message }, 'SRT connection rejected');
      this.#reject(REASON_OF[error.code]);
    } finally {
      share.end();
    }
  }

  /** Called every second: ends a publisher without media. */
  check(): void {
    try {
      this.#input?.check();
    } catch (error) {
      this.#fail(error);
    }
  }

  close(reason: string): void {
    if (this.#connection && !this.#connection.isClosed) {
      this.#connection.close(reason, this.#endpoint.nowUs());
    } else {
      this.#reject(REJECT.close);
    }
  }

  onReplaced(reason: string): void {
    this.close(reason);
  }

  onSample(track: number, sample: Sample): void {
    const sent = this.#output?.onSample(track, sample) ?? 0;
    this.#stream?.countSent(sent);
  }

  onTrack(track: number, description: Track): void {
    this.#output?.onTrack(track, description);
  }

  onEnd(): void {
    this.close('the stream has ended');
  }

  async #authorize({ action, path, query, credentials }: SrtTarget): Promise<{ readonly user: string } | undefined> {
    const { ip, port } = this.#request;
    const result = await this.#deps.access.authorize(action, path, {
      protocol: 'srt',
      ip: canonicalIp(ip) ?? ip,
      connection: { client: { ip, port }, server: this.#options.server },
      query,
      id: this.id,
      userAgent: '',
      credentials,
    });
    return typeof result === 'object' ? result : undefined;
  }

  async #publish({ path }: SrtTarget): Promise<void> {
    const { paths, clock, config } = this.#deps;
    paths.mayPublish(path, 'now');
    const connection = await this.#accept(path, resolvePath(config(), path)?.settings?.srtPublishPassphrase);
    if (!connection) {
      return;
    }
    try {
      const publication = paths.publish(path, this);
      this.#publication = publication;
      const { readTimeoutMs } = this.#options;
      const options = { name: path, sender: 'publisher', readTimeoutMs, audio: !publication.isSilent } as const;
      this.#input = new TsInput(publication, options, clock, this.#log);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#log.info({ remote: this.#remote, ...this.#shownUser }, 'is publishing to path');
  }

  async #read({ path, query }: SrtTarget): Promise<void> {
    const stream = await this.#deps.paths.open(path, query);
    const output = new TsOutput(
      stream.tracks,
      (bytes, start, end) => this.#send(bytes, start, end),
      () => (this.#connection?.buffered ?? 0) > MAX_BUFFERED_PACKETS,
    );
    const connection = await this.#accept(path, resolvePath(this.#deps.config(), path)?.settings?.srtReadPassphrase);
    if (!connection) {
      return;
    }
    // Tracks may have changed while the key was derived.
    for (const [track, description] of stream.tracks.entries()) {
      output.onTrack(track, description);
    }
    this.#output = output;
    this.#stream = stream;
    this.#log.info({ remote: this.#remote, ...this.#shownUser }, 'is reading from path');
    stream.addReader(this, true);
    stream.recipients.begin(this, query);
  }

  get #shownUser(): { readonly user?: string } {
    return this.#user === '' ? {} : { user: this.#user };
  }

  async #accept(path: string, passphrase = ''): Promise<SrtConnection | undefined> {
    if (this.#isClosed) {
      return undefined;
    }
    const { ip, isEncrypted } = this.#request;
    const isGuess = passphrase !== '' && isEncrypted;
    const client = { protocol: SRT_CONN.protocol, ip };
    const beginGuess = isGuess ? () => this.#deps.access.beginGuess(path, client) : undefined;
    const connection = await this.#request.accept(passphrase, beginGuess);
    if (this.#isClosed) {
      return undefined;
    }
    if (!connection) {
      this.#log.info({ remote: this.#remote, isEncrypted: this.#request.isEncrypted }, 'SRT passphrase rejected');
      this.#end();
      return undefined;
    }
    this.#connection = connection;
    connection.handlers = {
      onPayload: (payload) => this.#onPayload(payload),
      onClose: (reason) => {
        this.#log.info({ remote: this.#remote, reason }, 'SRT connection closed');
        this.#end();
      },
    };
    return connection;
  }

  #send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#connection) {
      this.#endpoint.write(this.#connection, bytes, start, end, this.#options.packetBytes);
    }
  }

  #onPayload(payload: Uint8Array): void {
    try {
      this.#input?.push(payload);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof PerchError)) {
      this.#end();
      throw error;
    }
    this.close(explain(error));
  }

  #reject(reason: RejectReason): void {
    if (!this.#isClosed && !this.#connection) {
      this.#end();
      this.#request.reject(reason);
    }
  }

  #end(): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#stream?.recipients.end(this);
    this.#stream?.removeReader(this);
    const publication = this.#publication;
    this.#publication = undefined;
    this.#input = undefined;
    publication?.close();
    this.#disconnected();
    this.#onClosed(this);
  }
}
