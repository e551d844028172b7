import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Hash, parseAuthorization, verifyDigest, writeChallenge } from '../../../agent/media/rtsp/digest.ts';

const hash: Hash = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

/** Profiles by token: width, and the bytes of the picture. */
export type SnapshotProfiles = Readonly<Record<string, { readonly width: number; readonly picture: Uint8Array }>>;

export interface SnapshotCameraOptions {
  readonly profiles?: SnapshotProfiles;
  /** Pictures are given to `admin` with this password, by Digest. */
  readonly password?: string;
  /** The snapshot address in the camera's reply; default: its own. */
  readonly uriOf?: (token: string, port: number) => string;
  /** Answers a GET in place of the camera. @returns whether it did */
  readonly onGet?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface SnapshotCamera extends AsyncDisposable {
  /** URL of its ONVIF device service. */
  readonly url: string;
  readonly port: number;
  /** The requested operations and addresses, in order. */
  readonly asked: string[];
  /** The Authorization header of each GET. */
  readonly logins: (string | undefined)[];
}

/** Bytes that begin and end like a JPEG. */
export function pictureOf(sizeBytes: number, fill = 0x55): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(fill);
  bytes.set([0xff, 0xd8, 0xff, 0xe0]);
  bytes.set([0xff, 0xd9], sizeBytes - 2);
  return bytes;
}

/** An ONVIF camera with pictures and without a stream. */
export async function startSnapshotCamera(options: SnapshotCameraOptions = {}): Promise<SnapshotCamera> {
  const { profiles = { main: { width: 640, picture: pictureOf(20_000) } }, password, onGet } = options;
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const { url = '/', method } = request;
    if (method === 'GET') {
      asked.push(url);
      logins.push(request.headers.authorization);
      if (!onGet?.(request, response) && mayPass(request, response, password)) {
        const picture = profiles[new URL(url, 'http://camera').searchParams.get('profile') ?? '']?.picture;
        const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': picture?.length ?? 0 };
        response.writeHead(picture ? 200 : 404, headers).end(picture);
      }
      return;
    }
    const text = (await request.setEncoding('utf8').toArray()).join('');
    const operation = /<s:Body><\w+:(\w+)/.exec(text)?.[1] ?? '';
    asked.push(operation);
    response.end(envelope(soapAnswer(operation, text, profiles, options, port())));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = () => (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${port()}/onvif/device_service`,
    port: port(),
    asked,
    logins,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const envelope = (body: string): string => `<e:Envelope xmlns:e="urn:e"><e:Body>${body}</e:Body></e:Envelope>`;

function soapAnswer(
  operation: string,
  request: string,
  profiles: SnapshotProfiles,
  { uriOf = ownUri }: SnapshotCameraOptions,
  port: number,
): string {
  const answer = (inner: string): string => `<r:${operation}Response>${inner}</r:${operation}Response>`;
  switch (operation) {
    case 'GetCapabilities':
      return answer('<Capabilities><Media><XAddr>http://10.1.1.1/onvif/media</XAddr></Media></Capabilities>');
    case 'GetProfiles':
      return answer(
        Object.entries(profiles)
          .map(([token, { width }]) => {
            const size = `<Resolution><Width>${width}</Width><Height>${width / 2}</Height></Resolution>`;
            return `<Profiles token="${token}"><VideoEncoderConfiguration>${size}</VideoEncoderConfiguration></Profiles>`;
          })
          .join(''),
      );
    case 'GetSnapshotUri': {
      const token = /ProfileToken>([^<]*)</.exec(request)?.[1] ?? '';
      return answer(`<MediaUri><Uri>${uriOf(token, port).replaceAll('&', '&amp;')}</Uri></MediaUri>`);
    }
    default:
      return answer('');
  }
}

/** With another host, as from cameras behind a router. */
const ownUri = (token: string, port: number): string => `http://192.168.250.250:${port}/snap?profile=${token}&x=1`;

function mayPass(request: IncomingMessage, response: ServerResponse, password: string | undefined): boolean {
  const answer = parseAuthorization(request.headers.authorization ?? '');
  const isRight =
    answer?.scheme === 'digest' &&
    answer.nonce === 'n1' &&
    answer.uri === request.url &&
    verifyDigest(answer, 'GET', password ?? '', hash);
  if (password === undefined || isRight) {
    return true;
  }
  const challenge = writeChallenge({ scheme: 'digest', realm: 'camera', nonce: 'n1', algorithm: 'md5' });
  response.writeHead(401, { 'WWW-Authenticate': ['Basic realm="camera"', challenge] }).end();
  return false;
}
