import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { PerchError, rethrowUnexpected } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { readBody } from '../base/network/http-client.ts';
import { type DemoFacts, writeFault, writeReply } from './onvif-replies.ts';

const DEVICE_PATH = '/onvif/device_service';
const MEDIA_PATH = '/onvif/media_service';
const REQUEST_DEADLINE_MS = 5_000;

interface OnvifServer {
  readonly deviceUrl: string;
  close(): Promise<void>;
}

/** The demo camera's ONVIF services, on loopback and a free port. `facts` has the values that do not follow from the address. */
export async function startOnvifServer(
  facts: () => Omit<DemoFacts, 'deviceUrl' | 'mediaUrl'>,
  log: Logger,
): Promise<OnvifServer> {
  const server = createServer({ requestTimeout: REQUEST_DEADLINE_MS, connectionsCheckingInterval: 2_000 });
  server.maxConnections = 32;
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('request', (request, response) => {
    answer(request, response, () => ({ ...facts(), deviceUrl: base + DEVICE_PATH, mediaUrl: base + MEDIA_PATH })).catch(
      (error: unknown) => {
        log.debug({ err: error }, 'an ONVIF request failed');
        response.destroy();
      },
    );
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { deviceUrl: base + DEVICE_PATH, close };
}

async function answer(request: IncomingMessage, response: ServerResponse, facts: () => DemoFacts): Promise<void> {
  if (request.method !== 'POST' || (request.url !== DEVICE_PATH && request.url !== MEDIA_PATH)) {
    response.writeHead(404).end();
    return;
  }
  const { bytes, isCut } = await readBody(request, MAX_REQUEST_BYTES);
  if (isCut) {
    throw new PerchError('badInput', `SOAP request of more than ${MAX_REQUEST_BYTES} bytes`);
  }
  const { status, text } = replyTo(bytes, facts);
  response.writeHead(status, { 'Content-Type': 'application/soap+xml; charset=utf-8' }).end(text);
}

function replyTo(body: Uint8Array, facts: () => DemoFacts): { status: number; text: string } {
  try {
    const { operation, argument } = parseSoapRequest(body);
    const reply = writeReply(operation, facts(), argument);
    return reply
      ? { status: reply.includes('<s:Fault>') ? 400 : 200, text: reply }
      : { status: 500, text: writeFault(false, 'ActionNotSupported', 'the demo camera does not do this') };
  } catch (error) {
    rethrowUnexpected(error);
    return { status: 400, text: writeFault(true, 'WellFormed', 'not a SOAP request') };
  }
}

/** Requests of real clients are below 4 kB. */
export const MAX_REQUEST_BYTES = 65_536;
/** Deeper elements are ignored. */
const MAX_DEPTH = 16;

/** The parts of a SOAP message that the demo camera uses. */
export interface SoapRequest {
  /** Local name of the first element in the body. */
  readonly operation: string;
  readonly root: XmlElement;
  /** Text of the first element with this local name, anywhere in the message. */
  argument(name: string): string | undefined;
}

export function parseSoapRequest(bytes: Uint8Array): SoapRequest {
  if (bytes.length > MAX_REQUEST_BYTES) {
    throw new PerchError('badInput', `SOAP request of ${bytes.length} bytes, at most ${MAX_REQUEST_BYTES} are read`);
  }
  const text = new TextDecoder().decode(bytes).trim();
  let root: XmlElement | null;
  try {
    // SOAP forbids a document type; the parser would ignore it.
    root = text.includes('<!DOCTYPE') ? null : parseXml(text).root;
  } catch (cause) {
    throw new PerchError('badInput', 'SOAP request that is not XML', {}, cause);
  }
  const body = root?.children.find((node) => node instanceof XmlElement && localName(node) === 'Body');
  const first = body instanceof XmlElement ? body.children.find((node) => node instanceof XmlElement) : undefined;
  if (!root || !first) {
    throw new PerchError('badInput', 'XML document that is not a SOAP request');
  }
  const envelope = root;
  return { operation: localName(first), root, argument: (name) => elementText(findDeep(envelope, name, MAX_DEPTH)) };
}

function localName(element: XmlElement): string {
  return element.name.slice(element.name.indexOf(':') + 1);
}

function findDeep(parent: XmlElement, name: string, depth: number): XmlElement | undefined {
  for (const node of parent.children) {
    if (node instanceof XmlElement) {
      const found = localName(node) === name ? node : depth > 0 ? findDeep(node, name, depth - 1) : undefined;
      if (found) {
        return found;
      }
    }
  }
  return undefined;
}

function elementText(element: XmlElement | undefined): string | undefined {
  const [node] = element?.children ?? [];
  return node && 'text' in node ? node.text.trim() : undefined;
}
