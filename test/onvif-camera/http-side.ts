import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PerchError } from '../../agent/base/errors.ts';
import { envelope, writeFault } from '../../agent/demo-camera/onvif-replies.ts';
import { parseSoapRequest, type SoapRequest } from '../../agent/demo-camera/onvif-server.ts';
import { escapeXml, find } from '../../agent/onvif/soap/xml/xml.ts';
import { type Call, Fault, notSupported, type Operations, type ServiceName, serviceOf } from './call.ts';
import { LoginDesk } from './login.ts';
import type { Silence } from './quirks/transport.ts';
import { editReply, writeOldFault } from './reply-edits.ts';
import { recordingOperations, replayOperations, searchOperations } from './services/card-services.ts';
import { deviceOperations, devicePathOf, pathOf, servicesOf } from './services/device-service.ts';
import { Cut, eventOperations, SUBSCRIPTION_PATH } from './services/event-service.ts';
import { imagingOperations } from './services/imaging-service.ts';
import { media2Operations, mediaOperations, SNAPSHOT_PATH } from './services/media-service.ts';
import { ptzOperations } from './services/ptz-service.ts';
import { deviceIoOperations } from './services/relay-operations.ts';
import { answerSnapshot } from './snapshot.ts';
import type { CameraState } from './state.ts';

export interface HttpSide {
  readonly port: number;
  close(): Promise<void>;
}

const TRICKLE_MS = 1_000;

/** A camera's ONVIF services over HTTP. */
export class OnvifServices {
  readonly desk: LoginDesk;
  readonly #state: CameraState;
  readonly #operations: Readonly<Record<ServiceName, Operations>>;
  readonly #answered = new WeakSet<object>();
  /** Port of the pull points, if separate. */
  #pullPort = 0;

  constructor(state: CameraState) {
    this.#state = state;
    this.desk = new LoginDesk(state);
    const pullBase = ({ base }: Call) => (this.#pullPort === 0 ? base : base.replace(/:\d+$/, `:${this.#pullPort}`));
    this.#operations = {
      device: deviceOperations(state),
      media: mediaOperations(state),
      media2: media2Operations(state),
      ptz: ptzOperations(state),
      events: eventOperations(state, pullBase),
      imaging: imagingOperations(state),
      deviceIO: deviceIoOperations(state),
      recording: state.card ? recordingOperations(state, state.card) : {},
      search: state.card ? searchOperations(state, state.card) : {},
      replay: state.card ? replayOperations(state, state.card) : {},
    };
  }

  async listen(address: string, port: number): Promise<HttpSide> {
    const main = await this.#open(address, port);
    const pulls = this.#state.quirks.subscribesOnOtherPort ? await this.#open(address, 0) : undefined;
    this.#pullPort = pulls ? portOf(pulls) : 0;
    return {
      port: portOf(main),
      close: async () => {
        await Promise.all([main, pulls].map((server) => server && closeServer(server)));
      },
    };
  }

