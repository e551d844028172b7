import { XmlElement } from '@rgrove/parse-xml';
import { PerchError } from '../../../base/errors.ts';
import { escapeXml } from './xml.ts';

const MAX_DEPTH = 16;

interface WriteXmlOptions {
  readonly maxCharacters: number;
  /** Replaces the element's name; its prefix must be one of the envelope's. */
  readonly name?: string;
}

/**
 * Writes an element of a reply to send it back, with the declarations of its prefixes, which may stand far above it.
 * @throws PerchError badInput if it is too long, too deep or has undeclared prefixes
 */
export function writeXml(element: XmlElement, { maxCharacters, name }: WriteXmlOptions): string {
  const text = write(element, new Map(), 0, name);
  if (text.length > maxCharacters) {
    throw new PerchError(
      'badInput',
      `XML element of ${text.length} characters, at most ${maxCharacters} are sent back`,
    );
  }
  return text;
}

function write(element: XmlElement, declared: ReadonlyMap<string, string>, depth: number, renamed?: string): string {
  if (depth > MAX_DEPTH) {
    throw new PerchError('badInput', `XML element nested deeper than ${MAX_DEPTH}`);
  }
  const { name: own, attributes } = element;
  const name = renamed ?? own;
  const known = new Map(declared);
  let head = name;
  const declare = (prefix: string): void => {
    const uri = namespaceOf(element, prefix);
    if (known.get(prefix) !== uri) {
      known.set(prefix, uri);
      head += prefix === '' ? ` xmlns="${escapeXml(uri)}"` : ` xmlns:${prefix}="${escapeXml(uri)}"`;
    }
  };
  if (renamed === undefined) {
    declare(prefixOf(own));
  }
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'xmlns' || key.startsWith('xmlns:')) {
      continue;
    }
    if (key.includes(':')) {
      declare(prefixOf(key));
    }
    head += ` ${key}="${escapeXml(value)}"`;
  }
  let inner = '';
  for (const node of element.children) {
    if (node instanceof XmlElement) {
      inner += write(node, known, depth + 1);
    } else if ('text' in node) {
      inner += escapeXml(node.text);
    }
  }
  return inner === '' ? `<${head}/>` : `<${head}>${inner}</${name}>`;
}

export const prefixOf = (name: string): string => (name.includes(':') ? name.slice(0, name.indexOf(':')) : '');

/** The namespace of a prefix at this element; '' without a default namespace. @throws PerchError badInput for an undeclared prefix */
export function namespaceOf(from: XmlElement, prefix: string): string {
  if (prefix === 'xml') {
    return 'http://www.w3.org/XML/1998/namespace';
  }
  const key = prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
  for (let at: XmlElement | undefined = from; at; at = at.parent instanceof XmlElement ? at.parent : undefined) {
    const uri = Object.hasOwn(at.attributes, key) ? at.attributes[key] : undefined;
    if (uri !== undefined) {
      return uri;
    }
  }
  if (prefix !== '') {
    throw new PerchError('badInput', `XML prefix '${prefix.slice(0, 40)}' is not declared`);
  }
  return '';
}
