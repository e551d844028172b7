import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../base/errors.ts';

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
  return { operation: localName(first), root, argument: (name) => textOf(findDeep(envelope, name, MAX_DEPTH)) };
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

function textOf(element: XmlElement | undefined): string | undefined {
  const [node] = element?.children ?? [];
  return node && 'text' in node ? node.text.trim() : undefined;
}
