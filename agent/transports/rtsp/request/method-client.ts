import { PerchError } from '../../../base/errors.ts';
import { bodyText, type HeaderField, REQUIRE_BACK_CHANNEL, type RtspResponse } from '../../../media/rtsp/message.ts';
import { parseRtpInfo, type RtpInfo } from '../../../media/rtsp/rtp-info.ts';
import { parseTransport, type Transport as TransportHeader, writeTransport } from '../../../media/rtsp/transport.ts';
import { parseSdp, type Sdp } from '../../../media/sdp/parse.ts';
import { type Peer, phraseOf } from '../../tls/peer.ts';
import { type Address, baseOf, joinControl } from './address.ts';
import type { Authenticator } from './authenticator.ts';
import type { RtspConnection } from './connection.ts';
import { refusal } from './failures.ts';
import { KeepAlive, type KeepAliveForm } from './keep-alive.ts';

/** RFC 2326 §12.37. */
const DEFAULT_SESSION_MS = 60_000;
const TEARDOWN_WAIT_MS = 1_000;

export interface Description {
  readonly sdp: Sdp;
  /** Base of control URLs. */
  readonly base: string;
}

/** A 3xx response to DESCRIBE. */
export class Redirect {
  readonly location: string;

  constructor(location: string) {
    this.location = location;
  }
}

export interface SetUpAnswer extends TransportHeader {
  readonly keyMgmt?: string;
}

interface MethodClientOptions {
  readonly peer: Peer;
  readonly timeoutMs: number;
  /** What earlier sessions with the server show. */
  readonly keepAlive?: KeepAlive;
}

/** Sends the requests of one RTSP session, with a login where the server requires one. */
export class MethodClient {
  /** Session timeout of the camera. */
  sessionMs = DEFAULT_SESSION_MS;
  readonly #connection: RtspConnection;
  readonly #address: Address;
  readonly #authenticator: Authenticator;
  readonly #peer: Peer;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;
  #session: string | undefined;
  #controlUri: string;
  #base: string;
  #announcesGet = false;
  readonly #keepAlive: KeepAlive;
  /** Form of the last keep-alive. */
  #keptBy: KeepAliveForm | undefined;

  constructor(
    connection: RtspConnection,
    address: Address,
    authenticator: Authenticator,
    options: MethodClientOptions,
    signal: AbortSignal,
  ) {
    this.#connection = connection;
    this.#address = address;
    this.#authenticator = authenticator;
    this.#peer = options.peer;
    this.#timeoutMs = options.timeoutMs;
    this.#keepAlive = options.keepAlive ?? new KeepAlive();
    this.#signal = signal;
    this.#controlUri = address.uri;
    this.#base = address.uri;
  }

  /** OPTIONS. Any rejection but 401 is ignored. */
  async queryMethods(): Promise<void> {
    const response = await this.#ask('OPTIONS', this.#address.uri, []);
    if (response.status === 401) {
      throw this.#refusal('OPTIONS', response);
    }
    this.#announcesGet = /\bGET_PARAMETER\b/i.test(response.headers.get('Public') ?? '');
  }