  async #open(address: string, port: number): Promise<Server> {
    const server = createServer((request, response) => {
      response.on('error', () => {});
      this.#serve(request, response).catch((error: unknown) => {
        if (error instanceof Cut || response.destroyed) {
          request.socket.destroy();
        } else {
          response.destroy();
          throw error;
        }
      });
    });
    server.listen(port, address);
    await once(server, 'listening');
    return server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { quirks } = this.#state;
    const { url = '/', socket } = request;
    if (quirks.breaksKeepAlive && this.#answered.has(socket)) {
      return;
    }
    this.#answered.add(socket);
    if (request.method === 'GET' && url.startsWith(SNAPSHOT_PATH)) {
      answerSnapshot(this.#state, this.desk, request, response);
      return;
    }
    const path = url.split('?')[0] ?? '';
    const isOurs =
      path === SUBSCRIPTION_PATH || servicesOf(this.#state).some((name) => pathOf(this.#state, name) === path);
    const off = path === devicePathOf(this.#state) ? quirks.onvifIsOff : undefined;
    if (request.method !== 'POST' || !isOurs || off !== undefined) {
      response.writeHead(off ?? 404, { 'Content-Type': 'text/html' }).end('<html><body>Web Service</body></html>');
      return;
    }
    await this.#answerSoap(request, response);
  }

  async #answerSoap(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const state = this.#state;
    const text = (await request.setEncoding('utf8').toArray()).join('');
    const soap = soapOf(text);
    response.sendDate = !state.quirks.hasNoDate;
    if (response.sendDate) {
      response.setHeader('Date', new Date(state.nowMs()).toUTCString());
    }
    // Device I/O has requests with the names of the device service.
    const isDeviceIo = !state.quirks.hasOnePath && request.url?.split('?')[0] === pathOf(state, 'deviceIO');
    const service = soap && (isDeviceIo ? 'deviceIO' : serviceOf(soap));
    state.requests.push(askedOf(request, soap, service, text));
    state.callsNow += 1;
    state.callsAtMost = Math.max(state.callsAtMost, state.callsNow);
    response.on('close', () => {
      state.callsNow -= 1;
    });
    if (state.callsNow > (state.quirks.callsAtOnce ?? Number.POSITIVE_INFINITY)) {
      response.writeHead(503).end();
      return;
    }
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    if (state.quirks.takesMs !== undefined) {
      await state.clock.sleep(state.quirks.takesMs, gone.signal);
    }
    const silence = state.quirks.answers?.[soap?.operation ?? ''] ?? state.quirks.answers?.['*'];
    const refusal = soap ? this.desk.check(request, soap) : undefined;
    if (refusal) {
      const { status, subcode, reason, challenges } = refusal;
      this.#send(response, status, this.#fault(subcode, reason, true), silence, challenges);
      return;
    }
    const { status, reply } = await this.#operate(request, soap, service, gone.signal);
    this.#send(response, status, reply, silence);
  }

  async #operate(
    request: IncomingMessage,
    soap: SoapRequest | undefined,
    service: ServiceName | undefined,
    signal: AbortSignal,
  ): Promise<{ status: number; reply: string }> {
    try {
      if (!soap) {
        throw new Fault('WellFormed', 'not a SOAP request');
      }
      const lacks = this.#state.quirks.lacks ?? [];
      const missing = lacks.find((one) => one.service === service && one.operation === soap.operation);
      if (missing) {
        return this.#withoutOperation(missing.answer);
      }
      const operation = service && this.#operations[service][soap.operation];
      if (!operation || !servicesOf(this.#state).includes(service)) {
        throw notSupported();
      }
      const { localAddress = '', localPort } = request.socket;
      const host = localAddress.replace(/^::ffff:/, '');
      const base = `http://${host.includes(':') ? `[${host}]` : host}:${localPort}`;
      const call: Call = { ...soap, service, base, host, path: request.url ?? '/', signal };
      return { status: 200, reply: envelope(await operation(call)) };
    } catch (error) {
      if (!(error instanceof Fault)) {
        throw error;
      }
      const status = this.#state.quirks.faultStatus ?? error.status ?? (error.isSender ? 400 : 500);
      return { status, reply: this.#fault(error.subcode, error.message, error.isSender) };
    }
  }

  #withoutOperation(answer: NonNullable<CameraState['quirks']['lacks']>[number]['answer']): {
    status: number;
    reply: string;
  } {
    if (answer === 'ActionNotSupported') {
      throw notSupported();
    }
    if (typeof answer === 'number') {
      return { status: answer, reply: '<html><body>Web Service</body></html>' };
    }
    throw new Fault('Unknown', 'no such operation', { status: Number(answer.slice(-3)) });
  }

  #fault(subcode: string, reason: string, isSender: boolean): string {
    const text = escapeXml(reason);
    return this.#state.quirks.faults === '1.1'
      ? writeOldFault(subcode, text, isSender)
      : writeFault(isSender, subcode, text);
  }

  #send(
    response: ServerResponse,
    status: number,
    text: string,
    silence: Silence | undefined,
    challenges: readonly string[] = [],
  ): void {
    const bytes = editReply(text, this.#state.quirks);
    const headers = {
      'Content-Type': 'application/soap+xml; charset=utf-8',
      // A separate header for each challenge.
      ...(challenges.length > 0 && { 'WWW-Authenticate': [...challenges] }),
    };
    switch (silence) {
      case 'never':
        return;
      case 'reset':
        response.socket?.resetAndDestroy();
        return;
      case 'half':
        response.writeHead(status, { ...headers, 'Content-Length': bytes.length });
        response.write(bytes.subarray(0, bytes.length / 2), () => response.socket?.destroy());
        return;
      case 'trickle':
      case 'endless':
        response.writeHead(status, headers);
        void this.#drip(response, silence === 'trickle' ? bytes : undefined);
        return;
      default:
        response.writeHead(status, { ...headers, 'Content-Length': bytes.length }).end(bytes);
    }
  }

  /** A byte a second, or as much as the caller takes of a document that does not end. */
  async #drip(response: ServerResponse, bytes: Buffer | undefined): Promise<void> {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    if (!bytes) {
      response.write('<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>');
    }
    for (let i = 0; !gone.signal.aborted && (bytes === undefined || i < bytes.length); i += 1) {
      if (bytes) {
        response.write(bytes.subarray(i, i + 1));
        await this.#state.clock.sleep(TRICKLE_MS, gone.signal);
      } else if (!response.write('<a>all work and no play</a>'.repeat(1_000))) {
        await once(response, 'drain', { signal: gone.signal }).catch(() => {});
      }
    }
    response.end();
  }
}

function soapOf(text: string): SoapRequest | undefined {
  try {
    return parseSoapRequest(Buffer.from(text));
  } catch (error) {
    if (error instanceof PerchError) {
      return undefined;
    }
    throw error;
  }
}

function askedOf(
  { headers, url = '/', socket }: IncomingMessage,
  soap: SoapRequest | undefined,
  service: string | undefined,
  text: string,
): CameraState['requests'][number] {
  return {
    operation: soap?.operation ?? '',
    service,
    path: url,
    host: socket.localAddress ?? '',
    authorization: headers.authorization,
    contentType: headers['content-type'],
    hasToken: find(soap?.root, 'Header', 'Security') !== undefined,
    text,
  };
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function closeServer(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
