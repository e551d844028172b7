/*
 * NameConstraints (RFC 5280 §4.2.1.10), as used by the own authority:
 *   30 SEQUENCE { A0 permittedSubtrees { 30 GeneralSubtree { 82 dNSName } … } }
 */

export const NAME_CONSTRAINTS_OID = '2.5.29.30';

const SEQUENCE = 0x30;
const PERMITTED = 0xa0;
const DNS_NAME = 0x82;

/** Limits the authority to these domains; addresses are not limited. */
export function writeNameConstraints(domains: readonly string[]): Uint8Array {
  const subtrees = domains.map((domain) => element(SEQUENCE, element(DNS_NAME, Buffer.from(domain, 'latin1'))));
  return element(SEQUENCE, element(PERMITTED, Buffer.concat(subtrees)));
}

/** Reads what `writeNameConstraints` writes. */
export function readNameConstraints(bytes: Uint8Array): readonly string[] {
  const [list = new Uint8Array()] = children(bytes);
  const domains: string[] = [];
  for (const subtree of children(list)) {
    for (const name of children(subtree)) {
      domains.push(Buffer.from(contentOf(name)).toString('latin1'));
    }
  }
  return domains;
}

/** DER: lengths in the shortest form (X.690 §10.1). */
function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const long = length > 0xff ? [0x82, length >> 8, length & 0xff] : [0x81, length];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

/** The child elements with headers; truncated ones are left out. */
function children(whole: Uint8Array): readonly Uint8Array[] {
  const content = contentOf(whole);
  const found: Uint8Array[] = [];
  for (let at = 0; at + 2 <= content.length; ) {
    const rest = content.subarray(at);
    const size = headerBytes(rest) + contentOf(rest).length;
    found.push(rest.subarray(0, size));
    at += size;
  }
  return found;
}

const headerBytes = (bytes: Uint8Array): number => ((bytes[1] ?? 0) < 0x80 ? 2 : 2 + ((bytes[1] ?? 0) & 0x03));

function contentOf(bytes: Uint8Array): Uint8Array {
  const first = bytes[1] ?? 0;
  const start = headerBytes(bytes);
  const length = first < 0x80 ? first : bytes.subarray(2, start).reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.subarray(start, start + length);
}