  /** @param wantsBackChannel also requests back channels; a camera that rejects this is asked again without */
  async describe(wantsBackChannel = false): Promise<Description | Redirect> {
    const accept: HeaderField = ['Accept', 'application/sdp'];
    const { uri } = this.#address;
    let response = await this.#ask('DESCRIBE', uri, wantsBackChannel ? [accept, REQUIRE_BACK_CHANNEL] : [accept]);
    // RFC 2326 §12.32 requires 551; cameras answer 400, 454 and 500.
    if (wantsBackChannel && response.status >= 400 && response.status !== 401) {
      response = await this.#ask('DESCRIBE', uri, [accept]);
    }
    const location = response.headers.get('Location');
    if (response.status >= 300 && response.status < 400 && location) {
      return new Redirect(location);
    }
    this.#check('DESCRIBE', response);
    const { headers } = response;
    const base = baseOf(this.#address, headers.get('Content-Base') ?? headers.get('Content-Location'));
    const sdp = this.#read('DESCRIBE', () => parseSdp(bodyText(response)));
    this.#controlUri = joinControl(this.#address, base, sdp.control);
    this.#base = base;
    return { sdp, base };
  }

  /** @returns the camera's transport, which may differ from `wanted`, and its KeyMgmt header */
  async setup(uri: string, wanted: TransportHeader, fields: readonly HeaderField[] = []): Promise<SetUpAnswer> {
    const transport = writeTransport(wanted);
    const response = await this.#askSetup(uri, [['Transport', transport], ...fields]);
    this.#check('SETUP', response);
    const answered = this.#read('SETUP', () => parseTransport(response.headers.get('Transport') ?? transport));
    if (answered.isSecure && !wanted.isSecure) {
      const message = `${phraseOf(this.#peer)} encrypts its media (RTP/SAVP), which needs rtsps and a key in its description`;
      throw new PerchError('unsupported', message, { path: this.#peer.path });
    }
    const keyMgmt = response.headers.get('KeyMgmt');
    return keyMgmt === undefined ? answered : { ...answered, keyMgmt };
  }

  /** Offers a stream to publish. */
  async announce(sdp: string): Promise<void> {
    const body = new TextEncoder().encode(sdp);
    const fields: HeaderField[] = [['Content-Type', 'application/sdp']];
    this.#check('ANNOUNCE', await this.#ask('ANNOUNCE', this.#address.uri, fields, body));
  }

  async record(): Promise<void> {
    this.#check('RECORD', await this.#ask('RECORD', this.#controlUri, [['Range', 'npt=0.000-']]));
  }

  async play(fields: readonly HeaderField[]): Promise<readonly RtpInfo[]> {
    const response = await this.#ask('PLAY', this.#controlUri, fields);
    this.#check('PLAY', response);
    return parseRtpInfo(response.headers.get('RTP-Info') ?? '');
  }

  /**
   * Does not wait for the reply, because some cameras never send one. Uses the base URL: some cameras reject the aggregate control URL
   * here, although they accept PLAY on it.
   */
  keepAlive(): void {
    const form = this.#keepAlive.form(this.#announcesGet);
    this.#keptBy = form;
    if (form.method === undefined) {
      return;
    }
    this.#ask(form.method, this.#base, form.fields, form.body, form.hasSession).then(
      (response) => {
        if (response.status >= 400 && response.status !== 401) {
          this.#keepAlive.reject(form);
        }
      },
      // A missing reply is no failure: the media timeout decides, and `RtspConnection` reports a broken connection.
      () => {},
    );
  }

  /** The session has ended by itself. */
  judgeKeepAlive(playedMs: number): void {
    if (this.#keptBy) {
      this.#keepAlive.judge(this.#keptBy, playedMs, this.sessionMs);
    }
  }

  /** TEARDOWN. Waits for the reply: live555 cameras keep sending after a connection that is closed at once. */
  async teardown(): Promise<void> {
    if (this.#session === undefined) {
      return;
    }
    const response = await this.#sendTeardown();
    if (response?.status === 401 && (await this.#authenticator.refuse(response, this.#signal))) {
      await this.#sendTeardown();
    }
  }

  async #sendTeardown(): Promise<RtspResponse | undefined> {
    const headers = this.#headers('TEARDOWN', this.#controlUri, []);
    return this.#connection.request('TEARDOWN', this.#controlUri, headers, TEARDOWN_WAIT_MS).catch(() => undefined);
  }

  /** Cameras append controls to the base. After 404 the URL is joined by RFC 3986 §5.2.3, which a few cameras follow. */
  async #askSetup(uri: string, fields: readonly HeaderField[]): Promise<RtspResponse> {
    const response = await this.#ask('SETUP', uri, fields);
    const base = this.#base;
    if (response.status !== 404 || base.endsWith('/') || !uri.startsWith(`${base}/`)) {
      return response;
    }
    const besides = base.replace(/\?.*$/, '').replace(/[^/]*$/, '') + uri.slice(base.length + 1);
    return this.#ask('SETUP', besides, fields);
  }

  async #ask(
    method: string,
    uri: string,
    fields: readonly HeaderField[],
    body?: Uint8Array,
    hasSession = true,
  ): Promise<RtspResponse> {
    for (let attempt = 1; ; attempt += 1) {
      const headers = this.#headers(method, uri, fields, hasSession);
      const response = await this.#request(method, uri, headers, body);
      this.#readSession(response);
      if (response.status !== 401) {
        this.#authenticator.accept(response);
        return response;
      }
      // Each request has another authentication scheme or a new nonce.
      if (attempt >= 4 || !(await this.#authenticator.refuse(response, this.#signal))) {
        return response;
      }
    }
  }

  async #request(
    method: string,
    uri: string,
    headers: readonly HeaderField[],
    body: Uint8Array | undefined,
  ): Promise<RtspResponse> {
    try {
      return await this.#connection.request(method, uri, headers, this.#timeoutMs, this.#signal, body);
    } catch (error) {
      this.#authenticator.lose();
      throw error;
    }
  }

  #headers(method: string, uri: string, fields: readonly HeaderField[], hasSession = true): HeaderField[] {
    const headers = [...fields];
    if (this.#session !== undefined && hasSession) {
      headers.push(['Session', this.#session]);
    }
    const authorization = this.#authenticator.header(method, uri);
    if (authorization !== undefined) {
      headers.push(['Authorization', authorization]);
    }
    return headers;
  }

  /** `Session: 4711;timeout=60`, from every reply: some cameras change it with each SETUP. */
  #readSession(response: RtspResponse): void {
    const field = response.headers.get('Session');
    const id = field?.split(';', 1)[0]?.trim();
    if (field === undefined || !id || response.status !== 200) {
      return;
    }
    this.#session = id;
    const timeout = /;\s*timeout\s*=\s*(\d{1,6})/i.exec(field)?.[1];
    if (timeout !== undefined) {
      this.sessionMs = Math.max(2_000, Number(timeout) * 1000);
    }
  }

  #read<T>(method: string, read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof PerchError) {
        const message = `${phraseOf(this.#peer)} sends an invalid reply to ${method}`;
        throw new PerchError(cause.code, message, { path: this.#peer.path, absence: 'refuses' }, cause);
      }
      throw cause;
    }
  }

  #check(method: string, response: RtspResponse): void {
    if (response.status !== 200) {
      throw this.#refusal(method, response);
    }
  }

  #refusal(method: string, response: RtspResponse): unknown {
    const { barred, hasCredentials, wantsClear } = this.#authenticator;
    const failure = refusal(method, response.status, response.reason, this.#peer, hasCredentials);
    if (response.status !== 401 || (!barred && !wantsClear)) {
      return failure;
    }
    return barred ?? new PerchError(failure.code, failure.message, { ...failure.context, wantsClear });
  }
}
